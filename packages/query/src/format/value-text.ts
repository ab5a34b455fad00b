// A value of an answer as text: times in RFC 3339, integers exactly, booleans as words.

import {isNull, splitTime, type Vector} from '../execute/vector.ts';
import {formatTime} from '../sql/time-text.ts';

const split = {ms: 0, ns: 0};

/** Undefined for null. Floats keep the shortest digits that read back the same. */
export function valueText(vector: Vector, row: number): string | undefined {
  if (isNull(vector, row)) return undefined;
  const slot = vector.constant ? 0 : row;
  switch (vector.type) {
    case 'string':
      return vector.values[slot]!;
    case 'boolean':
      return vector.values[slot] === 1 ? 'true' : 'false';
    case 'time':
      splitTime(vector, slot, split);
      return formatTime(split.ms, split.ns);
    case 'float': {
      const value = vector.values[slot]!;
      // Its sign is a bit of the value, and String() drops it.
      return Object.is(value, -0) ? '-0' : String(value);
    }
    default:
      return String(vector.wide?.[slot] ?? vector.values[slot]!);
  }
}
