// A vector: the values of one expression for a run of rows. Numbers are doubles; integers beyond
// ±2^53 stand in `wide` beside them, exact for every row, and then the slow path is taken. Arrays may
// be longer than the run. A constant vector has one slot that stands for every row.

import type {ValueType} from '../plan/plan.ts';

export type WideValues = BigInt64Array | BigUint64Array;

interface VectorBase {
  readonly constant: boolean;
  /** One byte a slot, 1 = has a value; absent: every slot has one. */
  readonly present?: Uint8Array | undefined;
}

export interface NumberVector extends VectorBase {
  readonly type: 'float' | 'integer' | 'unsigned';
  readonly values: Float64Array;
  readonly wide?: WideValues | undefined;
}

/** Values are units (of `unitNs`) since `startMs`; all vectors of one evaluation share both. */
export interface TimeVector extends VectorBase {
  readonly type: 'time';
  readonly values: Float64Array;
  readonly wide?: WideValues | undefined;
  readonly startMs: number;
  readonly unitNs: number;
}

export interface BooleanVector extends VectorBase {
  readonly type: 'boolean';
  readonly values: Uint8Array;
}

export interface StringVector extends VectorBase {
  readonly type: 'string';
  /** May be decoded on first use: take it once before a loop. */
  readonly values: readonly string[];
}

export type Vector = NumberVector | TimeVector | BooleanVector | StringVector;
/** Vectors that may be wide. */
export type ExactVector = NumberVector | TimeVector;

/** What times of an evaluation count from, and in which unit. */
export interface TimeBase {
  readonly startMs: number;
  readonly unitNs: number;
}

/** At the coordinator times of all buckets meet: nanoseconds since the epoch, always wide. */
export const ABSOLUTE: TimeBase = {startMs: 0, unitNs: 1};

const ABSENT = new Uint8Array(1);

export function nullVector(type: ValueType, base: TimeBase): Vector {
  const shared = {constant: true, present: ABSENT};
  switch (type) {
    case 'boolean':
      return {...shared, type, values: new Uint8Array(1)};
    case 'string':
      return {...shared, type, values: ['']};
    case 'time':
      return {...shared, type, values: new Float64Array(1), ...base};
    default:
      return {...shared, type, values: new Float64Array(1)};
  }
}

export function stringConstant(value: string | undefined): StringVector {
  if (value === undefined) return {type: 'string', values: [''], present: ABSENT, constant: true};
  return {type: 'string', values: [value], constant: true};
}

export function isNull(vector: Vector, row: number): boolean {
  return vector.present !== undefined && vector.present[vector.constant ? 0 : row] === 0;
}

/** The exact number in a slot. Slow path only: it may be a bigint. */
export function exactAt(vector: ExactVector, row: number): number | bigint {
  const slot = vector.constant ? 0 : row;
  return vector.wide === undefined ? vector.values[slot]! : vector.wide[slot]!;
}

/** The numbers of `count` rows from `start` on. */
export function consecutive(start: number, count: number): Int32Array {
  const rows = new Int32Array(count);
  for (let i = 0; i < count; i++) rows[i] = start + i;
  return rows;
}

/** The same rows, chosen and put in the order of `rows`. */
export function gather(vector: Vector, rows: Int32Array, count: number): Vector {
  if (vector.constant) return vector;
  const present = vector.present && gatherBytes(vector.present, rows, count);
  switch (vector.type) {
    case 'boolean':
      return {...vector, values: gatherBytes(vector.values, rows, count), present};
    case 'string': {
      const {values} = vector;
      return {
        type: 'string',
        constant: false,
        values: Array.from({length: count}, (_, i) => values[rows[i]!]!),
        present,
      };
    }
    default: {
      const values = new Float64Array(count);
      for (let i = 0; i < count; i++) values[i] = vector.values[rows[i]!]!;
      const wide = vector.wide && gatherWide(vector.wide, rows, count);
      return {...vector, values, wide, present};
    }
  }
}

function gatherBytes(bytes: Uint8Array, rows: Int32Array, count: number): Uint8Array {
  const out = new Uint8Array(count);
  for (let i = 0; i < count; i++) out[i] = bytes[rows[i]!]!;
  return out;
}

export function gatherWide(wide: WideValues, rows: Int32Array, count: number): WideValues {
  const out = wide instanceof BigInt64Array ? new BigInt64Array(count) : new BigUint64Array(count);
  for (let i = 0; i < count; i++) out[i] = wide[rows[i]!]!;
  return out;
}

/** One value as it is compared and shown: bigint only where a double is not exact. */
export type Scalar = null | number | bigint | boolean | string;

export function scalarAt(vector: Vector, row: number): Scalar {
  if (isNull(vector, row)) return null;
  const slot = vector.constant ? 0 : row;
  if (vector.type === 'string') return vector.values[slot]!;
  if (vector.type === 'boolean') return vector.values[slot] === 1;
  return exactAt(vector, row);
}

/**
 * A time as whole milliseconds since the epoch and nanoseconds within: exact in two doubles, and
 * comparable between buckets. Writes into `out` to spare an object per row.
 */
export function splitTime(vector: TimeVector, row: number, out: {ms: number; ns: number}): void {
  const slot = vector.constant ? 0 : row;
  if (vector.wide !== undefined) {
    const ns = vector.wide[slot]! * BigInt(vector.unitNs);
    let rest = ns % 1_000_000n;
    if (rest < 0n) rest += 1_000_000n;
    out.ms = Number((ns - rest) / 1_000_000n) + vector.startMs;
    out.ns = Number(rest);
    return;
  }
  const unitsPerMs = 1_000_000 / vector.unitNs;
  const value = vector.values[slot]!;
  const ms = Math.floor(value / unitsPerMs);
  // Division rounds: near a multiple `ms` may be one too high.
  const rest = value - ms * unitsPerMs;
  out.ms = vector.startMs + (rest < 0 ? ms - 1 : ms);
  out.ns = (rest < 0 ? rest + unitsPerMs : rest) * vector.unitNs;
}

/** Nanoseconds since the epoch. */
export function timeNsAt(vector: TimeVector, row: number): bigint {
  const units = BigInt(exactAt(vector, row));
  return BigInt(vector.startMs) * 1_000_000n + units * BigInt(vector.unitNs);
}
