// Values outside a frame of reference taken out of a run, so that the rest can be packed.

import {assert} from '@flotilla/base';

/**
 * kept[i] = values[i] where it is in [base, base + limit), else base; the positions of the others, ascending.
 * @returns how many others there are
 */
export function separateOutliers(
  values: Float64Array,
  count: number,
  {base, limit}: {readonly base: number; readonly limit: number},
  kept: Float64Array,
  positions: Int32Array,
): number {
  assert(count <= values.length && count <= kept.length, 'bad count');
  assert(count <= positions.length, 'too few positions');
  let others = 0;
  for (let i = 0; i < count; i++) {
    const value = values[i]!;
    const offset = value - base;
    if (offset >= 0 && offset < limit) {
      kept[i] = value;
    } else {
      kept[i] = base;
      positions[others++] = i;
    }
  }
  return others;
}
