// How a replica is constructed: its fixed options, and what it finds on its disk.

import type {Random} from '@flotilla/base';
import type {Configuration} from './configuration.ts';
import type {HardState} from './entry.ts';
import type {FailoverMode} from './input.ts';
import type {LogState} from './log.ts';

export interface Timing {
  /** Without contact for this many to twice as many ticks, a follower campaigns. At least 2. */
  readonly electionTicks: number;
  /** Less than electionTicks. */
  readonly heartbeatTicks: number;
  /**
   * Members learn that normal entries are committed from the next append, or at the next tick, and not by
   * an append of its own: that one and its answer cost as much as the append that it speaks of.
   */
  readonly commitWaits?: boolean | undefined;
}

export interface Limits {
  /** Entries of one append; a single larger entry still goes. */
  readonly messageBytesMax: number;
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
  /** Past it proposals are refused; a first one of any size is taken. */
  readonly uncommittedBytesMax: number;
  /** Entries handed out for applying at a time; a single larger one still goes. */
  readonly appliedBytesPerOutput: number;
}

export interface GroupOptions {
  /** This replica: from 1, never used again in this group. */
  readonly id: number;
  readonly random: Random;
  readonly timing: Timing;
  readonly limits: Limits;
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  /**
   * Reads without a round while a quorum answered within about three quarters of an election timeout.
   * Needs checkQuorum, a host that gives `take` its monotonic clock, and one that never stops ticking
   * this group: `idle` is never reported.
   */
  readonly leaseReads?: boolean | undefined;
  readonly failover?: FailoverMode | undefined;
  readonly hardState: HardState;
  readonly log: LogState;
  readonly appliedIndex: number;
  /** In force at `appliedIndex`, made by the entry or bootstrap at `configIndex`. */
  readonly configuration: Configuration;
  /** Left out: the snapshot's index. */
  readonly configIndex?: number | undefined;
}

/** Where every group's log begins, so that a later member never replays historical membership. */
export const BOOTSTRAP_INDEX = 5;
export const BOOTSTRAP_TERM = 5;

type Stored = Pick<GroupOptions, 'hardState' | 'log' | 'appliedIndex' | 'configuration'>;

/** What every initial member stores before its first tick. */
export function bootstrapState(configuration: Configuration): Stored {
  return {
    hardState: {term: BOOTSTRAP_TERM, vote: 0, commit: BOOTSTRAP_INDEX},
    log: {snapshotIndex: BOOTSTRAP_INDEX, snapshotTerm: BOOTSTRAP_TERM, entries: []},
    appliedIndex: BOOTSTRAP_INDEX,
    configuration,
  };
}

/** What a later member starts with: it waits for a snapshot. */
export function emptyState(): Stored {
  return {
    hardState: {term: 0, vote: 0, commit: 0},
    log: {snapshotIndex: 0, snapshotTerm: 0, entries: []},
    appliedIndex: 0,
    configuration: {
      voters: [],
      votersOutgoing: [],
      learners: [],
      learnersNext: [],
      autoLeave: false,
    },
  };
}
