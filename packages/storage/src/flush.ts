// A frozen memtable written as one part.

import type {SeriesId, TableId} from '@flotilla/base';
import {MaskedSeries} from './masked-series.ts';
import type {Memtable} from './memtable.ts';
import type {Field, MemtableView} from './memtable-view.ts';
import {sharesThin, THIN_ROWS} from './part-format.ts';
import {
  PartWriter,
  type PartWriterOptions,
  type ThinSeries,
  type WrittenPart,
} from './part-writer.ts';
import type {SeriesIndex} from './series-index.ts';
import {TEXT_BYTES_MAX} from './series-rows.ts';
import {rowsPerSlice, thinRowsPerSlice} from './slices.ts';

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
  {memtable, index, slices, version}: FlushOptions,
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
  const pieceRows = rowsPerSlice(fields.length);
  const thin = new ThinGathering(view, fields);
  for (const id of table.seriesIds()) {
    const series = id as SeriesId;
    const masks = masked.masksOf(series, masksOfTable);
    if (sharesThin(version) && masks.length === 0 && thin.take(series)) {
      if (!thin.isFull) continue;
      await writer.addThinSeries(thin.gather());
      const due = slices.due();
      if (due !== undefined) await due;
      continue;
    }
    if (!thin.isEmpty) await writer.addThinSeries(thin.gather());
    for (const rows of view.piecesOf(series, fields, {...range, masks}, pieceRows)) {
      if (rows !== undefined) await writer.addRows(series, rows);
      const due = slices.due();
      if (due !== undefined) await due;
    }
  }
  if (!thin.isEmpty) await writer.addThinSeries(thin.gather());
  await writer.endTable();
}

/**
 * Series of few rows, whose values are gathered together: to make an array for each column of each takes several
 * times as long as to fill them.
 */
class ThinGathering {
  readonly #view: MemtableView;
  readonly #fields: readonly Field[];
  readonly #rows: Int32Array;
  readonly #rowsMax: number;
  #count = 0;
  #series: SeriesId[] = [];
  #ends: number[] = [];

  constructor(view: MemtableView, fields: readonly Field[]) {
    this.#view = view;
    this.#fields = fields;
    const longRows = Math.floor(TEXT_BYTES_MAX / view.textBytesPerRow());
    this.#rowsMax = Math.max(1, Math.min(thinRowsPerSlice(fields.length), longRows));
    this.#rows = new Int32Array(this.#rowsMax + THIN_ROWS);
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  get isFull(): boolean {
    return this.#count >= this.#rowsMax;
  }

  /** False: it has many rows, or they have to be put in order. Requires that it is not full. */
  take(series: SeriesId): boolean {
    const place = {out: this.#rows, at: this.#count};
    const count = this.#view.copyOrdered(series, THIN_ROWS, place);
    if (count <= 0) return count === 0;
    this.#count += count;
    this.#series.push(series);
    this.#ends.push(this.#count);
    return true;
  }

  /** All that were taken. */
  gather(): ThinSeries {
    const rows = this.#view.gather(this.#fields, this.#rows.subarray(0, this.#count));
    const taken = {series: this.#series, ends: this.#ends, rows};
    this.#count = 0;
    this.#series = [];
    this.#ends = [];
    return taken;
  }
}
