// A frozen memtable written as one part.

import type {SeriesId, TableId} from '@flotilla/base';
import type {Memtable} from './memtable.ts';
import {PartWriter, type PartWriterOptions, type WrittenPart} from './part-writer.ts';
import {rowsPerSlice} from './slices.ts';

export interface FlushOptions extends PartWriterOptions {
  readonly memtable: Memtable;
}

/** Requires a memtable that nobody appends to any more, with rows in it. */
export async function writeMemtable(options: FlushOptions): Promise<WrittenPart> {
  const {memtable} = options;
  const writer = await PartWriter.create(options);
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
