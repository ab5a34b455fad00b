// What the destruction of a set does next, by what there is; and that the set in its place is not made before the
// old one can acknowledge nothing more. With random faults it is run in operations.test.ts.

import {META_SET, type NodeId, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import {beforeEach, describe, expect, test} from 'vitest';
import type {Command} from '../commands.ts';
import type {CatalogMachine} from '../machine/catalog-machine.ts';
import type {Operation, ReplicaSet} from '../model.ts';
import type {Action} from './action.ts';
import {clusterOf, makeSets, must, reportsOf} from './cluster.fixture.ts';
import {planDestruction} from './destroy-set.ts';
import {EverySet} from './every-set.ts';
import type {Decision} from './member-operation.ts';
import {planNext} from './reconcile.ts';
import type {NodeReport, ReplicaReport} from './reports.ts';

let machine: CatalogMachine;
let old: ReplicaSetId;
/** Replicas that are there no more, or not yet. */
let absent: Set<ReplicaId>;
let silent: Set<number>;
/** Of the old set's leader. */
let told: Partial<ReplicaReport>;
let nowMs: number;

function begin(voters: readonly number[] = [1, 2, 3], learners: readonly number[] = []): void {
  machine = clusterOf(4);
  [old] = makeSets(machine, [{voters, learners}, {voters: [1, 2, 3]}]) as [ReplicaSetId];
  const order = {type: 'create-operation', kind: 'destroy-replica-set', replicaSet: old} as const;
  must(machine, {...order, startedBy: 'ann', atMs: 0});
  absent = new Set();
  silent = new Set();
  told = {};
  nowMs = 1_000;
}
beforeEach(() => begin());

const operationNow = (): Operation => [...machine.catalog.operations()][0]!;
const setOf = (id: number): ReplicaSet => machine.catalog.replicaSet(id as ReplicaSetId)!;
const replicasOf = (id: number): ReplicaId[] => setOf(id).replicas.map(({replica}) => replica);
const successor = (): ReplicaSetId => machine.catalog.bucket(setOf(old).bucket)!.replicaSets[0]!;

function reports(): Map<NodeId, NodeReport> {
  const silentSinceMs = new Map([...silent].map((node) => [node, 0]));
  const all = reportsOf(machine.catalog, {silentSinceMs});
  for (const {replicas} of all.values()) {
    for (const [replica, report] of replicas as Map<ReplicaId, ReplicaReport>) {
      if (absent.has(replica)) (replicas as Map<ReplicaId, ReplicaReport>).delete(replica);
      else if (report.set === old && report.role === 'leader')
        (replicas as Map<ReplicaId, ReplicaReport>).set(replica, {...report, ...told});
    }
  }
  return all;
}

function decided(): Decision {
  const lists = new EverySet(machine.catalog, reports());
  return planDestruction(operationNow(), lists.view(old)!, lists, nowMs);
}

/** Carries out what is proposed, and gives the orders to nodes, in words. */
function round(): string[] {
  nowMs += 200;
  const actions = planNext(machine.catalog, reports(), nowMs);
  for (const action of actions)
    if (action.type === 'propose')
      machine.apply(action.command as Command, machine.catalog.version + 1);
  return actions.flatMap(orderOf).sort();
}

function orderOf(action: Action): string[] {
  if (action.type !== 'create-replica' && action.type !== 'destroy-replica') return [];
  // The meta group grows with the nodes.
  if (action.set === META_SET) return [];
  return [`${action.type} ${action.set} on ${action.node}`];
}

/** The old set is dropped if it can be, and the replicas of the next are not there yet. */
function replaced(): void {
  round();
  const next = successor();
  for (const replica of next === old ? [] : replicasOf(next)) absent.add(replica);
}

function remove(nodes: readonly number[]): void {
  for (const {replica, node} of setOf(old).replicas) if (nodes.includes(node)) absent.add(replica);
}

test('the set is replaced, destroyed, and the new one made and opened, in this order', () => {
  expect(decided()).toMatchObject({action: {command: {type: 'replace-replica-set', set: old}}});
  replaced();
  expect(setOf(old).state).toBe('dropping');
  const next = successor();
  expect(setOf(next)).toMatchObject({state: 'creating', replaces: old});
  const destroying = [1, 2, 3].map((node) => `destroy-replica ${old} on ${node}`);
  expect(round()).toEqual(destroying);
  expect(operationNow().step).toBe('destroy');
  remove([1, 2]);
  expect(round()).toEqual(destroying.slice(2));
  remove([3]);
  const nodes = setOf(next).replicas.map(({node}) => node);
  expect(round()).toEqual(nodes.map((node) => `create-replica ${next} on ${node}`).sort());
  expect(operationNow().step).toBe('open');
  absent = new Set(replicasOf(old));
  round();
  expect(setOf(next).state).toBe('open');
  round();
  expect(operationNow()).toMatchObject({
    state: 'done',
    result: `its rows are gone, and replica set ${next} has its place`,
  });
  round();
  expect(setOf(old)).toBeUndefined();
  expect(setOf(next).state).toBe('open');
});

test('as many replicas are made as were wanted of the old set', () => {
  const named = {tenant: 'default', name: 'public'};
  must(machine, {type: 'alter-database', ...named, options: {replicas: 1}});
  round();
  expect(setOf(successor()).replicas).toHaveLength(1);
});

/** Voters, learners, silent nodes; then whether it can be dropped, and what is made once the others have gone. */
test.each<[readonly number[], readonly number[], readonly number[], boolean]>([
  [[1, 2, 3], [], [3], true],
  [[1, 2, 3], [], [2, 3], false],
  [[1], [2, 3], [1], false],
  [[1], [2, 3], [3], true],
  // Both learners may have become voters by now.
  [[1], [2, 3], [2, 3], false],
  [[1], [], [1], false],
])('voters %j, learners %j, without nodes %j: %s', (voters, learners, away, isEnded) => {
  begin(voters, learners);
  silent = new Set(away);
  replaced();
  expect(setOf(old).state).toBe(isEnded ? 'dropping' : 'open');
  if (!isEnded) {
    expect(decided()).toEqual({type: 'wait', for: `node ${away[0]} to answer`});
    return;
  }
  expect(round().filter((order) => order.startsWith('create'))).toEqual([]);
  remove([1, 2, 3, 4].filter((node) => !away.includes(node)));
  expect(round().filter((order) => order.startsWith('create')).length).toBeGreaterThan(0);
});

test('half of an even number of voters may be a majority once another is taken out', () => {
  const {replicas, epoch: expectedEpoch} = setOf(old);
  const remove = [replicas[0]!.replica];
  must(machine, {type: 'set-placement', set: old, expectedEpoch, add: [], remove, roles: []});
  silent = new Set([3]);
  replaced();
  expect(setOf(old).state).toBe('open');
  expect(decided()).toEqual({type: 'wait', for: 'node 3 to answer'});
});

test('nodes that fall silent later hold the new set back, unless they are declared lost', () => {
  replaced();
  remove([3]);
  silent = new Set([1, 2]);
  round();
  expect(round()).toEqual([]);
  expect(decided()).toEqual({type: 'wait', for: 'node 1 to answer'});
  must(machine, {type: 'declare-lost', nodes: [2 as NodeId], atMs: 5});
  expect(round().filter((order) => order.startsWith('create'))).not.toEqual([]);
  round();
  const next = successor();
  for (const replica of replicasOf(next)) absent.delete(replica);
  round();
  round();
  const {replica} = setOf(old).replicas[0]!;
  expect(operationNow().result).toBe(
    `its rows are gone, and replica set ${next} has its place; replica ${replica} goes when node 1 is back`,
  );
});

test('the record of the old set stays as long as the new one is held back by it', () => {
  replaced();
  silent = new Set([2, 3]);
  remove([1]);
  const {id: operation, step: expectedStep} = operationNow();
  const update = {type: 'update-operation', operation, expectedStep, atMs: 9} as const;
  must(machine, {...update, state: 'failed'});
  for (let i = 0; i < 3; i++) expect(round()).toEqual([]);
  expect(setOf(old)?.state).toBe('dropping');
  silent = new Set();
  remove([2, 3]);
  expect(round().filter((order) => order.startsWith('create'))).toHaveLength(3);
});

describe('who votes is settled first', () => {
  test('a joint configuration is left', () => {
    const [a, b, c] = replicasOf(old) as [ReplicaId, ReplicaId, ReplicaId];
    const {configuration} = [
      ...reports()
        .get(1 as NodeId)!
        .replicas.values(),
    ].find(({set}) => set === old)!;
    const joint = {...configuration, voters: [a, b], votersOutgoing: [a, b, c]};
    told = {configuration: {...joint, autoLeave: true}};
    expect(decided()).toEqual({type: 'wait', for: 'the joint configuration to be left'});
    told = {configuration: {...joint, autoLeave: false}};
    expect(decided()).toMatchObject({action: {type: 'change-config', mode: 'leave'}});
    // The placement says then what the group is.
    told = {configuration: {...configuration, voters: [a], learners: [b, c]}};
    expect(decided()).toMatchObject({
      action: {
        command: {
          type: 'set-placement',
          roles: [
            {replica: b, role: 'learner'},
            {replica: c, role: 'learner'},
          ],
        },
      },
    });
    told = {configuration: {...configuration, voters: [a, b, c, 99 as ReplicaId]}};
    expect(decided()).toMatchObject({
      action: {type: 'change-config', changes: [{type: 'remove', id: 99}]},
    });
  });

  test('a set that nobody leads is replaced as it is placed', () => {
    told = {role: 'follower'};
    expect(decided()).toMatchObject({action: {command: {type: 'replace-replica-set'}}});
  });

  test('a replica that is still to be made is waited for', () => {
    remove([3]);
    const {replica} = setOf(old).replicas[2]!;
    expect(decided()).toEqual({type: 'wait', for: `replica ${replica} to be created`});
    expect(round()).toEqual([`create-replica ${old} on 3`]);
  });
});

describe('cancelled', () => {
  const cancel = () => {
    const {id: operation, step: expectedStep} = operationNow();
    const update = {type: 'update-operation', operation, expectedStep, atMs: 9} as const;
    must(machine, {...update, state: 'cancelling', by: 'ann'});
  };

  test('before it is replaced the set stays as it is', () => {
    cancel();
    for (let i = 0; i < 3; i++) expect(round()).toEqual([]);
    expect(operationNow()).toMatchObject({state: 'cancelled', cancelledBy: 'ann'});
    expect(setOf(old).state).toBe('open');
  });

  test('after that it goes on to its end', () => {
    replaced();
    cancel();
    remove([1, 2, 3]);
    round();
    absent = new Set(replicasOf(old));
    for (let i = 0; i < 4; i++) round();
    expect(operationNow()).toMatchObject({state: 'done'});
  });
});

describe('it fails', () => {
  test('where the database is dropped before', () => {
    const named = {tenant: 'default', name: 'public'};
    must(machine, {type: 'drop-database', ...named, atMs: 5, purgeAtMs: 1e9});
    round();
    expect(operationNow()).toMatchObject({state: 'failed', error: 'its database was dropped'});
    expect(setOf(old).state).toBe('open');
  });

  test('where the bucket is dropped, and leaves nothing of either set', () => {
    replaced();
    must(machine, {type: 'drop-bucket', bucket: setOf(old).bucket});
    remove([1, 2, 3]);
    for (let i = 0; i < 3; i++) round();
    expect(operationNow()).toMatchObject({state: 'failed', errorCode: 'NOT_FOUND'});
    expect(setOf(old)).toBeUndefined();
  });
});

test('without a node that takes replicas it waits', () => {
  const full = reports();
  for (const [node, report] of full) full.set(node, {...report, diskFree: 0.01});
  const lists = new EverySet(machine.catalog, full);
  expect(planDestruction(operationNow(), lists.view(old)!, lists, nowMs)).toEqual({
    type: 'wait',
    for: 'a node that can take replicas',
  });
});
