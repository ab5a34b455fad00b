// What can be asked of buckets, replica sets and operations. See commands.ts.

import type {
  BucketId,
  DatabaseId,
  NodeId,
  OperationId,
  ReplicaId,
  ReplicaSetId,
} from '@flotilla/base';
import type {FailoverMode, Operation} from './model.ts';

export interface PlacementRequest {
  readonly node: NodeId;
  readonly role: 'voter' | 'learner';
}

/** The bucket that holds `timeMs`: the present one, or a new one, the wanted range cut against the others. */
export interface EnsureBucket {
  readonly type: 'ensure-bucket';
  readonly database: DatabaseId;
  readonly timeMs: number;
  /** [startMs, endMs) holds timeMs. */
  readonly startMs: number;
  readonly endMs: number;
  /** By shard: its founders. Their number is the number of shards. */
  readonly placements: readonly (readonly PlacementRequest[])[];
  /** Given by the meta leader, whoever proposes it. */
  readonly atMs?: number | undefined;
}
export interface OpenReplicaSets {
  readonly type: 'open-replica-sets';
  readonly sets: readonly ReplicaSetId[];
  /** As that of `ensure-bucket`. */
  readonly atMs?: number | undefined;
}
/** New replicas get new ids; the epoch is raised. CONFLICT unless `expectedEpoch` is the present one. */
export interface SetPlacement {
  readonly type: 'set-placement';
  readonly set: ReplicaSetId;
  readonly expectedEpoch: number;
  readonly add: readonly PlacementRequest[];
  readonly remove: readonly ReplicaId[];
  readonly roles: readonly {readonly replica: ReplicaId; readonly role: 'voter' | 'learner'}[];
  readonly replicasWanted?: number | undefined;
}
/** A set has lost its majority: it goes on with what that replica holds, or begins anew without one. */
export interface RecoverReplicaSet {
  readonly type: 'recover-replica-set';
  readonly set: ReplicaSetId;
  readonly expectedEpoch: number;
  readonly node: NodeId;
  readonly replica?: ReplicaId | undefined;
  /** Where its log ends. */
  readonly lastIndex?: number | undefined;
  readonly atMs: number;
}
export interface PinReplicaSet {
  readonly type: 'pin-replica-set';
  readonly set: ReplicaSetId;
  readonly pinned: boolean;
}
export interface SetReplicaSetFailover {
  readonly type: 'set-replica-set-failover';
  readonly set: ReplicaSetId;
  readonly failover: FailoverMode;
}
/** The same order where one for that entry is open; CONFLICT where one for another is. Never of the meta group. */
export interface BeginSkip {
  readonly type: 'begin-skip';
  readonly set: ReplicaSetId;
  readonly index: number;
  readonly by: string;
  readonly atMs: number;
}
/** CONFLICT where the order is not open any more, or a replica that is placed has not promised. */
export interface EndSkip {
  readonly type: 'end-skip';
  readonly set: ReplicaSetId;
  readonly order: number;
  /** Replicas that stop before the entry until this is decided. Absent: the order is withdrawn. */
  readonly promised?: readonly ReplicaId[] | undefined;
}
/** As cluster version 2 had it: nobody was asked before. It stands in older logs, and is given no more. */
export interface SkipEntry extends Omit<BeginSkip, 'type'> {
  readonly type: 'skip-entry';
}
/**
 * An empty set takes its place in its bucket, and it becomes 'dropping' with all its rows. CONFLICT unless
 * `expectedEpoch` is the present one and that operation, which destroys the set, runs and is not being cancelled.
 */
export interface ReplaceReplicaSet {
  readonly type: 'replace-replica-set';
  readonly set: ReplicaSetId;
  readonly expectedEpoch: number;
  readonly operation: OperationId;
  /** Founders of the set that takes its place. */
  readonly placement: readonly PlacementRequest[];
}
/** Those that are 'dropping' and of which no replica is left. */
export interface ForgetReplicaSets {
  readonly type: 'forget-replica-sets';
  readonly sets: readonly ReplicaSetId[];
}
/** Never lowers. CONFLICT where the ttl that it follows from is not the present one. */
export interface RaiseExpiredBefore {
  readonly type: 'raise-expired-before';
  readonly database: DatabaseId;
  readonly expiredBeforeMs: number;
  readonly ttlMs?: number | undefined;
  readonly atMs: number;
}
/** Its replica sets become 'dropping'. CONFLICT where it has come back since it had expired then. */
export interface DropBucket {
  readonly type: 'drop-bucket';
  readonly bucket: BucketId;
  readonly expiredAtMs?: number | undefined;
}
export interface CreateOperation
  extends Pick<
    Operation,
    | 'kind'
    | 'replicaSet'
    | 'source'
    | 'target'
    | 'sourceNode'
    | 'targetNode'
    | 'allowFewerVoters'
    | 'retryOf'
    | 'cause'
    | 'startedBy'
  > {
  readonly type: 'create-operation';
  /** Its replica set is pinned at once, whatever comes of it. For leaders that do not pin what is done by hand. */
  readonly pin?: boolean | undefined;
  readonly atMs: number;
}
/**
 * CONFLICT unless `expectedStep` is the present one. A finished operation stays as it is. A replica that is made
 * anew where it was gets its `targetNode` once it has gone from there.
 */
export interface UpdateOperation
  extends Partial<
    Pick<
      Operation,
      | 'step'
      | 'state'
      | 'source'
      | 'target'
      | 'targetNode'
      | 'errorCode'
      | 'result'
      | 'differing'
      | 'transfer'
      | 'movesPlanned'
    >
  > {
  readonly type: 'update-operation';
  readonly operation: OperationId;
  readonly expectedStep: string;
  /** null: what stood in its way does no more. */
  readonly error?: string | null | undefined;
  /** Who wants it cancelled; absent where the cluster gives it up. */
  readonly by?: string | undefined;
  readonly waitingFor?: string | undefined;
  readonly atMs: number;
}
/** Forgets operations that were finished before that time. */
export interface ExpireOperations {
  readonly type: 'expire-operations';
  readonly finishedBeforeMs: number;
}
