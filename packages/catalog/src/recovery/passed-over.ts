// After a loss of the meta group's majority some ids may be in use of which nobody left knows: those that
// the lost members gave out since. Law: none of them is ever given out again, and what bears one is kept.

import {type ColumnId, LIMITS} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import {COLUMNS_PASSED_OVER_SINCE} from '../cluster-version.ts';
import type {MachineSnapshot} from '../machine/catalog-machine.ts';
import {FIRST_COUNTERS} from '../machine/draft.ts';
import {lastColumnId} from '../machine/names.ts';
import type {CatalogChange, Counters, PassedOver} from '../model.ts';

/** More than can have been given out since: a day of 10 a second. */
const IDS_SKIPPED = 1 << 20;

type Kind = keyof Counters;

/** Whether this catalog passed over the id and has learnt of nothing that bears it. */
export function isPassedOver(catalog: Catalog, kind: Kind, id: number): boolean {
  const ranges = catalog.cluster?.passedOver ?? [];
  return ranges.some(({from, until}) => from[kind] <= id && id < until[kind]);
}

/** Never below what an earlier recovery passed over: a copy of the catalog has none, and they are counted anew. */
export function countersOf({counters, catalog}: MachineSnapshot): Counters {
  // A snapshot of an older build lacks those of kinds that it did not know.
  const next: Record<Kind, number> = {...FIRST_COUNTERS, ...counters};
  for (const change of catalog.changes) {
    const ranges = change.kind === 'cluster' ? (change.value?.passedOver ?? []) : [];
    for (const {until} of ranges)
      for (const kind of Object.keys(next) as Kind[])
        next[kind] = Math.max(next[kind], until[kind] ?? 0);
  }
  return next;
}

/** `seen`: ids found in use. `from` are the counters of the state that is left. */
export function passOver(from: Counters, seen: ReadonlyMap<Kind, number>): PassedOver {
  const until = Object.entries(from).map(([kind, next]) => {
    const free = Math.max(next, (seen.get(kind as Kind) ?? 0) + 1);
    return [kind, free + IDS_SKIPPED];
  });
  return {from, until: Object.fromEntries(until) as unknown as Counters};
}

/**
 * Columns have ids of their own in each table, at most so many of them new. Not in a cluster of version 1:
 * a member of the build before would give out others.
 */
export function columnsPassedOver(catalog: Catalog): CatalogChange[] {
  if (catalog.clusterVersion < COLUMNS_PASSED_OVER_SINCE) return [];
  const changes: CatalogChange[] = [];
  for (const {id: database} of catalog.databases()) {
    for (const table of [...catalog.tables(database), ...catalog.droppedTables(database)]) {
      if (table.purgedAtMs !== undefined) continue;
      const next = lastColumnId(table) + LIMITS.columns_per_table_max.value + 1;
      const value = {...table, columnIdsFrom: next as ColumnId};
      changes.push({kind: 'table', id: table.id, value});
    }
  }
  return changes;
}
