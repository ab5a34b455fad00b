// Whose wall clock may be believed. The median of the nodes' clocks is taken for the time: a few wrong
// clocks do not move it. Of an even number two stand in the middle; where those differ nobody knows which is
// right, so neither is called wrong, and nothing that needs the time goes on.
// Law: times of the catalog decide what is deleted; a clock that is not trusted deletes nothing.

import type {NodeId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {Action} from './action.ts';
import type {GroupView} from './group-view.ts';
import {leadsNothing} from './pauses.ts';
import type {Reports} from './reports.ts';

/** What clocks that are set by NTP never differ by: shown to the operator. */
export const CLOCK_SHOWN_MS = 2_000;
/** A clock further off expires nothing, leads nothing in meta, and its node gets no new replicas. */
export const CLOCK_TRUSTED_MS = 10_000;

type Offsets = ReadonlyMap<NodeId, number>;

/** The one or two in the middle; undefined of none. */
export function medianClock(
  offsets: Iterable<number>,
): {readonly lowMs: number; readonly highMs: number} | undefined {
  const sorted = [...offsets].sort((a, b) => a - b);
  if (sorted.length === 0) return undefined;
  return {
    lowMs: sorted[(sorted.length - 1) >>> 1]!,
    highMs: sorted[sorted.length >>> 1]!,
  };
}

/** How far each clock is ahead of the median, or behind it (negative); of two medians the nearer one counts. */
export function clockErrors(offsets: Offsets): Map<NodeId, number> {
  const median = medianClock(offsets.values());
  const errors = new Map<NodeId, number>();
  if (median === undefined) return errors;
  const {lowMs, highMs} = median;
  for (const [node, offsetMs] of offsets) {
    const nearest = Math.min(Math.max(offsetMs, lowMs), highMs);
    errors.set(node, offsetMs - nearest);
  }
  return errors;
}

/** Live nodes whose clock is surely wrong: they lead nothing in meta and get no new replicas. */
export function distrustedClocks(reports: Reports): ReadonlySet<NodeId> {
  const errors = clockErrors(offsetsOf(reports));
  const far = [...errors].filter(([, errorMs]) => Math.abs(errorMs) > CLOCK_TRUSTED_MS);
  return new Set(far.map(([node]) => node));
}

/**
 * The planner's clock is near the median of all nodes', its own among them. Of two that differ one is wrong,
 * and nobody knows which. The only node of a cluster has only its own; one of several that hears of no
 * other, as a new leader at first, cannot tell.
 */
export function isClockTrusted(reports: Reports, nodeCount: number): boolean {
  const median = medianClock(offsetsOf(reports).values());
  if (median === undefined || !areClocksCompared(reports, nodeCount)) return false;
  return [median.lowMs, median.highMs].every((offsetMs) => Math.abs(offsetMs) <= CLOCK_TRUSTED_MS);
}

/**
 * The median is the time: more than one was asked, where there are more, and the two in the middle, where
 * there are two, say the same.
 */
export function isMedianAgreed(reports: Reports, nodeCount: number): boolean {
  if (!areClocksCompared(reports, nodeCount)) return false;
  const median = medianClock(offsetsOf(reports).values());
  return median === undefined || median.highMs - median.lowMs <= CLOCK_TRUSTED_MS;
}

/**
 * The time by the nodes' clocks rather than by the planner's own. Of two medians the later one: what is
 * counted from it is deleted later, never too soon.
 */
export function medianTimeMs(reports: Reports, ownMs: number): number {
  return ownMs + (medianClock(offsetsOf(reports).values())?.highMs ?? 0);
}

/** The meta group's lead goes from a node whose clock is wrong to a voter whose clock is not. */
export function planMetaLead(
  meta: GroupView | undefined,
  catalog: Catalog,
  reports: Reports,
  nowMs: number,
): Action | undefined {
  const node = meta?.leaderNode;
  if (meta?.leader === undefined || node === undefined || meta.joint) return undefined;
  const distrusted = distrustedClocks(reports);
  if (!distrusted.has(node)) return undefined;
  // One in maintenance rather than one whose clock is wrong; lead-heirs.ts holds it likewise.
  const load = (id: NodeId) => {
    if (distrusted.has(id) || catalog.node(id)?.state !== 'active') return Infinity;
    return Number(leadsNothing(catalog.node(id), nowMs));
  };
  const [to] = meta
    .heirsBeside(catalog.operationOf(meta.set.id))
    .sort((a, b) => load(a.node) - load(b.node));
  if (to === undefined || load(to.node) === Infinity) return undefined;
  return {type: 'transfer-leader', node, set: meta.set.id, to: to.replica};
}

/** More than one was asked, where there are more. */
function areClocksCompared(reports: Reports, nodeCount: number): boolean {
  return offsetsOf(reports).size >= Math.min(2, nodeCount);
}

function offsetsOf(reports: Reports): Offsets {
  const live = [...reports.values()].filter((report) => report.live);
  return new Map(live.map(({node, clockOffsetMs}) => [node, clockOffsetMs]));
}
