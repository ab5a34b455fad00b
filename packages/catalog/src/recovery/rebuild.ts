// The catalog rebuilt: the most advanced one that is left, brought up to what the nodes' own stores tell.
// What they cannot tell is said, and nothing is guessed: the names of tables and columns stand in the
// catalog alone. Pure.
//
// Law: only ids that the catalog cannot have given out count as news. All other differences between it and
// the stores are those of any cluster that is at work, and the reconciler settles them.
// Law: afterwards every counter is above every id that may be in use anywhere.

import type {ColumnId, DatabaseId, NodeId, ReplicaSetId, TableId} from '@flotilla/base';
import type {MachineSnapshot} from '../machine/catalog-machine.ts';
import {membersOf, type NodeEvidence, type ReplicaEvidence} from './evidence.ts';
import {columnsPassedOver, countersOf, passOver} from './passed-over.ts';
import {RebuildDraft} from './rebuild-draft.ts';
import {rebuildSets} from './rebuild-sets.ts';

export interface Rebuilt {
  readonly machine: MachineSnapshot;
  /** What was taken from the stores, in words. */
  readonly found: readonly string[];
  /** What nobody whose word is here can know. */
  readonly unknown: readonly string[];
}

interface RebuildOptions {
  /** Of each node that is here or has reported. */
  readonly evidence: readonly NodeEvidence[];
  /** Nodes of the cluster that never come back. */
  readonly lost: readonly NodeId[];
  readonly atMs: number;
}

export function rebuildCatalog(
  state: MachineSnapshot,
  {evidence, lost, atMs}: RebuildOptions,
): Rebuilt {
  const counters = countersOf(state);
  const draft = new RebuildDraft({...state, counters});
  for (const one of evidence) seeIds(draft, one);
  for (const one of evidence) rebuildNode(draft, one, atMs);
  rebuildSets(draft, evidence, {lost, atMs});
  const replicas = evidence.flatMap((one) => one.replicas);
  rebuildTables(draft, replicas, atMs);
  tellOfTables(draft, replicas);
  for (const {node, faults} of evidence)
    draft.unknown.push(...faults.map((fault) => `node ${node}: ${fault}`));
  const {cluster} = draft.catalog;
  const over = passOver(counters, draft.seen);
  if (cluster !== undefined) {
    const passedOver = [...(cluster.passedOver ?? []), over];
    draft.put('cluster', 0, {...cluster, passedOver});
  }
  draft.apply(columnsPassedOver(draft.catalog));
  const {found, unknown} = draft;
  return {machine: {counters: over.until, catalog: draft.catalog.snapshot()}, found, unknown};
}

function seeIds(draft: RebuildDraft, {node, replicas, ended}: NodeEvidence): void {
  draft.see('node', node);
  for (const {set, replica} of [...replicas, ...ended]) {
    draft.see('replicaSet', set);
    draft.see('replica', replica);
  }
  for (const {configuration, founding, birth, tables, purgedTables} of replicas) {
    const members = [configuration, founding].flatMap((one) => (one ? membersOf(one) : []));
    for (const id of members) draft.see('replica', id);
    for (const {table} of tables) draft.see('table', table);
    for (const table of [...purgedTables, ...(birth?.deadTables ?? [])]) draft.see('table', table);
    if (birth === undefined) continue;
    draft.see('database', birth.database);
    const {place} = birth;
    if (place === undefined) continue;
    draft.see('bucket', place.bucket);
  }
}

/** It says at its start where it is now, by which the others find it. */
function rebuildNode(draft: RebuildDraft, evidence: NodeEvidence, atMs: number): void {
  const {node: id, name, address = `node-${id}:8902`, stores} = evidence;
  if (draft.catalog.node(id) !== undefined) return;
  const rest = {engineThreads: stores, state: 'active', joinedAtMs: atMs, version: '0'} as const;
  draft.put('node', id, {id, incarnation: name, address, ...rest});
  draft.found.push(`node ${id} has joined since`);
  draft.unknown.push(`node ${id}: its zone`);
}

/** What is dead on replicas for ever cannot be alive in the catalog: no write would be taken. */
function rebuildTables(
  draft: RebuildDraft,
  replicas: readonly ReplicaEvidence[],
  atMs: number,
): void {
  const {catalog} = draft;
  for (const id of new Set(replicas.flatMap(({purgedTables}) => purgedTables))) {
    const table = catalog.table(id);
    if (table === undefined || table.purgedAtMs !== undefined) continue;
    const dropped = table.dropped ?? {atMs, purgeAtMs: atMs};
    draft.put('table', id, {...table, columns: [], dropped, purgedAtMs: atMs});
    draft.found.push(`table ${table.name} of ${databaseName(draft, table.database)} was purged`);
  }
  for (const {table: id, columns: dead} of replicas.flatMap(({deadColumns}) => deadColumns)) {
    const table = catalog.table(id);
    const gone = table?.columns.filter((column) => dead.includes(column.id)) ?? [];
    if (table === undefined || gone.length === 0) continue;
    const columns = table.columns.filter((column) => !gone.includes(column));
    const deadColumns: ColumnId[] = [...(table.deadColumns ?? []), ...gone.map((one) => one.id)];
    draft.put('table', id, {...table, columns, deadColumns});
    const names = gone.map(({name}) => name).join(', ');
    const of = `${table.name} of ${databaseName(draft, table.database)}`;
    draft.found.push(`of table ${of} these columns were dropped: ${names}`);
  }
}

/** Rows of tables that were made since: nobody can ask for them by name. */
function tellOfTables(draft: RebuildDraft, replicas: readonly ReplicaEvidence[]): void {
  const rows = new Map<TableId, Map<ReplicaSetId, number>>();
  const databases = new Map<TableId, DatabaseId>();
  for (const {set, tables, birth} of replicas) {
    const database = birth?.database ?? draft.catalog.replicaSet(set)?.database;
    for (const {table, rowCount} of tables) {
      if (draft.catalog.table(table) !== undefined || !draft.isUnknown('table', table)) continue;
      const bySet = rows.get(table) ?? new Map<ReplicaSetId, number>();
      bySet.set(set, Math.max(rowCount, bySet.get(set) ?? 0));
      rows.set(table, bySet);
      if (database !== undefined) databases.set(table, database);
    }
  }
  for (const [table, bySet] of [...rows].sort(([a], [b]) => a - b)) {
    const count = [...bySet.values()].reduce((sum, one) => sum + one, 0);
    const database = databases.get(table);
    const of = database === undefined ? 'a database' : databaseName(draft, database);
    draft.unknown.push(
      `table ${table} of ${of}, made since: its name and its columns, so that its rows (${count} in replica sets ${[...bySet.keys()].sort((a, b) => a - b).join(', ')}) cannot be read`,
    );
  }
}

function databaseName({catalog}: RebuildDraft, id: DatabaseId): string {
  return `database ${catalog.database(id)?.name ?? id}`;
}
