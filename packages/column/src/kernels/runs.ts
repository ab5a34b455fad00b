// Runs of equal doubles, told apart by their bits: NaN payloads and -0 are values of their own.

import {assert} from '@flotilla/base';

/** How many values have the bits of the one before. Requires count >= 1. */
export function countRepeats(values: Float64Array, count: number): number {
  assert(count >= 1 && count <= values.length, 'bad count');
  const words = new Int32Array(values.buffer, values.byteOffset, count * 2);
  let repeats = 0;
  for (let i = 2; i < words.length; i += 2) {
    if (words[i] === words[i - 2] && words[i + 1] === words[i - 1]) repeats++;
  }
  return repeats;
}

/**
 * changes[i] = 1 where value i differs from the one before, and for the first; `runs` gets those values.
 * @returns how many they are
 */
export function takeRuns(
  values: Float64Array,
  count: number,
  changes: Uint8Array,
  runs: Float64Array,
): number {
  assert(count >= 1 && count <= values.length, 'bad count');
  assert(count <= changes.length && count <= runs.length, 'too little room');
  const words = new Int32Array(values.buffer, values.byteOffset, count * 2);
  const out = new Int32Array(runs.buffer, runs.byteOffset, count * 2);
  let runCount = 0;
  for (let i = 0; i < count; i++) {
    const low = words[i * 2]!;
    const high = words[i * 2 + 1]!;
    const isNew = i === 0 || low !== words[i * 2 - 2] || high !== words[i * 2 - 1];
    changes[i] = isNew ? 1 : 0;
    if (!isNew) continue;
    out[runCount * 2] = low;
    out[runCount * 2 + 1] = high;
    runCount++;
  }
  return runCount;
}

/** The inverse. Requires changes[0] to be 1, and as many runs as there are changes. */
export function expandRuns(
  runs: Float64Array,
  changes: Uint8Array,
  count: number,
  out: Float64Array,
): void {
  assert(count >= 1 && changes[0] === 1, 'bad count or first change');
  assert(count <= changes.length && count <= runs.length && count <= out.length, 'bad count');
  const from = new Int32Array(runs.buffer, runs.byteOffset, count * 2);
  const words = new Int32Array(out.buffer, out.byteOffset, count * 2);
  let run = -2;
  for (let i = 0; i < count; i++) {
    run += changes[i]! * 2;
    words[i * 2] = from[run]!;
    words[i * 2 + 1] = from[run + 1]!;
  }
}
