import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {Catalog, NodeReport, ReplicaReport, ReplicaSet} from '@flotilla/catalog';
import {expect, test} from 'vitest';
import {clusterSamples} from './cluster-samples.ts';

type Role = ReplicaReport['role'];

const NODES = [1, 2, 3] as NodeId[];
const manual = new Set<number>();

function replicaSet(id: number, state = 'open'): ReplicaSet {
  const replicas = NODES.map((node) => ({node, replica: (10 * id + node) as ReplicaId}));
  return {id: id as ReplicaSetId, state, replicas} as unknown as ReplicaSet;
}

/** Only what is asked of one. */
function catalogOf(sets: readonly ReplicaSet[]): Catalog {
  const nodes = [...NODES.map((id) => ({id, state: 'active'})), {id: 9, state: 'decommissioned'}];
  const catalog = {
    nodes: () => nodes,
    replicaSets: () => sets,
    failoverOf: (id: number) => (manual.has(id) ? 'manual' : 'automatic'),
  };
  return catalog as unknown as Catalog;
}

/** Of replicas by their numbers: set and node. */
function reportsOf(roles: Record<number, Role>, change: Partial<NodeReport> = {}) {
  const reports = NODES.map((node): NodeReport => {
    const own = Object.entries(roles).filter(([replica]) => Number(replica) % 10 === node);
    const replicas = own.map(([replica, role]): [ReplicaId, ReplicaReport] => {
      const id = Number(replica) as ReplicaId;
      return [id, {replica: id, role, term: 1} as ReplicaReport];
    });
    return {node, live: true, clockOffsetMs: 0, diskFree: 1, replicas: new Map(replicas)};
  });
  reports[2] = {...reports[2]!, ...change};
  return new Map(reports.map((report) => [report.node, report]));
}

function counts(catalog: Catalog, reports: ReturnType<typeof reportsOf>) {
  const samples = clusterSamples(catalog, reports);
  return Object.fromEntries(
    samples.map(({metric, labels, value}) => [labels?.['state'] ?? metric, value]),
  );
}

const LED = {11: 'leader', 12: 'follower', 13: 'follower'} as const;

test('a set that is led and whole counts once', () => {
  expect(counts(catalogOf([replicaSet(1)]), reportsOf(LED))).toEqual({
    led: 1,
    no_leader: 0,
    awaits_order: 0,
    lacks_replica: 0,
    flotilla_clock_trusted: 1,
  });
});

test('a set without a leader waits for an order where failover is manual', () => {
  const roles: Record<number, Role> = {};
  for (const replica of [21, 22, 23, 31, 32, 33]) roles[replica] = 'follower';
  manual.add(3);
  expect(
    counts(catalogOf([replicaSet(1), replicaSet(2), replicaSet(3)]), reportsOf({...LED, ...roles})),
  ).toMatchObject({led: 1, no_leader: 1, awaits_order: 1, lacks_replica: 0});
});

test('a replica that is missing, stopped, or on a silent node is lacking', () => {
  const catalog = catalogOf([replicaSet(1)]);
  const lacking = {led: 1, lacks_replica: 1};
  expect(counts(catalog, reportsOf({11: 'leader', 12: 'follower'}))).toMatchObject(lacking);
  expect(counts(catalog, reportsOf({...LED, 13: 'stopped'}))).toMatchObject(lacking);
  expect(counts(catalog, reportsOf(LED, {live: false}))).toMatchObject(lacking);
});

test('a leader of which nothing is heard leads nothing', () => {
  const roles = {11: 'follower', 12: 'follower', 13: 'leader'} as const;
  const silent = reportsOf(roles, {live: false});
  expect(counts(catalogOf([replicaSet(1)]), silent)).toMatchObject({led: 0, no_leader: 1});
});

test('a set that is being dropped does not count', () => {
  const all = counts(catalogOf([replicaSet(1, 'dropping')]), reportsOf({}));
  expect(all).toMatchObject({led: 0, no_leader: 0, lacks_replica: 0});
});

test('clocks that differ too much are told', () => {
  const reports = reportsOf(LED);
  for (const node of [2, 3] as NodeId[])
    reports.set(node, {...reports.get(node)!, clockOffsetMs: 11_000});
  expect(counts(catalogOf([]), reports)).toMatchObject({flotilla_clock_trusted: 0});
});

test('nothing is told before all nodes were asked', () => {
  const reports = reportsOf(LED);
  reports.delete(2 as NodeId);
  expect(clusterSamples(catalogOf([replicaSet(1)]), reports)).toEqual([]);
});
