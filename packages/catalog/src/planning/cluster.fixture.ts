// A catalog with replica sets placed as a test says, and reports of them in which each set is led by the
// first of its voters that lives.

import type {NodeId, ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import {CLUSTER_VERSION} from '../cluster-version.ts';
import type {Command, PlacementRequest} from '../commands.ts';
import {CatalogMachine} from '../machine/catalog-machine.ts';
import type {ReplicaPlacement, ReplicaSet} from '../model.ts';
import {setsWithMeta} from './evacuation.ts';
import type {NodeReport, ReplicaReport} from './reports.ts';

/** The meta group has its only replica on node 1. Node i is in the i-th of the zones, from the first again after the last. */
export function clusterOf(nodes: number, zones: readonly string[] = []): CatalogMachine {
  const machine = new CatalogMachine();
  for (let i = 1; i <= nodes; i++) {
    const zone = zones[(i - 1) % Math.max(1, zones.length)];
    const node = {incarnation: `i${i}`, address: `n${i}`, zone, engineThreads: 1, version: '1'};
    if (i === 1)
      must(machine, {
        type: 'found-cluster',
        clusterId: 'c',
        node,
        clusterVersion: CLUSTER_VERSION,
        atMs: 1,
      });
    else must(machine, {type: 'register-node', node, atMs: 1});
  }
  return machine;
}

export function must(machine: CatalogMachine, command: Command): void {
  const {result} = machine.apply(command, machine.catalog.version + 1);
  if (!result.ok) throw new Error(result.error.message);
}

/** Open sets of one bucket, with replicas on these nodes; gives their ids. */
export function makeSets(
  machine: CatalogMachine,
  wanted: readonly {readonly voters: readonly number[]; readonly learners?: readonly number[]}[],
): ReplicaSetId[] {
  const request = (node: number, role: PlacementRequest['role']) => ({node: node as NodeId, role});
  const placements = wanted.map(({voters, learners = []}) => [
    ...voters.map((node) => request(node, 'voter')),
    ...learners.map((node) => request(node, 'learner')),
  ]);
  const range = {timeMs: 0, startMs: 0, endMs: 1};
  must(machine, {type: 'ensure-bucket', database: 1 as never, ...range, placements});
  const sets = [...machine.catalog.replicaSets()].map(({id}) => id);
  must(machine, {type: 'open-replica-sets', sets});
  return sets;
}

export interface Conditions {
  /** By node that does not answer: since when. */
  readonly silentSinceMs?: ReadonlyMap<number, number>;
  /** Nodes whose replicas wait for a snapshot. */
  readonly behind?: ReadonlySet<number>;
  /** What else is told of a node. */
  readonly told?: ReadonlyMap<number, Partial<NodeReport>>;
}

export function reportsOf(catalog: Catalog, conditions: Conditions): Map<NodeId, NodeReport> {
  const reports = new Map<NodeId, NodeReport>();
  for (const {id: node} of catalog.nodes()) {
    const replicas = [...setsWithMeta(catalog)].flatMap((set) =>
      set.replicas
        .filter((placed) => placed.node === node)
        .map((placed) => reportOf(set, placed, conditions)),
    );
    const silentSinceMs = conditions.silentSinceMs?.get(node);
    reports.set(node, {
      node,
      live: silentSinceMs === undefined,
      silentSinceMs,
      clockOffsetMs: 0,
      diskFree: 1,
      writes: {bytesPerSecond: 0, byReplica: new Map()},
      replicas: new Map(replicas.map((report) => [report.replica, report])),
      ...conditions.told?.get(node),
    });
  }
  return reports;
}

function reportOf(
  set: ReplicaSet,
  {replica}: ReplicaPlacement,
  {silentSinceMs, behind}: Conditions,
): ReplicaReport {
  const isSilent = (node: NodeId) => silentSinceMs?.has(node) === true;
  const idsOf = (role: ReplicaPlacement['role']) =>
    set.replicas.filter((placed) => placed.role === role).map((placed) => placed.replica);
  const leader = set.replicas.find(({node, role}) => role === 'voter' && !isSilent(node));
  return {
    set: set.id,
    replica,
    role: leader?.replica === replica ? 'leader' : 'follower',
    term: 6,
    appliedIndex: 10,
    lastIndex: 10,
    configIndex: 10,
    configuration: {
      voters: idsOf('voter'),
      votersOutgoing: [],
      learners: idsOf('learner'),
      learnersNext: [],
      autoLeave: false,
    },
    durable: true,
    written: false,
    progress: set.replicas.map((placed) => ({
      replica: placed.replica,
      matchIndex: 10,
      state: behind?.has(placed.node) ? 'snapshot' : 'replicate',
      active: !isSilent(placed.node),
    })),
  };
}
