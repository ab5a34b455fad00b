// One pass over a run of numbers that tells all that the choice of an encoding needs.

import {assert} from '@flotilla/base';

export interface NumberScan {
  /** Every value is an integer within ±2^53 and none is -0; the fields below hold only then. */
  integers: boolean;
  min: number;
  max: number;
  /** Of value i - value i-1; both 0 for a run of one. */
  deltaMin: number;
  deltaMax: number;
  /** Those differences, where the pass has written them. */
  deltas: Float64Array | undefined;
}

export function emptyScan(): NumberScan {
  return {integers: false, min: 0, max: 0, deltaMin: 0, deltaMax: 0, deltas: undefined};
}

/** Fills `scan`. Stops at the first value that is not an integer. Requires count >= 1. */
export function scanNumbers(values: Float64Array, count: number, scan: NumberScan): void {
  assert(count >= 1 && count <= values.length, 'bad count');
  let previous = values[0]!;
  let min = previous;
  let max = previous;
  let deltaMin = count > 1 ? Infinity : 0;
  let deltaMax = count > 1 ? -Infinity : 0;
  scan.deltas = undefined;
  scan.integers = isPlainInteger(previous);
  if (!scan.integers) return;
  for (let i = 1; i < count; i++) {
    const value = values[i]!;
    if (Math.floor(value) !== value || (value === 0 && 1 / value < 0)) {
      scan.integers = false;
      return;
    }
    const delta = value - previous;
    if (value < min) min = value;
    if (value > max) max = value;
    if (delta < deltaMin) deltaMin = delta;
    if (delta > deltaMax) deltaMax = delta;
    previous = value;
  }
  scan.integers = min >= -(2 ** 53) && max <= 2 ** 53;
  scan.min = min;
  scan.max = max;
  scan.deltaMin = deltaMin;
  scan.deltaMax = deltaMax;
}

/**
 * As scanNumbers, of values that are known to be integers within ±2^53, and none -0. The differences are written on
 * the way: deltas[i] = values[i + 1] - values[i].
 */
export function scanIntegers(
  values: Float64Array,
  count: number,
  scan: NumberScan,
  deltas: Float64Array,
): void {
  assert(count >= 1 && count <= values.length && count - 1 <= deltas.length, 'bad count');
  let previous = values[0]!;
  let min = previous;
  let max = previous;
  let deltaMin = count > 1 ? Infinity : 0;
  let deltaMax = count > 1 ? -Infinity : 0;
  for (let i = 1; i < count; i++) {
    const value = values[i]!;
    const delta = value - previous;
    if (value < min) min = value;
    if (value > max) max = value;
    if (delta < deltaMin) deltaMin = delta;
    if (delta > deltaMax) deltaMax = delta;
    deltas[i - 1] = delta;
    previous = value;
  }
  scan.integers = true;
  scan.min = min;
  scan.max = max;
  scan.deltaMin = deltaMin;
  scan.deltaMax = deltaMax;
  scan.deltas = deltas;
}

function isPlainInteger(value: number): boolean {
  return Math.floor(value) === value && !Object.is(value, -0);
}
