// Rows that a database has expired are hidden: every replica of it is told up to which offset of its
// bucket, when it opens and when the catalog says so. Not in the log: all replicas follow the same
// catalog, and the planner cuts queries at the same time. Of the two the one with the newer catalog is right,
// since a longer ttl brings rows back.

import type {ReplicaSetId} from '@flotilla/base';
import type {Bucket, Catalog, CatalogUpdate, Database, Precision} from '@flotilla/catalog';
import type {CatalogEvent} from '@flotilla/meta';
import type {Expired} from '@flotilla/storage';

const UNITS_PER_MS: Readonly<Record<Precision, number>> = {ns: 1e6, us: 1e3, ms: 1};

export interface ExpiringStorage {
  hideExpired(expired: Expired): void;
}

/** In units of the database's precision since the bucket's start; beyond its end where all has expired. */
export function expiredOffset(
  {startMs}: Pick<Bucket, 'startMs'>,
  {expiredBeforeMs, options}: Pick<Database, 'expiredBeforeMs' | 'options'>,
): number {
  if (expiredBeforeMs === undefined) return 0;
  return Math.max(0, (expiredBeforeMs - startMs) * UNITS_PER_MS[options.precision]);
}

/** Tells the storages that an event concerns; all of them where there is none. */
export function hideExpired(
  catalog: Catalog,
  storages: Iterable<readonly [ReplicaSetId, ExpiringStorage]>,
  event?: CatalogEvent,
): void {
  const changed = event?.type === 'update' ? changedDatabases(event.update) : undefined;
  if (changed?.size === 0) return;
  for (const [set, storage] of storages) {
    const entity = catalog.replicaSet(set);
    const bucket = entity && catalog.bucket(entity.bucket);
    const database = entity && catalog.database(entity.database);
    if (bucket === undefined || database === undefined) continue;
    if (changed?.has(database.id) === false) continue;
    const beforeOffset = expiredOffset(bucket, database);
    storage.hideExpired({beforeOffset, catalogVersion: catalog.version});
  }
}

function changedDatabases({changes}: CatalogUpdate): Set<number> {
  const changed = changes.filter(({kind}) => kind === 'database');
  return new Set(changed.map(({id}) => id));
}
