// What an operator or a planner may look at. Nothing decides on it inside the group.

import type {Configuration} from './configuration.ts';
import type {FailoverMode} from './input.ts';
import type {Role} from './output.ts';
import type {ProgressState} from './progress.ts';
import type {BadInputCounts, GroupState} from './state.ts';

export interface ProgressStatus {
  readonly state: ProgressState;
  readonly matchIndex: number;
  readonly nextIndex: number;
  readonly inflightMessages: number;
  readonly inflightBytes: number;
  readonly paused: boolean;
  readonly recentlyActive: boolean;
  readonly reachable: boolean;
  readonly pendingSnapshotIndex: number;
  readonly commitIndex: number;
  readonly session: number;
}

export interface Status {
  readonly id: number;
  readonly role: Role;
  readonly term: number;
  readonly vote: number;
  /** 0: unknown. */
  readonly leader: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  /** Durable here up to this index. */
  readonly stableIndex: number;
  /** First index whose payload is in memory. */
  readonly cachedFrom: number;
  readonly configuration: Configuration;
  readonly configIndex: number;
  /** A restart finds this configuration in force, or a later one. */
  readonly configDurable: boolean;
  /** A change of members is proposed and not applied, or may be. Leader only. */
  readonly configPending: boolean;
  readonly pendingSnapshotIndex: number;
  /** 0: no transfer. */
  readonly transferTo: number;
  readonly uncommittedBytes: number;
  readonly pendingReads: number;
  readonly pendingProposals: number;
  readonly failover: FailoverMode;
  readonly badInput: BadInputCounts;
  /** Leader only, itself included; empty elsewhere. */
  readonly progress: ReadonlyMap<number, ProgressStatus>;
}

export function statusOf(state: GroupState): Status {
  const {log} = state;
  return {
    id: state.id,
    role: state.role,
    term: state.term,
    vote: state.vote,
    leader: state.leader,
    commitIndex: log.commitIndex,
    appliedIndex: log.appliedIndex,
    firstIndex: log.firstIndex,
    lastIndex: log.lastIndex,
    lastTerm: log.lastTerm,
    stableIndex: log.stableIndex,
    cachedFrom: log.cachedFrom,
    configuration: state.configuration,
    configIndex: state.configIndex,
    configDurable: state.persistedSeq >= state.configSeq,
    configPending: state.role === 'leader' && state.pendingConfigIndex > log.appliedIndex,
    pendingSnapshotIndex: state.pendingSnapshot?.index ?? 0,
    transferTo: state.transferTo,
    uncommittedBytes: state.uncommittedBytes,
    pendingReads: state.pendingReads.length,
    pendingProposals: state.pendingProposals.length,
    failover: state.manualFailover ? 'manual' : 'automatic',
    badInput: {...state.badInput},
    progress: progressOf(state),
  };
}

function progressOf(state: GroupState): Map<number, ProgressStatus> {
  const all = new Map<number, ProgressStatus>();
  for (const [id, progress] of state.progress) {
    all.set(id, {
      state: progress.state,
      matchIndex: progress.match,
      nextIndex: progress.next,
      inflightMessages: progress.inflights.count,
      inflightBytes: progress.inflights.bytes,
      paused: progress.paused,
      recentlyActive: progress.recentlyActive,
      reachable: progress.reachable,
      pendingSnapshotIndex: progress.pendingSnapshot,
      commitIndex: progress.knownCommit,
      session: progress.session,
    });
  }
  return all;
}
