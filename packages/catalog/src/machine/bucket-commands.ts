// Buckets and the replica sets that are made with them. Buckets of a database never overlap: a new
// one is cut against those that are there when its command is applied, whatever its proposer saw.

import {
  type BucketId,
  type DatabaseId,
  LIMITS,
  META_SET,
  type ReplicaId,
  type ReplicaSetId,
} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {
  CommandResult,
  DropBucket,
  EnsureBucket,
  ForgetReplicaSets,
  OpenReplicaSets,
  PinReplicaSet,
  PlacementRequest,
  ReplaceReplicaSet,
  SetReplicaSetFailover,
} from '../commands.ts';
import type {Bucket, ReplicaPlacement, ReplicaSet} from '../model.ts';
import {type Draft, type Handler, NOTHING, refuse, succeed} from './draft.ts';
import {putPurged} from './expiry-commands.ts';

export const ensureBucket: Handler<EnsureBucket> = (draft, command) => {
  const {catalog} = draft;
  const database = catalog.database(command.database);
  if (database === undefined || database.dropped !== undefined) {
    return refuse('DATABASE_NOT_FOUND', `no database ${command.database}`);
  }
  const present = catalog.bucketAt(database.id, command.timeMs);
  if (present !== undefined) return succeed({bucket: present.id, created: false});
  const fault = bucketFault(draft, command);
  if (fault !== undefined) return fault;
  if (command.timeMs < (database.expiredBeforeMs ?? -Infinity)) {
    return refuse('TIME_EXPIRED', `database ${database.name} has expired that time`);
  }
  if (catalog.bucketCount(database.id) >= LIMITS.buckets_per_database_max.value) {
    return refuse('BUCKET_LIMIT', `database ${database.name} holds as many buckets as it may`);
  }
  const id = draft.nextId<BucketId>('bucket');
  const replicaSets = command.placements.map((placement, shard) =>
    putNewReplicaSet(draft, {database: database.id, bucket: id, shard, placement}),
  );
  const dead = deadIdsOf(catalog, database.id);
  const range = cutRange(catalog, command);
  const madeAtMs = command.atMs;
  draft.put('bucket', id, {id, database: database.id, replicaSets, ...dead, ...range, madeAtMs});
  return succeed({bucket: id, created: true});
};

/**
 * What writes may no longer name: a set that is made later begins with it. By id: every copy of the catalog
 * must hold the same, and one from a snapshot has tables in another order.
 */
function deadIdsOf(
  catalog: Catalog,
  database: Bucket['database'],
): Pick<Bucket, 'deadTables' | 'deadColumns'> {
  const tables = catalog
    .droppedTables(database)
    .map(({id}) => id)
    .sort((a, b) => a - b);
  const columns = catalog
    .shrunkTables(database)
    .map(({id, deadColumns}) => ({table: id, columns: deadColumns!}))
    .sort((a, b) => a.table - b.table);
  return {
    deadTables: tables.length === 0 ? undefined : tables,
    deadColumns: columns.length === 0 ? undefined : columns,
  };
}

export const openReplicaSets: Handler<OpenReplicaSets> = (draft, {sets, atMs}) => {
  const {catalog} = draft;
  const opened = new Set<ReplicaSetId>();
  const buckets = new Set<BucketId>();
  for (const id of new Set(sets)) {
    const set = catalog.replicaSet(id);
    if (set?.state !== 'creating') continue;
    draft.put('replica-set', id, {...set, state: 'open'});
    opened.add(id);
    // One in the place of a destroyed set says nothing about when its bucket had opened.
    if (set.replaces === undefined) buckets.add(set.bucket);
  }
  for (const id of buckets) {
    const bucket = catalog.bucket(id);
    if (bucket === undefined || bucket.openedAtMs !== undefined || atMs === undefined) continue;
    const isUnopened = bucket.replicaSets.some((one) => {
      const set = opened.has(one) ? undefined : catalog.replicaSet(one);
      return set?.state === 'creating' && set.replaces === undefined;
    });
    if (!isUnopened) draft.put('bucket', id, {...bucket, openedAtMs: atMs});
  }
  return succeed(NOTHING);
};

