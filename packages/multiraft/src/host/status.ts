// What a host tells about one of its replicas: to operators, to the meta group's reports, to tests.

import type {NodeId, ReplicaId, ReplicaSetId, StoreId} from '@flotilla/base';
import type {Configuration, ProgressStatus, Role} from '@flotilla/raft';
import type {HostedGroup, ReceivedBytes} from './hosted-group.ts';

export interface MemberStatus {
  readonly replica: ReplicaId;
  readonly node: NodeId | undefined;
  readonly state: ProgressStatus['state'];
  readonly matchIndex: number;
  /** Entries that the member does not hold. */
  readonly lag: number;
  readonly isReachable: boolean;
  readonly isRecentlyActive: boolean;
}

export interface ReplicaStatus {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
  readonly store: StoreId | undefined;
  readonly role: Role;
  readonly term: number;
  readonly leader: {readonly replica: ReplicaId; readonly node: NodeId | undefined} | undefined;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** Of the entry there. */
  readonly lastTerm: number;
  /** Of the log: durable here up to this index. */
  readonly durableIndex: number;
  /** Of the state machine: what a restart need not replay. */
  readonly flushedIndex: number;
  readonly configuration: Configuration;
  readonly configIndex: number;
  /** A restart finds this configuration in force, or a later one. */
  readonly isConfigDurable: boolean;
  readonly isConfigPending: boolean;
  readonly failover: 'automatic' | 'manual';
  readonly isAsleep: boolean;
  /** At the leader: every other member. */
  readonly members: readonly MemberStatus[];
  /** Why it stands still for good. */
  readonly stopped: string | undefined;
  /** The entry that it could not apply, where that is why. */
  readonly failedIndex: number | undefined;
  /** Takes part in consensus and has applied nothing for long, though it was asked. */
  readonly isWedged: boolean;
  /** Of the last snapshot that it was sent since it was opened. */
  readonly received: ReceivedBytes | undefined;
  /** Who sent the last one that came whole. */
  readonly receivedFrom: ReplicaId | undefined;
}

/** All but what takes a clock to tell. */
export function replicaStatus(
  group: HostedGroup,
  nodeOf: (replica: ReplicaId) => NodeId | undefined,
): Omit<ReplicaStatus, 'isWedged'> {
  const status = group.raft.status();
  const leader = status.leader as ReplicaId;
  const members: MemberStatus[] = [];
  for (const [id, progress] of status.progress) {
    const replica = id as ReplicaId;
    if (replica === group.replica) continue;
    members.push({
      replica,
      node: nodeOf(replica),
      state: progress.state,
      matchIndex: progress.matchIndex,
      lag: status.lastIndex - progress.matchIndex,
      isReachable: progress.reachable,
      isRecentlyActive: progress.recentlyActive,
    });
  }
  return {
    set: group.set,
    replica: group.replica,
    store: group.store.store,
    role: status.role,
    term: status.term,
    leader: leader === 0 ? undefined : {replica: leader, node: nodeOf(leader)},
    commitIndex: status.commitIndex,
    // The core of a replica that stopped within a batch was not told how far it came.
    appliedIndex: Math.max(status.appliedIndex, group.appliedIndex),
    firstIndex: status.firstIndex,
    lastIndex: status.lastIndex,
    lastTerm: status.lastTerm,
    durableIndex: status.stableIndex,
    flushedIndex: group.machine.durablePoint().index,
    configuration: status.configuration,
    configIndex: status.configIndex,
    isConfigDurable: status.configDurable,
    isConfigPending: status.configPending,
    failover: status.failover,
    isAsleep: group.isAsleep,
    members,
    stopped: group.stopped,
    failedIndex: group.failedIndex,
    received: group.received,
    receivedFrom: group.receivedFrom,
  };
}
