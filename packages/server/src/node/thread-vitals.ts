// What an engine thread says of itself at each tick, in memory that the main thread reads when it makes a
// beat or is asked for its health. A message for it would wake the main thread each time, and so cost
// more than all else that an idle node does.
//
// Invariant: each field is written and read whole, by Atomics; no two of them need to be of one moment.

import type {Clock, StoreId} from '@flotilla/base';
import type {Host, StoreBeat} from '@flotilla/multiraft';

const TICK_AT = 0;
const WRITING_SINCE_AT = 1;
const STORES_AT = 2;
/** No write waits; of a store: nothing was told yet. */
const NONE = -1n;
const US_PER_MS = 1e3;

export interface Vitals {
  /** When the thread's loop was last seen alive. */
  readonly tickMs: number;
  /** When the oldest write was begun that its disk has not taken. */
  readonly writingSinceMs: number | undefined;
  /** In the order of the stores that the memory was made for. */
  readonly stores: readonly StoreBeat[];
}

/** To be told at a tick of the host. */
export function vitalsOf(host: Host, clock: Clock): Vitals {
  const nowMs = clock.monotonicMs();
  const {turnAgeMs, writeAgeMs} = host.ages();
  return {
    tickMs: nowMs - turnAgeMs,
    writingSinceMs: writeAgeMs === 0 ? undefined : nowMs - writeAgeMs,
    stores: host.durableRecords(),
  };
}

export class ThreadVitals {
  readonly memory: SharedArrayBuffer;
  readonly #stores: readonly StoreId[];
  readonly #fields: BigInt64Array<SharedArrayBuffer>;

  /** @param memory as another thread's ThreadVitals of the same stores has it. */
  constructor(stores: readonly StoreId[], memory?: SharedArrayBuffer) {
    const bytes = (STORES_AT + stores.length) * BigInt64Array.BYTES_PER_ELEMENT;
    this.#stores = stores;
    this.memory = memory ?? new SharedArrayBuffer(bytes);
    this.#fields = new BigInt64Array(this.memory);
    if (memory === undefined) this.#fields.fill(NONE);
  }

  /** All times are of the process's monotonic clock. */
  tell({tickMs, writingSinceMs, stores}: Vitals): void {
    this.#write(TICK_AT, toUs(tickMs));
    this.#write(WRITING_SINCE_AT, writingSinceMs === undefined ? NONE : toUs(writingSinceMs));
    for (const [at, {durableRecord, isFull}] of stores.entries())
      this.#write(STORES_AT + at, 2n * BigInt(durableRecord) + (isFull ? 1n : 0n));
  }

  /**
   * A thread that has not ticked yet counts as alive at `startMs`. A write is as old as the thread knew at
   * its tick: while it does not turn, it cannot see that a write ended.
   */
  ages(nowMs: number, startMs: number): {turnAgeMs: number; writeAgeMs: number} {
    const tick = this.#read(TICK_AT);
    const writing = this.#read(WRITING_SINCE_AT);
    return {
      turnAgeMs: age(nowMs, tick === NONE ? startMs : toMs(tick)),
      writeAgeMs: writing === NONE ? 0 : age(toMs(tick), toMs(writing)),
    };
  }

  /** Those that were told of. */
  stores(): StoreBeat[] {
    const beats: StoreBeat[] = [];
    for (const [at, store] of this.#stores.entries()) {
      const told = this.#read(STORES_AT + at);
      if (told === NONE) continue;
      beats.push({store, durableRecord: Number(told >> 1n), isFull: (told & 1n) === 1n});
    }
    return beats;
  }

  #write(at: number, value: bigint): void {
    Atomics.store(this.#fields, at, value);
  }

  #read(at: number): bigint {
    return Atomics.load(this.#fields, at);
  }
}

const toUs = (ms: number): bigint => BigInt(Math.round(ms * US_PER_MS));
const toMs = (us: bigint): number => Number(us) / US_PER_MS;

/** Whole ms; the other thread may have told its time after `nowMs` was read. */
const age = (nowMs: number, sinceMs: number): number => Math.max(0, Math.round(nowMs - sinceMs));