export const pinReplicaSet: Handler<PinReplicaSet> = (draft, command) => {
  const set = draft.catalog.replicaSet(command.set);
  if (set === undefined) return refuse('NOT_FOUND', `no replica set ${command.set}`);
  draft.put('replica-set', set.id, {...set, pinned: command.pinned});
  return succeed(NOTHING);
};

/** Never of the meta group, which nobody could ask then who may be asked. */
export const setReplicaSetFailover: Handler<SetReplicaSetFailover> = (draft, command) => {
  const set = draft.catalog.replicaSet(command.set);
  if (set === undefined) return refuse('NOT_FOUND', `no replica set ${command.set}`);
  if (set.id === META_SET) return refuse('CONFLICT', 'the meta group always fails over by itself');
  draft.put('replica-set', set.id, {...set, failover: command.failover});
  return succeed(NOTHING);
};

/**
 * Its replicas go as those of any dropped set do, and the planner holds back the new one's until so many of them
 * have gone that the old set can acknowledge nothing more.
 */
export const replaceReplicaSet: Handler<ReplaceReplicaSet> = (draft, command) => {
  const {catalog} = draft;
  const set = catalog.replicaSet(command.set);
  const bucket = set && catalog.bucket(set.bucket);
  // The meta group is of no bucket.
  if (set === undefined || bucket === undefined)
    return refuse('NOT_FOUND', `no replica set ${command.set}`);
  if (set.state !== 'open') return refuse('CONFLICT', `replica set ${set.id} is ${set.state}`);
  if (set.epoch !== command.expectedEpoch) {
    const message = `replica set ${set.id} is at epoch ${set.epoch}, not ${command.expectedEpoch}`;
    return refuse('CONFLICT', message, {epoch: set.epoch});
  }
  const {id, kind, state} = catalog.operationOf(set.id) ?? {};
  if (id !== command.operation || kind !== 'destroy-replica-set' || state !== 'running') {
    const message = `operation ${command.operation} does not destroy replica set ${set.id} now`;
    return refuse('CONFLICT', message);
  }
  const fault = placementFault(catalog, command.placement);
  if (fault !== undefined) return fault;
  const {database, shard, replicasWanted, failover} = set;
  const place = {database, bucket: bucket.id, shard, placement: command.placement};
  const kept = {replicasWanted, failover, replaces: set.id};
  const next = putNewReplicaSet(draft, place, {...kept, ...deadIdsOf(catalog, database)});
  const replicaSets = bucket.replicaSets.map((other) => (other === set.id ? next : other));
  draft.put('replica-set', set.id, {...set, state: 'dropping'});
  draft.put('bucket', bucket.id, {...bucket, replicaSets});
  return succeed({set: next});
};

export const forgetReplicaSets: Handler<ForgetReplicaSets> = (draft, command) => {
  for (const id of new Set(command.sets)) {
    const set = draft.catalog.replicaSet(id);
    if (set === undefined) continue;
    if (set.state !== 'dropping') return refuse('CONFLICT', `replica set ${id} is not dropped`);
    draft.remove('replica-set', id);
  }
  return succeed(NOTHING);
};

export const dropBucket: Handler<DropBucket> = (draft, command) => {
  const bucket = draft.catalog.bucket(command.bucket);
  if (bucket === undefined) return succeed(NOTHING);
  const {expiredAtMs} = command;
  if (expiredAtMs !== undefined && expiredAtMs !== bucket.expiredAtMs) {
    const message = `bucket ${bucket.id} is not what had expired when that was planned`;
    return refuse('CONFLICT', message);
  }
  putDroppedBucket(draft, bucket);
  putPurged(draft, bucket);
  return succeed(NOTHING);
};

