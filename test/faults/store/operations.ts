// What is written to a store that is killed again and again: each operation follows from a seed and its number,
// so that whoever knows the two knows what must be there. Few hosts and times, so that most rows are written more
// than once; some late, some deleted, tables dropped, recovered and purged on the way.

import {type ColumnId, SeededRandom, type TableId} from '@flotilla/base';
import {
  type ColumnValues,
  type Deletion,
  encodeSeriesKey,
  encodeShare,
  type FieldType,
  type ShareColumn,
  type ShareTable,
} from '../../../packages/column/src/index.ts';
import type {ControlCommand} from '../../../packages/replica/src/index.ts';

const HOST = 1 as ColumnId;
const TYPES: readonly FieldType[] = ['float', 'integer', 'string', 'boolean'];
export const FIELDS = TYPES.map((type, i) => ({column: (10 + i) as ColumnId, type}));

/** Never dropped. */
export const KEPT = 1 as TableId;
/** Dropped and had back. */
const TRASHED = 2 as TableId;
/** From here on each table is purged in the end, and the next one takes its place. */
const FIRST_PURGED = 3;
/** Of the operations, from the first write to a table until it is purged. */
const PURGED_AFTER = 60;

const HOSTS = 6;
const TIMES = 120;
const TIME_STEP = 1_000;
const ROWS_MAX = 40;

type Value = number | boolean | string;

interface Row {
  readonly host: number;
  readonly offset: number;
  /** By field; undefined: not written. */
  readonly values: readonly (Value | undefined)[];
}

export type Operation =
  | {readonly type: 'write'; readonly table: TableId; readonly rows: readonly Row[]}
  | {readonly type: 'delete'; readonly deletion: Deletion; readonly hosts: readonly number[]}
  | {readonly type: 'control'; readonly control: ControlCommand};

export function operationOf(seed: number, number: number): Operation {
  const random = new SeededRandom((seed * 1_000_003 + number) % 2 ** 32);
  const purged = (FIRST_PURGED + Math.floor(number / PURGED_AFTER)) as TableId;
  switch (number % PURGED_AFTER) {
    case 20:
      return {type: 'control', control: {type: 'drop-table', table: TRASHED}};
    case 27:
      return {type: 'control', control: {type: 'recover-table', table: TRASHED}};
    case 59:
      return {type: 'control', control: {type: 'purge-table', table: purged}};
    default:
      break;
  }
  if (random.below(8) === 0) return deleteOf(random, random.below(2) === 0 ? KEPT : TRASHED);
  const table = [KEPT, KEPT, TRASHED, purged][random.below(4)]!;
  return {type: 'write', table, rows: rowsOf(random, number)};
}

export function tableOf(operation: Operation): TableId {
  if (operation.type === 'write') return operation.table;
  return operation.type === 'delete' ? operation.deletion.table : operation.control.table;
}

function deleteOf(random: SeededRandom, table: TableId): Operation {
  const hosts = [hostOf(random.below(HOSTS)), hostOf(random.below(HOSTS))];
  const startOffset = random.below(TIMES) * TIME_STEP;
  const endOffset = startOffset + random.below(TIMES / 2) * TIME_STEP;
  const tags = {op: 'in', column: HOST, values: hosts.map(nameOf)} as const;
  return {type: 'delete', hosts, deletion: {table, startOffset, endOffset, tags}};
}

/** One host in order, as most rows come, or any rows in any order, as late ones do. */
function rowsOf(random: SeededRandom, number: number): Row[] {
  const isLate = random.below(3) === 0;
  const host = random.below(HOSTS);
  const first = (number * 7) % TIMES;
  return Array.from({length: 1 + random.below(ROWS_MAX)}, (_, i) => {
    const time = isLate ? random.below(TIMES) : (first + i) % TIMES;
    const values = TYPES.map((type) =>
      random.below(4) === 0 ? undefined : anyValue(random, type, number),
    );
    // A row without any value is none.
    values[1] ??= number * 100 + i;
    return {host: hostOf(isLate ? random.below(HOSTS) : host), offset: time * TIME_STEP, values};
  });
}

function anyValue(random: SeededRandom, type: FieldType, number: number): Value {
  if (type === 'boolean') return random.below(2) === 1;
  if (type === 'string') return `text ${number} ${random.below(5)}`;
  return type === 'float' ? random.next() : number * 100 + random.below(100);
}

