// Branded ids: numbers given out by the meta group that cannot be mistaken for each other.

declare const brand: unique symbol;
export type Brand<Value, Name extends string> = Value & {readonly [brand]: Name};

/** A node of the cluster; from 1, never used again, kept in the node's data directory. */
export type NodeId = Brand<number, 'NodeId'>;
/** One (bucket, shard) = one Raft group; from 1, never used again. `META_SET` is the meta group. */
export type ReplicaSetId = Brand<number, 'ReplicaSetId'>;
/** One member of a replica set; from 1, cluster-wide unique, never used again. Raft's own id of a member. */
export type ReplicaId = Brand<number, 'ReplicaId'>;
export type TenantId = Brand<number, 'TenantId'>;
export type DatabaseId = Brand<number, 'DatabaseId'>;
export type TableId = Brand<number, 'TableId'>;
/** Unique inside one table, never used again there. */
export type ColumnId = Brand<number, 'ColumnId'>;
export type BucketId = Brand<number, 'BucketId'>;
export type TokenId = Brand<number, 'TokenId'>;
export type OperationId = Brand<number, 'OperationId'>;
/** A series' number inside one replica set, in order of first appearance in its log; from 0. */
export type SeriesId = Brand<number, 'SeriesId'>;
/** One log and one manifest of a data directory; from 0. Store i is owned by engine thread i mod N. */
export type StoreId = Brand<number, 'StoreId'>;

/** The meta group's place among the replica sets. Ids of ordinary sets begin at 1. */
export const META_SET = 0 as ReplicaSetId;
