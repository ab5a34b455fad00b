// What is: the nodes' reports as the planner sees them. A report is a hint that may be old; whatever
// is planned from it is fenced by replica ids and by the group's configuration index.

import type {NodeId, ReplicaId, ReplicaSetId, ReplicaWork} from '@flotilla/base';
import type {Transfer} from '../model.ts';

/** A group's active configuration, by raft's words. Arrays ascend. */
export interface GroupConfiguration {
  readonly voters: readonly number[];
  /** The old majority while joint; empty otherwise. */
  readonly votersOutgoing: readonly number[];
  readonly learners: readonly number[];
  readonly learnersNext: readonly number[];
  /** The leader leaves the joint configuration by itself. */
  readonly autoLeave: boolean;
}

/** What a leader knows of another member. */
export interface MemberProgress {
  readonly replica: ReplicaId;
  readonly matchIndex: number;
  /** Only in `replicate` do entries flow; a member that is still empty is in `probe` or `snapshot`. */
  readonly state: 'probe' | 'replicate' | 'snapshot';
  /** It answered lately. */
  readonly active: boolean;
}

export interface ReplicaReport {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
  readonly role: 'leader' | 'follower' | 'candidate' | 'learner' | 'stopped';
  readonly term: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
  /** Index at which the active configuration was applied: committed, therefore. */
  readonly configIndex: number;
  /** A restart may find the configuration before this one in force. */
  readonly configVolatile?: boolean | undefined;
  readonly configuration: GroupConfiguration;
  /** Its bootstrap, or what it was given since, is durable. */
  readonly durable: boolean;
  /** Rows were written to it since its node started. */
  readonly written: boolean;
  /** Of its parts; absent where an older build reports. */
  readonly diskBytes?: number | undefined;
  /** Of the writes applied since its node opened it. */
  readonly writtenBytes?: number | undefined;
  /** Why it stopped. */
  readonly fault?: string | undefined;
  /** It lost what it had acknowledged, so it must be replaced under a new id. */
  readonly damaged?: boolean | undefined;
  /** Of the last snapshot that it was sent since its node started. */
  readonly received?: Transfer | undefined;
  /** Who sent the last one that came whole; absent where an older build reports. */
  readonly receivedFrom?: ReplicaId | undefined;
  readonly work?: ReplicaWork | undefined;
  /** From the leader alone. */
  readonly progress?: readonly MemberProgress[] | undefined;
}

export interface WriteRates {
  readonly bytesPerSecond: number;
  /** Only those that were written to. */
  readonly byReplica: ReadonlyMap<ReplicaId, number>;
}

export interface NodeReport {
  readonly node: NodeId;
  /** It answered lately. The replicas of one that did not are as it last reported them. */
  readonly live: boolean;
  /**
   * Since when the planner has not heard it, nor half of the nodes that report, by the median of the
   * clocks; absent while it is live.
   */
  readonly silentSinceMs?: number | undefined;
  /** It has not answered once since the planner began: it may have been silent before, or not. */
  readonly isUnheard?: boolean | undefined;
  /** Its wall clock less the planner's. */
  readonly clockOffsetMs: number;
  /** Free part of its fullest disk, 0 to 1. */
  readonly diskFree: number;
  readonly diskTotalBytes?: number | undefined;
  /** Sets that it leads by its own word. */
  readonly leads?: number | undefined;
  /** What was written to its replicas lately; absent until that was measured. */
  readonly writes?: WriteRates | undefined;
  readonly replicas: ReadonlyMap<ReplicaId, ReplicaReport>;
}

export type Reports = ReadonlyMap<NodeId, NodeReport>;
