// What a replica holds of each table, for whoever looks: of parts and memtables together.

import type {TableId} from '@flotilla/base';
import type {Memtable} from './memtable.ts';
import type {Part} from './part.ts';

export interface TableCounts {
  readonly table: TableId;
  /** Rows as written: duplicates and deleted ones count until they are compacted away. */
  readonly rowCount: number;
  readonly seriesCount: number;
  readonly isDropped: boolean;
}

export function rowCounts(
  parts: readonly Part[],
  memtables: readonly Memtable[],
): ReadonlyMap<TableId, number> {
  const rows = new Map<TableId, number>();
  const add = (table: TableId, count: number) => rows.set(table, (rows.get(table) ?? 0) + count);
  for (const {record} of parts) for (const {table, rowCount} of record.tables) add(table, rowCount);
  for (const memtable of memtables)
    for (const table of memtable.tableIds()) add(table, memtable.table(table)!.rowCount);
  return rows;
}
