// Comparison of vectors and of single slots. NaN equals NaN and is above every other number, as in
// PostgreSQL, so that comparison, grouping and sorting agree. Text compares by UTF-16 code units,
// which for all but astral characters is the order of its UTF-8 bytes.

import {bothPresent} from './numbers.ts';
import {
  type BooleanVector,
  type ExactVector,
  exactAt,
  isNull,
  type StringVector,
  type Vector,
} from './vector.ts';

type Operator = '=' | '<>' | '<' | '<=' | '>' | '>=';

/** Below zero, zero or above; numbers and bigints mix, NaN is last. */
export function compareNumbers(a: number | bigint, b: number | bigint): number {
  if (a < b) return -1;
  if (a > b) return 1;
  if (a === b) return 0;
  // Equal numbers of different kinds, or a NaN among them.
  const aNan = Number.isNaN(a);
  const bNan = Number.isNaN(b);
  return aNan === bNan ? 0 : aNan ? 1 : -1;
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Of slots that both have a value, in vectors of one kind. */
function compareSlots(a: Vector, i: number, b: Vector, j: number): number {
  if (a.type === 'string') {
    return compareText(
      a.values[a.constant ? 0 : i]!,
      (b as StringVector).values[b.constant ? 0 : j]!,
    );
  }
  if (a.type === 'boolean') {
    return a.values[a.constant ? 0 : i]! - (b as BooleanVector).values[b.constant ? 0 : j]!;
  }
  return compareNumbers(exactAt(a, i), exactAt(b as ExactVector, j));
}

/** Whether the slots are one group: nulls are equal here. */
export function sameSlot(a: Vector, i: number, b: Vector, j: number): boolean {
  const aNull = isNull(a, i);
  if (aNull || isNull(b, j)) return aNull && isNull(b, j);
  return compareSlots(a, i, b, j) === 0;
}

export function compareVectors(
  operator: Operator,
  a: Vector,
  b: Vector,
  rowCount: number,
): BooleanVector {
  const constant = a.constant && b.constant;
  const count = constant ? 1 : rowCount;
  const present = bothPresent(a, b, count);
  const values =
    isPlain(a) && isPlain(b)
      ? compareDoubles(operator, a, b, count)
      : compareAny(operator, a, b, count, present);
  return {type: 'boolean', values, present, constant};
}

function isPlain(vector: Vector): vector is ExactVector {
  return vector.type !== 'string' && vector.type !== 'boolean' && vector.wide === undefined;
}

function compareAny(
  operator: Operator,
  a: Vector,
  b: Vector,
  count: number,
  present: Uint8Array | undefined,
): Uint8Array {
  const out = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    if (present !== undefined && present[i] === 0) continue;
    out[i] = holds(operator, compareSlots(a, i, b, i)) ? 1 : 0;
  }
  return out;
}

function holds(operator: Operator, order: number): boolean {
  switch (operator) {
    case '=':
      return order === 0;
    case '<>':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
  }
}

/** Each operator is written so that NaN is the largest number. */
function compareDoubles(
  operator: Operator,
  a: ExactVector,
  b: ExactVector,
  count: number,
): Uint8Array {
  const flip = operator === '<' || operator === '<=';
  const x = flip ? b.values : a.values;
  const y = flip ? a.values : b.values;
  const p = (flip ? b : a).constant ? 0 : 1;
  const q = (flip ? a : b).constant ? 0 : 1;
  const out = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const v = x[i * p]!;
    const w = y[i * q]!;
    let result: boolean;
    if (operator === '>' || operator === '<')
      result = v > w || (Number.isNaN(v) && !Number.isNaN(w));
    else if (operator === '>=' || operator === '<=') result = v >= w || Number.isNaN(v);
    else result = (v === w || (Number.isNaN(v) && Number.isNaN(w))) === (operator === '=');
    out[i] = result ? 1 : 0;
  }
  return out;
}
