// What a replica must know before it can open, kept in the store's manifest: a node that restarts
// opens its replicas before it has heard from the catalog.

import {
  type DatabaseId,
  FatalError,
  type ReplicaId,
  type ReplicaSetId,
  shape,
  type TableId,
} from '@flotilla/base';
import type {BirthSeen, Catalog, DeadColumns, PlaceSeen, Precision} from '@flotilla/catalog';
import type {Manifest} from '@flotilla/storage';

const RECORD_VERSION = 1;

export interface ReplicaBirth {
  readonly version: number;
  readonly database: DatabaseId;
  /** Of its bucket. */
  readonly startMs: number;
  readonly precision: Precision;
  /** Table ids that were dead when the set was made. */
  readonly deadTables: readonly TableId[];
  readonly deadColumns?: readonly DeadColumns[] | undefined;
  /** For a catalog that must be rebuilt. Absent where an older build wrote the record. */
  readonly place?: PlaceSeen | undefined;
}

const {absentOr, count, fieldsOf, listOf, offset, text, textOf} = shape;

const checkVersion = fieldsOf({version: count});
const checkBirth = fieldsOf({
  database: count,
  startMs: offset,
  precision: textOf(/^[num]s$/),
  deadTables: listOf(count),
  deadColumns: absentOr(listOf(fieldsOf({table: count, columns: listOf(count)}))),
  place: absentOr(
    fieldsOf({
      tenant: text,
      databaseName: text,
      bucket: count,
      endMs: offset,
      shard: count,
      shards: count,
      sets: absentOr(listOf(count)),
    }),
  ),
});

function keyOf(set: ReplicaSetId, replica: ReplicaId): string {
  return `birth/${set}/${replica}`;
}

/** Undefined where the catalog no longer knows the set, or its rows are to go: it was dropped meanwhile. */
export function birthOf(catalog: Catalog, set: ReplicaSetId): ReplicaBirth | undefined {
  const entity = catalog.replicaSet(set);
  const bucket = entity === undefined ? undefined : catalog.bucket(entity.bucket);
  const database = entity === undefined ? undefined : catalog.database(entity.database);
  if (bucket === undefined || database === undefined || entity?.state === 'dropping')
    return undefined;
  const isSuccessor = entity!.replaces !== undefined;
  const {deadTables = [], deadColumns} = isSuccessor ? entity! : bucket;
  return {
    version: RECORD_VERSION,
    database: database.id,
    startMs: bucket.startMs,
    precision: database.options.precision,
    // Not those of this copy, which may be newer: all replicas of a set must begin alike.
    deadTables,
    deadColumns,
    place: {
      tenant: catalog.tenant(database.tenant)?.name ?? '',
      databaseName: database.name,
      bucket: bucket.id,
      endMs: bucket.endMs,
      shard: entity!.shard,
      shards: bucket.replicaSets.length,
      sets: isSuccessor ? bucket.replicaSets : undefined,
    },
  };
}

/** Undefined where there is none, or one of a newer build. */
export function birthSeen(
  manifest: Manifest,
  {set, replica}: {readonly set: ReplicaSetId; readonly replica: ReplicaId},
): BirthSeen | undefined {
  const value = manifest.get(keyOf(set, replica));
  if (value === undefined) return undefined;
  const {version, ...birth} = decode(keyOf(set, replica), value);
  return version === RECORD_VERSION ? birth : undefined;
}

/** Of another version nothing else is looked at. Throws FatalError where it can be no birth. */
function decode(key: string, value: Uint8Array): ReplicaBirth {
  const what = `row ${key}`;
  const birth = shape.parseJson(value, what) as ReplicaBirth;
  checkVersion(birth, what);
  if (birth.version === RECORD_VERSION) checkBirth(birth, what);
  return birth;
}

export async function recordBirth(
  manifest: Manifest,
  {set, replica}: {readonly set: ReplicaSetId; readonly replica: ReplicaId},
  birth: ReplicaBirth,
): Promise<void> {
  const value = new TextEncoder().encode(JSON.stringify(birth));
  await manifest.commit({put: [[keyOf(set, replica), value]]});
}

/** Of one of which no row is read any more; perhaps nothing of it is left, its birth neither. */
const FORGOTTEN = {startMs: 0, precision: 'ms', deadTables: []} as const;

/** @param isBuried it is only to be destroyed. */
export function readBirth(
  manifest: Pick<Manifest, 'get'>,
  {
    set,
    replica,
    isBuried,
  }: {
    readonly set: ReplicaSetId;
    readonly replica: ReplicaId;
    readonly isBuried?: boolean | undefined;
  },
): Omit<ReplicaBirth, 'version' | 'database'> {
  if (isBuried === true) return FORGOTTEN;
  const key = keyOf(set, replica);
  const value = manifest.get(key);
  if (value === undefined) throw new FatalError(`the manifest has no row ${key}`);
  const birth = decode(key, value);
  if (birth.version !== RECORD_VERSION) {
    throw new FatalError(`row ${key}: want version ${RECORD_VERSION}; have ${birth.version}`);
  }
  return birth;
}

/** What the one knows the other begins with, in the same store. */
export async function carryBirth(
  manifests: Iterable<Manifest>,
  set: ReplicaSetId,
  {from, to}: {readonly from: ReplicaId; readonly to: ReplicaId},
): Promise<void> {
  for (const manifest of manifests) {
    const value = manifest.get(keyOf(set, from));
    if (value !== undefined) await manifest.commit({put: [[keyOf(set, to), value]]});
  }
}

/** Wherever it was written: which of the node's stores a thread owns may have changed since. */
export async function forgetBirth(
  manifests: Iterable<Manifest>,
  set: ReplicaSetId,
  replica: ReplicaId,
): Promise<void> {
  const key = keyOf(set, replica);
  for (const manifest of manifests)
    if (manifest.get(key) !== undefined) await manifest.commit({remove: [key]});
}
