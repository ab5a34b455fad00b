// A catalog of many nodes and replica sets in memory, made by commands as the meta group makes it, and what
// its nodes would report: every set open, led by the first of its voters, with nothing left to do.

import {META_SET, type NodeId, type ReplicaId, type TenantId} from '@flotilla/base';
import {
  CatalogMachine,
  type Command,
  type NodeReport,
  planBucket,
  type ReplicaReport,
  type ReplicaSet,
  type Reports,
} from '@flotilla/catalog';

const SHARDS = 64;
const DAY_MS = 86_400_000;
const DEFAULT_TENANT_ID = 1 as TenantId;
/** Each as a database may hold. */
const BUCKETS_MAX = 500;

export class MadeCluster {
  readonly machine = new CatalogMachine();
  readonly #buckets: number;

  constructor(nodes: number, sets: number) {
    for (let i = 1; i <= nodes; i++) this.join(i);
    this.#buckets = Math.ceil(sets / SHARDS);
    for (let bucket = 0; bucket < this.#buckets; bucket++) this.makeBucket(bucket);
    // The meta group on five nodes, as it would be.
    const add = [2, 3, 4, 5].map((i) => ({node: i as NodeId, role: 'voter' as const}));
    const change = {expectedEpoch: 1, add, remove: [], roles: []};
    this.propose({type: 'set-placement', set: META_SET, ...change});
  }

  get catalog() {
    return this.machine.catalog;
  }

  join(i: number): void {
    const node = {incarnation: `node ${i}`, address: `10.0.0.${i}:8902`, engineThreads: 4};
    const described = {...node, zone: `zone-${i % 3}`, version: '1'};
    if (i > 1) this.propose({type: 'register-node', node: described, atMs: 1});
    else this.propose({type: 'found-cluster', clusterId: 'bench', node: described, atMs: 1});
  }

  /** Gives the bytes of what the nodes are told of it. */
  makeBucket(number: number): number {
    const atMs = (number % BUCKETS_MAX) * DAY_MS;
    const name = `d${Math.floor(number / BUCKETS_MAX)}`;
    const options = {shards: SHARDS, bucketDurationMs: DAY_MS};
    if (atMs === 0) this.propose({type: 'create-database', tenant: 'default', name, options});
    const {id} = this.catalog.databaseByName(DEFAULT_TENANT_ID, name)!;
    const bytes = this.propose(planBucket(this.catalog, id, atMs)!);
    const sets = this.catalog.bucketAt(id, atMs)!.replicaSets;
    return bytes + this.propose({type: 'open-replica-sets', sets});
  }

  makeNextBucket(): number {
    return this.makeBucket(this.#buckets);
  }

  /** Gives the bytes of what the nodes are told of it. */
  propose(command: Command): number {
    const {update, result} = this.machine.apply(command, this.catalog.version + 1);
    if (!result.ok) throw new Error(`${command.type}: ${result.error.message}`);
    return JSON.stringify(update).length;
  }
}

/** @param silent since when a node was not heard. */
export function reportsOf(
  cluster: MadeCluster,
  silent: ReadonlyMap<number, number> = new Map(),
): Reports {
  const {catalog} = cluster;
  const replicas = new Map<NodeId, Map<ReplicaId, ReplicaReport>>();
  for (const {id} of catalog.nodes()) replicas.set(id, new Map());
  const meta = catalog.metaSet();
  for (const set of [...(meta ? [meta] : []), ...catalog.replicaSets()]) {
    const leader = set.replicas.find(({node}) => !silent.has(node))?.replica;
    for (const {node, replica} of set.replicas)
      replicas.get(node)!.set(replica, reportOf(set, replica, leader));
  }
  const reports = new Map<NodeId, NodeReport>();
  for (const {id: node} of catalog.nodes()) {
    const silentSinceMs = silent.get(node);
    const live = silentSinceMs === undefined;
    const own = replicas.get(node)!;
    const leads = [...own.values()].filter(({role}) => role === 'leader').length;
    const told = {clockOffsetMs: 0, diskFree: 0.6, diskTotalBytes: 2 ** 40, leads};
    reports.set(node, {node, live, silentSinceMs, ...told, replicas: own});
  }
  return reports;
}

function reportOf(
  set: ReplicaSet,
  replica: ReplicaId,
  leader: ReplicaId | undefined,
): ReplicaReport {
  const voters = set.replicas.map((placed) => placed.replica);
  const none: number[] = [];
  return {
    set: set.id,
    replica,
    role: replica === leader ? 'leader' : 'follower',
    term: 3,
    appliedIndex: 1_000,
    lastIndex: 1_000,
    configIndex: 1,
    configuration: {
      voters,
      votersOutgoing: none,
      learners: none,
      learnersNext: none,
      autoLeave: false,
    },
    durable: true,
    written: false,
    diskBytes: 100e6,
    writtenBytes: 0,
    progress:
      replica === leader
        ? voters.map((id) => ({replica: id, matchIndex: 1_000, state: 'replicate', active: true}))
        : undefined,
  };
}
