import type {BucketId, DatabaseId, NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import {Catalog, type Command, type Node} from '@flotilla/catalog';
import {expect, test} from 'vitest';
import type {CatalogAccess} from './catalog-access.ts';
import type {ClusterFacts, ReplicaSetView, ReplicaView} from './cluster-view.ts';
import {planRecovery, Recovery, type RecoveryDeps} from './recovery.ts';

const SILENT = [1, 2];

function node(id: number): Node {
  const address = `n${id}:8902`;
  const rest = {incarnation: `i${id}`, engineThreads: 1, version: '0', joinedAtMs: 0};
  return {id: id as NodeId, address, state: 'active', ...rest};
}

function replica(on: number, known: Partial<ReplicaView> = {}): ReplicaView {
  const base = {replica: (10 + on) as ReplicaId, node: on as NodeId, address: undefined};
  const silent = {role: 'voter', leader: false, state: 'unreachable'} as const;
  return {...base, ...silent, ...known};
}

const open = (lastTerm: number, lastIndex: number): Partial<ReplicaView> => {
  return {state: 'follower', lastTerm, lastIndex, commitIndex: lastIndex - 2};
};

function view(id: number, replicas: readonly ReplicaView[]): ReplicaSetView {
  return {
    id: id as ReplicaSetId,
    database: 'public',
    tenant: 'default',
    bucket: {id: 1, start: 'a', end: 'b'},
    shard: id,
    epoch: 3,
    state: 'open',
    pinned: false,
    failover: 'automatic',
    leader: undefined,
    replicas,
  };
}

function facts(sets: readonly ReplicaSetView[]): ClusterFacts {
  const nodes = [1, 2, 3, 4].map((id) => ({node: node(id), isReachable: !SILENT.includes(id)}));
  return {sets, meta: {leader: 3 as NodeId, voters: []}, nodes};
}

function catalogOf(placed: readonly ReplicaSetView[]): Catalog {
  const catalog = new Catalog();
  const cluster = {id: 'c', foundedAtMs: 0, automation: 'running', failover: 'automatic'} as const;
  const sets = placed.map(({id, epoch, replicas, shard}) => {
    const owner = {database: 1 as DatabaseId, bucket: 1 as BucketId, shard};
    const value = {id, epoch, ...owner, state: 'open', founders: [], createdAtVersion: 1} as const;
    return {kind: 'replica-set', id, value: {...value, replicas}} as const;
  });
  const nodes = [1, 2, 3, 4].map((id) => ({kind: 'node', id, value: node(id)}) as const);
  const changes = [{kind: 'cluster', id: 0, value: cluster} as const, ...nodes, ...sets];
  catalog.applyUpdate({version: 1, changes});
  return catalog;
}

test('of each set without a majority the most advanced log is taken, and what is lost is said', () => {
  const sets = [
    view(1, [replica(1), replica(2), replica(3, open(4, 20))]),
    view(2, [replica(1), replica(3, open(4, 20)), replica(4, open(4, 21))]),
    view(3, [replica(1), replica(2, {state: 'missing'}), replica(3, open(0, 0))]),
    view(4, [replica(1), replica(2), replica(3, {state: 'stopped', stopped: 'why'})]),
    view(5, [replica(1), replica(2), ...[3, 4, 5].map((on) => replica(on, {role: 'learner'}))]),
  ];
  const learner = replica(4, {...open(5, 9), role: 'learner'});
  sets.push(view(6, [replica(1), replica(2), replica(3, open(4, 20)), learner]));
  const plan = planRecovery(catalogOf(sets), facts(sets), 0);
  expect(plan.lost.map((one) => one.node)).toEqual(SILENT);
  expect(plan.setsKept).toBe(1);
  expect(plan.sets.map(({set, action, node: on}) => [set, action, on])).toEqual([
    [1, 'take-over', 3],
    [3, 'begin-empty', 4],
    [4, 'none', undefined],
    [5, 'begin-empty', 4],
    [6, 'take-over', 4],
  ]);
  expect(plan.sets[0]?.loses).toBe(
    'writes behind entry 20 that only nodes 1, 2 confirmed; 2 entries before it count now, confirmed or not',
  );
});

function recovery(sets: readonly ReplicaSetView[], catalog = catalogOf(sets)) {
  const proposed: Command[] = [];
  const recovery = new Recovery({
    access: {catalog} as unknown as CatalogAccess,
    view: {facts: async () => facts(sets)},
    clock: {wallMs: () => 7, monotonicMs: () => 0} as unknown as RecoveryDeps['clock'],
    meta: {
      propose: (async (command: Command) => {
        proposed.push(command);
        return {epoch: 4, replica: 99};
      }) as unknown as RecoveryDeps['meta']['propose'],
    },
  });
  return {recovery, proposed};
}

test('it is refused where a node that should be lost answers, or the plan is of another cluster', async () => {
  const sets = [view(1, [replica(1), replica(2), replica(3, open(4, 20))])];
  const {recovery: it, proposed} = recovery(sets);
  const order = {cluster: 'c', lost: [1, 3], sets: []};
  await expect(it.apply(order)).rejects.toThrow('node 3 answers: it is not lost');
  await expect(it.apply({...order, cluster: 'd'})).rejects.toMatchObject({code: 'CONFLICT'});
  expect(proposed).toEqual([]);
});

test('nodes are declared lost before anything goes on without them; a set that is led stays', async () => {
  const led = {...view(2, [replica(3, open(4, 2))]), leader: 3 as NodeId};
  const sets = [view(1, [replica(1), replica(2), replica(3, open(4, 20))]), led];
  const {recovery: it, proposed} = recovery(sets);
  const wanted = {epoch: 3, node: 3, replica: 13, lastIndex: 20};
  const ordered = [1, 2].map((set) => ({set, ...wanted}));
  const answer = await it.apply({cluster: 'c', lost: SILENT, sets: ordered});
  expect(proposed.map(({type}) => type)).toEqual(['declare-lost', 'recover-replica-set']);
  expect(answer).toMatchObject({
    recovered: [{set: 1, replica: 99}],
    skipped: [{set: 2, why: 'it is led: nothing of it is lost'}],
  });
});
