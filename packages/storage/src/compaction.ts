// Which parts are merged into one next. Only neighbours in log order are, so no part left out can lie
// between them, whatever its series and times: the newer part still wins per field. A merge writes all rows of
// its parts again, so one is due only where it pays (docs/decisions/0018): where its parts overlap in time, where
// they are as coarse as a flush wrote them, or where there are many parts. A merge that cannot be carried out is
// tried with fewer parts, and in the end without the one that it cannot be carried out with.

import {LIMITS} from '@flotilla/base';
import {BLOCK_ROWS_MIN} from './block-cut.ts';
import type {PartRecord} from './part.ts';
import type {PartVersion} from './part-format.ts';
import type {ReplicaState} from './replica-state.ts';
import {hidesIn, TOMBSTONES_KEPT} from './tombstone.ts';

/** Fewer are not worth rewriting. */
const RUN_PARTS_MIN = 4;
/** More cost too many open stripes at once. */
const RUN_PARTS_MAX = 16;
/**
 * The largest of a run may be at most this share of the run: so each row is rewritten a number of
 * times that grows with the logarithm of the size, not with the size.
 */
const LARGEST_SHARE_MAX = 0.6;
/**
 * Parts that a run has at a moment, on average over the time from its first row to its last: from here on they
 * are merged. A scan merges their rows each time, for up to ten times the CPU, and takes no block by its statistics.
 */
const DEPTH_MIN = 2;
/**
 * So many may stand side by side in time: a scan reads those of its range alone. One over all of their time reads a
 * page of each where it wants one series.
 */
const PARTS_APART_MAX = 12;
/**
 * Of neighbours without one that no merge takes: beyond it sizes do not matter. Those on the other side of such a
 * one do not count: to merge these would make them no fewer, so the newest would be written again at each third flush.
 */
const PARTS_MAX = 24;

const FAILURES_MAX = LIMITS.part_merge_failures_max.value;
/**
 * A part that no run takes is still written again for what it holds of purged tables and of deletes, and tried as
 * often for that: alone it takes less. Else its deletes would never end, and a replica applies nothing with too many.
 */
const FAILURES_ALONE_MAX = 2 * FAILURES_MAX;

/** By the file of a part: how many merges of it failed. Undefined: none. */
export type MergeFailures = Pick<ReadonlyMap<string, number>, 'get'>;

/** A run of parts to merge: positions [start, end). */
export interface CompactionPlan {
  readonly start: number;
  readonly end: number;
}

export interface PartOutline {
  readonly bytes: number;
  /** Of its rows, both inclusive; infinite where that is not known. */
  readonly minOffset: number;
  readonly maxOffset: number;
  /** Once merged it is smaller and faster to read: a flush wrote it, or its blocks are thin. */
  readonly isCoarse: boolean;
  readonly failures: number;
}

/**
 * Of the runs that are due the one that leaves most parts less for each byte that is written; the longest of
 * those, and then the newest.
 */
export function planCompaction(parts: readonly PartOutline[]): CompactionPlan | undefined {
  const neighbours = neighboursOf(parts);
  const mergeable = neighbours.filter((each) => each >= RUN_PARTS_MIN).length;
  let found: CompactionPlan | undefined;
  let gainMax = 0;
  for (let count = Math.min(RUN_PARTS_MAX, parts.length); count >= RUN_PARTS_MIN; count--) {
    for (let start = parts.length - count; start >= 0; start--) {
      const run = parts.slice(start, start + count);
      if (run.some(({failures}) => count > runMax(failures))) continue;
      const sizes = run.map(({bytes}) => bytes);
      const total = sizes.reduce((sum, bytes) => sum + bytes, 0);
      const gain = (count - 1) / total;
      const shareMax = neighbours[start]! > PARTS_MAX ? 1 : LARGEST_SHARE_MAX;
      if (gain <= gainMax || Math.max(...sizes) > total * shareMax) continue;
      if (mergeable <= PARTS_APART_MAX && !paysAlone(run)) continue;
      found = {start, end: start + count};
      gainMax = gain;
    }
  }
  return found;
}

