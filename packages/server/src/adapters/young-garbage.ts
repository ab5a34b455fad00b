// Collects young garbage by how many bytes came from clients, which V8 does not go by: a piece of a body is a
// buffer of up to 64 KiB outside its heap, of use for a moment, beside a few objects in it. As buffers are counted
// with the heap, and a main thread has some 25 MB of that, they bring one full collection after the other before
// there are objects enough for a young one: half of the main thread's time (docs/performance.md).

import v8 from 'node:v8';
import vm from 'node:vm';

/** So much lies in memory as garbage at most, and so little that next to none of it lives on and grows old. */
const COLLECTED_EACH_BYTES = 4 * 1024 * 1024;

export class YoungGarbage {
  readonly #collect: () => void;
  #bytes = 0;

  constructor(collect: () => void) {
    this.#collect = collect;
  }

  /** @param bytes of buffers that are soon of no use */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < COLLECTED_EACH_BYTES) return;
    this.#bytes = 0;
    this.#collect();
  }
}

/** V8's young collection of the calling thread; Node.js has it behind a flag, which is taken for a moment. */
export function youngCollector(): () => void {
  v8.setFlagsFromString('--expose-gc');
  const collect = vm.runInNewContext('gc') as (options: {readonly type: 'minor'}) => void;
  v8.setFlagsFromString('--no-expose-gc');
  return () => collect({type: 'minor'});
}
