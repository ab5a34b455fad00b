// Doubles that often equal the one before, as gauges do that are read more often than they change: a flag a
// row and a column of those that differ.

import type {ByteReader} from '../bytes/byte-reader.ts';
import type {ByteWriter} from '../bytes/byte-writer.ts';
import {countFlags} from '../kernels/bitmap.ts';
import {countRepeats, expandRuns, takeRuns} from '../kernels/runs.ts';
import {ENCODING} from './encoding.ts';
import {decodeFlags, encodeFlags} from './flags.ts';
import {scratchFlags, scratchFloat64} from './scratch.ts';

/** Values stay for two rows on average. A flag a row is a bit: what is repeated has to have taken two. */
const REPEATED_SHARE_MIN = 1 / 2;

/** Pairs of neighbours that are looked at before all are, and how many repeats among them speak for more. */
const SAMPLES = 32;
const SAMPLED_REPEATS_MIN = 8;

/** Requires count >= 1. */
export function hasRepeats(values: Float64Array, count: number): boolean {
  const step = Math.floor((count - 1) / SAMPLES);
  if (step > 1 && sampledRepeats(values, step) < SAMPLED_REPEATS_MIN) return false;
  return countRepeats(values, count) >= count * REPEATED_SHARE_MIN;
}

/** Of half of all pairs being repeats a quarter is hardly ever found: one a step, at no fixed place of it. */
function sampledRepeats(values: Float64Array, step: number): number {
  let repeats = 0;
  for (let i = 0; i < SAMPLES; i++) {
    const at = i * step + ((i * 7) % step);
    if (Object.is(values[at], values[at + 1])) repeats += 1;
  }
  return repeats;
}

/** Requires count >= 1. @param encodeDoubles  encodes those that differ, with no repeats again */
export function encodeRepeats(
  values: Float64Array,
  count: number,
  writer: ByteWriter,
  encodeDoubles: (values: Float64Array, count: number, writer: ByteWriter) => void,
): void {
  const changes = scratchFlags('changes', count);
  const runs = scratchFloat64('runs', count);
  const runCount = takeRuns(values, count, changes, runs);
  writer.u8(ENCODING.repeats);
  encodeFlags(changes.subarray(1), count - 1, writer);
  encodeDoubles(runs, runCount, writer);
}

/** Requires count >= 1. @param decodeDoubles  decodes those that differ, and refuses repeats */
export function decodeRepeats(
  reader: ByteReader,
  count: number,
  out: Float64Array,
  decodeDoubles: (reader: ByteReader, count: number, out: Float64Array) => void,
): void {
  const changes = scratchFlags('changes', count);
  changes[0] = 1;
  decodeFlags(reader, count - 1, changes.subarray(1));
  const runs = scratchFloat64('runs', count);
  decodeDoubles(reader, countFlags(changes, count), runs);
  expandRuns(runs, changes, count, out);
}
