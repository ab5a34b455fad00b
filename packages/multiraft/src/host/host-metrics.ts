// What a host tells of itself to whoever watches the node: sums over its groups and stores, gathered
// only when asked for.

import type {HistogramCounts} from '@flotilla/base';
import type {Role} from '@flotilla/raft';
import type {Driver} from './driver.ts';
import type {ElectionCause, HostCounts, MessageCounts, ProposalKind} from './host-counts.ts';
import type {Store} from './store.ts';

export interface LogMetrics {
  /** On disk, of all stores. */
  readonly bytes: number;
  readonly segments: number;
  readonly batches: number;
  readonly writtenBytes: number;
  /** Appends that wait for a batch. */
  readonly queued: number;
  /** One of each store. */
  readonly syncs: readonly HistogramCounts[];
}

export interface HostMetrics {
  readonly groups: number;
  readonly roles: Readonly<Record<Role, number>>;
  /** Ticking: the others sleep. */
  readonly awake: number;
  /** Could not be opened at start. */
  readonly brokenGroups: number;
  /** Stopped themselves since. */
  readonly stoppedGroups: number;
  /** Take part in consensus and apply nothing. */
  readonly wedgedGroups: number;
  readonly electionsStarted: Readonly<Record<ElectionCause, number>>;
  readonly leaderChanges: number;
  readonly proposalsDropped: number;
  readonly snapshotsSent: number;
  readonly snapshotsReceived: number;
  readonly messagesSent: MessageCounts;
  readonly messagesReceived: MessageCounts;
  readonly propose: Readonly<Record<ProposalKind, HistogramCounts>>;
  readonly commit: HistogramCounts;
  readonly apply: HistogramCounts;
  readonly proposalBytes: number;
  readonly proposalBytesMax: number;
  /** The same as log.bytes. */
  readonly logBytes: number;
  readonly log: LogMetrics;
  readonly malformedItems: number;
  readonly itemsForGoneReplicas: number;
}

type Counted = Omit<
  HostMetrics,
  | keyof ReturnType<typeof rolesOf>
  | 'awake'
  | 'brokenGroups'
  | 'proposalBytes'
  | 'proposalBytesMax'
  | 'logBytes'
  | 'log'
  | 'malformedItems'
  | 'itemsForGoneReplicas'
>;

export function countsOf(counts: HostCounts): Counted {
  const {electionsStarted, leaderChanges, proposalsDropped} = counts;
  const {snapshotsSent, snapshotsReceived, messagesSent, messagesReceived} = counts;
  const {write, control, meta, members} = counts.propose;
  return {
    electionsStarted: {...electionsStarted},
    leaderChanges,
    proposalsDropped,
    snapshotsSent,
    snapshotsReceived,
    messagesSent: {...messagesSent},
    messagesReceived: {...messagesReceived},
    propose: {
      ...{write: write.copy(), control: control.copy()},
      ...{meta: meta.copy(), members: members.copy()},
    },
    commit: counts.commit.copy(),
    apply: counts.apply.copy(),
  };
}

export function rolesOf(
  driver: Driver,
): Pick<HostMetrics, 'groups' | 'roles' | 'stoppedGroups' | 'wedgedGroups'> {
  const {groups} = driver;
  const roles: Record<Role, number> = {leader: 0, follower: 0, preCandidate: 0, candidate: 0};
  let stoppedGroups = 0;
  for (const {role, stopped} of groups.values()) {
    if (stopped === undefined) roles[role.role] += 1;
    else stoppedGroups += 1;
  }
  return {groups: groups.size, roles, stoppedGroups, wedgedGroups: wedgedOf(driver)};
}

/** How many apply nothing; of few only it is asked. */
export function wedgedOf({applier}: Driver): number {
  let wedgedGroups = 0;
  for (const group of applier.blocked)
    if (!group.isGone && applier.isWedged(group)) wedgedGroups += 1;
  return wedgedGroups;
}

export function logMetrics(stores: readonly Store[]): LogMetrics {
  const sum = (of: (store: Store) => number): number =>
    stores.reduce((total, store) => total + of(store), 0);
  return {
    bytes: sum(({log}) => log.totalBytes),
    segments: sum(({log}) => log.segmentCount),
    batches: sum(({log}) => log.counts.batches),
    writtenBytes: sum(({log}) => log.counts.bytes),
    queued: sum(({log}) => log.queued),
    syncs: stores.map(({log}) => log.counts.sync.copy()),
  };
}
