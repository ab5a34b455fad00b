// The read side of the catalog: one copy per node and thread, kept current by updates in the order of
// the meta group's log. Entities are immutable; an update replaces those it names and costs what it
// changes. Every copy at one version is equal, which is what makes routing by it safe to fence.

import {
  assert,
  type BucketId,
  type DatabaseId,
  META_SET,
  type NodeId,
  type OperationId,
  type ReplicaId,
  type ReplicaSetId,
  type TableId,
  type TenantId,
  type TokenId,
} from '@flotilla/base';
import {BucketTimeline} from './bucket-timeline.ts';
import {type CatalogImage, EntityImage} from './catalog-image.ts';
import {IdMap} from './id-map.ts';
import type {
  Bucket,
  CatalogChange,
  CatalogUpdate,
  ClusterIdentity,
  Column,
  Database,
  Entities,
  EntityKind,
  FailoverMode,
  Node,
  Operation,
  ReplicaSet,
  Table,
  Tenant,
  Token,
} from './model.ts';
import {NameIndex} from './name-index.ts';
import {TableIndex} from './table-index.ts';

/** Of a copy that is built in steps: some 100 us each. */
const CHANGES_PER_STEP = 100;

type ChangeOf<Kind extends EntityKind> = Extract<CatalogChange, {kind: Kind}>;

export class Catalog {
  #version = 0;
  #cluster: ClusterIdentity | undefined;
  #tables = new TableIndex();
  #nodes = new Map<NodeId, Node>();
  #tenants = new Map<TenantId, Tenant>();
  #tenantNames = new NameIndex<TenantId>();
  #databases = new Map<DatabaseId, Database>();
  #databaseNames = new NameIndex<DatabaseId>();
  #buckets = new Map<BucketId, Bucket>();
  #timelines = new Map<DatabaseId, BucketTimeline>();
  #replicaSets = new Map<ReplicaSetId, ReplicaSet>();
  #setOfReplica = new IdMap<ReplicaId, ReplicaSetId>();
  #replicaCounts = new Map<NodeId, number>();
  #operations = new Map<OperationId, Operation>();
  /** In order of creation, too. */
  #unfinished = new Map<OperationId, Operation>();
  #cancelled = new Map<OperationId, Operation>();
  /** Those that were to make a replica on another node. */
  #failedCopies = new Map<OperationId, Operation>();
  /** By operation: how many try it again. */
  #retries = new Map<OperationId, number>();
  #tokens = new Map<TokenId, Token>();
  #operationOfSet = new Map<ReplicaSetId, OperationId>();

  static fromSnapshot(snapshot: CatalogUpdate): Catalog {
    const catalog = new Catalog();
    catalog.applyUpdate(snapshot);
    return catalog;
  }

  /** As `fromSnapshot`, in steps: a large one takes long, and nobody sees it before it is whole. */
  static *building({version, changes}: CatalogUpdate): Generator<undefined, Catalog> {
    const catalog = new Catalog();
    for (let at = 0; at < changes.length; at += CHANGES_PER_STEP) {
      catalog.fill(changes.slice(at, at + CHANGES_PER_STEP));
      yield;
    }
    catalog.applyUpdate({version, changes: []});
    return catalog;
  }

  /** Index of the meta group's log up to which this copy is current; 0 before the founding. */
  get version(): number {
    return this.#version;
  }

  /** Absent before the founding. */
  get cluster(): ClusterIdentity | undefined {
    return this.#cluster;
  }

  /** What the cluster uses, by `cluster-version.ts`. */
  get clusterVersion(): number {
    return this.#cluster?.version ?? 1;
  }

