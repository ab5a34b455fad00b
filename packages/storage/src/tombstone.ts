// A DELETE after it was applied: a predicate on series and a time range, at its index in the log. It
// hides rows of sources that end before that index and of what a memtable held by then, and nothing
// that was written later. A flush and a compaction leave the hidden rows out; when no part is left
// whose rows it may hide, the tombstone is forgotten.

import type {TableId} from '@flotilla/base';
import type {Deletion} from '@flotilla/column';
import type {RowRange} from './memtable-view.ts';
import {mayHold, type PartRecord} from './part.ts';

/**
 * So many are kept for their sake alone: then memtables that hold some are flushed and parts with
 * hidden rows are written again. Each costs a scan a look at each series, and a part many rewritings.
 */
export const TOMBSTONES_KEPT = 64;

/** An object, its arrays and its place in lists, as measured by heap growth. */
const TOMBSTONE_BYTES = 256;

/** Plain JSON: it stands in the manifest. */
export interface Tombstone extends Deletion {
  /** Of its log entry. */
  readonly index: number;
}

/** A tombstone over one source. */
export interface Mask {
  readonly tombstone: Tombstone;
  /** Rows of a memtable from this one on came later. Infinity: it concerns the whole source. */
  readonly rowEnd: number;
}

export function tombstoneBytes({tags}: Tombstone): number {
  return TOMBSTONE_BYTES + (tags === undefined ? 0 : JSON.stringify(tags).length);
}

/** Whether the part may hold rows that the tombstone hides. */
export function hidesIn(tombstone: Tombstone, part: PartRecord): boolean {
  if (part.hi >= tombstone.index || (part.cleanIndex ?? 0) >= tombstone.index) return false;
  return mayHold(part, tombstone.table, tombstone);
}

/** Those that still hide rows of a part. */
export function liveTombstones(
  tombstones: readonly Tombstone[],
  parts: readonly PartRecord[],
): readonly Tombstone[] {
  return tombstones.filter((tombstone) => parts.some((part) => hidesIn(tombstone, part)));
}

/** What is to be left out of the rows that a reader asks of a part. */
export function masksOfPart(
  part: PartRecord,
  tombstones: readonly Tombstone[],
  wanted: RowRange & {readonly table: TableId},
): Mask[] {
  return tombstones
    .filter((each) => each.table === wanted.table && overlaps(each, wanted) && hidesIn(each, part))
    .map(wholeSource);
}

/** Over a source that is older than the tombstone. */
export function wholeSource(tombstone: Tombstone): Mask {
  return {tombstone, rowEnd: Number.POSITIVE_INFINITY};
}

export function overlaps(a: RowRange, b: RowRange): boolean {
  return a.startOffset < b.endOffset && a.endOffset > b.startOffset;
}
