// What connections to the port between nodes may cost, whoever opens them and whatever comes by them: TLS
// that never greets, HTTP/2 without a stream. gRPC bounds streams and, once there is a session, the time
// without one; of connections it knows no bound.
//
// Law: there are at most `max`. One more ends the one that has been without a stream for longest; if all
// carry streams, which Admission bounds, itself. One that carries nothing in its first seconds ends too.

import type {Server, Socket} from 'node:net';
import type {Clock, Timer} from '@flotilla/base';

/** TLS and HTTP/2 are four round trips; nodes open their stream in the first turn after. */
const FIRST_STREAM_MS_MAX = 5_000;

interface Connection {
  readonly socket: Socket;
  readonly timer: Timer;
  streams: number;
}

/** What a stream is asked for. */
interface ServerStream {
  readonly session?: {readonly socket: Pick<Socket, 'remoteAddress' | 'remotePort'>} | undefined;
  once(event: 'close', listener: () => void): unknown;
}

export class ConnectionLimit {
  readonly #max: number;
  readonly #clock: Clock;
  /** By the other end's address and port; those that were without a stream for longest first. */
  readonly #connections = new Map<string, Connection>();

  constructor(max: number, clock: Clock) {
    this.#max = max;
    this.#clock = clock;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** To a server of HTTP/2, before it listens, or in the turn in which it does. */
  attach(server: Server): void {
    server.on('connection', (socket: Socket) => this.#came(socket));
    server.on('stream', (stream: ServerStream) => this.#began(stream));
  }

  #came(socket: Socket): void {
    if (this.#connections.size >= this.#max && !this.#endIdle()) {
      socket.destroy();
      return;
    }
    const key = keyOf(socket);
    const timer = this.#clock.setTimer(FIRST_STREAM_MS_MAX, () => socket.destroy());
    this.#connections.set(key, {socket, timer, streams: 0});
    socket.once('close', () => {
      timer.cancel();
      if (this.#connections.get(key)?.socket === socket) this.#connections.delete(key);
    });
  }

  #endIdle(): boolean {
    for (const [key, {socket, timer, streams}] of this.#connections) {
      if (streams > 0) continue;
      timer.cancel();
      this.#connections.delete(key);
      socket.destroy();
      return true;
    }
    return false;
  }

  #began(stream: ServerStream): void {
    if (stream.session === undefined) return;
    const key = keyOf(stream.session.socket);
    const connection = this.#connections.get(key);
    if (connection === undefined) return;
    connection.timer.cancel();
    connection.streams += 1;
    stream.once('close', () => {
      connection.streams -= 1;
      if (connection.streams > 0 || this.#connections.get(key) !== connection) return;
      // The last in the order: it has been without one for the shortest time.
      this.#connections.delete(key);
      this.#connections.set(key, connection);
    });
  }
}

function keyOf({remoteAddress, remotePort}: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress} ${remotePort}`;
}
