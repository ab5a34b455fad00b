// A checksum of all values of a replica that can be read: of its parts and tombstones at the moment of a
// flush, table by table, by way of the scan. What replicas may differ in is left out: order and cut of
// blocks, rows that something hides, tables and columns that are dead. Expiry hides rows by each node's
// own clock, so it counts for nothing here. What is put in, and in which form, is a part of the version of
// the hash (VALUES_HASH_VERSION): two builds of which each leaves out something else do not compare.

import type {ColumnId, TableId} from '@flotilla/base';
import {VALUES_HASH_VERSION, ValuesHash} from '@flotilla/column';
import type {Field, RowRange} from './memtable-view.ts';
import type {Part} from './part.ts';
import {type ReadProgress, RowsRead} from './read-progress.ts';
import type {ReplicaFiles} from './replica-files.ts';
import type {ReplicaState} from './replica-state.ts';
import {scanSources} from './scan-sources.ts';
import type {SeriesIndex} from './series-index.ts';
import type {Slices} from './slices.ts';
import {ReplicaTableScan} from './table-scan.ts';

export interface RowsChecksum {
  /** Hex. */
  readonly hash: string;
  readonly hashVersion: number;
  readonly values: number;
}

/** The parts of a durable state, kept from removal until `release`. */
export interface PinnedRows {
  readonly state: ReplicaState;
  readonly parts: readonly Part[];
  release(): void;
}

export function pinRows(files: ReplicaFiles): PinnedRows {
  const {parts, state} = files;
  for (const {file} of parts) file.retainOpen();
  return {
    state,
    parts,
    release: () => {
      for (const {file} of parts) files.release(file);
    },
  };
}

const EVERYTHING: RowRange = {
  startOffset: Number.NEGATIVE_INFINITY,
  endOffset: Number.POSITIVE_INFINITY,
};

interface Reading {
  readonly index: SeriesIndex;
  readonly slices: Slices;
}

/** Releases the rows. Throws PartDamage for a part that is. */
export async function checksumRows(
  pinned: PinnedRows,
  {progress, ...reading}: Reading & {readonly progress?: ReadProgress | undefined},
): Promise<RowsChecksum> {
  const hash = new ValuesHash();
  try {
    const tables = liveTables(pinned);
    const records = pinned.parts.map(({record}) => record);
    const read = new RowsRead(records, tables, progress?.begin(records));
    for (const table of tables) await addTable(hash, table, pinned, {...reading, read});
  } finally {
    pinned.release();
  }
  return {hash: hash.digest(), hashVersion: VALUES_HASH_VERSION, values: hash.count};
}

function liveTables({state, parts}: PinnedRows): Set<TableId> {
  const tables = new Set(parts.flatMap(({record}) => record.tables.map(({table}) => table)));
  for (const table of [...state.droppedTables, ...state.purgedTables]) tables.delete(table);
  return tables;
}

async function addTable(
  hash: ValuesHash,
  table: TableId,
  {state, parts}: PinnedRows,
  {index, slices, read}: Reading & {readonly read: RowsRead},
): Promise<void> {
  const own = parts.filter((part) => part.has(table));
  const dead = state.deadColumns.find((each) => each.table === table)?.columns ?? [];
  const fields = await liveFields(own, table, dead);
  const scan = new ReplicaTableScan({
    table,
    fields,
    range: EVERYTHING,
    ...scanSources({parts: own, memtables: [], tombstones: state.tombstones}, table, EVERYTHING),
    index,
    slices,
    series: index.select(table, undefined),
    release: () => undefined,
  });
  for (let chunks = await scan.next(); chunks !== undefined; chunks = await scan.next()) {
    for (const {series, columns, ...rows} of chunks) {
      const named = fields.map(({column: id}, i) => ({id, column: columns[i]}));
      hash.add({table, key: scan.seriesKey(series)}, rows, named);
      read.add(rows.rowCount);
      const due = slices.due();
      if (due !== undefined) await due;
    }
  }
  scan.close();
  read.end(table);
}

async function liveFields(
  parts: readonly Part[],
  table: TableId,
  dead: readonly ColumnId[],
): Promise<Field[]> {
  const fields = new Map<ColumnId, Field>();
  for (const part of parts) {
    for (const field of (await part.tableIndex(table)).fields) fields.set(field.column, field);
  }
  for (const column of dead) fields.delete(column);
  return [...fields.values()].sort((a, b) => a.column - b.column);
}
