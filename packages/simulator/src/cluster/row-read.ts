// One row of one replica, or all of them, as storage's own scan gives them.

import type {ColumnId, TableId} from '@flotilla/base';
import type {ReplicaMachine} from '@flotilla/replica';

/** Plain JSON. */
export interface RowAddress {
  readonly table: TableId;
  readonly tag: ColumnId;
  readonly tagValue: string;
  readonly field: ColumnId;
  /** Of the time, in the bucket. */
  readonly offset: number;
  /** Version of the catalog that named it. */
  readonly plannedAt: number;
}

/** Linearizable, unless it says how stale it may be. */
export interface RowRequest extends RowAddress {
  readonly maxStalenessMs?: number | undefined;
}

export interface RowReading {
  readonly value: number;
  /** By the clock of the replica's node. */
  readonly ageMs: number;
}

/** 0 where there is no such row. */
export async function rowAt(machine: ReplicaMachine, address: RowAddress): Promise<number> {
  const {table, tag, tagValue, field, offset, plannedAt} = address;
  await machine.load();
  const scan = machine.scan({
    table,
    startOffset: offset,
    endOffset: offset + 1,
    plannedAt,
    tags: {op: 'in', column: tag, values: [tagValue]},
    fields: [{column: field, type: 'float'}],
  });
  try {
    let value = 0;
    for (let chunks = await scan.next(); chunks !== undefined; chunks = await scan.next())
      for (const {rowCount, columns} of chunks) {
        const values = columns[0]?.values;
        if (rowCount > 0 && values?.type === 'float') value = values.values[0]!;
      }
    return value;
  } finally {
    scan.close();
  }
}

/** Every row of a table, as `tag offset value`, sorted. */
export async function rowsOf(
  machine: ReplicaMachine,
  {table, tag, field}: Pick<RowAddress, 'table' | 'tag' | 'field'>,
): Promise<string[]> {
  const fields = [{column: field, type: 'float' as const}];
  await machine.load();
  const scan = machine.scan({table, startOffset: 0, endOffset: Number.MAX_SAFE_INTEGER, fields});
  const rows: string[] = [];
  try {
    for (let chunks = await scan.next(); chunks !== undefined; chunks = await scan.next())
      for (const {series, rowCount, offsets, columns} of chunks) {
        const values = columns[0]?.values;
        for (let row = 0; row < rowCount; row++) {
          const value = values?.type === 'float' ? values.values[row] : undefined;
          rows.push(`${scan.tagValue(series, tag)} ${offsets[row]} ${value}`);
        }
      }
  } finally {
    scan.close();
  }
  return rows.sort();
}
