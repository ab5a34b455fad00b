// The listening side of gRPC. It runs before the node has an identity, since nodes that found or join
// a cluster ask each other who they are; streams are refused until `attach`.

import type {ServerHttp2Session} from 'node:http2';
import {type Channel, DbError, type Log, toWireError} from '@flotilla/base';
import {
  logVerbosity,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
  setLogVerbosity,
  status,
} from '@grpc/grpc-js';
import {NODE_SERVICE, SERVER_OPTIONS, WINDOW_BYTES} from './node-service.ts';

// What gRPC prints to stderr is in its own words; every failure is told, or logged, in ours.
setLogVerbosity(logVerbosity.NONE);

export type AcceptedStream = ServerDuplexStream<Buffer, Buffer>;

export interface NodeServerOptions {
  readonly log: Log;
  /** Answers Identify: JSON of the server's choice. */
  readonly identify: () => unknown;
  /** Answers Join. A thrown DbError reaches the asking node. */
  readonly join: (request: unknown) => Promise<unknown>;
}

/** The envelope of an answered question: a gRPC status has no room for an error's details. */
export type Answered =
  | {readonly result: unknown}
  | {readonly error: ReturnType<typeof toWireError>};

export class NodeServer {
  readonly #server = new Server(SERVER_OPTIONS);
  readonly #options: NodeServerOptions;
  #accept: ((channel: Channel, stream: AcceptedStream) => void) | undefined;

  constructor(options: NodeServerOptions) {
    this.#options = options;
    this.#server.addService(NODE_SERVICE, {
      control: (stream: AcceptedStream) => this.#open('control', stream),
      bulk: (stream: AcceptedStream) => this.#open('bulk', stream),
      identify: this.#answers(async () => options.identify()),
      join: this.#answers(options.join),
    });
  }

  /** Resolves with the port that it listens on: `port`, or a free one if that is 0. */
  listen(host: string, port: number): Promise<number> {
    const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(place, ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) {
          this.#widenWindows();
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

  /** From now on streams go to `accept`. */
  attach(accept: (channel: Channel, stream: AcceptedStream) => void): void {
    this.#accept = accept;
  }

  /** Ends all connections at once. */
  close(): void {
    this.#server.forceShutdown();
  }

  #open(channel: Channel, stream: AcceptedStream): void {
    if (this.#accept !== undefined) {
      this.#accept(channel, stream);
      return;
    }
    // A refused stream has nobody else who listens for its end.
    stream.on('error', () => {});
    refuseStream(stream, 'this node belongs to no cluster yet');
  }

  #answers(answer: (request: unknown) => Promise<unknown>) {
    return (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => {
      const reply = (answered: Answered) => callback(null, Buffer.from(JSON.stringify(answered)));
      Promise.resolve()
        .then(() => answer(JSON.parse(call.request.toString('utf8'))))
        .then((result) => reply({result}))
        .catch((error: unknown) => {
          const isEarly = error instanceof DbError && error.code === 'UNAVAILABLE';
          const message = 'refused a question of another node';
          this.#options.log[isEarly ? 'info' : 'warn']({error}, message);
          reply({error: toWireError(error)});
        });
    };
  }
}

/** gRPC tells the system's error by its text alone; whoever explains a taken port wants its code. */
function cannotListen(place: string, port: number, cause: Error): Error {
  const error = new Error(`cannot listen on ${place} for other nodes: ${cause.message}`, {cause});
  const isTaken = cause.message.includes('EADDRINUSE');
  return isTaken ? Object.assign(error, {code: 'EADDRINUSE', port}) : error;
}

/** Ends a stream from the accepting side; `reason` reaches the other node's log. */
export function refuseStream(stream: AcceptedStream, reason: string): void {
  stream.emit('error', {code: status.FAILED_PRECONDITION, details: reason});
}
