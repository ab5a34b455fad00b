// A value as text that is equal exactly where values are one group: 0 and -0 are, and NaNs are, and
// an integer is the same whether it came as double or bigint. Ends are marked, so texts concatenate.

import {splitTime, type Vector} from './vector.ts';

const split = {ms: 0, ns: 0};

export function keyText(vector: Vector, row: number): string {
  const slot = vector.constant ? 0 : row;
  if (vector.present !== undefined && vector.present[slot] === 0) return '?;';
  switch (vector.type) {
    case 'string': {
      const text = vector.values[slot]!;
      return `${text.length}:${text}`;
    }
    case 'boolean':
      return vector.values[slot] === 1 ? 't;' : 'f;';
    case 'time':
      splitTime(vector, slot, split);
      return `${split.ms}.${split.ns};`;
    default:
      // String(-0) is '0'.
      return `${vector.wide?.[slot] ?? vector.values[slot]};`;
  }
}
