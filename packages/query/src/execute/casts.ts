// CAST between the types of values. Text that does not read as the wanted type is an error that shows
// the text; numbers out of range are too. A float becomes the nearest integer, ties to even, as in
// PostgreSQL.

import {DbError} from '@flotilla/base';
import type {ValueType} from '../plan/plan.ts';
import {formatTime, parseTime} from '../sql/time-text.ts';
import {checkRange, mapExact, newWide} from './numbers.ts';
import {absoluteTimes} from './time-bins.ts';
import {
  type BooleanVector,
  isNull,
  type NumberVector,
  type Scalar,
  type StringVector,
  scalarAt,
  splitTime,
  type TimeVector,
  timeNsAt,
  type Vector,
} from './vector.ts';

export function castVector(vector: Vector, to: ValueType, rowCount: number): Vector {
  if (vector.type === to) return vector;
  const count = vector.constant ? 1 : rowCount;
  switch (to) {
    case 'float':
      return toFloat(vector, count);
    case 'integer':
    case 'unsigned':
      return toInteger(vector, to, count);
    case 'string':
      return toText(vector, count);
    case 'boolean':
      return toBoolean(vector, count);
    case 'time':
      return toTime(vector, count);
  }
}

function shape(vector: Vector): {present?: Uint8Array | undefined; constant: boolean} {
  return {present: vector.present, constant: vector.constant};
}

function toFloat(vector: Vector, count: number): NumberVector {
  if (vector.type === 'integer' || vector.type === 'unsigned') {
    return {type: 'float', values: vector.values, ...shape(vector)};
  }
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    if (!isNull(vector, i)) values[i] = floatOf(scalarAt(vector, i));
  }
  return {type: 'float', values, ...shape(vector)};
}

function floatOf(value: Scalar): number {
  if (typeof value !== 'string') return Number(value);
  const text = value.trim();
  const number = /^[+-]?inf(inity)?$/i.test(text)
    ? text.startsWith('-')
      ? -Infinity
      : Infinity
    : Number(text);
  if (text === '' || (Number.isNaN(number) && !/^nan$/i.test(text))) throw notA('number', value);
  return number;
}

function toInteger(vector: Vector, to: 'integer' | 'unsigned', count: number): NumberVector {
  if (vector.type === 'integer' || vector.type === 'unsigned') {
    if (vector.wide !== undefined || to === 'unsigned') {
      return mapExact(vector, count, (value) => value, to);
    }
    return {...vector, type: to};
  }
  const wide = newWide(to, count);
  const values = new Float64Array(count);
  let beyond = false;
  for (let i = 0; i < count; i++) {
    if (isNull(vector, i)) continue;
    const value = vector.type === 'time' ? timeNsAt(vector, i) : integerOf(scalarAt(vector, i));
    wide[i] = checkRange(value, to);
    values[i] = Number(value);
    beyond ||= !Number.isSafeInteger(values[i]);
  }
  return {type: to, values, wide: beyond ? wide : undefined, ...shape(vector)};
}

function integerOf(value: Scalar): bigint {
  if (typeof value === 'string') {
    if (!/^\s*[+-]?\d+\s*$/.test(value)) throw notA('whole number', value);
    return BigInt(value.trim().replace(/^\+/, ''));
  }
  if (typeof value !== 'number') return BigInt(value ?? 0);
  if (!Number.isFinite(value)) throw new DbError('QUERY_ERROR', `${value} has no integer`);
  return BigInt(roundHalfEven(value));
}

function roundHalfEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}

function toBoolean(vector: Vector, count: number): BooleanVector {
  const values = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    if (isNull(vector, i)) continue;
    const value = scalarAt(vector, i);
    if (typeof value === 'string') {
      if (!/^\s*(t|true|f|false)\s*$/i.test(value)) throw notA('boolean', value);
      values[i] = /^\s*t/i.test(value) ? 1 : 0;
    } else values[i] = Number(value) !== 0 ? 1 : 0;
  }
  return {type: 'boolean', values, ...shape(vector)};
}

function toTime(vector: Vector, count: number): TimeVector {
  const wide = new BigInt64Array(count);
  for (let i = 0; i < count; i++) {
    if (isNull(vector, i)) continue;
    const value = scalarAt(vector, i);
    const ns = typeof value === 'string' ? parseTime(value) : integerOf(value);
    if (ns === undefined) throw notA('time', String(value));
    wide[i] = checkRange(ns, 'time');
  }
  return absoluteTimes(wide, count, shape(vector));
}

function toText(vector: Vector, count: number): StringVector {
  const split = {ms: 0, ns: 0};
  const values: string[] = [];
  for (let i = 0; i < count; i++) {
    if (isNull(vector, i)) values.push('');
    else if (vector.type === 'time') {
      splitTime(vector, i, split);
      values.push(formatTime(split.ms, split.ns));
    } else values.push(String(scalarAt(vector, i)));
  }
  return {type: 'string', values, ...shape(vector)};
}

function notA(what: string, text: string): DbError {
  return new DbError('QUERY_ERROR', `cannot cast '${text.slice(0, 100)}': it is not a ${what}`);
}
