// The HTTP server of a node, before a gateway that answers what the test says.

import type {Log} from '@flotilla/base';
import type {FastifyInstance} from 'fastify';
import {NodeClock} from '../adapters/index.ts';
import type {Doors} from '../doors/audit.ts';
import type {
  AdminCall,
  EngineGateway,
  HttpAnswer,
  SqlCall,
  StreamAnswer,
  WriteCall,
} from '../engine/gateway.ts';
import {createApp} from './app.ts';
import type {Health, HealthSource} from './routes/health.ts';

const NO_CONTENT: HttpAnswer = {status: 204, headers: {}, body: undefined};

const READS = /^status$|-list$|-show$/;

export const ENGINE = {status: 'pass', message: 'ok'} as const;

/** Answers what the test says and keeps what it was asked. */
export class FakeGateway implements EngineGateway {
  readonly writes: WriteCall[] = [];
  readonly statements: SqlCall[] = [];
  readonly orders: AdminCall[] = [];
  onWrite: (call: WriteCall) => Promise<HttpAnswer> = async () => NO_CONTENT;
  chunks: () => AsyncIterable<Uint8Array> = async function* () {
    yield Buffer.from('[]\n');
  };
  onAdmin: (call: AdminCall) => Promise<unknown> = async ({action}) => {
    const value = {done: true};
    return READS.test(action) ? {value, isOwnCopy: false} : value;
  };

  write(call: WriteCall): Promise<HttpAnswer> {
    this.writes.push(call);
    return this.onWrite(call);
  }

  async sql(call: SqlCall): Promise<StreamAnswer> {
    this.statements.push(call);
    return {status: 200, headers: {'content-type': 'application/json'}, chunks: this.chunks()};
  }

  admin(call: AdminCall): Promise<unknown> {
    this.orders.push(call);
    return this.onAdmin(call);
  }
}

/** What the node says of itself. */
class FakeHealth implements HealthSource {
  readonly version = '1.2.3';
  status: 'pass' | 'fail' = 'pass';
  reason: string | undefined;

  health(): Health {
    return {status: this.status, message: 'a message', subsystems: {engine: ENGINE}};
  }

  notReady(): string | undefined {
    return this.reason;
  }
}

/** The server, and all that it speaks with. */
export function openApp(given: {readonly doors?: Doors; readonly gateway?: FakeGateway} = {}) {
  const {doors, gateway = new FakeGateway()} = given;
  const health = new FakeHealth();
  const logged: unknown[] = [];
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (fields: unknown) => logged.push(fields),
  } as unknown as Log;
  const app = createApp({gateway, health, log, clock: new NodeClock(), doors});
  return {app, gateway, health, logged};
}

export function write(app: FastifyInstance, query: string, headers: Record<string, string> = {}) {
  return app.inject({method: 'POST', url: `/api/v1/write${query}`, headers, payload: 'cpu v=1'});
}