  /** An update at or below the version is already in and changes nothing. */
  applyUpdate(update: CatalogUpdate): void {
    if (update.version <= this.#version) return;
    for (const change of update.changes) this.#applyChange(change);
    this.#version = update.version;
  }

  /** Adds a part of a snapshot; after the last one an update without changes gives the version. */
  fill(part: readonly CatalogChange[]): void {
    assert(this.#version === 0, 'a catalog that has a version is not filled');
    for (const change of part) this.#applyChange(change);
  }

  /**
   * Takes over all contents of another copy, in a moment however many they are, where that is newer; nobody
   * else may have it afterwards.
   */
  replaceBy(other: Catalog): void {
    if (other.#version <= this.#version) return;
    this.#version = other.#version;
    this.#cluster = other.#cluster;
    this.#tables = other.#tables;
    this.#nodes = other.#nodes;
    this.#tenants = other.#tenants;
    this.#tenantNames = other.#tenantNames;
    this.#databases = other.#databases;
    this.#databaseNames = other.#databaseNames;
    this.#buckets = other.#buckets;
    this.#timelines = other.#timelines;
    this.#replicaSets = other.#replicaSets;
    this.#setOfReplica = other.#setOfReplica;
    this.#replicaCounts = other.#replicaCounts;
    this.#operations = other.#operations;
    this.#unfinished = other.#unfinished;
    this.#cancelled = other.#cancelled;
    this.#failedCopies = other.#failedCopies;
    this.#retries = other.#retries;
    this.#operationOfSet = other.#operationOfSet;
    this.#tokens = other.#tokens;
  }

  /** Every entity, as one update for an empty copy. */
  snapshot(): CatalogUpdate {
    const {version, changes} = this.image();
    return {version, changes: [...changes]};
  }

  /** As `snapshot`, walked whenever its holder likes. It costs a reference for each entity. */
  image(): CatalogImage {
    return new EntityImage(this.#version, this.#cluster, {
      node: [...this.#nodes.values()],
      tenant: [...this.#tenants.values()],
      database: [...this.#databases.values()],
      table: [...this.#tables.all()],
      bucket: [...this.#buckets.values()],
      'replica-set': [...this.#replicaSets.values()],
      operation: [...this.#operations.values()],
      token: [...this.#tokens.values()],
    });
  }

  node(id: NodeId): Node | undefined {
    return this.#nodes.get(id);
  }

  nodes(): IterableIterator<Node> {
    return this.#nodes.values();
  }

  /** A dropped one too, until it is purged. */
  tenant(id: TenantId): Tenant | undefined {
    return this.#tenants.get(id);
  }

  /** Dropped ones too, until they are purged. */
  get tenantCount(): number {
    return this.#tenants.size;
  }

  /** Dropped ones too, until they are purged. */
  tenants(): IterableIterator<Tenant> {
    return this.#tenants.values();
  }

  /** Never a dropped one. */
  tenantByName(name: string): Tenant | undefined {
    const id = this.#tenantNames.get(0, name);
    return id === undefined ? undefined : this.#tenants.get(id);
  }

  /** A dropped one too, until it is purged. */
  database(id: DatabaseId): Database | undefined {
    return this.#databases.get(id);
  }

  /** Dropped ones too, until they are purged. */
  get databaseCount(): number {
    return this.#databases.size;
  }

  databases(): IterableIterator<Database> {
    return this.#databases.values();
  }

  /** Never a dropped one. */
  databaseByName(tenant: TenantId, name: string): Database | undefined {
    const id = this.#databaseNames.get(tenant, name);
    return id === undefined ? undefined : this.#databases.get(id);
  }

  /** A dropped one too, until it is forgotten. */
  table(id: TableId): Table | undefined {
    return this.#tables.get(id);
  }

  /** Never a dropped one. */
  tableByName(database: DatabaseId, name: string): Table | undefined {
    return this.#tables.byName(database, name);
  }

  /** In order of creation, without the dropped ones. */
  tables(database: DatabaseId): Table[] {
    return this.#tables.live(database);
  }

  /** Those whose ids are dead. */
  droppedTables(database: DatabaseId): Table[] {
    return this.#tables.dropped(database);
  }

  /** Those that have lost columns, dropped ones too, until they are purged. */
  shrunkTables(database: DatabaseId): Table[] {
    return this.#tables.shrunk(database);
  }

  /** Those that were dropped and are not forgotten. */
  droppedTableCount(database: DatabaseId): number {
    return this.#tables.droppedCount(database);
  }

  tableCount(database: DatabaseId): number {
    return this.#tables.liveCount(database);
  }

  columnByName(table: TableId, name: string): Column | undefined {
    return this.#tables.column(table, name);
  }

  bucket(id: BucketId): Bucket | undefined {
    return this.#buckets.get(id);
  }

  bucketAt(database: DatabaseId, timeMs: number): Bucket | undefined {
    return this.#timelines.get(database)?.at(timeMs);
  }

  /** Those that overlap [fromMs, toMs), in order of time; all of them by default. */
  buckets(database: DatabaseId, fromMs = -Infinity, toMs = Infinity): readonly Bucket[] {
    return this.#timelines.get(database)?.between(fromMs, toMs) ?? [];
  }

  bucketCount(database: DatabaseId): number {
    return this.#timelines.get(database)?.count ?? 0;
  }

  /** The meta group's own too, under META_SET. */
  replicaSet(id: ReplicaSetId): ReplicaSet | undefined {
    return this.#replicaSets.get(id);
  }

  /** Without the meta group's. */
  *replicaSets(): Generator<ReplicaSet> {
    for (const set of this.#replicaSets.values()) if (set.id !== META_SET) yield set;
  }

  /** By hand where itself, its database or the cluster wants it; undefined of a set that is not known here. */
  failoverOf(id: ReplicaSetId): FailoverMode | undefined {
    if (id === META_SET) return 'automatic';
    const set = this.replicaSet(id);
    const database = set && this.database(set.database);
    if (database === undefined) return undefined;
    const wishes = [this.#cluster?.failover, set?.failover, database.options.failover];
    return wishes.includes('manual') ? 'manual' : 'automatic';
  }

  /** The meta group's own; absent before the founding. */
  metaSet(): ReplicaSet | undefined {
    return this.#replicaSets.get(META_SET);
  }

  /** The set that lists the replica in its placement. */
  replicaSetOf(replica: ReplicaId): ReplicaSet | undefined {
    const id = this.#setOfReplica.get(replica);
    return id === undefined ? undefined : this.#replicaSets.get(id);
  }

  /** How many placements name the node, the meta group's among them. */
  replicaCount(node: NodeId): number {
    return this.#replicaCounts.get(node) ?? 0;
  }

  operation(id: OperationId): Operation | undefined {
    return this.#operations.get(id);
  }

  operations(): IterableIterator<Operation> {
    return this.#operations.values();
  }

  /** In order of creation. Finished ones are many: they are history for a week. */
  unfinishedOperations(): IterableIterator<Operation> {
    return this.#unfinished.values();
  }

  get unfinishedOperationCount(): number {
    return this.#unfinished.size;
  }

  /** By people, not by the cluster itself. */
  cancelledOperations(): IterableIterator<Operation> {
    return this.#cancelled.values();
  }

  /** Moves and repairs that were to make a replica on a node, and did not. */
  failedCopies(): IterableIterator<Operation> {
    return this.#failedCopies.values();
  }

  isRetried(id: OperationId): boolean {
    return this.#retries.has(id);
  }

  /** The unfinished operation of the set; there is one at most. */
  operationOf(set: ReplicaSetId): Operation | undefined {
    const id = this.#operationOfSet.get(set);
    return id === undefined ? undefined : this.#operations.get(id);
  }

  /** Of administrators; none where nobody is asked for one. */
  tokens(): IterableIterator<Token> {
    return this.#tokens.values();
  }

  #applyChange(change: CatalogChange): void {
    switch (change.kind) {
      case 'cluster':
        this.#cluster = change.value;
        break;
      case 'node':
        replaceEntity(this.#nodes, change);
        break;
      case 'operation':
        this.#applyOperation(change);
        break;
      case 'token':
        replaceEntity(this.#tokens, change);
        break;
      case 'tenant':
        this.#applyTenant(change);
        break;
      case 'database':
        this.#applyDatabase(change);
        break;
      case 'table':
        this.#tables.replace(change.id as TableId, change.value);
        break;
      case 'bucket':
        this.#applyBucket(change);
        break;
      case 'replica-set':
        this.#applyReplicaSet(change);
        break;
      default:
        // A kind that only a newer build knows: its entities are of no use to this one.
        change satisfies never;
    }
  }

  #applyTenant(change: ChangeOf<'tenant'>): void {
    const id = change.id as TenantId;
    this.#tenantNames.move(0, liveName(this.#tenants.get(id)), liveName(change.value), id);
    replaceEntity(this.#tenants, change);
  }

  #applyDatabase(change: ChangeOf<'database'>): void {
    const id = change.id as DatabaseId;
    const old = this.#databases.get(id);
    const tenant = (change.value ?? old)?.tenant;
    if (tenant !== undefined)
      this.#databaseNames.move(tenant, liveName(old), liveName(change.value), id);
    replaceEntity(this.#databases, change);
  }

  #applyBucket(change: ChangeOf<'bucket'>): void {
    const id = change.id as BucketId;
    const old = this.#buckets.get(id);
    if (old !== undefined) this.#timelines.get(old.database)?.remove(old);
    replaceEntity(this.#buckets, change);
    const database = (change.value ?? old)?.database;
    if (database === undefined) return;
    const timeline = this.#timelines.get(database) ?? new BucketTimeline();
    if (change.value !== undefined) timeline.insert(change.value);
    if (timeline.count === 0) this.#timelines.delete(database);
    else this.#timelines.set(database, timeline);
  }

  #applyReplicaSet(change: ChangeOf<'replica-set'>): void {
    const id = change.id as ReplicaSetId;
    const old = this.#replicaSets.get(id);
    for (const {replica, node} of old?.replicas ?? []) {
      this.#setOfReplica.delete(replica);
      this.#countReplica(node, -1);
    }
    for (const {replica, node} of change.value?.replicas ?? []) {
      this.#setOfReplica.set(replica, id);
      this.#countReplica(node, 1);
    }
    replaceEntity(this.#replicaSets, change);
  }

  #countReplica(node: NodeId, difference: number): void {
    const count = this.replicaCount(node) + difference;
    if (count === 0) this.#replicaCounts.delete(node);
    else this.#replicaCounts.set(node, count);
  }

  #countRetry(id: OperationId | undefined, difference: number): void {
    if (id === undefined) return;
    const count = (this.#retries.get(id) ?? 0) + difference;
    if (count > 0) this.#retries.set(id, count);
    else this.#retries.delete(id);
  }

  #applyOperation(change: ChangeOf<'operation'>): void {
    const id = change.id as OperationId;
    const old = this.#operations.get(id);
    const set = (change.value ?? old)?.replicaSet;
    this.#countRetry(old?.retryOf, -1);
    this.#countRetry(change.value?.retryOf, 1);
    replaceEntity(this.#operations, change);
    const isCancelled = change.value?.state === 'cancelled';
    if (isCancelled && change.value.cancelledBy !== undefined)
      this.#cancelled.set(id, change.value);
    else this.#cancelled.delete(id);
    if (change.value !== undefined && isFailedCopy(change.value))
      this.#failedCopies.set(id, change.value);
    else this.#failedCopies.delete(id);
    const isUnfinished = change.value !== undefined && !isFinished(change.value);
    if (isUnfinished) this.#unfinished.set(id, change.value);
    else this.#unfinished.delete(id);
    if (set === undefined) return;
    if (isUnfinished) this.#operationOfSet.set(set, id);
    else if (this.#operationOfSet.get(set) === id) this.#operationOfSet.delete(set);
  }
}

export function isFinished(operation: Operation): boolean {
  return operation.state !== 'running' && operation.state !== 'cancelling';
}

function isFailedCopy({kind, state, targetNode}: Operation): boolean {
  const isCopy = kind === 'move-replica' || kind === 'repair';
  return isCopy && state === 'failed' && targetNode !== undefined;
}

/**
 * It has ended before that time, and nothing is decided by it any more: what a checksum found differing
 * stays known until that is gone.
 */
export function isForgettable(
  operation: Operation,
  catalog: Catalog,
  finishedBeforeMs: number,
): boolean {
  if (!isFinished(operation) || endedAtMs(operation) >= finishedBeforeMs) return false;
  return !operation.differing?.some((replica) => catalog.replicaSetOf(replica) !== undefined);
}

/** When its present step or state began: of one that is finished, when it ended. */
export function endedAtMs({history, createdAtMs}: Operation): number {
  return history.at(-1)?.atMs ?? createdAtMs;
}

function liveName(named: Database | Tenant | undefined): string | undefined {
  return named?.dropped === undefined ? named?.name : undefined;
}

function replaceEntity<Kind extends EntityKind, Id extends number>(
  entities: Map<Id, Entities[Kind]>,
  change: {readonly id: number; readonly value?: Entities[Kind] | undefined},
): void {
  if (change.value === undefined) entities.delete(change.id as Id);
  else entities.set(change.id as Id, change.value);
}
