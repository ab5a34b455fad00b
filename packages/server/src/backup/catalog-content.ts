// What of the catalog goes with a backup: what the numbers in the files of replicas mean, as JSON, so that the
// rows can be told by name in a cluster that knows nothing of this one. No tokens, nodes or operations.

import type {BucketId, DatabaseId, ReplicaSetId} from '@flotilla/base';
import type {Catalog, Database, ReplicaSet, Table} from '@flotilla/catalog';
import type {BackupScope} from '@flotilla/storage';

export type BackedUpTable = Pick<Table, 'id' | 'name' | 'columns'>;

export interface BackedUpDatabase extends Pick<Database, 'id' | 'name' | 'options'> {
  readonly tenant: string;
  readonly tenantComment?: string | undefined;
  readonly expiredBeforeMs?: number | undefined;
  /** Those that are not dropped. */
  readonly tables: readonly BackedUpTable[];
}

/** Of which database and bucket a replica set is. */
export interface BackedUpPlace {
  readonly set: ReplicaSetId;
  readonly database: DatabaseId;
  readonly bucket: BucketId;
  readonly startMs: number;
  readonly endMs: number;
  readonly shard: number;
}

export interface CatalogContent {
  readonly version: 1;
  readonly databases: readonly BackedUpDatabase[];
  readonly places: readonly BackedUpPlace[];
}

export function databasesIn(catalog: Catalog, {tenant, database}: BackupScope): Database[] {
  return [...catalog.databases()].filter((one) => {
    const owner = catalog.tenant(one.tenant);
    if (one.dropped !== undefined || owner === undefined || owner.dropped !== undefined)
      return false;
    if (tenant !== undefined && owner.name !== tenant) return false;
    return database === undefined || one.name === database;
  });
}

/** Sets that are being made have nothing yet, and those that are dropped will have nothing. */
export function setsIn(catalog: Catalog, databases: readonly Database[]): ReplicaSet[] {
  const wanted = new Set(databases.map(({id}) => id));
  return [...catalog.replicaSets()].filter(
    ({database, state}) => state !== 'dropping' && wanted.has(database),
  );
}

/** @param catalog  no older than the files: it names whatever they hold. */
export function catalogContent(
  catalog: Catalog,
  databases: readonly Database[],
  sets: Iterable<ReplicaSetId>,
): CatalogContent {
  return {
    version: 1,
    databases: databases.map(({id, name, tenant, options, expiredBeforeMs}) => {
      const owner = catalog.tenant(tenant)!;
      return {
        ...{id, name, options, expiredBeforeMs},
        tenant: owner.name,
        tenantComment: owner.comment,
        tables: catalog
          .tables(id)
          .map(({id: table, name: text, columns}) => ({id: table, name: text, columns})),
      };
    }),
    places: [...sets].flatMap((set) => {
      const {database, bucket: id, shard} = catalog.replicaSet(set) ?? {};
      const bucket = id && catalog.bucket(id);
      if (bucket === undefined) return [];
      const {startMs, endMs} = bucket;
      return [{set, database: database!, bucket: bucket.id, startMs, endMs, shard: shard!}];
    }),
  };
}