const hostOf = (number: number): number => number + 1;
const nameOf = (host: number): string => `host_${host}`;

/** @param sequence of the operation: sent again under the same, it is applied once. */
export function shareOf(
  {table, rows}: Extract<Operation, {type: 'write'}>,
  sequence: number,
): Uint8Array {
  const hosts = [...new Set(rows.map(({host}) => host))];
  const columns = FIELDS.flatMap(({column, type}, field): ShareColumn[] => {
    const at = rows.flatMap(({values}, row) => (values[field] === undefined ? [] : [row]));
    if (at.length === 0) return [];
    const packed = packValues(
      type,
      at.map((row) => rows[row]!.values[field]!),
    );
    const isFull = at.length === rows.length;
    return [
      {column, count: at.length, rows: isFull ? undefined : Int32Array.from(at), values: packed},
    ];
  });
  const shareTable: ShareTable = {
    table,
    rowCount: rows.length,
    series: hosts.map((host) => encodeSeriesKey(table, [{column: HOST, value: nameOf(host)}])),
    seriesOfRow: Int32Array.from(rows, ({host}) => hosts.indexOf(host)),
    offsets: Float64Array.from(rows, ({offset}) => offset),
    columns,
  };
  return encodeShare({router: {incarnation: 1, sequence}, tables: [shareTable]});
}

function packValues(type: FieldType, values: readonly Value[]): ColumnValues {
  if (type === 'boolean') return {type, values: Uint8Array.from(values as boolean[], Number)};
  if (type === 'string') {
    const texts = values.map((value) => Buffer.from(value as string));
    let end = 0;
    const ends = Uint32Array.from(texts, (text) => (end += text.length));
    return {type, ends, bytes: new Uint8Array(Buffer.concat(texts))};
  }
  return {type, values: Float64Array.from(values as number[])} as ColumnValues;
}

/** What a reader may see once the operations so far are applied. */
export class Model {
  readonly #rows = new Map<TableId, Map<string, (Value | undefined)[]>>();
  readonly #hidden = new Set<TableId>();
  readonly #purged = new Set<TableId>();

  apply(operation: Operation): void {
    switch (operation.type) {
      case 'write':
        this.#write(operation);
        return;
      case 'delete':
        this.#delete(operation);
        return;
      case 'control': {
        const {type, table} = operation.control;
        if (type === 'drop-table') this.#hidden.add(table);
        if (type === 'recover-table') this.#hidden.delete(table);
        if (type === 'purge-table') this.#purged.add(table);
      }
    }
  }

  /** Of all tables, as `lineOf` makes them. */
  lines(): string[] {
    const lines: string[] = [];
    for (const [table, rows] of this.#rows) {
      if (this.#isDead(table)) continue;
      for (const [key, values] of rows) lines.push(lineOf(table, key, values));
    }
    return lines.sort();
  }

  tables(): TableId[] {
    return [...this.#rows.keys()];
  }

  #isDead(table: TableId): boolean {
    return this.#hidden.has(table) || this.#purged.has(table);
  }

  #write({table, rows}: Extract<Operation, {type: 'write'}>): void {
    if (this.#isDead(table)) return;
    const present = this.#rows.get(table) ?? new Map<string, (Value | undefined)[]>();
    this.#rows.set(table, present);
    for (const {host, offset, values} of rows) {
      const key = keyOf(nameOf(host), offset);
      const before = present.get(key);
      present.set(
        key,
        values.map((value, field) => value ?? before?.[field]),
      );
    }
  }

  #delete({deletion, hosts}: Extract<Operation, {type: 'delete'}>): void {
    const {table, startOffset, endOffset} = deletion;
    if (this.#isDead(table)) return;
    const rows = this.#rows.get(table);
    for (const host of hosts)
      for (let offset = startOffset; offset < endOffset; offset += TIME_STEP)
        rows?.delete(keyOf(nameOf(host), offset));
  }
}

export const keyOf = (host: string | undefined, offset: number): string => `${host}@${offset}`;

export const lineOf = (table: number, key: string, values: readonly unknown[]): string =>
  `${table} ${key} ${values.map(String).join(' ')}`;
