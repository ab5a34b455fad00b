// What a replica holds, for whoever looks: its parts, its tables, what of it is in memory, and what a compaction
// would do next. Told from the manifest's records and from counts in memory: reads no file, and needs no series
// to be loaded.

import type {TableId} from '@flotilla/base';
import {leftOutParts, type MergeFailures, nextCompaction} from './compaction.ts';
import type {Memtable} from './memtable.ts';
import type {ReplicaState} from './replica-state.ts';

export interface StoredPart {
  readonly file: string;
  readonly bytes: number;
  readonly rowCount: number;
  /** It holds the effect of the log entries in (lo, hi]. */
  readonly lo: number;
  readonly hi: number;
  /** Its merges failed: no compaction takes it any more. */
  readonly isLeftOut?: true | undefined;
}

/** Rows as written: duplicates and deleted ones count until they are compacted away. */
export interface StoredTable {
  readonly table: TableId;
  readonly partRows: number;
  readonly memtableRows: number;
}

export interface StorageView {
  readonly isLoaded: boolean;
  readonly seriesCount: number;
  /** From the oldest log range to the newest. */
  readonly parts: readonly StoredPart[];
  readonly keyBytes: number;
  readonly memtableBytes: number;
  readonly indexBytes: number;
  /** Deletes that still hide rows. */
  readonly tombstones: number;
  readonly tables: readonly StoredTable[];
  /** Memtables on their way to disk. */
  readonly flushes: number;
  /** Under way, and those that wait for them. */
  readonly compactions: number;
  /** Parts that no compaction takes any more. */
  readonly leftOut: number;
  /** What the next one would merge; absent where nothing is due. */
  readonly due?: {readonly parts: number; readonly bytes: number} | undefined;
}

interface Held {
  readonly state: ReplicaState;
  readonly failures: MergeFailures;
  /** The active one is the last. */
  readonly memtables: readonly Memtable[];
  readonly counts: Pick<
    StorageView,
    'isLoaded' | 'seriesCount' | 'memtableBytes' | 'indexBytes' | 'tombstones' | 'compactions'
  >;
}

export function viewOf({state, failures, memtables, counts}: Held): StorageView {
  const leftOut = leftOutParts(state, failures);
  const parts = state.parts.map((record): StoredPart => {
    const {file, bytes, lo, hi, tables} = record;
    const rowCount = sum(tables.map((table) => table.rowCount));
    return {file, bytes, lo, hi, rowCount, ...(leftOut.includes(record) && {isLeftOut: true})};
  });
  const plan = nextCompaction(state, failures);
  const merged = plan === undefined ? [] : parts.slice(plan.start, plan.end);
  return {
    ...counts,
    parts,
    keyBytes: sum(state.keyFiles.map(({bytes}) => bytes)),
    tables: tablesOf(state, memtables),
    flushes: memtables.length - 1,
    leftOut: leftOut.length,
    due: plan && {parts: merged.length, bytes: sum(merged.map(({bytes}) => bytes))},
  };
}

function tablesOf({parts}: ReplicaState, memtables: readonly Memtable[]): StoredTable[] {
  const partRows = new Map<TableId, number>();
  const memtableRows = new Map<TableId, number>();
  for (const {table, rowCount} of parts.flatMap(({tables}) => tables))
    partRows.set(table, (partRows.get(table) ?? 0) + rowCount);
  for (const memtable of memtables)
    for (const id of memtable.tableIds())
      memtableRows.set(id, (memtableRows.get(id) ?? 0) + memtable.table(id)!.rowCount);
  return [...new Set([...partRows.keys(), ...memtableRows.keys()])]
    .sort((a, b) => a - b)
    .map((table) => ({
      table,
      partRows: partRows.get(table) ?? 0,
      memtableRows: memtableRows.get(table) ?? 0,
    }));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
