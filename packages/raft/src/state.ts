// The one mutable thing of a group, and what is gathered for the next output. The other files are
// functions over it; RaftGroup owns it. Nothing here is durable but through a write.

import type {Random} from '@flotilla/base';
import {assert} from '@flotilla/base';
import type {Configuration} from './configuration.ts';
import {configurationFault, isVoter} from './configuration.ts';
import type {HardState, SnapshotMeta} from './entry.ts';
import {RaftLog} from './log.ts';
import type {Message} from './message.ts';
import type {GroupOptions, Limits, Timing} from './options.ts';
import type {ConfiguredAt, Dropped, DropReason, LogRead, Proposed, Role} from './output.ts';
import type {Progress} from './progress.ts';

/** A read at this replica (from === its own id) or forwarded by a follower. */
export interface PendingRead {
  readonly from: number;
  readonly readId: number;
  /** In total ticks: past it the read is given up. */
  readonly deadlineTick: number;
  /** Set once the read joined a round. */
  round: number;
  index: number;
}

export interface PendingProposal extends Proposed {
  /** In total ticks; set when this replica stops leading. */
  deadlineTick: number;
}

export interface Gathered {
  send: Message[];
  /** Acknowledgements: they leave once the write of this output, or the last one, is durable. */
  afterWrite: Message[];
  reads: {readId: number; index: number}[];
  dropped: Dropped[];
  proposed: Proposed[];
  configurations: ConfiguredAt[];
  needEntries: LogRead[];
  wantSnapshot: {to: number}[];
  transfers: {to: number; outcome: 'refused' | 'aborted'}[];
}

/** Why input of other nodes was dropped. */
export interface BadInputCounts {
  malformed: number;
  staleSession: number;
  conflict: number;
}

export interface GroupState {
  readonly id: number;
  readonly random: Random;
  readonly timing: Timing;
  readonly limits: Limits;
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  readonly leaseReads: boolean;
  manualFailover: boolean;

  term: number;
  /** 0: none in this term. */
  vote: number;
  role: Role;
  /** 0: unknown. */
  leader: number;
  readonly log: RaftLog;
  /** In force at the applied index. */
  configuration: Configuration;
  configIndex: number;
  /**
   * The write that makes it durable that the configuration is in force, and not only its entry; Infinity:
   * not handed out yet.
   */
  configSeq: number;
  /** No configuration change is proposed before this index is applied. */
  pendingConfigIndex: number;
  /** Restored but not yet the state machine's. */
  pendingSnapshot: SnapshotMeta | undefined;

  /** Ticks seen by this object; deadlines are counted in them. */
  ticks: number;
  electionElapsed: number;
  heartbeatElapsed: number;
  /** Drawn anew on each change of role. */
  electionTimeout: number;
  /** With lease reads: no vote before this tick, as a promise before the restart may still hold. */
  voteBarTick: number;
  /**
   * With lease reads: no vote for another before this tick, unless the leader asked for it itself. Not
   * bound to the leader being known, nor to the term: a lease knows of neither.
   */
  promiseUntilTick: number;
  votes: Map<number, boolean>;
  /** The write that makes the own vote durable; the vote counts after it. */
  ownVoteSeq: number;
  /** It stood in this term, and still does, or asks whether it should again: nobody is elected yet. */
  isUndecided: boolean;

  /** Leader only, itself included; in ascending order of ids. */
  progress: Map<number, Progress>;
  lastSession: number;
  unreachable: Set<number>;
  uncommittedBytes: number;
  transferTo: number;
  transferElapsed: number;
  /** timeoutNow left in this term: the lease is void, since another may be elected any time. */
  leaseVoid: boolean;
  round: number;
  /** When the latest rounds were sent by the monotonic clock, for the lease; ascending. */
  roundClocks: {round: number; clockTicks: number}[];
  leaseUntil: number;

  /** At a leader: reads awaiting a round's quorum. At a follower: reads forwarded to the leader. */
  pendingReads: PendingRead[];
  pendingProposals: PendingProposal[];
  /** Some of them are not in this log any more. */
  hasDoubts: boolean;

  lastSeq: number;
  persistedSeq: number;
  /** As of the last write handed out. */
  writtenHard: HardState;
  pendingSnapshotWrite: SnapshotMeta | undefined;
  /** Some member may have something due. */
  flushDue: boolean;
  gathered: Gathered;
  badInput: BadInputCounts;
}

