// A plain model of one replica: its rows in a map, and what writes, deletes and dropped tables make of them.
// Its world: two tables, two tags, one field of each type.

import type {ColumnId, TableId} from '@flotilla/base';
import {
  type ColumnValues,
  encodeSeriesKey,
  type FieldType,
  type ScanSpec,
  type Share,
  type TableScan,
  type TagPredicate,
} from '@flotilla/column';
import {expect} from 'vitest';
import type {ReplicaStorage} from './replica-storage.ts';

export const TYPES: readonly FieldType[] = ['float', 'integer', 'unsigned', 'boolean', 'string'];
export const HOST = 1 as ColumnId;
export const REGION = 2 as ColumnId;
const FIRST_FIELD = 3;
const FIELDS = TYPES.map((type, i) => ({column: (FIRST_FIELD + i) as ColumnId, type}));

export type Value = number | bigint | boolean | string;

export interface Point {
  readonly table: number;
  readonly host: number;
  readonly region: number;
  readonly offset: number;
  readonly values: readonly (Value | undefined)[];
}

export interface Query {
  readonly table: number;
  readonly start: number;
  readonly length: number;
  readonly fields: readonly number[];
  readonly tags: TagPredicate | undefined;
}

function tagsOf(point: {host: number; region: number}): {column: ColumnId; value: string}[] {
  const tags = [{column: HOST, value: `host_${point.host}`}];
  // Region 0 stands for a series without the tag.
  if (point.region > 0) tags.push({column: REGION, value: `r${point.region}`});
  return tags;
}

export function keyOf(point: Point): Uint8Array {
  return encodeSeriesKey(point.table as TableId, tagsOf(point));
}

function packValues(type: FieldType, values: readonly Value[]): ColumnValues {
  switch (type) {
    case 'float':
      return {type, values: Float64Array.from(values as number[])};
    case 'integer': {
      const wide = BigInt64Array.from(values as bigint[]);
      const doubles = Float64Array.from(values as bigint[], Number);
      return doubles.some((each) => Math.abs(each) >= 2 ** 53)
        ? {type, values: doubles, wide}
        : {type, values: doubles};
    }
    case 'unsigned': {
      const wide = BigUint64Array.from(values as bigint[]);
      const doubles = Float64Array.from(values as bigint[], Number);
      return doubles.some((each) => each >= 2 ** 53)
        ? {type, values: doubles, wide}
        : {type, values: doubles};
    }
    case 'boolean':
      return {type, values: Uint8Array.from(values as boolean[], Number)};
    case 'string': {
      const texts = values.map((value) => Buffer.from(value as string));
      let end = 0;
      const ends = Uint32Array.from(texts, (text) => (end += text.length));
      return {type, ends, bytes: new Uint8Array(Buffer.concat(texts))};
    }
  }
}

export function shareOf(points: readonly Point[], storage: ReplicaStorage): Share {
  const tables = [...new Set(points.map(({table}) => table))].map((table) => {
    const rows = points.filter((point) => point.table === table);
    const series: (Uint8Array | number)[] = [];
    const known = new Map<string, number>();
    const seriesOfRow = Int32Array.from(rows, (point) => {
      const key = keyOf(point);
      const text = Buffer.from(key).toString('hex');
      let at = known.get(text);
      if (at === undefined) {
        at = series.push(storage.seriesId(key) ?? key) - 1;
        known.set(text, at);
      }
      return at;
    });
    const columns = FIELDS.flatMap(({column, type}, field) => {
      const at = rows.flatMap(({values}, row) => (values[field] === undefined ? [] : [row]));
      if (at.length === 0) return [];
      const values = packValues(
        type,
        at.map((row) => rows[row]!.values[field]!),
      );
      const isDense = at.length === rows.length;
      return [{column, count: at.length, rows: isDense ? undefined : Int32Array.from(at), values}];
    });
    return {
      table: table as TableId,
      rowCount: rows.length,
      series,
      seriesOfRow,
      offsets: Float64Array.from(rows, ({offset}) => offset),
      columns,
    };
  });
  return {router: {incarnation: 1, sequence: 1}, tables};
}

type Row = Map<number, Value>;

/** What a reader may see, in plain maps. */
export class Model {
  readonly tables = new Map<number, Map<string, {point: Point; rows: Map<number, Row>}>>();
  readonly dropped = new Set<number>();
  readonly purged = new Set<number>();
  expiredBefore = 0;

  write(points: readonly Point[]): boolean {
    if (points.some(({table}) => this.isDead(table))) return false;
    for (const point of points) {
      const table = this.tables.get(point.table) ?? new Map();
      this.tables.set(point.table, table);
      const key = Buffer.from(keyOf(point)).toString('hex');
      const series = table.get(key) ?? {point, rows: new Map()};
      table.set(key, series);
      const row: Row = series.rows.get(point.offset) ?? new Map();
      series.rows.set(point.offset, row);
      point.values.forEach((value, field) => {
        if (value !== undefined) row.set(field, value);
      });
    }
    return true;
  }

  isDead(table: number): boolean {
    return this.dropped.has(table) || this.purged.has(table);
  }

  delete({table, start, length, tags}: Query): boolean {
    if (this.isDead(table)) return false;
    for (const {point, rows} of this.tables.get(table)?.values() ?? []) {
      if (tags !== undefined && holds(tags, point) !== true) continue;
      for (const offset of [...rows.keys()])
        if (offset >= start && offset < start + length) rows.delete(offset);
    }
    return true;
  }

