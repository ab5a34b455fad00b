import type {DatabaseId, NodeId, OperationId} from '@flotilla/base';
import {CatalogMachine, type Command, type ReplicaSet} from '@flotilla/catalog';
import {beforeEach, expect, test} from 'vitest';
import {noticesOf} from './notices.ts';

const NOW_MS = Date.UTC(2026, 10, 21);
const DAY_MS = 86_400_000;
let machine: CatalogMachine;

function run(command: Command): void {
  const {result} = machine.apply(command, machine.catalog.version + 1);
  if (!result.ok) throw new Error(result.error.message);
}

const notices = () => noticesOf(machine.catalog, NOW_MS);

beforeEach(() => {
  machine = new CatalogMachine();
  for (const i of [1, 2, 3]) {
    const node = {incarnation: `i${i}`, address: `n${i}`, engineThreads: 1, version: '1'};
    if (i === 1) run({type: 'found-cluster', clusterId: 'c', node, atMs: 1});
    else run({type: 'register-node', node, atMs: 1});
  }
});

function drain(node: number): void {
  const order = {kind: 'drain-node', sourceNode: node as NodeId} as const;
  run({type: 'create-operation', ...order, startedBy: 'ann', atMs: 1});
}

function wait(operation: number, more: {error?: string; waitingFor?: string}): void {
  const id = operation as OperationId;
  const {step} = machine.catalog.operation(id)!;
  run({type: 'update-operation', operation: id, expectedStep: step, ...more, atMs: 2});
}

test('of a cluster that nobody has touched there is nothing to say', () => {
  expect(notices()).toEqual([]);
});

test('nodes that may be reached without TLS or tokens are named, until they are gone', () => {
  const update = (node: number) =>
    run({
      type: 'update-node',
      ...{node: node as NodeId, address: `n${node}`, engineThreads: 1, version: '1'},
      isInsecure: true,
    });
  update(2);
  update(3);
  const {message, next} = notices()[0]!;
  expect(message).toMatch(/beyond loopback without TLS or tokens \(--insecure\): node 2, 3$/);
  expect(next).toBe('flotilla cert --help');
  for (const node of [2, 3] as NodeId[])
    run({type: 'set-node-state', node, state: 'decommissioned'});
  expect(notices()).toEqual([]);
});

test('operations are told once they wait, the first ones each by itself', () => {
  for (const node of [1, 2, 3]) drain(node);
  expect(notices()).toEqual([]);
  wait(2, {waitingFor: 'a live node with room'});
  wait(3, {error: 'add 1 node'});
  expect(notices()).toEqual([
    {
      message: 'operation 2 (drain-node of node 2) waits: for a live node with room',
      next: 'flotilla operation show 2',
    },
    {
      message: 'operation 3 (drain-node of node 3) waits: add 1 node',
      next: 'flotilla operation show 3',
    },
  ]);
});

test('what the cluster would begin again is told with who cancelled it, and how it is begun', () => {
  const database = 1 as DatabaseId;
  const placements = [[1, 2, 3].map((i) => ({node: i as NodeId, role: 'voter' as const}))];
  const range = {timeMs: 0, startMs: 0, endMs: DAY_MS};
  run({type: 'ensure-bucket', database, ...range, placements});
  const [{id: replicaSet, replicas}] = [...machine.catalog.replicaSets()] as [ReplicaSet];
  const {replica: source} = replicas[1]!;
  const subject = {replicaSet, source, startedBy: 'reconciler', atMs: 1};
  run({type: 'create-operation', kind: 'repair', ...subject});
  const cancel = {operation: 1 as OperationId, expectedStep: 'change', atMs: NOW_MS} as const;
  run({type: 'update-operation', ...cancel, state: 'cancelling', by: 'ann'});
  run({type: 'update-operation', ...cancel, state: 'cancelled'});
  expect(notices()).toEqual([
    {
      message: `operation 1 (repair of replica set ${replicaSet}), which ann cancelled, is not begun again before 2026-11-22T00:00:00.000Z`,
      next: 'flotilla operation retry 1',
    },
  ]);
  expect(noticesOf(machine.catalog, NOW_MS + DAY_MS)).toEqual([]);
});

test('of the trash one line says what is purged first, and how it comes back', () => {
  const drop = (name: string, purgeAtMs: number) =>
    run({type: 'drop-database', tenant: 'default', name, atMs: NOW_MS, purgeAtMs});
  for (const name of ['later', "it's here"])
    run({type: 'create-database', tenant: 'default', name, ifNotExists: false, options: {}});
  drop('later', NOW_MS + 2 * DAY_MS);
  expect(notices()).toEqual([
    {
      message: 'database later was dropped and is purged at 2026-11-23T00:00:00.000Z',
      next: 'flotilla database recover later',
    },
  ]);
  drop("it's here", NOW_MS + DAY_MS);
  expect(notices()).toEqual([
    {
      message:
        "database it's here was dropped and is purged at 2026-11-22T00:00:00.000Z, and 1 more after it",
      next: "flotilla database recover 'it'\\''s here'",
    },
  ]);
});

test('a table comes back by a statement; one that is purged does not', () => {
  const database = 1 as DatabaseId;
  const fields = [{name: 'v', type: 'float'}] as const;
  run({type: 'create-table', database, table: {name: 'm', tags: [], fields}});
  run({type: 'drop-table', database, name: 'm', atMs: NOW_MS, purgeAtMs: NOW_MS + DAY_MS});
  expect(notices().map(({next}) => next)).toEqual([
    `flotilla sql --db public -e 'RECOVER TABLE "m"'`,
  ]);
  run({type: 'purge-table', table: machine.catalog.droppedTables(database)[0]!.id, atMs: NOW_MS});
  expect(notices()).toEqual([]);
});