export function createState(options: GroupOptions): GroupState {
  checkOptions(options);
  const {hardState, log, configuration} = options;
  const leaseReads = options.leaseReads === true;
  return {
    id: options.id,
    random: options.random,
    timing: options.timing,
    limits: options.limits,
    preVote: options.preVote,
    checkQuorum: options.checkQuorum,
    leaseReads,
    manualFailover: options.failover === 'manual',
    term: hardState.term,
    vote: hardState.vote,
    role: 'follower',
    leader: 0,
    log: new RaftLog(log, hardState.commit, options.appliedIndex),
    configuration,
    configIndex: options.configIndex ?? log.snapshotIndex,
    configSeq: 0,
    pendingConfigIndex: 0,
    pendingSnapshot: undefined,
    ticks: 0,
    electionElapsed: 0,
    heartbeatElapsed: 0,
    electionTimeout: drawTimeout(options.random, options.timing),
    voteBarTick: leaseReads ? options.timing.electionTicks : 0,
    promiseUntilTick: 0,
    votes: new Map(),
    ownVoteSeq: 0,
    isUndecided: false,
    progress: new Map(),
    lastSession: 0,
    unreachable: new Set(),
    uncommittedBytes: 0,
    transferTo: 0,
    transferElapsed: 0,
    leaseVoid: false,
    round: 0,
    roundClocks: [],
    leaseUntil: Number.NEGATIVE_INFINITY,
    pendingReads: [],
    pendingProposals: [],
    hasDoubts: false,
    lastSeq: 0,
    persistedSeq: 0,
    writtenHard: hardState,
    pendingSnapshotWrite: undefined,
    flushDue: false,
    gathered: emptyGathered(),
    badInput: {malformed: 0, staleSession: 0, conflict: 0},
  };
}

/** From [E, 2E), so that replicas that start waiting together do not stand together. */
export function drawTimeout(random: Random, {electionTicks}: Timing): number {
  return electionTicks + random.below(electionTicks);
}

function checkOptions(options: GroupOptions): void {
  const {timing, limits, configuration} = options;
  assert(Number.isSafeInteger(options.id) && options.id >= 1, () => `bad replica id ${options.id}`);
  assert(timing.electionTicks >= 2, 'electionTicks is below 2');
  assert(timing.heartbeatTicks >= 1, 'heartbeatTicks is below 1');
  assert(timing.heartbeatTicks < timing.electionTicks, 'heartbeats are rarer than elections');
  for (const [name, value] of Object.entries(limits))
    assert(value > 0, () => `${name} is ${value}`);
  assert(options.leaseReads !== true || options.checkQuorum, 'lease reads need checkQuorum');
  const fault = configurationFault(configuration);
  assert(fault === undefined, () => `stored configuration: ${fault}`);
}

export function emptyGathered(): Gathered {
  return {
    send: [],
    afterWrite: [],
    reads: [],
    dropped: [],
    proposed: [],
    configurations: [],
    needEntries: [],
    wantSnapshot: [],
    transfers: [],
  };
}

/** Written out: it is asked at each tick of each group. */
export function hasGathered(gathered: Gathered): boolean {
  const {send, afterWrite, reads, dropped, proposed} = gathered;
  if (send.length > 0 || afterWrite.length > 0 || reads.length > 0) return true;
  if (dropped.length > 0 || proposed.length > 0 || gathered.configurations.length > 0) return true;
  const {needEntries, wantSnapshot, transfers} = gathered;
  return needEntries.length > 0 || wantSnapshot.length > 0 || transfers.length > 0;
}

export function dropProposal(
  state: GroupState,
  proposalId: number,
  reason: DropReason,
  detail?: string,
): void {
  const leaderHint = state.leader;
  state.gathered.dropped.push({kind: 'proposal', proposalId, reason, leaderHint, detail});
}

export function dropRead(state: GroupState, readId: number, reason: DropReason): void {
  state.gathered.dropped.push({kind: 'read', readId, reason, leaderHint: state.leader});
}

export function isVoterHere(state: GroupState): boolean {
  return isVoter(state.configuration, state.id);
}

/**
 * The one voter of the configuration in force: whoever leads, leads by its vote. After a restart that
 * configuration may lie behind the log's, but never behind the one by which another could lead without
 * it: the entry that leaves its outgoing half was written here with the commit index of the one that
 * entered it, and no replica campaigns over a committed change that it has not applied.
 */
export function isSoleVoter({configuration, id}: GroupState): boolean {
  const {voters, votersOutgoing} = configuration;
  return voters.length === 1 && voters[0] === id && votersOutgoing.length === 0;
}

/** May stand for election: a voter whose state machine is not about to be replaced. */
export function isPromotable(state: GroupState): boolean {
  return isVoterHere(state) && state.pendingSnapshot === undefined;
}

/**
 * Whether the next take() has to hand out a write. A commit index alone does not: it is learned anew. But
 * that a configuration is in force may be known only to members that it removed, and they are destroyed.
 */
export function isWriteDue(state: GroupState): boolean {
  const {term, vote} = state.writtenHard;
  if (term !== state.term || vote !== state.vote || state.configSeq === Infinity) return true;
  return state.pendingSnapshotWrite !== undefined || state.log.hasUnwritten();
}

/** The number of the write that will hold everything done so far. */
export function coveringSeq(state: GroupState): number {
  return isWriteDue(state) ? state.lastSeq + 1 : state.lastSeq;
}

/** The leader's entries of this term have begun to commit: only then is its commit index current. */
export function hasCommittedInTerm(state: GroupState): boolean {
  return state.log.termAt(state.log.commitIndex) === state.term;
}
