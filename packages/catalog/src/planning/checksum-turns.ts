// Sets in the order in which it is their turn to be compared, by when that was done last: those of which no
// time is known first, the others by the hour. Times that a wrong clock wrote may be to come: whoever asks
// gets those sets too, and judges by the clock of now.

import type {ReplicaSetId} from '@flotilla/base';
import {OrderedIds} from './ordered-ids.ts';

const HOUR_MS = 3_600_000;
const NEVER = -Infinity;

export class ChecksumTurns {
  readonly #never = new OrderedIds<ReplicaSetId>();
  /** By hour, then by set: when it was. */
  readonly #hours = new Map<number, Map<ReplicaSetId, number>>();
  readonly #times = new Map<ReplicaSetId, number>();

  /** @param times all that are known; undefined: it has no turn. */
  put(set: ReplicaSetId, times: readonly number[] | undefined): void {
    const before = this.#times.get(set);
    const now = times && Math.max(NEVER, ...times);
    if (before === now) return;
    if (before !== undefined) this.#remove(set, before);
    if (now === undefined) return;
    this.#times.set(set, now);
    if (now === NEVER) {
      this.#never.add(set);
      return;
    }
    const hour = Math.floor(now / HOUR_MS);
    const sets = this.#hours.get(hour) ?? new Map<ReplicaSetId, number>();
    this.#hours.set(hour, sets.set(set, now));
  }

  /** Among them are the first `count`, and all with a time to come. */
  *first(count: number, nowMs: number): Generator<ReplicaSetId> {
    let left = count;
    for (const set of this.#never) {
      if (left <= 0) break;
      yield set;
      left -= 1;
    }
    left = count;
    for (const hour of [...this.#hours.keys()].sort((a, b) => a - b)) {
      const sets = this.#hours.get(hour)!;
      const isPast = (hour + 1) * HOUR_MS <= nowMs;
      if (left <= 0 && isPast) continue;
      // Whole hours, since within one they are in no order.
      if (isPast) left -= sets.size;
      for (const [set, atMs] of sets) if (isPast || atMs > nowMs || left > 0) yield set;
    }
  }

  #remove(set: ReplicaSetId, atMs: number): void {
    this.#times.delete(set);
    if (atMs === NEVER) {
      this.#never.delete(set);
      return;
    }
    const hour = Math.floor(atMs / HOUR_MS);
    const sets = this.#hours.get(hour)!;
    sets.delete(set);
    if (sets.size === 0) this.#hours.delete(hour);
  }
}
