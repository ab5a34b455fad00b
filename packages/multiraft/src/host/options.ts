// What a host is made of: the ports it may use, the stores it owns, the limits it keeps.

import {
  assert,
  type Clock,
  type Disk,
  LIMITS,
  type Log,
  type NodeId,
  type Random,
  type ReplicaId,
  type ReplicaSetId,
  type StoreId,
  type Transport,
} from '@flotilla/base';
import type {Message, Output, RaftGroup} from '@flotilla/raft';
import type {DurablePoint, StateMachine} from '../state-machine.ts';
import type {Timing, TimingPreset} from './timing.ts';

export interface StoreOptions {
  readonly store: StoreId;
  readonly disk: Disk;
  /** Of this store alone, on that disk; the log lies under `log`, snapshots arrive under `staging`. */
  readonly path: string;
}

export interface HostLimits {
  /** Proposed and not yet applied: of the host, and of one group. */
  readonly proposalsBytesMax: number;
  readonly groupProposalsBytesMax: number;
  /** Entries kept in memory for followers that are a little behind. */
  readonly cacheBytesMax: number;
  /** Log entries on disk that are applied and durable elsewhere: of one group, and of a store. */
  readonly groupLogBytesMax: number;
  readonly storeLogBytesMax: number;
  readonly fragmentBytesMax: number;
  readonly segmentBytes: number;
  readonly snapshotsSentMax: number;
  readonly snapshotsReceivedMax: number;
  /** Read and sent for snapshots, of all groups together. */
  readonly snapshotBytesPerSecond: number;
  /** A full disk refuses proposals below this share of its size. */
  readonly diskFreeShareMin: number;
  /** Below this share it keeps some space for the log alone. */
  readonly diskFreeShareBallast: number;
  readonly uncommittedBytesMax: number;
  readonly inflightBytesMax: number;
  readonly inflightMessagesMax: number;
}

const MIB = 1024 * 1024;

/** One hot group never takes all of the host's. */
export function proposalLimits(
  proposalsBytesMax: number,
): Pick<HostLimits, 'proposalsBytesMax' | 'groupProposalsBytesMax'> {
  return {proposalsBytesMax, groupProposalsBytesMax: proposalsBytesMax / 2};
}

export const HOST_LIMITS: HostLimits = {
  ...proposalLimits(LIMITS.proposals_in_flight_bytes_max.value),
  // Two times what may be in flight to one follower, and little beside the memtables.
  cacheBytesMax: 64 * MIB,
  // Some minutes of a hot group; a follower further behind takes a snapshot.
  groupLogBytesMax: 64 * MIB,
  // 16 segments: restart reads them all.
  storeLogBytesMax: 1024 * MIB,
  fragmentBytesMax: LIMITS.fragment_bytes_max.value,
  segmentBytes: 64 * MIB,
  snapshotsSentMax: 2,
  snapshotsReceivedMax: 2,
  snapshotBytesPerSecond: LIMITS.snapshot_bytes_per_second_max.value,
  diskFreeShareMin: 0.05,
  // As soon as it takes no new replicas.
  diskFreeShareBallast: 0.15,
  uncommittedBytesMax: LIMITS.raft_uncommitted_bytes_max.value,
  inflightBytesMax: LIMITS.raft_inflight_bytes_max.value,
  inflightMessagesMax: LIMITS.raft_inflight_messages_max.value,
};

/** As OpenStateMachine, told in addition in which store the replica lives. */
export type OpenHostedStateMachine = (identity: {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
  readonly store: StoreId;
  readonly founding?: DurablePoint | undefined;
  /**
   * It is opened to be destroyed, and may have been before: perhaps nothing of it is left, or what is left
   * is damaged. Neither may keep it from being opened: the node would never start again.
   */
  readonly isBuried?: boolean | undefined;
}) => Promise<StateMachine>;

/** What an observer is shown of a replica; it only looks. */
export interface ObservedGroup {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
  readonly raft: RaftGroup;
}

/** Sees what every core says, turn by turn: the checks of a simulated cluster. */
export interface GroupObserver {
  /** Made, or read back from its store; nothing was stepped into it yet. */
  opened(group: ObservedGroup): void;
  /** Called before the output is carried out. */
  took(group: ObservedGroup, output: Output): void;
  /** It leaves now; whatever it waited for is durable. */
  sent(group: ObservedGroup, message: Message): void;
}

/** Requires that a replica for which an index is named here finds it named after every restart too. */
export interface EntryOrders {
  /** Passed over: the same ones by all replicas of the set. */
  readonly skipped: readonly number[];
  /** Neither applied nor passed over, as long as that is not decided: the replica stops before them. */
  readonly held: readonly number[];
}

export interface HostOptions {
  readonly node: NodeId;
  /** Higher at each start of the node. */
  readonly bootEpoch: number;
  /** Number of the engine thread that this host runs in; 0 when absent. */
  readonly thread?: number | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: Transport;
  readonly log?: Log | undefined;
  readonly stores: readonly StoreOptions[];
  /** Which store a new replica goes to; the one with fewest replicas when absent. */
  readonly storeOf?: ((set: ReplicaSetId) => StoreId) | undefined;
  /**
   * A log with damage in its middle: `replace` opens the store with all its replicas damaged, so that
   * each is replaced from the others of its set; `refuse`, the default, does not open it at all.
   */
  readonly damagedLog?: 'refuse' | 'replace' | undefined;
  readonly timing: TimingPreset | Timing;
  readonly limits?: Partial<HostLimits> | undefined;
  readonly openStateMachine: OpenHostedStateMachine;
  /** Where a replica lives, as the catalog knows it; learned from its messages otherwise. */
  readonly locate: (set: ReplicaSetId, replica: ReplicaId) => NodeId | undefined;
  /** What an operator ordered of entries that replicas of the set cannot apply. Asked again for each batch. */
  readonly entryOrders?:
    | ((key: {readonly set: ReplicaSetId; readonly replica: ReplicaId}) => EntryOrders | undefined)
    | undefined;
  /** Until `vouched`, no recovered replica that is the only voter of its set stands by itself. */
  readonly awaitsVouching?: boolean | undefined;
  readonly observer?: GroupObserver | undefined;
  /** A replica that could not be opened, for a reason that passed, is open after all. */
  readonly onReopened?:
    | ((key: {readonly set: ReplicaSetId; readonly replica: ReplicaId}) => void)
    | undefined;
  /** The loop turned, so late: at the end of each tick. */
  readonly onTick?: ((lateMs: number) => void) | undefined;
}

/** Every byte limit holds at least one entry of the largest kind. */
export function checkLimits(limits: HostLimits): void {
  const entryBytes = LIMITS.share_bytes_max.value;
  const {proposalsBytesMax, groupProposalsBytesMax, uncommittedBytesMax, inflightBytesMax} = limits;
  const all = {proposalsBytesMax, groupProposalsBytesMax, uncommittedBytesMax, inflightBytesMax};
  for (const [name, value] of Object.entries(all))
    assert(
      value >= entryBytes,
      () => `${name} of ${value} is below one entry of ${entryBytes} bytes`,
    );
  assert(limits.snapshotBytesPerSecond >= MIB, 'a snapshot must end some day');
  assert(limits.fragmentBytesMax >= 1024, 'fragments below 1 KiB are all header');
}
