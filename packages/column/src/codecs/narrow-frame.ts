// The frame of reference that costs least if values outside it are patched. Counts of values in 32 equal
// ranges of a frame tell what each narrower one would leave out; the best is looked at more closely while it is
// not placed well enough: one pass for usual widths, some seven for a lone value 30 bits away.

import {countBuckets} from '../kernels/count-buckets.ts';
import {bitWidth} from '../kernels/pack-bits.ts';

/** Integers of [base, base + 2^width). */
export interface Frame {
  readonly base: number;
  readonly width: number;
}

/** What all values take, those outside the frame included. */
export interface CostedFrame extends Frame {
  readonly bits: number;
}

const BUCKET_BITS = 5;
/** A frame of as many ranges as this has bits is placed well enough: what lies at its ends is little. */
const PLACED_BITS = 4;
const counts = new Int32Array(2 ** BUCKET_BITS);
/** sums[i] is that of the first i counts. */
const sums = new Int32Array(2 ** BUCKET_BITS + 1);

/** A gap of one byte, and a signed varint for numbers between `min` and `max`. */
export function outlierBits(min: number, max: number): number {
  const size = bitWidth(Math.max(Math.abs(min), Math.abs(max)));
  return 8 + 8 * Math.ceil((size + 1) / 7);
}

/** Requires a frame that holds all values. @param bitsEach  of a value outside */
export function narrowFrame(
  values: Float64Array,
  count: number,
  whole: Frame,
  bitsEach: number,
): CostedFrame {
  let best: CostedFrame = {...whole, bits: whole.width * count};
  for (;;) {
    const grain = Math.max(0, best.width - BUCKET_BITS);
    const narrower = narrowOnce(values, count, best, {grain, bitsEach});
    if (narrower === undefined) return best;
    best = narrower;
    if (grain === 0 || best.width - grain >= PLACED_BITS) return best;
  }
}

/** The best of the narrower frames that begin and end at multiples of 2^grain; undefined if none is better. */
function narrowOnce(
  values: Float64Array,
  count: number,
  frame: CostedFrame,
  {grain, bitsEach}: {readonly grain: number; readonly bitsEach: number},
): CostedFrame | undefined {
  const {base, width} = frame;
  const buckets = 2 ** (width - grain);
  counts.fill(0, 0, buckets);
  countBuckets(values, count, {base, grain, buckets}, counts);
  for (let i = 0; i < buckets; i++) sums[i + 1] = sums[i]! + counts[i]!;
  let best: CostedFrame | undefined;
  for (let narrower = width - 1; narrower >= grain; narrower--) {
    const {start, covered} = densest(buckets, 2 ** (narrower - grain));
    const outside = (count - covered) * bitsEach;
    // What is outside this one is outside narrower ones too.
    if (outside >= (best ?? frame).bits) break;
    const bits = count * narrower + outside;
    if (bits < (best ?? frame).bits) {
      best = {base: base + start * 2 ** grain, width: narrower, bits};
    }
  }
  return best;
}

/** The run of so many buckets with the most values in it. */
function densest(buckets: number, length: number): {start: number; covered: number} {
  let start = 0;
  let covered = 0;
  for (let end = length; end <= buckets; end++) {
    const sum = sums[end]! - sums[end - length]!;
    if (sum > covered) {
      covered = sum;
      start = end - length;
    }
  }
  return {start, covered};
}
