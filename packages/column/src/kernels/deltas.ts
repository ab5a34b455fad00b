// Differences of neighbours and their running sum. Exact as long as every value is within ±2^53 and
// every difference below 2^53, which the choice of the encoding sees to.

import {assert} from '@flotilla/base';

/** out[i] = values[i + 1] - values[i] for i < count - 1. */
export function subtractNeighbours(values: Float64Array, count: number, out: Float64Array): void {
  assert(count >= 1 && count <= values.length && count - 1 <= out.length, 'bad count');
  let previous = values[0]!;
  for (let i = 1; i < count; i++) {
    const value = values[i]!;
    out[i - 1] = value - previous;
    previous = value;
  }
}

/** In place: values[i] = first + values[0] + .. + values[i - 1], from count - 1 differences. */
export function sumDeltas(values: Float64Array, count: number, first: number): void {
  assert(count >= 1 && count <= values.length, 'bad count');
  let sum = first;
  for (let i = 0; i < count; i++) {
    const delta = values[i]!;
    values[i] = sum;
    sum += delta;
  }
}
