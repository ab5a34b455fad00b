import {META_SET, type NodeId, type ReplicaId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {CatalogMachine} from '../machine/catalog-machine.ts';
import {type Conditions, clusterOf, makeSets, must, reportsOf} from './cluster.fixture.ts';
import {planNext} from './reconcile.ts';
import type {NodeReport, ReplicaReport} from './reports.ts';

/** Replica 1 of the meta group is placed on node 1 of two; nothing is placed on node 2. */
function placedOnOne(): CatalogMachine {
  const machine = new CatalogMachine();
  const node = {engineThreads: 1, version: '1'};
  const first = {...node, incarnation: 'one', address: 'a'};
  const second = {...node, incarnation: 'two', address: 'b'};
  machine.apply({type: 'found-cluster', clusterId: 'c', node: first, atMs: 1}, 1);
  machine.apply({type: 'register-node', node: second, atMs: 1}, 2);
  return machine;
}

function reportOf(
  node: number,
  replica: number,
  voters: readonly number[],
  more: Partial<ReplicaReport> = {},
): [NodeId, NodeReport] {
  const report: ReplicaReport = {
    set: META_SET,
    replica: replica as ReplicaId,
    role: replica === 1 ? 'leader' : 'follower',
    term: 6,
    appliedIndex: 10,
    lastIndex: 10,
    configIndex: 10,
    configuration: {voters, votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false},
    durable: true,
    written: false,
    progress: voters.map((id) => ({
      replica: id as ReplicaId,
      matchIndex: 10,
      state: 'replicate',
      active: true,
    })),
    ...more,
  };
  const replicas = new Map([[report.replica, report]]);
  const id = node as NodeId;
  return [id, {node: id, live: true, clockOffsetMs: 0, diskFree: 1, replicas}];
}

test.each([
  [[1], 1],
  [[1, 9], 0],
])(
  'a replica that no placement names is destroyed unless its group counts it: %j',
  (voters, count) => {
    const reports = new Map([reportOf(1, 1, voters), reportOf(2, 9, voters)]);
    const actions = planNext(placedOnOne().catalog, reports, 1_000);
    const destroyed = actions.filter(({type}) => type === 'destroy-replica');
    expect(destroyed).toHaveLength(count);
  },
);

test('what is left of a set is kept until its successor has taken over', () => {
  const machine = placedOnOne();
  const placements = [
    [1, 2].map((on) => ({node: on as NodeId, role: on === 1 ? 'voter' : 'learner'}) as const),
  ];
  const bucket = {database: 1 as never, timeMs: 1, startMs: 0, endMs: 86_400_000, placements};
  machine.apply({type: 'ensure-bucket', ...bucket}, 3);
  const [set] = machine.catalog.replicaSets();
  machine.apply({type: 'open-replica-sets', sets: [set!.id]}, 4);
  const {replica, node} = set!.replicas.find((placed) => placed.node === 2)!;
  const order = {set: set!.id, expectedEpoch: set!.epoch, node, replica, lastIndex: 10, atMs: 5};
  machine.apply({type: 'recover-replica-set', ...order}, 5);
  const [next] = machine.catalog.replicaSet(set!.id)!.replicas;
  const ids = set!.replicas.map((placed) => placed.replica);
  const left = reportOf(2, replica, ids, {set: set!.id});
  const planned = planNext(machine.catalog, new Map([reportOf(1, 1, [1]), left]), 1_000);
  const orders = planned.filter((action) => 'set' in action && action.set === set!.id);
  expect(orders).toEqual([{type: 'create-replica', node, set: set!.id, replica: next!.replica}]);
  const leads = {set: set!.id, role: 'leader'} as const;
  const alone = reportOf(2, next!.replica, [next!.replica], leads);
  const returned = reportOf(1, ids[0]!, ids, {set: set!.id});
  const later = planNext(machine.catalog, new Map([returned, alone]), 1_000);
  const destroyed = later.filter(({type}) => type === 'destroy-replica');
  expect(destroyed).toMatchObject([{node: 1, replica: ids[0]}]);
});

test.each([{configVolatile: true}, {role: 'follower' as const}])(
  'a replica that a restart may need for an election is not destroyed: %j',
  (more) => {
    const reports = new Map([reportOf(1, 1, [1], more), reportOf(2, 9, [1, 9])]);
    const actions = planNext(placedOnOne().catalog, reports, 1_000);
    expect(actions.filter(({type}) => type === 'destroy-replica')).toEqual([]);
  },
);

test.each<[string, Conditions, number]>([
  ['gets one beside 32 sets whose learners are dead', {silentSinceMs: new Map([[2, 1_000]])}, 1],
  ['waits while as many learners are on their way', {behind: new Set([2])}, 0],
])('a set that lacks a replica %s', (_name, conditions, count) => {
  const machine = clusterOf(3);
  const named = {tenant: 'default', name: 'public'};
  must(machine, {type: 'alter-database', ...named, options: {replicas: 2}});
  const healing = Array.from({length: 32}, () => ({voters: [1], learners: [2]}));
  const lacking = makeSets(machine, [...healing, {voters: [1]}]).at(-1)!;
  const reports = reportsOf(machine.catalog, conditions);
  const grown = planNext(machine.catalog, reports, 2_000).filter(
    (action) =>
      action.type === 'propose' &&
      action.command.type === 'set-placement' &&
      action.command.set === lacking &&
      action.command.add.length === 1,
  );
  expect(grown).toHaveLength(count);
});

test('a member that no placement names leaves though an operation runs on its set', () => {
  const machine = clusterOf(3);
  const [set] = makeSets(machine, [{voters: [1], learners: [2]}]);
  const source = machine.catalog.replicaSet(set!)!.replicas[1]!.replica;
  const move = {kind: 'move-replica', replicaSet: set, source, targetNode: 3 as NodeId} as const;
  must(machine, {type: 'create-operation', ...move, startedBy: 'test', atMs: 1});
  const reports = reportsOf(machine.catalog, {});
  const {replicas} = reports.get(1 as NodeId)!;
  const leader = [...replicas.values()].find((report) => report.set === set)!;
  const learners = [...leader.configuration.learners, 99];
  (replicas as Map<ReplicaId, ReplicaReport>).set(leader.replica, {
    ...leader,
    configuration: {...leader.configuration, learners},
  });
  expect(planNext(machine.catalog, reports, 1_000)).toContainEqual(
    expect.objectContaining({type: 'change-config', set, changes: [{type: 'remove', id: 99}]}),
  );
});
