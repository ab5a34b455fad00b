// Which parts are merged into one next. Only neighbours in log order are, so no part left out can lie
// between them, whatever its series and times: the newer part still wins per field. A merge that cannot be
// carried out is tried with fewer parts, and in the end without the one that it cannot be carried out with.

import {LIMITS} from '@flotilla/base';
import type {PartRecord} from './part.ts';
import type {PartVersion} from './part-format.ts';
import type {ReplicaState} from './replica-state.ts';
import {hidesIn, TOMBSTONES_KEPT} from './tombstone.ts';

/** Fewer are not worth rewriting. */
const PARTS_MIN = 4;
/** More cost too many open stripes at once. */
const PARTS_MAX = 16;
/**
 * The largest of a run may be at most this share of the run: so each row is rewritten a number of
 * times that grows with the logarithm of the size, not with the size.
 */
const LARGEST_SHARE_MAX = 0.6;

const FAILURES_MAX = LIMITS.part_merge_failures_max.value;

/** By the file of a part: how many merges of it failed. Undefined: none. */
export type MergeFailures = Pick<ReadonlyMap<string, number>, 'get'>;

/** A run of parts to merge: positions [start, end). */
export interface CompactionPlan {
  readonly start: number;
  readonly end: number;
}

/** The longest run of small parts that pays; the newest such run when there are several. */
export function planCompaction(
  parts: readonly {readonly bytes: number; readonly failures?: number | undefined}[],
): CompactionPlan | undefined {
  for (let count = Math.min(PARTS_MAX, parts.length); count >= PARTS_MIN; count--) {
    for (let start = parts.length - count; start >= 0; start--) {
      const run = parts.slice(start, start + count);
      if (run.some(({failures}) => count > runMax(failures))) continue;
      const sizes = run.map(({bytes}) => bytes);
      const total = sizes.reduce((sum, bytes) => sum + bytes, 0);
      if (Math.max(...sizes) <= total * LARGEST_SHARE_MAX) return {start, end: start + count};
    }
  }
  return undefined;
}

/**
 * Of a part with so many failures: the longest run that it may be in. One that takes too much memory gets
 * shorter, and a part that cannot be merged at all keeps but three others from it.
 */
function runMax(failures = 0): number {
  return failures >= FAILURES_MAX ? 0 : PARTS_MAX >> failures;
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
  const isLeftOut = ({file}: PartRecord): boolean => runMax(failures.get(file)) === 0;
  const purged = parts.findIndex((part) => hasPurged(part, state) && !isLeftOut(part));
  if (purged >= 0) return {start: purged, end: purged + 1};
  if (state.tombstones.length >= TOMBSTONES_KEPT) {
    const hidden = parts.findIndex((part) => hasHidden(part, state) && !isLeftOut(part));
    if (hidden >= 0) return {start: hidden, end: hidden + 1};
  }
  return planCompaction(parts.map(({file, bytes}) => ({bytes, failures: failures.get(file)})));
}

/** Parts that no compaction takes any more. */
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
