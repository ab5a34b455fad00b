// GET /admin/v1/storage: what lies on disks and in memory, by node and by table, and of one database or one
// replica set by replica. Rows are counted once, bytes on every node.

import {
  DbError,
  META_SET,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  type TableId,
} from '@flotilla/base';
import type {Catalog, Database, ReplicaSet, Table} from '@flotilla/catalog';
import {
  askStorage,
  type NodeStorage,
  type StorageAsking,
  type StoredReplica,
  type WorkCounts,
} from './storage-view.ts';

type Nodes = ReadonlyMap<NodeId, NodeStorage | undefined>;

interface Sizes {
  readonly parts: number;
  readonly partBytes: number;
  /** Of the files of series keys. */
  readonly keyBytes: number;
  readonly memtableBytes: number;
  /** 0 of a replica that is not loaded. */
  readonly indexBytes: number;
}

interface StoredNode extends Sizes, Partial<WorkCounts> {
  readonly node: NodeId;
  readonly address: string | undefined;
  readonly isReachable: boolean;
  /** Of those that are told of here. */
  readonly replicas: number;
  readonly loaded: number;
  /** Bytes written as parts, compactions included, by byte that was flushed; since the node began. */
  readonly writeAmplification?: number | undefined;
}

interface StoredTable {
  readonly tenant: string | undefined;
  readonly database: string;
  readonly table: string;
  /** It waits in the trash. */
  readonly isDropped?: true | undefined;
  readonly replicaSets: number;
  /** As written, of one replica of each set: duplicates and deleted ones count until they are compacted away. */
  readonly rows: number;
  /** Of them, those that are in memory only. */
  readonly memtableRows: number;
  /** On all nodes: of a part with several tables, its share by rows and columns. */
  readonly partBytes: number;
  /** As if each row had all fields of the table. */
  readonly bytesPerValue?: number | undefined;
}

interface ReplicaOnNode
  extends Partial<Omit<StoredReplica, 'set' | 'replica' | 'tables' | 'partCount' | 'parts'>> {
  readonly replica: ReplicaId;
  readonly node: NodeId;
  /** 'unreachable': its node does not answer; 'missing': it has none. */
  readonly state: 'loaded' | 'unloaded' | 'unreachable' | 'missing';
  readonly partCount?: number | undefined;
  readonly rows?: number | undefined;
  readonly parts?: StoredReplica['parts'];
}

interface StoredSet {
  readonly id: ReplicaSetId;
  readonly tenant: string | undefined;
  readonly database: string;
  readonly bucket: {readonly start: string; readonly end: string};
  readonly shard: number;
  readonly replicas: readonly ReplicaOnNode[];
}

export interface StorageReport {
  readonly nodes: readonly StoredNode[];
  readonly tables: readonly StoredTable[];
  /** Of a database, or the one that was asked for. */
  readonly sets?: readonly StoredSet[] | undefined;
}

export interface StorageWanted {
  /** Absent: all of them. */
  readonly database?: Database | undefined;
  readonly set?: ReplicaSetId | undefined;
}

export async function readStorage(
  catalog: Catalog,
  {database, set}: StorageWanted,
  asking: StorageAsking,
): Promise<StorageReport> {
  const sets = wantedSets(catalog, {database, set});
  const nodes = await askStorage(sets, asking, {withParts: set !== undefined});
  const isOfAll = database === undefined && set === undefined;
  return {
    nodes: [...nodes].map(([id, storage]) => nodeOf(catalog, id, {storage, sets})),
    tables: tablesOf(catalog, sets, nodes),
    ...(!isOfAll && {sets: sets.map((each) => setOf(catalog, each, nodes))}),
  };
}

function wantedSets(catalog: Catalog, {database, set}: StorageWanted): ReplicaSet[] {
  if (set === undefined)
    return [...catalog.replicaSets()].filter(
      (each) => database === undefined || each.database === database.id,
    );
  const found = set === META_SET ? undefined : catalog.replicaSet(set);
  if (found === undefined) throw new DbError('NOT_FOUND', `no replica set ${set}`);
  return [found];
}

/** The replica that the catalog places there: one that an operation has not removed yet is none of ours. */
function storedOn(
  nodes: Nodes,
  {node, replica}: ReplicaSet['replicas'][number],
  set: ReplicaSetId,
): StoredReplica | undefined {
  const stored = nodes.get(node)?.replicas.get(set);
  return stored?.replica === replica ? stored : undefined;
}

function nodeOf(
  catalog: Catalog,
  node: NodeId,
  {
    storage,
    sets,
  }: {readonly storage: NodeStorage | undefined; readonly sets: readonly ReplicaSet[]},
): StoredNode {
  const nodes = new Map([[node, storage]]);
  const held = sets.flatMap(({id, replicas}) =>
    replicas.flatMap((each) => storedOn(nodes, each, id) ?? []),
  );
  const {counts} = storage ?? {};
  const isWritten = counts !== undefined && counts.flushedBytes > 0;
  const {flushedBytes = 0, compactedBytes = 0} = counts ?? {};
  return {
    node,
    address: catalog.node(node)?.address,
    isReachable: storage !== undefined,
    replicas: held.length,
    loaded: held.filter(({isLoaded}) => isLoaded).length,
    parts: sum(held, ({partCount}) => partCount),
    partBytes: sum(held, ({partBytes}) => partBytes),
    keyBytes: sum(held, ({keyBytes}) => keyBytes),
    memtableBytes: sum(held, ({memtableBytes}) => memtableBytes),
    indexBytes: sum(held, ({indexBytes}) => indexBytes),
    ...counts,
    ...(isWritten && {writeAmplification: (flushedBytes + compactedBytes) / flushedBytes}),
  };
}