/** The bucket goes at once; its replica sets stay 'dropping' until no replica of them is left. */
export function putDroppedBucket(draft: Draft, bucket: Bucket): void {
  draft.remove('bucket', bucket.id);
  for (const id of bucket.replicaSets) {
    const set = draft.catalog.replicaSet(id);
    if (set !== undefined) draft.put('replica-set', id, {...set, state: 'dropping'});
  }
}

/** The part of the wanted range around its time that no bucket holds. */
function cutRange(catalog: Catalog, wanted: EnsureBucket): Pick<Bucket, 'startMs' | 'endMs'> {
  let {startMs, endMs} = wanted;
  for (const bucket of catalog.buckets(wanted.database, startMs, endMs)) {
    if (bucket.endMs <= wanted.timeMs) startMs = Math.max(startMs, bucket.endMs);
    else endMs = Math.min(endMs, bucket.startMs);
  }
  return {startMs, endMs};
}

function bucketFault(draft: Draft, command: EnsureBucket): CommandResult<never> | undefined {
  const {timeMs, startMs, endMs, placements} = command;
  const range = `[${startMs}, ${endMs})`;
  if (
    ![timeMs, startMs, endMs].every(Number.isSafeInteger) ||
    timeMs < startMs ||
    timeMs >= endMs
  ) {
    return refuse('INVALID_ARGUMENT', `a bucket's range ${range} must hold its time ${timeMs}`);
  }
  const shardsMax = LIMITS.shards_per_bucket_max.value;
  if (placements.length < 1 || placements.length > shardsMax) {
    return refuse('INVALID_ARGUMENT', `a bucket has 1 to ${shardsMax} shards`);
  }
  for (const placement of placements) {
    const fault = placementFault(draft.catalog, placement);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** An even number of voters tolerates no more failures than one fewer, and waits for one more. */
function placementFault(
  catalog: Catalog,
  placement: readonly PlacementRequest[],
): CommandResult<never> | undefined {
  const voters = placement.filter(({role}) => role === 'voter').length;
  if (voters % 2 === 0 || placement.length > LIMITS.replicas_max.value) {
    return refuse('INVALID_ARGUMENT', `a replica set has an odd number of voters; have ${voters}`);
  }
  if (new Set(placement.map(({node}) => node)).size < placement.length) {
    return refuse('INVALID_ARGUMENT', 'a node holds at most one replica of a set');
  }
  return nodesFault(catalog, placement);
}

/** What a draining node is given is moved away again; a drained one is given nothing. */
function nodesFault(
  catalog: Catalog,
  placement: readonly PlacementRequest[],
): CommandResult<never> | undefined {
  for (const {node} of placement) {
    const state = catalog.node(node)?.state;
    if (state === undefined) return refuse('NOT_FOUND', `no node ${node}`);
    if (state === 'drained' || state === 'decommissioned') {
      return refuse('CONFLICT', `node ${node} is ${state}`);
    }
  }
  return undefined;
}

function putNewReplicaSet(
  draft: Draft,
  wanted: {
    readonly database: DatabaseId;
    readonly bucket: BucketId;
    readonly shard: number;
    readonly placement: readonly PlacementRequest[];
  },
  more: Partial<ReplicaSet> = {},
): ReplicaSetId {
  const {placement, ...place} = wanted;
  const id = draft.nextId<ReplicaSetId>('replicaSet');
  const replicas = placement.map(
    ({node, role}): ReplicaPlacement => ({replica: draft.nextId<ReplicaId>('replica'), node, role}),
  );
  const learners = replicas.filter(({role}) => role === 'learner').map(({replica}) => replica);
  draft.put('replica-set', id, {
    id,
    ...place,
    epoch: 1,
    state: 'creating',
    founders: replicas.map(({replica}) => replica),
    foundingLearners: learners.length === 0 ? undefined : learners,
    replicas,
    createdAtVersion: draft.version,
    ...more,
  });
  return id;
}
