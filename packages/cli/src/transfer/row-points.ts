// A row between its two forms: cells of CSV, by the order of `columnsOf`, and a point of line protocol.

import {type FieldValue, lineOfPoint, type Point, Unsigned} from '@flotilla/client';
import type {CsvCell} from './csv-reader.ts';
import type {FieldType, TableShape} from './table-shape.ts';

export interface RowLine {
  /** Undefined: nothing of the row is left. */
  readonly line: string | undefined;
  /** Fields that line protocol has no form for: NaN and the infinities. */
  readonly valuesLeftOut: number;
}

/**
 * The row as a line, without its end. Throws TypeError for a row that line protocol has no form for as a whole:
 * a name or a tag with a newline or a backslash at its end.
 */
export function lineOfCells(
  shape: TableShape,
  cells: readonly CsvCell[],
  unit: TimeUnit = 'ns',
): RowLine {
  const {point, valuesLeftOut} = pointOfCells(shape, cells, unit);
  const isEmpty = Object.keys(point.fields).length === 0;
  return {line: isEmpty ? undefined : lineOfPoint(point), valuesLeftOut};
}

function pointOfCells(
  {name, tags, fields}: TableShape,
  cells: readonly CsvCell[],
  unit: TimeUnit,
): {readonly point: Point; readonly valuesLeftOut: number} {
  const time = nsOfTime(cells[0] ?? '', unit);
  // Without a prototype: `__proto__` is a name like any other.
  const named = Object.create(null) as Record<string, string | undefined>;
  for (const [i, tag] of tags.entries()) named[tag] = cells[1 + i];
  const values = Object.create(null) as Record<string, FieldValue>;
  let valuesLeftOut = 0;
  for (const [i, field] of fields.entries()) {
    const cell = cells[1 + tags.length + i];
    if (cell === undefined) continue;
    const value = valueOfCell(field.type, cell);
    if (typeof value === 'number' && !Number.isFinite(value)) valuesLeftOut += 1;
    else values[field.name] = value;
  }
  return {point: {table: name, tags: named, fields: values, time}, valuesLeftOut};
}

const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const BOUNDS = {
  integer: {min: -(2n ** 63n), max: 2n ** 63n - 1n},
  unsigned: {min: 0n, max: 2n ** 64n - 1n},
};

/** Throws TypeError where the text is no value of that type. */
export function valueOfCell(type: FieldType, cell: string): FieldValue {
  switch (type) {
    case 'string':
      return cell;
    case 'boolean':
      if (/^(?:t|true)$/i.test(cell)) return true;
      if (/^(?:f|false)$/i.test(cell)) return false;
      throw new TypeError(`${shown(cell)} is no boolean: want true or false`);
    case 'float': {
      const special = /^([+-]?)(NaN|Inf(?:inity)?)$/i.exec(cell);
      if (special?.[2]?.toLowerCase() === 'nan') return Number.NaN;
      if (special !== null) return special[1] === '-' ? -Infinity : Infinity;
      const value = FLOAT.test(cell) ? Number(cell) : Number.NaN;
      if (Number.isFinite(value)) return value;
      throw new TypeError(`${shown(cell)} is no number of 64 bits`);
    }
    default:
      return wholeOfCell(type, cell);
  }
}

function wholeOfCell(type: 'integer' | 'unsigned', cell: string): FieldValue {
  if (!/^[+-]?\d{1,20}$/.test(cell)) throw new TypeError(`${shown(cell)} is no whole number`);
  const value = BigInt(cell.startsWith('+') ? cell.slice(1) : cell);
  const {min, max} = BOUNDS[type];
  if (value < min || value > max)
    throw new TypeError(`${cell} is out of the range of ${type} (64 bits)`);
  return type === 'unsigned' ? new Unsigned(value) : value;
}

const RFC3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
const NS_PER_MS = 1_000_000n;
/** By the unit in which whole numbers count. */
const NS_PER_UNIT = {ns: 1n, us: 1_000n, ms: 1_000_000n, s: 1_000_000_000n};
export type TimeUnit = keyof typeof NS_PER_UNIT;

/** Nanoseconds since 1970 of a whole number in `unit`, or of a time by RFC 3339. Throws TypeError. */
export function nsOfTime(text: string, unit: TimeUnit = 'ns'): bigint {
  if (/^-?\d{1,19}$/.test(text)) return BigInt(text) * NS_PER_UNIT[unit];
  const match = RFC3339.exec(text);
  if (match === null)
    throw new TypeError(`${shown(text)} is no time: want 2026-11-20T01:00:00Z or a whole number`);
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as Six;
  const ms = Date.UTC(year, month - 1, day, hour, minute, second);
  const date = new Date(ms);
  // The 31st of February would be some day of March.
  const isDate = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  if (!isDate || hour > 23 || minute > 59 || second > 59)
    throw new TypeError(`${shown(text)} is no time of the calendar`);
  const [fraction = '', sign, hours, minutes] = match.slice(7);
  const aheadMs = sign === undefined ? 0 : (Number(hours) * 60 + Number(minutes)) * 60_000;
  const utcMs = sign === '-' ? ms + aheadMs : ms - aheadMs;
  return BigInt(utcMs) * NS_PER_MS + BigInt(fraction.padEnd(9, '0'));
}

type Six = [number, number, number, number, number, number];

/** Of a wrong cell, enough to know it by. */
function shown(cell: string): string {
  return JSON.stringify(cell.length > 60 ? `${cell.slice(0, 60)}..` : cell);
}
