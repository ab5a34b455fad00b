// Parts merged into one. Only neighbours in log order are merged, so no part left out can lie between
// them, whatever its series and times: the newer part still wins per field.

import type {SeriesId, TableId} from '@flotilla/base';
import type {Field} from './memtable-view.ts';
import type {Part, PartRecord} from './part.ts';
import type {BlockReference} from './part-cursor.ts';
import {PartWriter, type PartWriterOptions, type WrittenPart} from './part-writer.ts';
import type {ReplicaState} from './replica-state.ts';
import {RowSource} from './row-source.ts';
import type {SeriesIndex} from './series-index.ts';
import {decoded} from './series-merge.ts';
import type {SeriesRows} from './series-rows.ts';
import {hidesIn, masksOfPart, TOMBSTONES_KEPT, type Tombstone} from './tombstone.ts';

/** Fewer are not worth rewriting. */
const PARTS_MIN = 4;
/** More cost too many open stripes at once. */
const PARTS_MAX = 16;
/**
 * The largest of a run may be at most this share of the run: so each row is rewritten a number of
 * times that grows with the logarithm of the size, not with the size.
 */
const LARGEST_SHARE_MAX = 0.6;

/** A run of parts to merge: positions [start, end). */
export interface CompactionPlan {
  readonly start: number;
  readonly end: number;
}

/** The longest run of small parts that pays; the newest such run when there are several. */
export function planCompaction(
  parts: readonly {readonly bytes: number}[],
): CompactionPlan | undefined {
  for (let count = Math.min(PARTS_MAX, parts.length); count >= PARTS_MIN; count--) {
    for (let start = parts.length - count; start >= 0; start--) {
      const sizes = parts.slice(start, start + count).map(({bytes}) => bytes);
      const total = sizes.reduce((sum, bytes) => sum + bytes, 0);
      if (Math.max(...sizes) <= total * LARGEST_SHARE_MAX) return {start, end: start + count};
    }
  }
  return undefined;
}

/**
 * What to merge next: first what holds rows of purged tables, then, where there are many tombstones,
 * what holds rows that they hide, then what pays.
 */
export function nextCompaction(state: ReplicaState): CompactionPlan | undefined {
  const {parts} = state;
  const purged = parts.findIndex((part) => hasPurged(part, state));
  if (purged >= 0) return {start: purged, end: purged + 1};
  if (state.tombstones.length >= TOMBSTONES_KEPT) {
    const hidden = parts.findIndex((part) => hasHidden(part, state));
    if (hidden >= 0) return {start: hidden, end: hidden + 1};
  }
  return planCompaction(parts);
}

/** Whether writing all parts as one would change anything. */
export function isCompact(state: ReplicaState): boolean {
  const {parts} = state;
  return (
    parts.length <= 1 && !parts.some((part) => hasPurged(part, state) || hasHidden(part, state))
  );
}

function hasPurged(part: PartRecord, {purgedTables}: ReplicaState): boolean {
  return part.tables.some(({table}) => purgedTables.includes(table));
}

function hasHidden(part: PartRecord, {tombstones}: ReplicaState): boolean {
  return tombstones.some((tombstone) => hidesIn(tombstone, part));
}

export interface MergeOptions extends PartWriterOptions {
  readonly index: SeriesIndex;
  /** From the oldest to the newest. */
  readonly parts: readonly Part[];
  /** Tables whose rows are left out. */
  readonly isPurged: (table: TableId) => boolean;
  /** Rows that they hide are left out too. */
  readonly tombstones: readonly Tombstone[];
}

/** Writes the merged part; undefined, and no file, when nothing is left. */
export async function mergeParts(options: MergeOptions): Promise<WrittenPart | undefined> {
  const {parts, isPurged} = options;
  const all = parts.flatMap(({record}) => record.tables.map(({table}) => table));
  const tables = [...new Set(all)].filter((table) => !isPurged(table)).sort((a, b) => a - b);
  if (tables.length === 0) return undefined;
  // What is merged stays longest, and is read most.
  const writer = await PartWriter.create(options, true);
  return writer.write(async () => {
    for (const table of tables) await mergeTable(options, writer, table);
  });
}

async function mergeTable(
  {parts, index, slices, tombstones}: MergeOptions,
  writer: PartWriter,
  table: TableId,
): Promise<void> {
  const sources = parts.filter((part) => part.has(table));
  const fields = await unionFields(sources, table);
  const range = {startOffset: Number.NEGATIVE_INFINITY, endOffset: Number.POSITIVE_INFINITY};
  const ids = index.select(table, undefined);
  const source = await RowSource.open({
    table,
    fields,
    series: ids,
    range,
    parts: sources,
    memtables: [],
    partMasks: sources.map(({record}) => masksOfPart(record, tombstones, {table, ...range})),
    memtableMasks: [],
    index,
    slices,
  });
  writer.beginTable(table, fields);
  for (const id of ids) {
    const series = id as SeriesId;
    if (source.hasNoBlocks(series)) continue;
    for await (const piece of source.piecesOf(series)) {
      await addPiece(writer, series, piece);
      const due = slices.due();
      if (due !== undefined) await due;
    }
  }
  await writer.endTable();
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

async function unionFields(parts: readonly Part[], table: TableId): Promise<Field[]> {
  const fields = new Map<number, Field>();
  for (const part of parts)
    for (const field of (await part.tableIndex(table)).fields) fields.set(field.column, field);
  return [...fields.values()].sort((a, b) => a.column - b.column);
}
