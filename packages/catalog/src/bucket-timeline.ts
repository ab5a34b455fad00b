// The buckets of one database in order of time, found by binary search. They never overlap, so the
// order by start is the order by end.

import {assert} from '@flotilla/base';
import type {Bucket} from './model.ts';

export class BucketTimeline {
  readonly #buckets: Bucket[] = [];

  get count(): number {
    return this.#buckets.length;
  }

  at(timeMs: number): Bucket | undefined {
    const bucket = this.#buckets[this.#firstEndingAfter(timeMs)];
    return bucket !== undefined && bucket.startMs <= timeMs ? bucket : undefined;
  }

  /** Those that overlap [fromMs, toMs). */
  between(fromMs: number, toMs: number): Bucket[] {
    const first = this.#firstEndingAfter(fromMs);
    let end = first;
    while (end < this.#buckets.length && this.#buckets[end]!.startMs < toMs) end++;
    return this.#buckets.slice(first, end);
  }

  insert(bucket: Bucket): void {
    const at = this.#firstEndingAfter(bucket.startMs);
    const next = this.#buckets[at];
    assert(
      next === undefined || next.startMs >= bucket.endMs,
      () => `bucket ${bucket.id} overlaps bucket ${next?.id}`,
    );
    this.#buckets.splice(at, 0, bucket);
  }

  remove(bucket: Bucket): void {
    const at = this.#firstEndingAfter(bucket.startMs);
    assert(this.#buckets[at]?.id === bucket.id, () => `bucket ${bucket.id} is not on its timeline`);
    this.#buckets.splice(at, 1);
  }

  #firstEndingAfter(timeMs: number): number {
    let low = 0;
    let high = this.#buckets.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#buckets[middle]!.endMs > timeMs) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
