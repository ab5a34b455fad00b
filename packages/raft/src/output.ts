// Everything a group wants done, as data. One struct per take(); the host may merge many groups' into
// one write and one frame per node.

import type {Configuration} from './configuration.ts';
import type {Entry, SnapshotMeta} from './entry.ts';
import type {Message} from './message.ts';

export type Role = 'follower' | 'preCandidate' | 'candidate' | 'leader';

/** `leader` is 0 while none is known. */
export interface RoleChange {
  readonly role: Role;
  readonly leader: number;
  readonly term: number;
}

/**
 * One atomic record: all of it durable, or none. Atomic because a term must never be durable after
 * entries of that term, nor a commit index before its entries. Writes are durable in order of `seq`.
 */
export interface Write {
  readonly seq: number;
  readonly term: number;
  readonly vote: number;
  readonly commit: number;
  /** Entries from here on that earlier writes stored are void. */
  readonly truncateFrom?: number | undefined;
  /** Consecutive; may be empty. */
  readonly entries: readonly Entry[];
  /** The stored log is replaced by this snapshot, then `entries` follow it. */
  readonly snapshot?: SnapshotMeta | undefined;
}

/** To be sent once every write up to `seq` is durable. */
export interface AfterWrite {
  readonly seq: number;
  readonly messages: readonly Message[];
}

/**
 * Committed and durable here: both ends inclusive. One batch at a time, until `applied(hi)`. A write
 * with a snapshot voids the batch that is out: what of it was applied no longer counts.
 */
export interface Apply {
  readonly lo: number;
  readonly hi: number;
  readonly entries: readonly Entry[];
}

export type DropReason =
  /** This replica does not lead; `leaderHint` says who may. */
  | 'not-leader'
  /** Refused while leadership is being transferred, or its holder is no longer a voter. */
  | 'transferring'
  /** The uncommitted tail is at its limit. */
  | 'uncommitted-limit'
  /** A configuration change is on its way, or this term has not committed an entry yet. */
  | 'config-pending'
  /** The configuration is not the expected one. */
  | 'config-changed'
  /** The change is impossible; `detail` says why. */
  | 'config-invalid'
  /** Another leader's entry is committed instead: it never took effect and never will. */
  | 'lost'
  /** It may be or become committed; nobody here will know. */
  | 'unknown'
  /** A read that got no quorum, or whose leader did not answer, in time. */
  | 'timeout';

interface DroppedBase {
  readonly reason: DropReason;
  readonly leaderHint: number;
  readonly detail?: string | undefined;
}

export type Dropped = DroppedBase &
  (
    | {readonly kind: 'proposal'; readonly proposalId: number}
    | {readonly kind: 'read'; readonly readId: number}
  );

/**
 * A proposal got its place. It is done when (index, term) is applied; until then it can still end in
 * `dropped` as lost or unknown.
 */
export interface Proposed {
  readonly proposalId: number;
  readonly index: number;
  readonly term: number;
}

export interface ConfiguredAt {
  readonly index: number;
  readonly configuration: Configuration;
}

/** Entries that left memory and are needed from the stored log; answered by the input `entries`. */
export interface LogRead {
  readonly firstIndex: number;
  /** Inclusive. */
  readonly lastIndex: number;
  /** Stop after this many bytes, but return one entry at least. */
  readonly bytesMax: number;
}

export interface Output {
  readonly role?: RoleChange | undefined;
  readonly send: readonly Message[];
  readonly write?: Write | undefined;
  readonly afterWrite: readonly AfterWrite[];
  readonly apply?: Apply | undefined;
  /** Safe to serve once `index` is applied here. */
  readonly reads: readonly {readonly readId: number; readonly index: number}[];
  readonly dropped: readonly Dropped[];
  readonly proposed: readonly Proposed[];
  /** Configurations that took effect through `applied` or a snapshot. */
  readonly configurations: readonly ConfiguredAt[];
  readonly needEntries: readonly LogRead[];
  readonly wantSnapshot: readonly {readonly to: number}[];
  /** A transfer that will not happen. Success shows as a change of role. */
  readonly transfers: readonly {readonly to: number; readonly outcome: 'refused' | 'aborted'}[];
  /** The host may stop ticking this group. */
  readonly idle: boolean;
}