interface TableSum {
  readonly table: Table;
  sets: number;
  rows: number;
  memtableRows: number;
  partBytes: number;
  /** That the bytes hold, if each row has all fields. */
  values: number;
}

/** The largest first. What was purged, or is of an older catalog than the rows, has no name and is left out. */
function tablesOf(catalog: Catalog, sets: readonly ReplicaSet[], nodes: Nodes): StoredTable[] {
  const sums = new Map<TableId, TableSum>();
  for (const {id, replicas} of sets) {
    const held = replicas.flatMap((each) => storedOn(nodes, each, id) ?? []);
    for (const [table, rows] of rowsOnce(held)) {
      const sum = sumFor(sums, catalog.table(table));
      if (sum === undefined) continue;
      sum.sets += 1;
      sum.rows += rows.all;
      sum.memtableRows += rows.inMemory;
    }
    for (const replica of held) addBytes(sums, catalog, replica);
  }
  return [...sums.values()]
    .sort((a, b) => b.partBytes - a.partBytes || b.rows - a.rows || a.table.id - b.table.id)
    .map((each) => described(catalog, each));
}

function sumFor(sums: Map<TableId, TableSum>, table: Table | undefined): TableSum | undefined {
  if (table === undefined || table.purgedAtMs !== undefined) return undefined;
  const known = sums.get(table.id);
  if (known !== undefined) return known;
  const sum = {table, sets: 0, rows: 0, memtableRows: 0, partBytes: 0, values: 0};
  sums.set(table.id, sum);
  return sum;
}

/** By the replica that has most of them: one that is behind has fewer. */
function rowsOnce(
  held: readonly StoredReplica[],
): ReadonlyMap<TableId, {readonly all: number; readonly inMemory: number}> {
  const most = new Map<TableId, {all: number; inMemory: number}>();
  for (const {table, partRows, memtableRows} of held.flatMap(({tables}) => tables)) {
    const all = partRows + memtableRows;
    if (all >= (most.get(table)?.all ?? 0)) most.set(table, {all, inMemory: memtableRows});
  }
  return most;
}

function addBytes(
  sums: Map<TableId, TableSum>,
  catalog: Catalog,
  {tables, partBytes}: StoredReplica,
): void {
  // A row's time is a value as well where bytes are shared out, or a table of one field would seem to take less.
  const weights = tables.map(({table, partRows}) => partRows * (fieldsOf(catalog, table) + 1));
  const whole = weights.reduce((total, weight) => total + weight, 0);
  for (const [i, {table, partRows}] of tables.entries()) {
    const sum = sumFor(sums, catalog.table(table));
    if (sum === undefined || whole === 0) continue;
    sum.partBytes += (partBytes * weights[i]!) / whole;
    sum.values += partRows * fieldsOf(catalog, table);
  }
}

function fieldsOf(catalog: Catalog, table: TableId): number {
  return catalog.table(table)?.columns.filter(({kind}) => kind === 'field').length ?? 0;
}

function described(catalog: Catalog, each: TableSum): StoredTable {
  const {table, sets, rows, memtableRows, partBytes, values} = each;
  return {
    ...namesOf(catalog, table.database),
    table: table.name,
    isDropped: table.dropped === undefined ? undefined : true,
    replicaSets: sets,
    rows,
    memtableRows,
    partBytes: Math.round(partBytes),
    bytesPerValue: values === 0 ? undefined : partBytes / values,
  };
}

function setOf(catalog: Catalog, set: ReplicaSet, nodes: Nodes): StoredSet {
  const bucket = catalog.bucket(set.bucket);
  return {
    id: set.id,
    ...namesOf(catalog, set.database),
    bucket: {start: timeText(bucket?.startMs), end: timeText(bucket?.endMs)},
    shard: set.shard,
    replicas: set.replicas.map((placed) => {
      const {replica, node} = placed;
      const stored = storedOn(nodes, placed, set.id);
      if (stored === undefined)
        return {replica, node, state: nodes.get(node) === undefined ? 'unreachable' : 'missing'};
      const {set: _, tables, isLoaded, ...rest} = stored;
      const rows = sum(tables, ({partRows, memtableRows}) => partRows + memtableRows);
      return {...rest, node, state: isLoaded ? 'loaded' : 'unloaded', rows};
    }),
  };
}

function namesOf(
  catalog: Catalog,
  id: ReplicaSet['database'],
): {readonly tenant: string | undefined; readonly database: string} {
  const database = catalog.database(id);
  const tenant = database && catalog.tenant(database.tenant)?.name;
  return {tenant, database: database?.name ?? String(id)};
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

function timeText(ms: number | undefined): string {
  return ms === undefined || Math.abs(ms) > 8.64e15 ? String(ms ?? '') : new Date(ms).toISOString();
}
