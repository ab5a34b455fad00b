// The catalog's watch of one process, which can be held: what comes over it waits, and heartbeats go
// on, as from a member of the meta group that lives and has stood still. Whoever asks for the
// newest catalog waits; whoever does not goes on with the old one.

import type {Rpc, RpcHandlers, RpcOptions, RpcTarget} from '@flotilla/base';

const WATCH_METHOD = 'meta.watch';
/** Followers learn from its version only that it was heard. */
const HEARTBEAT = new TextEncoder().encode(JSON.stringify({type: 'version', version: 0}));

type Served = Rpc & {serve(handlers: RpcHandlers): void};

export class HeldWatch implements Rpc {
  readonly #rpc: Served;
  /** What was held back is handed over with the next frame, a second later at most. */
  isHeld = false;

  constructor(rpc: Served) {
    this.#rpc = rpc;
  }

  serve(handlers: RpcHandlers): void {
    this.#rpc.serve(handlers);
  }

  call(...asked: Parameters<Rpc['call']>): Promise<Uint8Array> {
    return this.#rpc.call(...asked);
  }

  stream(
    target: RpcTarget,
    method: string,
    payload: Uint8Array,
    options: RpcOptions,
  ): AsyncIterable<Uint8Array> {
    const frames = this.#rpc.stream(target, method, payload, options);
    return method === WATCH_METHOD ? this.#heldBack(frames) : frames;
  }

  async *#heldBack(frames: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const held: Uint8Array[] = [];
    for await (const frame of frames) {
      held.push(frame);
      if (this.isHeld) yield HEARTBEAT;
      else yield* held.splice(0);
    }
  }
}