  scan(query: Query): string[] {
    if (this.isDead(query.table)) return [];
    const lines: string[] = [];
    for (const {point, rows} of this.tables.get(query.table)?.values() ?? []) {
      if (query.tags !== undefined && holds(query.tags, point) !== true) continue;
      for (const [offset, row] of rows) {
        if (offset < Math.max(query.start, this.expiredBefore)) continue;
        if (offset >= query.start + query.length) continue;
        lines.push(
          line(
            point,
            offset,
            query.fields.map((field) => row.get(field)),
          ),
        );
      }
    }
    return lines.sort();
  }
}

export function line(
  point: {host: number; region: number},
  offset: number,
  values: readonly (Value | undefined)[],
): string {
  const texts = values.map((value) => (Object.is(value, -0) ? '-0' : String(value)));
  return `${point.host}/${point.region}@${String(offset).padStart(12, '0')} ${texts.join(' ')}`;
}

/** Three-valued, the slow way; undefined is unknown. */
function holds(predicate: TagPredicate, point: Point): boolean | undefined {
  switch (predicate.op) {
    case 'and':
    case 'or': {
      const truths = predicate.of.map((each) => holds(each, point));
      const decides = predicate.op === 'or';
      if (truths.includes(decides)) return decides;
      return truths.includes(undefined) ? undefined : !decides;
    }
    case 'not': {
      const truth = holds(predicate.of, point);
      return truth === undefined ? undefined : !truth;
    }
    case 'null':
      return tagOf(point, predicate.column) === undefined;
    default: {
      const value = tagOf(point, predicate.column);
      return value === undefined ? undefined : holdsFor(predicate, value);
    }
  }
}

function tagOf(point: Point, column: ColumnId): string | undefined {
  return tagsOf(point).find((tag) => tag.column === column)?.value;
}

function holdsFor(
  predicate: Extract<TagPredicate, {op: 'in' | 'compare' | 'match'}>,
  value: string,
): boolean {
  switch (predicate.op) {
    case 'in':
      return predicate.values.includes(value);
    case 'match':
      return new RegExp(predicate.pattern, predicate.ignoreCase ? 'i' : '').test(value);
    case 'compare': {
      const order = value < predicate.value ? -1 : value > predicate.value ? 1 : 0;
      return {'<': order < 0, '<=': order <= 0, '>': order > 0, '>=': order >= 0}[predicate.with];
    }
  }
}

export function valueAt(values: ColumnValues, row: number): Value {
  switch (values.type) {
    case 'float':
      return values.values[row]!;
    case 'boolean':
      return values.values[row] === 1;
    case 'string': {
      const start = row === 0 ? 0 : values.ends[row - 1]!;
      return Buffer.from(values.bytes.subarray(start, values.ends[row]!)).toString();
    }
    default:
      return values.wide?.[row] ?? BigInt(values.values[row]!);
  }
}

/** All rows as lines; checks the contract of TableScan on the way. */
export async function linesOf(scan: TableScan): Promise<string[]> {
  const lines: string[] = [];
  let series = -1;
  let offset = -1;
  for (let chunks = await scan.next(); chunks !== undefined; chunks = await scan.next()) {
    expect(chunks.length).toBeGreaterThan(0);
    for (const chunk of chunks) {
      expect(chunk.series).toBeGreaterThanOrEqual(series);
      if (chunk.series !== series) offset = -1;
      series = chunk.series;
      const host = Number(scan.tagValue(chunk.series, HOST)!.slice('host_'.length));
      const region = Number(scan.tagValue(chunk.series, REGION)?.slice(1) ?? 0);
      for (let row = 0; row < chunk.rowCount; row++) {
        expect(chunk.offsets[row]).toBeGreaterThan(offset);
        offset = chunk.offsets[row]!;
        const values = chunk.columns.map((column) =>
          column === undefined || column.present?.[row] === 0
            ? undefined
            : valueAt(column.values, row),
        );
        lines.push(line({host, region}, offset, values));
      }
    }
  }
  scan.close();
  return lines.sort();
}

export function specOf(query: Query): ScanSpec {
  return {
    table: query.table as TableId,
    startOffset: query.start,
    endOffset: query.start + query.length,
    tags: query.tags,
    fields: query.fields.map((field) => FIELDS[field]!),
  };
}

export const EVERYTHING: readonly Query[] = [1, 2].map((table) => ({
  table,
  start: 0,
  length: 2 ** 40,
  fields: [0, 1, 2, 3, 4],
  tags: undefined,
}));

/** `count` rows of one series, `step` apart, with values that tell which write made them. */
export function series(
  host: number,
  {start = 0, count, step}: {start?: number; count: number; step: number},
  mark: number,
  fields: readonly number[] = [0, 1, 4],
): Point[] {
  return Array.from({length: count}, (_, i) => ({
    table: 1,
    host,
    region: host % 3,
    offset: start + i * step,
    values: TYPES.map((type, field) => {
      if (!fields.includes(field)) return undefined;
      if (type === 'float') return mark + i / 4;
      return type === 'string' ? `text ${mark} ${i % 5}` : BigInt(mark * 1_000 + i);
    }),
  }));
}

export const WHOLE_TABLE = EVERYTHING[0]!;

export const deleteOf = (table: number, start: number, length: number, host?: number): Query => ({
  table,
  start,
  length,
  fields: [],
  tags: host === undefined ? undefined : {op: 'in', column: HOST, values: [`host_${host}`]},
});
