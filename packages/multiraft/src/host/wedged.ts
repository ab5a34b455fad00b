// A group that stands still though its node lives: its state machine has taken nothing for so long that
// no flush explains it. Beats cannot tell, since they are the node's, and its consensus goes on. So it
// says so itself: it is counted, its status says it, and a leader offers its place to the other voters,
// one after the other, until one takes it. Law: who is wedged takes no offer, so leadership does not pass
// from one such replica to the next; but it may still win an election, for a leader that applies nothing
// is better than none: its log grows, and who can apply goes on.
// Source: cockroach PR #280, a node's heartbeat that hid one stuck range.

import type {ReplicaId} from '@flotilla/base';

/** Longer than any flush, on a slow disk too. */
export const WEDGED_MS = 5_000;
/** Of a leader that still applies what it took and takes no more: under load flushes may keep it so. */
export const REFUSING_MS = 30_000;
/** Between two offers: a transfer is given up after an election timeout of any preset. */
export const OFFER_MS = 6_000;

/** Why a group applies or takes nothing, and what was tried. */
export interface Blocked {
  /** Only a leader that takes no more proposals: what is committed it applies. */
  readonly isRefusing: boolean;
  /** Of a leader that refuses: since its last flush. */
  sinceMs: number;
  /** What was flushed then. */
  flushedIndex: number;
  isTold: boolean;
  /** Voters that were offered its place in this round. */
  readonly offered: Set<ReplicaId>;
  offerDueMs: number;
}

export function isWedged({blocked}: {blocked: Blocked | undefined}, nowMs: number): boolean {
  if (blocked === undefined) return false;
  return nowMs - blocked.sinceMs >= (blocked.isRefusing ? REFUSING_MS : WEDGED_MS);
}
