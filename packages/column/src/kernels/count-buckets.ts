// How many values of a run lie in each of some equal ranges: what tells where most of them are.

import {assert} from '@flotilla/base';

/**
 * Adds to counts[i] the values in [base + i * 2^grain, base + (i + 1) * 2^grain), for i < buckets; those
 * outside are passed over.
 */
export function countBuckets(
  values: Float64Array,
  count: number,
  {base, grain, buckets}: {readonly base: number; readonly grain: number; readonly buckets: number},
  counts: Int32Array,
): void {
  assert(count <= values.length && buckets <= counts.length, 'bad count');
  const scale = 2 ** -grain;
  for (let i = 0; i < count; i++) {
    const bucket = (values[i]! - base) * scale;
    if (bucket >= 0 && bucket < buckets) counts[bucket | 0]!++;
  }
}
