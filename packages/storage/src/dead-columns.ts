// Which columns of which tables are dead: writes that name one are refused, whether as a field or as
// a tag of a series. Rows keep what they have of them until their part is merged; nobody asks for it.
// Changed only by log entries, so replicas agree, and an id that is dead stays so.

import type {ColumnId, TableId} from '@flotilla/base';
import {decodeSeriesKey, type ShareTable} from '@flotilla/column';
import type {Part} from './part.ts';
import type {SeriesIndex} from './series-index.ts';

/** Plain JSON: it stands in manifests. */
export interface DeadColumnIds {
  readonly table: TableId;
  readonly columns: readonly ColumnId[];
}

export class DeadColumns {
  readonly #tables = new Map<TableId, Set<ColumnId>>();

  constructor(dead: Iterable<DeadColumnIds>) {
    for (const {table, columns} of dead) this.#tables.set(table, new Set(columns));
  }

  has(table: TableId, column: ColumnId): boolean {
    return this.#tables.get(table)?.has(column) ?? false;
  }

  add(table: TableId, column: ColumnId): void {
    const columns = this.#tables.get(table);
    if (columns === undefined) this.#tables.set(table, new Set([column]));
    else columns.add(column);
  }

  /** The table is dead for ever: its columns need no memory of their own. */
  forget(table: TableId): void {
    this.#tables.delete(table);
  }

  /** The first dead column that the rows name. */
  namedBy(share: ShareTable, index: SeriesIndex): ColumnId | undefined {
    const dead = this.#tables.get(share.table);
    if (dead === undefined) return undefined;
    const field = share.columns.find(({column}) => dead.has(column));
    if (field !== undefined) return field.column;
    for (const series of share.series) {
      const key = typeof series === 'number' ? index.key(series as never) : series;
      const tag = decodeSeriesKey(key).tags.find(({column}) => dead.has(column));
      if (tag !== undefined) return tag.column;
    }
    return undefined;
  }

  list(): DeadColumnIds[] {
    return [...this.#tables]
      .map(([table, columns]) => ({table, columns: [...columns].sort((a, b) => a - b)}))
      .sort((a, b) => a.table - b.table);
  }
}

/** Whether a merge would leave out values of columns that are dead. */
export async function holdDeadColumns(
  parts: readonly Part[],
  {deadColumns}: {readonly deadColumns: readonly DeadColumnIds[]},
): Promise<boolean> {
  for (const {table, columns} of deadColumns)
    for (const part of parts) {
      if (!part.has(table)) continue;
      const {fields} = await part.tableIndex(table);
      if (fields.some(({column}) => columns.includes(column))) return true;
    }
  return false;
}
