import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {Catalog, NodeReport, ReplicaReport, ReplicaSet} from '@flotilla/catalog';
import {expect, test} from 'vitest';
import {clusterSamples} from './cluster-samples.ts';

type Role = ReplicaReport['role'];

const NODES = [1, 2, 3] as NodeId[];
const manual = new Set<number>();

function replicaSet(id: number, {state = 'open', database = 1} = {}): ReplicaSet {
  const replicas = NODES.map((node) => ({node, replica: (10 * id + node) as ReplicaId}));
  return {id: id as ReplicaSetId, state, database, replicas} as unknown as ReplicaSet;
}

const DAY_MS = 86_400_000;

/** Only what is asked of one. */
function catalogOf(sets: readonly ReplicaSet[], more: object = {}): Catalog {
  const nodes = [...NODES.map((id) => ({id, state: 'active'})), {id: 9, state: 'decommissioned'}];
  const catalog = {
    databases: () => [{id: 1, name: 'public', tenant: 1}],
    tenant: () => ({name: 'default'}),
    operations: () => [],
    replicaCount: () => 1,
    nodes: () => nodes,
    replicaSets: () => sets,
    failoverOf: (id: number) => (manual.has(id) ? 'manual' : 'automatic'),
    ...more,
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
  const samples = clusterSamples(catalog, reports, DAY_MS).filter(({metric}) =>
    ['flotilla_replica_sets', 'flotilla_clock_trusted'].includes(metric),
  );
  return Object.fromEntries(
    samples.map(({metric, labels, value}) => [labels?.['state'] ?? metric, value]),
  );
}

/** Of one metric, by what its labels say. */
function told(metric: string, catalog: Catalog, reports: ReturnType<typeof reportsOf>) {
  const samples = clusterSamples(catalog, reports, DAY_MS).filter((one) => one.metric === metric);
  return samples.map(({labels, value}) => [Object.values(labels ?? {}).join(' '), value]);
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
  const all = counts(catalogOf([replicaSet(1, {state: 'dropping'})]), reportsOf({}));
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
  expect(clusterSamples(catalogOf([replicaSet(1)]), reports, DAY_MS)).toEqual([]);
});

test('databases are told by name, those beyond the first hundred together', () => {
  const databases = Array.from({length: 102}, (_, i) => ({
    id: i + 1,
    name: `d${i + 1}`,
    tenant: 1,
  }));
  databases.push({id: 200, name: 'gone', tenant: 1, dropped: {}} as never);
  const sets = [1, 2, 4].map((id, i) => replicaSet(id, {database: 100 + i}));
  const reports = reportsOf({...LED, 21: 'leader', 22: 'follower'});
  const catalog = catalogOf(sets, {databases: () => databases});
  const counts = told('flotilla_database_replica_sets', catalog, reports);
  expect(counts).toHaveLength(4 * 101);
  expect(counts).toContainEqual(['default d100 led', 1]);
  expect(counts).toContainEqual(['default d1 led', 0]);
  expect(counts.slice(-4)).toEqual([
    ['/others /others led', 1],
    ['/others /others no_leader', 1],
    ['/others /others awaits_order', 0],
    ['/others /others lacks_replica', 2],
  ]);
});

test('lag and bytes of a database are those of its replicas', () => {
  const reports = reportsOf(LED);
  const indexes = [20, 20, 13];
  for (const [i, node] of NODES.entries()) {
    const [[replica, report]] = [...reports.get(node)!.replicas] as [[ReplicaId, ReplicaReport]];
    const index = {lastIndex: indexes[i]!, appliedIndex: indexes[i]!, diskBytes: 100};
    (reports.get(node)!.replicas as Map<ReplicaId, ReplicaReport>).set(replica, {...report, ...index}); // biome-ignore format: one path
  }
  const catalog = catalogOf([replicaSet(1)]);
  expect(told('flotilla_database_lag_entries_max', catalog, reports)).toEqual([
    ['default public', 7],
  ]);
  expect(told('flotilla_database_disk_bytes', catalog, reports)).toEqual([['default public', 300]]);
});

test('nodes, operations and pauses are counted by what they are', () => {
  const [first, second, third] = NODES;
  const maintenance = {untilMs: 2 * DAY_MS, scope: 'all'};
  const nodes = [
    {id: first, state: 'active', maintenance},
    {id: second, state: 'draining', maintenance: {...maintenance, untilMs: 1}},
    {id: third, state: 'active'},
  ];
  const operations = [
    {state: 'running'},
    {state: 'running', waiting: {for: 'a leader', atMs: 1}},
    {state: 'cancelling', error: 'no room'},
    {state: 'failed', error: 'no such node'},
    {state: 'done'},
  ];
  const pauses = [{kind: 'repair', sinceMs: 1}];
  const more = {nodes: () => nodes, operations: () => operations, cluster: {pauses}};
  const catalog = catalogOf([], more);
  expect(told('flotilla_nodes', catalog, reportsOf(LED, {live: false}))).toEqual([
    ['live', 2],
    ['silent', 1],
    ['maintenance', 1],
    ['leaving', 1],
  ]);
  expect(told('flotilla_operations', catalog, reportsOf(LED))).toEqual([
    ['running', 1],
    ['waiting', 2],
    ['failed', 1],
  ]);
  expect(told('flotilla_automation_paused', catalog, reportsOf(LED))).toEqual([
    ['repair', 1],
    ['rebalance', 0],
  ]);
});

test('repairs that are held back are told', () => {
  const halted = (reports: ReturnType<typeof reportsOf>) =>
    told('flotilla_repair_halted', catalogOf([]), reports)[0]![1];
  expect(halted(reportsOf(LED, {live: false}))).toBe(0);
  const reports = reportsOf(LED, {live: false});
  reports.set(NODES[1]!, {...reports.get(NODES[1]!)!, live: false});
  expect(halted(reports)).toBe(1);
});
