// Two nodes joined: their control and bulk streams as one. Either stream's end is the end of both, so
// that there is no half-connected state for anyone to reason about: a pair has two connections or none.

import type {Channel} from '@flotilla/base';
import type {ChannelStream} from './channel-stream.ts';
import type {Hello} from './hello.ts';

export class NodeSession {
  /** The other node's hello. */
  readonly hello: Hello;
  readonly #control: ChannelStream;
  readonly #bulk: ChannelStream;

  constructor(hello: Hello, control: ChannelStream, bulk: ChannelStream) {
    this.hello = hello;
    this.#control = control;
    this.#bulk = bulk;
  }

  channel(channel: Channel): ChannelStream {
    return channel === 'control' ? this.#control : this.#bulk;
  }

  close(reason: string): void {
    this.#control.close(reason);
    this.#bulk.close(reason);
  }
}

/** What a dialer or the acceptor tells of sessions; NodeConnections acts on it. */
export interface SessionEvents {
  readonly onSession: (session: NodeSession) => void;
  /** `session` is over, or an attempt failed before there was one. */
  readonly onEnd: (session: NodeSession | undefined, reason: string) => void;
  readonly onFrame: (session: NodeSession, channel: Channel, frame: Uint8Array) => void;
}
