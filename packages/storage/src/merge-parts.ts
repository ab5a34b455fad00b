// Parts merged into one, as a job says: the bytes of most blocks are copied, the others are decoded, merged
// and encoded anew. A job is plain data, so that it may be carried out wherever the files are: nothing here
// knows the replica.

import type {ColumnId, Disk, SeriesId, TableId} from '@flotilla/base';
import {BlockCut, type BucketTime} from './block-cut.ts';
import {CountedFile} from './counted-file.ts';
import {MaskedSeries, type SeriesBits} from './masked-series.ts';
import type {Field} from './memtable-view.ts';
import {OpenFiles} from './open-files.ts';
import {Part, type PartRecord} from './part.ts';
import type {BlockReference} from './part-cursor.ts';
import type {PartVersion} from './part-format.ts';
import {PartWriter, type WrittenPart} from './part-writer.ts';
import {RowsRead} from './read-progress.ts';
import {RowSource} from './row-source.ts';
import {decoded, mergeBlocks} from './series-merge.ts';
import type {SeriesRows} from './series-rows.ts';
import {type Slices, thinRowsPerSlice} from './slices.ts';
import {ThinMerge} from './thin-merge.ts';
import type {Mask} from './tombstone.ts';

export interface MergedTable {
  readonly table: TableId;
  /** Of the table; ascending. */
  readonly series: Int32Array;
  /** What hides rows of each part that has the table. */
  readonly partMasks: readonly (readonly Mask[])[];
  /** Whom these concern: its keys are the tombstones of `partMasks` themselves, in a copy as well. */
  readonly masked: SeriesBits;
  /** Their values are left out. */
  readonly deadColumns: readonly ColumnId[];
}

export interface MergeJob {
  /** Of the files, under the disk's root. */
  readonly directory: string;
  /** From the oldest to the newest. */
  readonly parts: readonly PartRecord[];
  /** The file to write. It is not there. */
  readonly file: string;
  readonly bucket: BucketTime;
  readonly version: PartVersion;
  /** Ascending; none that is purged. */
  readonly tables: readonly MergedTable[];
  /** Of a `ReadProgress`; absent where nobody asks how far it is. */
  readonly share?: Uint32Array | undefined;
}

interface MergePlace {
  readonly disk: Disk;
  readonly slices: Slices;
}

/** Undefined, and no file, when nothing is left of the parts. */
export async function mergeParts(
  {directory, parts: records, file, bucket, version, tables, share}: MergeJob,
  {disk, slices}: MergePlace,
): Promise<WrittenPart | undefined> {
  if (tables.length === 0) return undefined;
  const place = {disk, directory, openFiles: new OpenFiles()};
  const files = records.map(({file: name, bytes}) => new CountedFile(place, name, bytes));
  const parts = records.map((record, i) => new Part(record, files[i]!));
  try {
    const path = `${directory}/${file}`;
    const options = {disk, path, cut: new BlockCut(bucket), slices, version};
    // What is merged stays longest, and is read most.
    const writer = await PartWriter.create(options, true);
    const ids = tables.map(({table}) => table);
    const read = new RowsRead(records, ids, share);
    const written = await writer.write(async () => {
      for (const table of tables) await mergeTable(writer, table, {parts, slices, read});
    });
    if (written.tables.length > 0) return written;
    await disk.remove(path);
    return undefined;
  } finally {
    await Promise.all(files.map((each) => each.release()));
  }
}

interface MergeSource {
  readonly parts: readonly Part[];
  readonly slices: Slices;
  readonly read: RowsRead;
}

async function mergeTable(
  writer: PartWriter,
  {table, series: ids, partMasks, masked, deadColumns}: MergedTable,
  {parts, slices, read}: MergeSource,
): Promise<void> {
  const sources = parts.filter((part) => part.has(table));
  const fields = await unionFields(sources, {table, deadColumns});
  const source = await RowSource.open({
    table,
    fields,
    series: ids,
    range: {startOffset: Number.NEGATIVE_INFINITY, endOffset: Number.POSITIVE_INFINITY},
    parts: sources,
    memtables: [],
    partMasks,
    memtableMasks: [],
    masked: new MaskedSeries(masked),
    isMerged: true,
  });
  writer.beginTable(table, fields);
  const thin = new ThinMerge(thinRowsPerSlice(fields.length));
  const writeThin = async () => {
    if (thin.isEmpty) return;
    const joined = thin.take();
    await writer.addThinSeries(joined);
    read.add(joined.rows.rowCount);
    const due = slices.due();
    if (due !== undefined) await due;
  };
  for (const id of ids) {
    const series = id as SeriesId;
    if (source.hasNoBlocks(series)) continue;
    const blocks = await source.blocksOf(series);
    if (blocks.length === 0) continue;
    if (await thin.add(series, blocks)) {
      if (thin.isFull) await writeThin();
      continue;
    }
    await writeThin();
    for await (const piece of mergeBlocks(blocks)) {
      await addPiece(writer, series, piece);
      read.add(piece.rowCount);
      const due = slices.due();
      if (due !== undefined) await due;
    }
  }
  await writeThin();
  await writer.endTable();
  read.end(table);
}

/**
 * Most blocks meet no other and are full. Their bytes are copied: each row is rewritten as often as its part
 * grows by a tier, and coding all anew takes some six times as long (storage.bench.ts).
 */
async function addPiece(
  writer: PartWriter,
  series: SeriesId,
  piece: BlockReference | SeriesRows,
): Promise<void> {
  if (isWhole(piece) && writer.takesEncoded(series, piece.rowCount, piece.cursor.version)) {
    await writer.addEncoded(series, await piece.cursor.encoded(piece));
    return;
  }
  const rows = await decoded(piece);
  if (rows.rowCount > 0) await writer.addRows(series, rows);
}

function isWhole(piece: BlockReference | SeriesRows): piece is BlockReference {
  return 'cursor' in piece && piece.hidden.length === 0;
}

async function unionFields(
  parts: readonly Part[],
  {table, deadColumns}: Pick<MergedTable, 'table' | 'deadColumns'>,
): Promise<Field[]> {
  const fields = new Map<ColumnId, Field>();
  for (const part of parts)
    for (const field of (await part.tableIndex(table)).fields) fields.set(field.column, field);
  for (const column of deadColumns) fields.delete(column);
  return [...fields.values()].sort((a, b) => a.column - b.column);
}
