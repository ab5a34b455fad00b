// What the database of a replica set says of the series in its bucket, by this thread's copy of the catalog. One that
// is behind goes by what was said before.

import type {ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';
import type {BucketSeries} from '@flotilla/replica';

export function bucketSeriesOf(
  catalog: Pick<Catalog, 'replicaSet' | 'database' | 'bucket'>,
  id: ReplicaSetId,
): BucketSeries | undefined {
  const set = catalog.replicaSet(id);
  const database = set && catalog.database(set.database);
  const bucket = set && catalog.bucket(set.bucket);
  if (database === undefined || bucket === undefined) return undefined;
  const {maxSeries} = database.options;
  if (maxSeries === undefined) return undefined;
  return {database: database.name, maxSeries, shards: bucket.replicaSets.length};
}
