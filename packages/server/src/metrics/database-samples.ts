// Counts by database. Databases are as many as users make, and a series for each of 10,000 would drown
// whoever scrapes: the first ones are told each by itself, all others as one.

import type {DatabaseId} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';
import {byLabel, type Sample} from './sample.ts';
import {countsOf, type SetCondition} from './set-conditions.ts';

/** Told by name, in the order in which they were made: with four states each some 600 series. */
const DATABASES_TOLD = 100;
/** No database can have this name: it holds a '/'. */
const OTHER_DATABASES = '/others';

export function databaseSamples(catalog: Catalog, sets: Iterable<SetCondition>): Sample[] {
  const live = [...catalog.databases()].filter(({dropped}) => dropped === undefined);
  const told = live.sort((a, b) => a.id - b.id).slice(0, DATABASES_TOLD);
  const others: SetCondition[] = [];
  const byDatabase = new Map<DatabaseId, SetCondition[]>(told.map(({id}) => [id, []]));
  for (const condition of sets) (byDatabase.get(condition.set.database) ?? others).push(condition);
  const samples = told.flatMap(({id, name, tenant}) => {
    const labels = {tenant: catalog.tenant(tenant)?.name ?? '', database: name};
    return samplesOf(labels, byDatabase.get(id)!);
  });
  if (others.length === 0) return samples;
  return [...samples, ...samplesOf({tenant: OTHER_DATABASES, database: OTHER_DATABASES}, others)];
}

function samplesOf(
  labels: Readonly<Record<'tenant' | 'database', string>>,
  sets: readonly SetCondition[],
): Sample[] {
  const bytes = sets.reduce((sum, {diskBytes}) => sum + diskBytes, 0);
  const lag = sets.reduce((max, {lagEntries}) => Math.max(max, lagEntries), 0);
  const counts = byLabel('flotilla_database_replica_sets', 'state', Object.entries(countsOf(sets)));
  return [
    ...counts.map((sample) => ({...sample, labels: {...labels, ...sample.labels}})),
    {metric: 'flotilla_database_disk_bytes', labels, value: bytes},
    {metric: 'flotilla_database_lag_entries_max', labels, value: lag},
  ];
}
