// A frozen memtable written as one part.

import type {Disk, SeriesId, TableId} from '@flotilla/base';
import type {BlockCut} from './block-cut.ts';
import type {Memtable} from './memtable.ts';
import {PartWriter, type WrittenPart} from './part-writer.ts';
import {rowsPerSlice, type Slices} from './slices.ts';

export interface FlushOptions {
  readonly disk: Disk;
  readonly path: string;
  readonly cut: BlockCut;
  readonly memtable: Memtable;
  readonly slices: Slices;
}

/** Requires a memtable that nobody appends to any more, with rows in it. */
export async function writeMemtable(options: FlushOptions): Promise<WrittenPart> {
  const {disk, path, cut, memtable} = options;
  const writer = await PartWriter.create(disk, path, cut);
  return writer.write(async () => {
    for (const table of memtable.tableIds()) await writeTable(options, writer, table);
  });
}

async function writeTable(
  {memtable, slices}: FlushOptions,
  writer: PartWriter,
  tableId: TableId,
): Promise<void> {
  const table = memtable.table(tableId)!;
  const view = table.view();
  const fields = [...table.columnTypes()]
    .map(([column, type]) => ({column, type}))
    .sort((a, b) => a.column - b.column);
  const range = {startOffset: Number.NEGATIVE_INFINITY, endOffset: Number.POSITIVE_INFINITY};
  writer.beginTable(tableId, fields);
  for (const id of table.seriesIds()) {
    const series = id as SeriesId;
    for (const rows of view.piecesOf(series, fields, range, rowsPerSlice(fields.length))) {
      await writer.addRows(series, rows);
      const due = slices.spend(rows.rowCount * (fields.length + 1));
      if (due !== undefined) await due;
    }
  }
  await writer.endTable();
}
