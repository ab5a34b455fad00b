import type {NodeId, ReplicaSetId} from '@flotilla/base';
import {CatalogMachine, CLUSTER_VERSION, type Command} from '@flotilla/catalog';
import type {ReplicaOrder} from '@flotilla/query';
import {expect, test} from 'vitest';
import {NodeClock} from '../adapters/node-clock.ts';
import {ReplicaStatements} from './replica-statements.ts';
import {replicaView, setView, unreachable} from './set-view.fixture.ts';
import type {SqlServiceDeps} from './statement-context.ts';

/** Four nodes; set 1 has replicas on nodes 1 to 3, the first of which has id 2 (1 is meta's). */
function statements() {
  const machine = new CatalogMachine();
  const run = (command: Command) => {
    const {result} = machine.apply(command, machine.catalog.version + 1);
    if (!result.ok) throw Object.assign(new Error(result.error.message), result.error);
    return result.value;
  };
  for (const i of [1, 2, 3, 4]) {
    const node = {incarnation: `i${i}`, address: `n${i}`, engineThreads: 1, version: '1'};
    const founding = {
      type: 'found-cluster',
      clusterId: 'c',
      clusterVersion: CLUSTER_VERSION,
    } as const;
    if (i === 1) run({...founding, node, atMs: 1});
    else run({type: 'register-node', node, atMs: 1});
  }
  const placements = [[1, 2, 3].map((node) => ({node: node as NodeId, role: 'voter' as const}))];
  run({type: 'ensure-bucket', database: 1 as never, timeMs: 0, startMs: 0, endMs: 1, placements});
  run({type: 'open-replica-sets', sets: [1 as ReplicaSetId]});
  const leader = replicaView(1, {leader: true, state: 'leader'});
  const failed = replicaView(3, {state: 'failed', failedIndex: 9});
  const sets = [setView([leader, unreachable(2), failed])];
  const deps = {
    access: {catalog: machine.catalog, refresh: async () => undefined},
    meta: {propose: async (command: Command) => run(command)},
    view: {
      facts: async () => ({sets}),
      received: async () => new Map(),
      work: async () => new Map(),
      replicaSets: async () => [],
    },
    clock: new NodeClock(),
  } as unknown as SqlServiceDeps;
  return {service: new ReplicaStatements(deps), catalog: machine.catalog};
}

type Rows = Awaited<ReturnType<ReplicaStatements['replicas']>>;

async function rowsOf(rows: Rows): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  for await (const {rowCount, columns} of rows) {
    for (let i = 0; i < rowCount; i++) {
      const cells = columns.map(({name, values}) => {
        const {present, values: all} = values as {present: Uint8Array; values: ArrayLike<unknown>};
        return [name, present[i] === 1 ? all[i] : null];
      });
      found.push(Object.fromEntries(cells));
    }
  }
  return found;
}

test("replicas are shown one by one, CnosDB's columns of their set first", async () => {
  const rows = await rowsOf(await statements().service.replicas());
  const ofSet = {replica_id: 12, location: '1*,2,3', database: 'public'};
  expect(rows).toMatchObject([
    {...ofSet, vnode_id: 31, node_id: 1, role: 'leader', term: 4, commit: 10, applied: 10, lag: 0},
    {...ofSet, vnode_id: 32, role: 'voter', term: null, lag: null, health: 'unreachable'},
    {...ofSet, vnode_id: 33, role: 'voter', health: 'failed'},
  ]);
  expect(Object.keys(rows[0]!).slice(0, 6)).toEqual([
    ...['replica_id', 'location', 'database', 'start_time', 'end_time'],
    'vnode_id',
  ]);
});

const TERMS = {deadlineMs: Infinity, by: undefined};
const ON_SET = {replicaSet: 1, state: 'running', startedBy: 'ann'};

test.each<[ReplicaOrder, object]>([
  [
    {type: 'add-replica', set: 1, node: 4},
    {kind: 'add-replica', targetNode: 4},
  ],
  [
    {type: 'copy-replica', replica: 2, node: 4},
    {kind: 'add-replica', targetNode: 4},
  ],
  [
    {type: 'remove-replica-on', set: 1, node: 2},
    {kind: 'remove-replica', source: 3},
  ],
  [
    {type: 'remove-replica', replica: 4},
    {kind: 'remove-replica', source: 4},
  ],
  [
    {type: 'move-replica', replica: 2, node: 4},
    {kind: 'move-replica', source: 2, targetNode: 4},
  ],
  [
    {type: 'transfer-leader', set: 1, node: 3},
    {kind: 'transfer-leader', target: 4},
  ],
])('%j begins the operation of the command line, and answers with it', async (order, expected) => {
  const {service, catalog} = statements();
  const [row] = await rowsOf(await service.order(order, {...TERMS, by: 'ann'}));
  expect([...catalog.operations()]).toMatchObject([{...ON_SET, ...expected}]);
  expect(row).toEqual({operation_id: 1, kind: (expected as {kind: string}).kind, state: 'running'});
  expect([...catalog.replicaSets()]).toMatchObject([{pinned: true}]);
  expect(await rowsOf(await service.operations())).toMatchObject([
    {operation_id: 1, replica_id: 1, started_by: 'ann', error: null},
  ]);
});

test('compaction is of sets, each once; it and a checksum pin nothing', async () => {
  const {service, catalog} = statements();
  const compact = await rowsOf(await service.order({type: 'compact', replicas: [2, 3]}, TERMS));
  expect(compact).toMatchObject([{operation_id: 1, kind: 'compact', state: 'running'}]);
  expect([...catalog.operations()]).toMatchObject([{startedBy: 'operator'}]);
  const checksum = service.order({type: 'checksum', set: 1}, TERMS);
  await expect(checksum, 'one at a time').rejects.toThrow('operation 1 (compact) is running there');
  expect([...catalog.replicaSets()][0]!.pinned).toBeUndefined();
  const other = statements();
  const rows = await rowsOf(await other.service.order({type: 'checksum', set: 1}, TERMS));
  expect(rows).toMatchObject([{kind: 'checksum'}]);
});

test('a set is destroyed as by the command line, and nothing is pinned', async () => {
  const {service, catalog} = statements();
  const rows = await rowsOf(await service.order({type: 'destroy', set: 1}, {...TERMS, by: 'ann'}));
  expect(rows).toEqual([{operation_id: 1, kind: 'destroy-replica-set', state: 'running'}]);
  expect([...catalog.operations()]).toMatchObject([{...ON_SET, step: 'replace'}]);
  expect([...catalog.replicaSets()][0]!.pinned).toBeUndefined();
});

test.each<[ReplicaOrder, string]>([
  [{type: 'destroy', set: 9}, 'no replica set 9'],
  [{type: 'add-replica', set: 9, node: 4}, 'no replica set 9'],
  [{type: 'move-replica', replica: 9, node: 4}, 'no replica 9'],
  [{type: 'transfer-leader', set: 1, node: 4}, 'it has some on 1, 2, 3'],
  [{type: 'add-replica', set: 1, node: 2}, 'holds a replica of replica set 1 already'],
])('%j is refused: %s', async (order, message) => {
  const {service, catalog} = statements();
  await expect(service.order(order, {...TERMS, by: 'ann'})).rejects.toThrow(message);
  expect([...catalog.operations()]).toEqual([]);
});
