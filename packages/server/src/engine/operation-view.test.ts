// Goal: each operation is shown as far as it is, and only nodes that have a part in one are asked.

import type {NodeId, OperationId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import {CatalogMachine, CLUSTER_VERSION, type Command} from '@flotilla/catalog';
import {expect, test} from 'vitest';
import type {ClusterView} from './cluster-view.ts';
import {OPERATION_COLUMNS, operationRow, viewAll, viewOne} from './operation-view.ts';
import {replicaView, setView, unreachable} from './set-view.fixture.ts';

/** Four nodes; sets 1 and 2 have replicas 2 to 4 and 5 to 7 on nodes 1 to 3. */
function cluster() {
  const machine = new CatalogMachine();
  const run = (command: Command) => {
    const {result} = machine.apply(command, machine.catalog.version + 1);
    if (!result.ok) throw new Error(result.error.message);
  };
  for (const i of [1, 2, 3, 4]) {
    const node = {incarnation: `i${i}`, address: `n${i}`, engineThreads: 1, version: '1'};
    const founding = {clusterId: 'c', clusterVersion: CLUSTER_VERSION, atMs: 1};
    if (i === 1) run({type: 'found-cluster', node, ...founding});
    else run({type: 'register-node', node, atMs: 1});
  }
  const voters = [1, 2, 3].map((node) => ({node: node as NodeId, role: 'voter'}) as const);
  const bucket = {database: 1 as never, timeMs: 0, startMs: 0, endMs: 1, atMs: 0};
  run({type: 'ensure-bucket', ...bucket, placements: [voters, voters]});
  const open = () => run({type: 'open-replica-sets', sets: [1, 2] as ReplicaSetId[], atMs: 40_000});
  const asked: unknown[] = [];
  const view = {
    received: async (nodes: NodeId[]) => {
      if (nodes.length > 0) asked.push(['received', nodes]);
      return new Map();
    },
    work: async (nodes: NodeId[]) => {
      asked.push(['work', nodes]);
      const done = {operation: 1 as OperationId, work: 'compact', state: 'done'};
      return new Map([
        [1 as NodeId, new Map([[2 as ReplicaId, done]])],
        [2 as NodeId, new Map()],
      ]);
    },
    replicaSets: async (sets: {id: number}[]) => {
      asked.push(['sets', sets.map(({id}) => id)]);
      const heir = replicaView(2, {replica: 6 as ReplicaId});
      return sets.map(({id}) => setView([replicaView(1), heir, unreachable(3)], id));
    },
    replicaSet: async ({id}: {id: number}) => {
      asked.push(['set', id]);
      return setView([unreachable(1), unreachable(2), unreachable(3)], id);
    },
  } as unknown as ClusterView;
  return {run, open, asked, deps: {catalog: machine.catalog, view, nowMs: 50_000}};
}

const order = {startedBy: 'ann', atMs: 0};

test('of a compaction its replicas are asked, of a lead the set', async () => {
  const {run, open, asked, deps} = cluster();
  open();
  run({type: 'create-operation', kind: 'compact', replicaSet: 1 as ReplicaSetId, ...order});
  const lead = {replicaSet: 2 as ReplicaSetId, target: 6 as ReplicaId};
  run({type: 'create-operation', kind: 'transfer-leader', ...lead, ...order});
  const [compact, transfer, slow, ...others] = await viewAll(deps);
  expect(compact).toMatchObject({id: 1, percent: 50, replicasDone: 1});
  expect(transfer).toMatchObject({id: 2, percent: 33});
  expect(slow).toMatchObject({id: 'bucket-1', state: 'done', endedAt: '1970-01-01T00:00:40.000Z'});
  expect(others).toEqual([]);
  expect(asked).toEqual([
    ['work', [1, 2, 3]],
    ['sets', [2]],
  ]);
});

test('nobody is asked of what has ended, nor where nothing is made', async () => {
  const {run, open, asked, deps} = cluster();
  open();
  run({type: 'create-operation', kind: 'compact', replicaSet: 1 as ReplicaSetId, ...order});
  const operation = 1 as OperationId;
  run({type: 'update-operation', operation, expectedStep: 'run', state: 'done', atMs: 1});
  expect(await viewOne(1, deps)).toMatchObject({percent: 100});
  expect(await viewAll(deps)).toHaveLength(2);
  expect(await viewOne('bucket-1', deps)).toMatchObject({state: 'done'});
  expect(asked).toEqual([]);
});

test('a bucket that does not open is listed behind the others, and shown by its id', async () => {
  const {asked, deps} = cluster();
  const [listed] = await viewAll(deps);
  expect(listed).toMatchObject({id: 'bucket-1', state: 'running', percent: 0});
  const shown = await viewOne('bucket-1', deps);
  expect(shown).toMatchObject({waitingFor: expect.stringContaining('node 1 (n1:8902) does not')});
  expect(asked).toEqual([
    ['sets', [1]],
    ['set', 1],
  ]);
  const row = operationRow(shown);
  const cells = Object.fromEntries(OPERATION_COLUMNS.map(({name}, i) => [name, row[i]]));
  expect(row).toHaveLength(OPERATION_COLUMNS.length);
  expect(cells).toMatchObject({
    ...{operation_id: undefined, kind: 'create-bucket', state: 'running', percent: 0},
    ...{start_time: '1970-01-01T00:00:00.000Z', bucket_id: 1},
    waiting_for: expect.stringContaining('replica set 1'),
  });
});

test('a bucket that opens while its nodes are asked is shown as it is then', async () => {
  const {open, deps} = cluster();
  const shown = viewOne('bucket-1', deps);
  open();
  expect(await shown).toMatchObject({
    ...{state: 'done', endedAt: '1970-01-01T00:00:40.000Z', waitingFor: undefined},
    result: expect.stringContaining('opened in 40 s'),
  });
});

test.each([7, 'bucket-9'])('of %j there is nothing', async (id) => {
  await expect(viewOne(id, cluster().deps)).rejects.toMatchObject({code: 'NOT_FOUND'});
});
