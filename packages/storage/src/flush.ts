// A frozen memtable written as one part.

import type {SeriesId, TableId} from '@flotilla/base';
import {MaskedSeries} from './masked-series.ts';
import type {Memtable} from './memtable.ts';
import {PartWriter, type PartWriterOptions, type WrittenPart} from './part-writer.ts';
import type {SeriesIndex} from './series-index.ts';
import {rowsPerSlice} from './slices.ts';

export interface FlushOptions extends PartWriterOptions {
  readonly memtable: Memtable;
  readonly index: SeriesIndex;
}

/** Requires a memtable that nobody appends to any more, with rows in it; those deleted are left out. */
export async function writeMemtable(options: FlushOptions): Promise<WrittenPart> {
  const {memtable} = options;
  const writer = await PartWriter.create(options, false);
  return writer.write(async () => {
    for (const table of memtable.tableIds()) await writeTable(options, writer, table);
  });
}

async function writeTable(
  {memtable, index, slices}: FlushOptions,
  writer: PartWriter,
  tableId: TableId,
): Promise<void> {
  const table = memtable.table(tableId)!;
  const view = table.view();
  const fields = [...table.columnTypes()]
    .map(([column, type]) => ({column, type}))
    .sort((a, b) => a.column - b.column);
  const range = {startOffset: Number.NEGATIVE_INFINITY, endOffset: Number.POSITIVE_INFINITY};
  const masksOfTable = memtable.masksOf(tableId);
  const masked = await MaskedSeries.of(masksOfTable, index, slices);
  writer.beginTable(tableId, fields);
  for (const id of table.seriesIds()) {
    const series = id as SeriesId;
    const choice = {...range, masks: masked.masksOf(series, masksOfTable)};
    for (const rows of view.piecesOf(series, fields, choice, rowsPerSlice(fields.length))) {
      if (rows !== undefined) await writer.addRows(series, rows);
      const due = slices.due();
      if (due !== undefined) await due;
    }
  }
  await writer.endTable();
}
