// What meta needs of the groups that a node hosts; multiraft's host, as far as it goes, fits them.

import type {NodeId, OperationId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {MemberChange} from '@flotilla/catalog';
import type {ReportBook} from './report-book.ts';

/** The meta group as this thread hosts it. */
export interface MetaGroup {
  /** Gives what apply made of it. Rejects with NOT_LEADER, NO_LEADER, OVERLOADED (no effect) or OUTCOME_UNKNOWN. */
  propose(
    set: ReplicaSetId,
    payload: Uint8Array,
    options: {
      readonly deadlineMs: number;
      readonly onFullDisk?: boolean | undefined;
      /** By which it is counted. */
      readonly kind?: 'meta';
    },
  ): Promise<unknown>;
  /** The index that covers every write acknowledged before the call. */
  readIndex(set: ReplicaSetId, options: {readonly deadlineMs: number}): Promise<number>;
  status(set: ReplicaSetId): GroupRole | undefined;
}

export interface GroupRole {
  readonly role: string;
  readonly leader: {readonly replica: ReplicaId; readonly node: NodeId | undefined} | undefined;
  /** Why the replica stands still for good: what it knew of a leader stays as it was. */
  readonly stopped?: string | undefined;
}

/** How a replica is brought to life: with its group's bootstrap, or empty, as a learner. */
export interface CreateOrder {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
  /** The configuration of the bootstrap; absent for a replica that begins empty. */
  readonly founding?:
    | {readonly voters: readonly ReplicaId[]; readonly learners: readonly ReplicaId[]}
    | undefined;
  /**
   * Of the catalog: at the creation of the set (the ids dead by then), or at the last order to skip an entry of
   * its log. Who makes the replica has a copy as new as that.
   */
  readonly createdAtVersion: number;
  /** It is to take over what this one holds here, which has lost its majority. */
  readonly from?: ReplicaId | undefined;
}

/** What a replica is to do for an operation. */
export interface WorkOrder {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
  readonly operation: OperationId;
  readonly work: 'compact' | 'checksum';
}

/** The replicas of a node: its threads' hosts in one. Every call may come twice; the second changes nothing. */
export interface ReplicaHost {
  /** Of all engine threads, as they are now; the same book each time. */
  reports(): Promise<ReportBook>;
  /** Resolves when the bootstrap, or the empty replica, is durable. CONFLICT for a tombstoned id. */
  createReplica(order: CreateOrder): Promise<void>;
  /** Resolves when its tombstone is durable. */
  destroyReplica(order: {readonly set: ReplicaSetId; readonly replica: ReplicaId}): Promise<void>;
  /** Resolves when the change is applied. CONFLICT where the configuration is of another index. */
  proposeConfig(
    set: ReplicaSetId,
    changes: readonly MemberChange[],
    mode: 'simple' | 'joint' | 'joint-explicit' | 'leave',
    options: {readonly expectedConfigIndex: number; readonly deadlineMs: number},
  ): Promise<void>;
  transferLeader(
    set: ReplicaSetId,
    to: ReplicaId,
    options: {readonly deadlineMs: number},
  ): Promise<void>;
  /**
   * Begins it and resolves; reports tell what becomes of it. A checksum is proposed by the replica, which
   * leads, to all. REPLICA_GONE where another replica of the set is here, or none.
   */
  workOnReplica(order: WorkOrder, options: {readonly deadlineMs: number}): Promise<void>;
  /** Of the fullest disk. */
  diskSpace(): Promise<{readonly freeBytes: number; readonly totalBytes: number}>;
  /** Other nodes that this one hears now. */
  heard(): readonly NodeId[];
}

/** Which nodes may be asked for the meta group, the likeliest first. */
export type MetaMembers = () => readonly NodeId[];

/** What this node's liveness says of the others. The router's NodeWatch fits it. */
export interface NodePresence {
  /** It has stopped answering: frozen, cut off or dead. */
  isAway(node: NodeId): boolean;
  /** Calls back once, when the node goes away from now on. Returns what ends that. */
  onAway(node: NodeId, callback: () => void): () => void;
}

/** In their order, without those that are away; all of them when all are. */
export function presentOf(nodes: readonly NodeId[], presence: NodePresence): readonly NodeId[] {
  const here = nodes.filter((node) => !presence.isAway(node));
  return here.length > 0 ? here : nodes;
}
