// A catalog of many nodes and replica sets in memory, made by commands as the meta group makes it, and what
// its nodes would report: every set open, led by the first of its voters, with nothing left to do.

import {
  META_SET,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  type TenantId,
} from '@flotilla/base';
import {
  CatalogMachine,
  type CatalogUpdate,
  type Command,
  type NodeReport,
  planBucket,
  type ReplicaReport,
  type ReplicaSet,
} from '@flotilla/catalog';

const SHARDS = 64;
const DAY_MS = 86_400_000;
const DEFAULT_TENANT_ID = 1 as TenantId;
/** Each as a database may hold. */
const BUCKETS_MAX = 500;

export class MadeCluster {
  readonly machine = new CatalogMachine();
  /** Whoever follows it is told. */
  onUpdate: (update: CatalogUpdate) => void = () => {};
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
    const bytes = this.propose({...planBucket(this.catalog, id, atMs)!, atMs});
    const sets = this.catalog.bucketAt(id, atMs)!.replicaSets;
    return bytes + this.propose({type: 'open-replica-sets', sets, atMs});
  }

  makeNextBucket(): number {
    return this.makeBucket(this.#buckets);
  }

  /** Gives the bytes of what the nodes are told of it. */
  propose(command: Command): number {
    const {update, result} = this.machine.apply(command, this.catalog.version + 1);
    if (!result.ok) throw new Error(`${command.type}: ${result.error.message}`);
    this.onUpdate(update);
    return JSON.stringify(update).length;
  }
}

/** As a receiver of them has them: what one node reports is one map, in which what is reported anew is put. */
export type MadeReports = Map<NodeId, NodeReport & {replicas: Map<ReplicaId, ReplicaReport>}>;

/** Of a cluster in which all nodes answer. */
export function reportsOf({catalog}: MadeCluster): MadeReports {
  const reports: MadeReports = new Map();
  for (const {id: node} of catalog.nodes()) reports.set(node, reportOfNode(node));
  const meta = catalog.metaSet();
  for (const set of [...(meta ? [meta] : []), ...catalog.replicaSets()]) {
    const leader = set.replicas[0]!.replica;
    for (const {node, replica} of set.replicas)
      reports.get(node)!.replicas.set(replica, reportOf(set, replica, leader));
  }
  for (const [node, report] of reports) {
    const led = [...report.replicas.values()].filter(({role}) => role === 'leader');
    reports.set(node, {...report, leads: led.length});
  }
  return reports;
}

function reportOfNode(node: NodeId): NodeReport & {replicas: Map<ReplicaId, ReplicaReport>} {
  const disk = {diskFree: 0.6, diskTotalBytes: 2 ** 40};
  const writes = {bytesPerSecond: 0, byReplica: new Map<ReplicaId, number>()};
  return {node, live: true, clockOffsetMs: 0, ...disk, writes, replicas: new Map()};
}

interface Told {
  readonly node: NodeId;
  readonly report: ReplicaReport;
}

/** The replica takes the lead of its set: what it and the one that led report then. */
export function takeLead(
  cluster: MadeCluster,
  reports: MadeReports,
  lead: {readonly set: ReplicaSetId; readonly node: NodeId; readonly to: ReplicaId},
): Told[] {
  const set = cluster.catalog.replicaSet(lead.set)!;
  const members = set.replicas.filter(
    ({node, replica}) => node === lead.node || replica === lead.to,
  );
  return members.map(({node, replica}) => {
    const report = reportOf(set, replica, lead.to);
    reports.get(node)!.replicas.set(replica, report);
    return {node, report};
  });
}

/** The node is silent, and others lead what it led: what they report then. */
export function fallSilent(
  cluster: MadeCluster,
  reports: MadeReports,
  dead: NodeId,
  sinceMs: number,
): Told[] {
  const silent = reports.get(dead)!;
  reports.set(dead, {...silent, live: false, silentSinceMs: sinceMs});
  const told: Told[] = [];
  for (const {set: id, role} of silent.replicas.values()) {
    const set = cluster.catalog.replicaSet(id)!;
    const heir = set.replicas.find(({node}) => node !== dead);
    if (role !== 'leader' || heir === undefined) continue;
    const report = {...reportOf(set, heir.replica, heir.replica), term: 4};
    reports.get(heir.node)!.replicas.set(heir.replica, report);
    told.push({node: heir.node, report});
  }
  return told;
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
