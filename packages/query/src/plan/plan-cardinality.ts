// Counting the series of a database: each replica set of each of its buckets is asked once, whatever its
// replicas. Buckets that have expired are left out, as from queries.

import type {Database} from '@flotilla/catalog';
import type {CardinalitySpec} from '@flotilla/column';
import type {PlanCatalog} from './catalog-view.ts';
import {ALL_TIME} from './conjuncts.ts';
import {bucketRanges} from './fragments.ts';
import type {CountFragment} from './plan.ts';

export function planCardinality(
  catalog: PlanCatalog,
  database: Database,
  count: CardinalitySpec,
): CountFragment[] {
  return bucketRanges(catalog, database, {range: ALL_TIME}).flatMap(({bucket}) =>
    bucket.replicaSets.map((set) => ({version: 1, set, source: 'cardinality', count})),
  );
}