/** Of each part with how many it lies side by side, itself included, and none between them that no merge takes. */
function neighboursOf(parts: readonly PartOutline[]): number[] {
  const neighbours: number[] = [];
  for (let start = 0; start < parts.length; start = neighbours.length) {
    const end = parts.findIndex(({failures}, i) => i >= start && runMax(failures) === 0);
    const count = (end < 0 ? parts.length : end) - start;
    for (let i = 0; i < count; i++) neighbours.push(count);
    // The one at the end, of which no run is.
    if (end >= 0) neighbours.push(0);
  }
  return neighbours;
}

/** However few other parts there are. */
function paysAlone(run: readonly PartOutline[]): boolean {
  return run.every(({isCoarse}) => isCoarse) || depthOf(run) >= DEPTH_MIN;
}

function depthOf(run: readonly PartOutline[]): number {
  const covered = run.reduce((sum, {minOffset, maxOffset}) => sum + maxOffset - minOffset + 1, 0);
  const first = Math.min(...run.map(({minOffset}) => minOffset));
  const last = Math.max(...run.map(({maxOffset}) => maxOffset));
  return covered / (last - first + 1);
}

export function outlineOf({bytes, mergedAs, tables}: PartRecord, failures = 0): PartOutline {
  const rowCount = tables.reduce((sum, table) => sum + table.rowCount, 0);
  const seriesCount = tables.reduce((sum, table) => sum + table.seriesCount, 0);
  return {
    bytes,
    minOffset: Math.min(...tables.map(({minOffset = Number.NEGATIVE_INFINITY}) => minOffset)),
    maxOffset: Math.max(...tables.map(({maxOffset = Number.POSITIVE_INFINITY}) => maxOffset)),
    isCoarse: mergedAs === undefined || rowCount < seriesCount * BLOCK_ROWS_MIN,
    failures,
  };
}

/**
 * Of a part with so many failures: the longest run that it may be in. One that takes too much memory gets
 * shorter, and a part that cannot be merged at all keeps but three others from it.
 */
function runMax(failures = 0): number {
  return failures >= FAILURES_MAX ? 0 : RUN_PARTS_MAX >> failures;
}

/**
 * What to merge next: first what holds rows of purged tables, then, where there are many tombstones,
 * what holds rows that they hide, then what pays.
 */
export function nextCompaction(
  state: ReplicaState,
  failures: MergeFailures,
): CompactionPlan | undefined {
  const {parts} = state;
  const mayPassAlone = ({file}: PartRecord): boolean =>
    (failures.get(file) ?? 0) < FAILURES_ALONE_MAX;
  const purged = parts.findIndex((part) => hasPurged(part, state) && mayPassAlone(part));
  if (purged >= 0) return {start: purged, end: purged + 1};
  if (state.tombstones.length >= TOMBSTONES_KEPT) {
    const hidden = parts.findIndex((part) => hasHidden(part, state) && mayPassAlone(part));
    if (hidden >= 0) return {start: hidden, end: hidden + 1};
  }
  return planCompaction(parts.map((part) => outlineOf(part, failures.get(part.file))));
}

/** What is known of a part that was written again alone: of its rows in a run nothing is better. */
export function failuresAfterAlone(failures: number): number {
  return Math.min(failures, FAILURES_MAX);
}

/** Parts that no run takes any more. */
export function leftOutParts(
  {parts}: Pick<ReplicaState, 'parts'>,
  failures: MergeFailures,
): readonly PartRecord[] {
  return parts.filter(({file}) => runMax(failures.get(file)) === 0);
}

/** Whether writing all parts as one, of that version, would change anything. */
export function isCompact(state: ReplicaState, version: PartVersion): boolean {
  const {parts} = state;
  return (
    parts.length <= 1 &&
    !parts.some(
      (part) => hasPurged(part, state) || hasHidden(part, state) || gainsByMerge(part, version),
    )
  );
}

/** Of version 1 a merge writes what a flush does; since then it compresses, and codes thin blocks as others. */
function gainsByMerge({mergedAs = 1}: PartRecord, version: PartVersion): boolean {
  return mergedAs < version;
}

function hasPurged(part: PartRecord, {purgedTables}: ReplicaState): boolean {
  return part.tables.some(({table}) => purgedTables.includes(table));
}

function hasHidden(part: PartRecord, {tombstones}: ReplicaState): boolean {
  return tombstones.some((tombstone) => hidesIn(tombstone, part));
}
