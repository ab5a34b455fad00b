// The listening side of gRPC. It runs before the node has an identity, since nodes that found or join
// a cluster ask each other who they are; streams are refused until `attach`. Whoever comes has to prove
// first that it knows the join secret.

import type {Http2SecureServer, ServerHttp2Session} from 'node:http2';
import type {Server as NetServer} from 'node:net';
import {type Channel, type Clock, DbError, LIMITS, type Log, toWireError} from '@flotilla/base';
import {logVerbosity, Server, ServerCredentials, setLogVerbosity} from '@grpc/grpc-js';
import type {TlsSource} from '../adapters/index.ts';
import {type AcceptedStream, refuseStream} from './accepted-stream.ts';
import {Admission, type Visit} from './admission.ts';
import {AskedStream} from './asked-stream.ts';
import {ConnectionLimit} from './connection-limit.ts';
import type {JoinSecret} from './join-secret.ts';
import {NODE_SERVICE, SERVER_OPTIONS, WINDOW_BYTES} from './node-service.ts';

// What gRPC prints to stderr is in its own words; every failure is told, or logged, in ours.
setLogVerbosity(logVerbosity.NONE);

export interface NodeServerOptions {
  readonly log: Log;
  readonly clock: Clock;
  /** Undefined: no other node is let in. */
  readonly secret: JoinSecret | undefined;
  /** Both sides show certificates of one authority; undefined: nothing is encrypted. */
  readonly tls?: TlsSource | undefined;
  /** Answers Identify. */
  readonly identify: (request: unknown) => unknown;
  /** Answers Join. A thrown DbError reaches the asking node. */
  readonly join: (request: unknown) => Promise<unknown>;
  /** Instead of `node_connections_max`. */
  readonly connectionsMax?: number | undefined;
}

/** The envelope of an answered question: a gRPC status has no room for an error's details. */
export type Answered =
  | {readonly result: unknown}
  | {readonly error: ReturnType<typeof toWireError>};

type Accept = (
  channel: Channel,
  stream: AcceptedStream,
  visit: Visit,
) => {close(reason: string): void};

export class NodeServer {
  readonly #server = new Server(SERVER_OPTIONS);
  readonly #options: NodeServerOptions;
  readonly #admission: Admission;
  readonly #limit: ConnectionLimit;
  #accept: Accept | undefined;

  constructor(options: NodeServerOptions) {
    this.#options = options;
    this.#admission = new Admission(options);
    const {connectionsMax = LIMITS.node_connections_max.value, clock} = options;
    this.#limit = new ConnectionLimit(connectionsMax, clock);
    this.#server.addService(NODE_SERVICE, {
      control: (stream: AcceptedStream) => this.#open('control', stream),
      bulk: (stream: AcceptedStream) => this.#open('bulk', stream),
      identify: this.#answers('identify', async (request) => options.identify(request)),
      join: this.#answers('join', options.join),
    });
  }

  /** Resolves with the port that it listens on: `port`, or a free one if that is 0. */
  listen(host: string, port: number): Promise<number> {
    const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(place, credentialsOf(this.#options.tls), (error, bound) => {
        if (error === null) {
          this.#widenWindows();
          this.#limitConnections();
          this.#renewWith(this.#options.tls);
          resolve(bound);
        } else reject(cannotListen(place, port, error));
      });
    });
  }

  /**
   * gRPC's option for the flow control window reaches clients alone; a server keeps HTTP/2's 64 KiB,
   * 6 MB/s when either main thread is 10 ms late. So it is set on each session as it begins.
   */
  #widenWindows(): void {
    for (const http2Server of this.#server['http2Servers'].keys()) {
      http2Server.on('session', (session: ServerHttp2Session) => {
        session.settings({initialWindowSize: WINDOW_BYTES});
        session.setLocalWindowSize(WINDOW_BYTES);
      });
    }
  }

  #limitConnections(): void {
    for (const http2Server of this.#server['http2Servers'].keys())
      this.#limit.attach(http2Server as unknown as NetServer);
  }

  /** Whether they carry anything or not. */
  get connectionCount(): number {
    return this.#limit.size;
  }

  /** From the next connection on; those that stand go on. */
  #renewWith(tls: TlsSource | undefined): void {
    tls?.onRenewed(({ca, cert, key}) => {
      for (const http2Server of this.#server['http2Servers'].keys())
        (http2Server as Http2SecureServer).setSecureContext({ca, cert, key});
    });
  }

  /** From now on streams go to `accept`. */
  attach(accept: Accept): void {
    this.#accept = accept;
  }

  /** Ends all connections at once. */
  close(): void {
    this.#server.forceShutdown();
  }

  #open(channel: Channel, stream: AcceptedStream): void {
    // A refused stream has nobody else who listens for its end.
    stream.on('error', () => {});
    if (this.#accept === undefined) {
      refuseStream(stream, 'this node belongs to no cluster yet');
      return;
    }
    let accepted: {close(reason: string): void} | undefined;
    const visit = this.#admission.admit(stream.getPeer(), channel, (reason) =>
      accepted?.close(reason),
    );
    if (typeof visit === 'string') refuseStream(stream, visit);
    else accepted = this.#accept(channel, stream, visit);
  }

  #answers(question: 'identify' | 'join', answer: (request: unknown) => Promise<unknown>) {
    return (stream: AcceptedStream): void => {
      const asked = new AskedStream(stream, (body) => this.#answer(body, answer));
      const close = (reason: string): void => asked.close(reason);
      const visit = this.#admission.admit(stream.getPeer(), question, close);
      if (typeof visit === 'string') asked.close(visit);
      else asked.begin(visit);
    };
  }

  async #answer(
    body: Uint8Array,
    answer: (request: unknown) => Promise<unknown>,
  ): Promise<Answered> {
    try {
      return {result: await answer(JSON.parse(Buffer.from(body).toString('utf8')))};
    } catch (error) {
      // Where all nodes start at once this is asked too early, again and again, and the other one says so.
      const isEarly = error instanceof DbError && error.code === 'UNAVAILABLE';
      if (!isEarly) this.#options.log.warn({error}, 'refused a question of another node');
      return {error: toWireError(error)};
    }
  }
}

function credentialsOf(tls: TlsSource | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const {ca, key, cert} = tls.current;
  return ServerCredentials.createSsl(ca, [{private_key: key, cert_chain: cert}], true);
}

/** gRPC tells the system's error by its text alone; whoever explains a taken port wants its code. */
function cannotListen(place: string, port: number, cause: Error): Error {
  const error = new Error(`cannot listen on ${place} for other nodes: ${cause.message}`, {cause});
  const isTaken = cause.message.includes('EADDRINUSE');
  return isTaken ? Object.assign(error, {code: 'EADDRINUSE', port}) : error;
}
