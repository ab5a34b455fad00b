// Arithmetic of vectors. Doubles first: sums, differences and products of safe integers whose double
// result stays below 2^53 are exact. Where one leaves that range the whole vector is done again in
// bigint, and what leaves the type's own range is an error. Division by zero gives null.

import {DbError} from '@flotilla/base';
import {exactAt, isNull, type NumberVector, type WideValues} from './vector.ts';

export type NumberType = NumberVector['type'];
type Operator = '+' | '-' | '*' | '/' | '%';
const SAFE_MAX = Number.MAX_SAFE_INTEGER;

export const INTEGER_MIN = -(2n ** 63n);
export const INTEGER_MAX = 2n ** 63n - 1n;
export const UNSIGNED_MAX = 2n ** 64n - 1n;

export function checkRange(value: bigint, type: 'integer' | 'unsigned' | 'time'): bigint {
  const low = type === 'unsigned' ? 0n : INTEGER_MIN;
  const high = type === 'unsigned' ? UNSIGNED_MAX : INTEGER_MAX;
  if (value >= low && value <= high) return value;
  throw new DbError('QUERY_ERROR', `${type} out of range: ${value} is not in ${low}..${high}`);
}

export function newWide(type: 'integer' | 'unsigned' | 'time', count: number): WideValues {
  return type === 'unsigned' ? new BigUint64Array(count) : new BigInt64Array(count);
}

/** Where both sides have a value. */
export function bothPresent(
  a: {present?: Uint8Array | undefined; constant: boolean},
  b: {present?: Uint8Array | undefined; constant: boolean},
  count: number,
): Uint8Array | undefined {
  if (a.present === undefined && b.present === undefined) return undefined;
  const out = new Uint8Array(count);
  const stepA = a.constant ? 0 : 1;
  const stepB = b.constant ? 0 : 1;
  for (let i = 0; i < count; i++) {
    out[i] = (a.present?.[i * stepA] ?? 1) & (b.present?.[i * stepB] ?? 1);
  }
  return out;
}

export function arithmetic(
  operator: Operator,
  type: NumberType,
  a: NumberVector,
  b: NumberVector,
  rowCount: number,
): NumberVector {
  const constant = a.constant && b.constant;
  const count = constant ? 1 : rowCount;
  let present = bothPresent(a, b, count);
  if (a.wide !== undefined || b.wide !== undefined)
    return exact(operator, type, a, b, count, constant);
  const values = doubles(operator, type, a, b, count);
  if (type === 'float') return {type, values, present, constant};
  for (let i = 0; i < count; i++) {
    const value = values[i]!;
    if (value <= SAFE_MAX && value >= (type === 'unsigned' ? 0 : -SAFE_MAX)) continue;
    if (present !== undefined && present[i] === 0) continue;
    // NaN: a zero divisor.
    if (!Number.isNaN(value)) return exact(operator, type, a, b, count, constant);
    present ??= new Uint8Array(count).fill(1);
    present[i] = 0;
  }
  return {type, values, present, constant};
}

function doubles(
  operator: Operator,
  type: NumberType,
  a: NumberVector,
  b: NumberVector,
  count: number,
): Float64Array {
  const out = new Float64Array(count);
  const x = a.values;
  const y = b.values;
  const p = a.constant ? 0 : 1;
  const q = b.constant ? 0 : 1;
  switch (operator) {
    case '+':
      for (let i = 0; i < count; i++) out[i] = x[i * p]! + y[i * q]!;
      break;
    case '-':
      for (let i = 0; i < count; i++) out[i] = x[i * p]! - y[i * q]!;
      break;
    case '*':
      for (let i = 0; i < count; i++) out[i] = x[i * p]! * y[i * q]!;
      break;
    case '%':
      for (let i = 0; i < count; i++) out[i] = x[i * p]! % y[i * q]!;
      break;
    case '/':
      if (type === 'float') {
        for (let i = 0; i < count; i++) out[i] = x[i * p]! / y[i * q]!;
      } else {
        // The remainder first: x / y itself may round up to the next whole number.
        for (let i = 0; i < count; i++) {
          const n = x[i * p]!;
          const d = y[i * q]!;
          out[i] = d === 0 ? Number.NaN : (n - (n % d)) / d;
        }
      }
      break;
  }
  // A zero divisor is null for integers (NaN marks it) and for floats alike.
  return out;
}

function exact(
  operator: Operator,
  type: NumberType,
  a: NumberVector,
  b: NumberVector,
  count: number,
  constant: boolean,
): NumberVector {
  const of = type === 'unsigned' ? 'unsigned' : 'integer';
  const wide = newWide(of, count);
  const values = new Float64Array(count);
  let present = bothPresent(a, b, count);
  for (let i = 0; i < count; i++) {
    if (present !== undefined && present[i] === 0) continue;
    const result = exactOne(operator, BigInt(exactAt(a, i)), BigInt(exactAt(b, i)));
    if (result === undefined) {
      present ??= new Uint8Array(count).fill(1);
      present[i] = 0;
      continue;
    }
    wide[i] = checkRange(result, of);
    values[i] = Number(result);
  }
  return {type, values, wide, present, constant};
}

function exactOne(operator: Operator, x: bigint, y: bigint): bigint | undefined {
  switch (operator) {
    case '+':
      return x + y;
    case '-':
      return x - y;
    case '*':
      return x * y;
    case '/':
      return y === 0n ? undefined : x / y;
    case '%':
      return y === 0n ? undefined : x % y;
  }
}

/** Float results of a zero divisor become null: `x / 0` and `x % 0`, as for integers. */
export function nullWhereZero(
  result: NumberVector,
  divisor: NumberVector,
  count: number,
): NumberVector {
  const rows = result.constant ? 1 : count;
  const step = divisor.constant ? 0 : 1;
  let present = result.present;
  for (let i = 0; i < rows; i++) {
    if (divisor.values[i * step] !== 0) continue;
    present = present === result.present ? presentCopy(result.present, rows) : present;
    present![i] = 0;
  }
  return present === result.present ? result : {...result, present};
}

function presentCopy(present: Uint8Array | undefined, count: number): Uint8Array {
  return present === undefined ? new Uint8Array(count).fill(1) : present.slice(0, count);
}

/** A function of each exact value; overflow is checked. */
export function mapExact(
  vector: NumberVector,
  rowCount: number,
  map: (value: bigint) => bigint,
  to: 'integer' | 'unsigned',
): NumberVector {
  const count = vector.constant ? 1 : rowCount;
  const wide = newWide(to, count);
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    if (isNull(vector, i)) continue;
    const result = checkRange(map(BigInt(exactAt(vector, i))), to);
    wide[i] = result;
    values[i] = Number(result);
  }
  return {type: to, values, wide, present: vector.present, constant: vector.constant};
}

/** A function of each double. */
export function mapDoubles<V extends NumberVector>(
  vector: V,
  rowCount: number,
  map: (value: number) => number,
): V {
  const count = vector.constant ? 1 : rowCount;
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = map(vector.values[i]!);
  return {...vector, values, wide: undefined};
}
