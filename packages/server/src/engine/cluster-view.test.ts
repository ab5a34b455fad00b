import {DbError, type NodeId, type ReplicaId, type Rpc} from '@flotilla/base';
import {CatalogMachine, CLUSTER_VERSION, type Command} from '@flotilla/catalog';
import type {ReplicaStatus, StateMachine} from '@flotilla/multiraft';
import {expect, test} from 'vitest';
import {NodeClock} from '../adapters/node-clock.ts';
import {ClusterView, notesHandler} from './cluster-view.ts';
import type {NodeReplicas} from './replica-host.ts';
import {noteOf, type ReplicaNote} from './replica-notes.ts';

type Status = ReplicaNote['status'];

/** Three nodes and one set, whose replicas have the ids 2 to 4; meta's is 1. */
function catalogOfThree() {
  const machine = new CatalogMachine();
  const run = (command: Command) => machine.apply(command, machine.catalog.version + 1);
  const node = (i: number) => ({
    ...{incarnation: `i${i}`, address: `n${i}`, engineThreads: 1, version: '1'},
  });
  const founding = {clusterId: 'c', clusterVersion: CLUSTER_VERSION, atMs: 1};
  run({type: 'found-cluster', node: node(1), ...founding});
  for (const i of [2, 3]) run({type: 'register-node', node: node(i), atMs: 1});
  const placements = [[1, 2, 3].map((id) => ({node: id as NodeId, role: 'voter' as const}))];
  run({type: 'ensure-bucket', database: 1 as never, timeMs: 0, startMs: 0, endMs: 1, placements});
  return machine.catalog;
}

/** @param statuses of the set's replicas, by node */
function viewOf(statuses: Record<number, Partial<Status>>): ClusterView {
  const catalog = catalogOfThree();
  const set = [...catalog.replicaSets()][0]!;
  const rpc = {
    call: async ({node}: {node: NodeId}, method: string) => {
      if (method !== 'node.notes') throw new DbError('UNAVAILABLE', 'not told');
      const {replica} = set.replicas.find((placed) => placed.node === node)!;
      const well = {role: 'follower', term: 4, appliedIndex: 5_000, lastIndex: 5_000};
      const status = {set: set.id, replica, ...well, ...statuses[node]};
      return new TextEncoder().encode(JSON.stringify([status]));
    },
  } as unknown as Rpc;
  return new ClusterView({rpc, clock: new NodeClock(), catalog: () => catalog});
}

const late = [4 as ReplicaId];

test.each([
  ['that the leader waits for', {late}, {lastIndex: 3_999, appliedIndex: 3_999}, true],
  ['of which no leader knows yet what it holds', {late}, {}, undefined],
  ['that was asked before the leader was', {}, {lastIndex: 3_999}, undefined],
  ['that lacks a little', {late}, {lastIndex: 4_000}, undefined],
])('a replica %s: is it late? %#', async (_name, leader, replica, expected) => {
  const view = viewOf({1: {role: 'leader', ...leader}, 3: replica});
  const {sets, meta} = await view.facts();
  expect(sets[0]!.replicas.map(({isLate}) => isLate)).toEqual([undefined, undefined, expected]);
  expect(meta.replicas).toMatchObject([{replica: 1, node: 1, state: 'missing'}]);
});

test('of work each node that answers is told by itself', async () => {
  const catalog = catalogOfThree();
  const done = {operation: 1, work: 'compact', state: 'done'};
  const read = {bytes: 5, bytesTotal: 9};
  const note = {report: {replica: 2, work: done}, workRead: read} as unknown as ReplicaNote;
  const idle = {report: {replica: 3}} as unknown as ReplicaNote;
  const replicas = {notes: () => [note, idle]} as unknown as NodeReplicas;
  const handler = notesHandler(replicas).call.get('node.work')!;
  const rpc = {
    call: async ({node}: {node: NodeId}, method: string, payload: Uint8Array) => {
      if (node === 3 || method !== 'node.work') throw new DbError('UNSUPPORTED', 'an older build');
      return node === 1 ? handler(payload, {} as never) : new TextEncoder().encode('[]');
    },
  } as unknown as Rpc;
  const view = new ClusterView({rpc, clock: new NodeClock(), catalog: () => catalog});
  const work = await view.work([1, 2, 3, 1] as NodeId[]);
  expect([...work]).toEqual([
    [1, new Map([[2, {...done, ...read}]])],
    [2, new Map()],
  ]);
});

test('where nobody leads nobody can say', async () => {
  const {sets} = await viewOf({1: {late}, 3: {lastIndex: 0}}).facts();
  expect(sets[0]!.replicas.map(({isLate}) => isLate)).toEqual([undefined, undefined, undefined]);
});

test('a leader names the members that lack more than a thousand entries', () => {
  const statusWith = (lags: readonly number[]) => {
    const configuration = {voters: [1, 2, 3], votersOutgoing: [], learners: [], learnersNext: []};
    const members = lags.map((lag, i) => ({replica: i + 2, lag}));
    return {role: 'leader', configuration, members} as unknown as ReplicaStatus;
  };
  const lateOf = (...lags: number[]) =>
    noteOf(statusWith(lags), {} as unknown as StateMachine).status.late;
  expect(lateOf(0, 1_000)).toBeUndefined();
  expect(lateOf(0, 1_001)).toEqual([3]);
});
