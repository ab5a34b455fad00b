// What forbids an operation before it begins, and the turns of those that make replicas.

import {LIMITS, type NodeId, type ReplicaSetId} from '@flotilla/base';
import {describe, expect, test} from 'vitest';
import type {CreateOperation} from '../commands.ts';
import {type Conditions, clusterOf, makeSets, must, reportsOf} from './cluster.fixture.ts';
import {operationFault} from './preconditions.ts';
import {planNext} from './reconcile.ts';
import type {NodeReport} from './reports.ts';

interface Case {
  readonly voters: readonly number[];
  readonly learners?: readonly number[];
  readonly wanted: Partial<CreateOperation>;
  /** By node: its replica is the source, or the target. */
  readonly source?: number;
  readonly target?: number;
  readonly silent?: readonly number[];
  readonly behind?: readonly number[];
  readonly full?: number;
  readonly draining?: number;
}

function faultOf(one: Case): string | undefined {
  const machine = clusterOf(4);
  const {voters, learners, silent = [], behind = [], full} = one;
  const [replicaSet] = makeSets(machine, [{voters, learners: learners ?? []}]) as [ReplicaSetId];
  if (one.draining !== undefined) {
    const node = one.draining as NodeId;
    must(machine, {type: 'set-node-state', node, state: 'draining'});
  }
  const conditions: Conditions = {
    silentSinceMs: new Map(silent.map((node) => [node, 0])),
    behind: new Set(behind),
  };
  const reports = reportsOf(machine.catalog, conditions);
  if (full !== undefined) {
    const id = full as NodeId;
    reports.set(id, {...(reports.get(id) as NodeReport), diskFree: 0.09});
  }
  const on = (node: number | undefined) =>
    machine.catalog.replicaSet(replicaSet)!.replicas.find((placed) => placed.node === node)
      ?.replica;
  const fault = operationFault(machine.catalog, reports, {
    type: 'create-operation',
    kind: 'move-replica',
    replicaSet,
    source: on(one.source),
    target: on(one.target),
    startedBy: 'test',
    atMs: 0,
    ...one.wanted,
  });
  return fault && `${fault.code}: ${fault.message}`;
}

const to4 = {targetNode: 4 as NodeId};
const remove = {kind: 'remove-replica', allowFewerVoters: true} as const;
const removeNoFewer = {kind: 'remove-replica'} as const;
const destroy = {kind: 'destroy-replica-set'} as const;
const three = {voters: [1, 2, 3]};

test.each<[string | undefined, Case]>([
  [undefined, {...three, source: 1, wanted: to4}],
  ['NO_PLACE: node 4 does not answer', {...three, source: 1, wanted: to4, silent: [4]}],
  [
    'NO_PLACE: node 4 has no room: 9 % of its disk is free, and 15 % is asked for',
    {...three, source: 1, wanted: to4, full: 4},
  ],
  [
    'NO_PLACE: node 4 has no room: 9 % of its disk is free, and 15 % is asked for',
    {...three, wanted: {kind: 'add-replica', ...to4}, full: 4},
  ],
  // The one that is away stays a voter, and so does the other one.
  [undefined, {...three, source: 1, wanted: to4, silent: [3]}],
  [undefined, {...three, source: 3, wanted: to4, silent: [3]}],
  [undefined, {...three, source: 1, wanted: remove}],
  [
    'MAJORITY_AT_RISK: without replica 3 only 1 of 2 voters of replica set 1 would answer: bring the others back first',
    {...three, source: 2, wanted: remove, silent: [3]},
  ],
  [undefined, {...three, source: 3, wanted: remove, silent: [3]}],
  [
    'LAST_COPY: replica 2 is the last of replica set 1 that holds all that is committed: add a replica first, or move this one',
    {voters: [1], source: 1, wanted: remove},
  ],
  [
    'LAST_COPY: replica 2 is the last of replica set 1 that holds all that is committed: add a replica first, or move this one',
    {voters: [1], learners: [2], source: 1, wanted: remove, behind: [2]},
  ],
  [undefined, {voters: [1], learners: [2], source: 1, wanted: remove}],
  [
    'CONFLICT: without replica 2 fewer voters of replica set 1 would hold each write: add a replica first, or allow it (flotilla replica-set remove-replica 1 --replica 2 --yes)',
    {...three, source: 1, wanted: removeNoFewer},
  ],
  [
    'CONFLICT: without replica 2 fewer voters of replica set 1 would hold each write: add a replica first, or allow it (flotilla replica-set remove-replica 1 --replica 2 --yes)',
    {...three, learners: [4], source: 1, wanted: removeNoFewer, behind: [4]},
  ],
  // A learner takes its vote.
  [undefined, {...three, learners: [4], source: 1, wanted: removeNoFewer}],
  [undefined, {...three, learners: [4], source: 4, wanted: removeNoFewer}],
  [undefined, {voters: [1], learners: [2], source: 1, wanted: removeNoFewer}],
  [undefined, {voters: [1], source: 1, wanted: to4}],
  [
    'CONFLICT: replica 5 is a learner, which cannot lead',
    {...three, learners: [4], target: 4, wanted: {kind: 'transfer-leader'}},
  ],
  [
    'NO_PLACE: node 2 does not answer',
    {...three, target: 2, wanted: {kind: 'transfer-leader'}, silent: [2]},
  ],
  [undefined, {...three, wanted: destroy}],
  [undefined, {...three, wanted: destroy, silent: [3]}],
  [
    'MAJORITY_AT_RISK: node 2 does not answer, and without it a majority of replica set 1 may still take writes: bring it back, or declare it lost (flotilla recover plan)',
    {...three, wanted: destroy, silent: [2, 3]},
  ],
  [
    'NO_PLACE: node 2 cannot be drained: replica set 1 on it has no other node to go to; add 1 node, or lower the replicas of their databases',
    {
      voters: [1, 2, 3],
      draining: 4,
      wanted: {kind: 'drain-node', sourceNode: 2 as NodeId, replicaSet: undefined},
    },
  ],
  [
    'NO_PLACE: node 2 cannot be drained: replica set 1 on it has no other node to go to; add 1 node, or lower the replicas of their databases',
    {
      ...three,
      full: 4,
      wanted: {kind: 'drain-node', sourceNode: 2 as NodeId, replicaSet: undefined},
    },
  ],
  [
    'NO_PLACE: node 2 cannot be drained: replica set 1 on it has no other node to go to; add 1 node, or lower the replicas of their databases',
    {
      ...three,
      full: 4,
      wanted: {kind: 'decommission-node', sourceNode: 2 as NodeId, replicaSet: undefined},
    },
  ],
  [
    undefined,
    {
      ...three,
      wanted: {kind: 'decommission-node', sourceNode: 2 as NodeId, replicaSet: undefined},
    },
  ],
  // What is on a full node stays there.
  [
    undefined,
    {
      ...three,
      full: 1,
      wanted: {kind: 'drain-node', sourceNode: 2 as NodeId, replicaSet: undefined},
    },
  ],
  [
    undefined,
    {
      ...three,
      silent: [4],
      wanted: {kind: 'drain-node', sourceNode: 2 as NodeId, replicaSet: undefined},
    },
  ],
])('%s', (expected, one) => {
  expect(faultOf(one)).toBe(expected);
});

test.each([
  ['cluster', {}, LIMITS.moves_per_cluster_max.value],
  ['node', {}, LIMITS.moves_per_node_max.value],
  ['cluster', {movesPerClusterMax: 2}, 2],
  ['node', {movesPerNodeMax: 7}, 7],
])('of many moves the limits of a %s, %j, let %i begin', (kind, settings, max) => {
  const machine = clusterOf(6);
  const many = Array.from({length: 12}, () => ({voters: [1, 2, 3]}));
  const sets = makeSets(machine, many);
  for (const [i, set] of sets.entries()) {
    const source = machine.catalog.replicaSet(set)!.replicas[0]!.replica;
    const targetNode = (kind === 'node' ? 4 : 4 + (i % 3)) as NodeId;
    const command = {type: 'create-operation', kind: 'move-replica', startedBy: 'test'} as const;
    must(machine, {...command, replicaSet: set, source, targetNode, atMs: 1});
  }
  const placed = () =>
    planNext(machine.catalog, reportsOf(machine.catalog, {}), 1, settings).flatMap((action) =>
      action.type === 'propose' &&
      action.command.type === 'set-placement' &&
      sets.includes(action.command.set) &&
      action.command.add.length > 0
        ? [action.command]
        : [],
    );
  const first = placed();
  expect(first.map(({set}) => set)).toEqual(sets.slice(0, max));
  // Those that have begun keep their turns; one that ends gives its turn to the next.
  for (const command of first) must(machine, command);
  expect(placed()).toEqual([]);
  const done = machine.catalog.operationOf(sets[0]!)!;
  const update = {type: 'update-operation', operation: done.id, expectedStep: 'create'} as const;
  must(machine, {...update, state: 'done', atMs: 2});
  expect(placed().map(({set}) => set)).toEqual([sets[max]]);
});

describe('voters that do not answer', () => {
  const setUp = (kind: 'move-replica' | 'remove-replica') => {
    const machine = clusterOf(4);
    const [replicaSet] = makeSets(machine, [three]) as [ReplicaSetId];
    const source = machine.catalog.replicaSet(replicaSet)!.replicas[1]!.replica;
    const targetNode = kind === 'move-replica' ? (4 as NodeId) : undefined;
    const order = {kind, allowFewerVoters: true, startedBy: 'test', atMs: 0} as const;
    must(machine, {type: 'create-operation', ...order, replicaSet, source, targetNode});
    const {id: operation, step} = machine.catalog.operationOf(replicaSet)!;
    if (kind === 'move-replica') {
      const {epoch: expectedEpoch} = machine.catalog.replicaSet(replicaSet)!;
      const add = [{node: 4 as NodeId, role: 'learner' as const}];
      const set = {set: replicaSet, expectedEpoch, add, remove: [], roles: []};
      must(machine, {type: 'set-placement', ...set});
      const target = machine.catalog.replicaSet(replicaSet)!.replicas[3]!.replica;
      const subject = {operation, expectedStep: step, step: 'swap', target, atMs: 0};
      must(machine, {type: 'update-operation', ...subject});
    }
    const ends = (nowMs: number, silent: readonly number[]) =>
      planNext(
        machine.catalog,
        reportsOf(machine.catalog, {silentSinceMs: new Map(silent.map((node) => [node, 0]))}),
        nowMs,
      )
        .flatMap((action) => (action.type === 'propose' ? [action.command] : []))
        .find((command) => command.type === 'update-operation' && command.state !== undefined);
    return ends;
  };

  test.each([
    ['move-replica', [1, 3]],
    ['remove-replica', [3]],
  ] as const)(
    'are not waited for for ever by a %s, which keeps others from making them anew',
    (kind, silent) => {
      const ends = setUp(kind);
      expect(ends(119_000, silent)).toBeUndefined();
      const risk = {state: 'cancelling', errorCode: 'MAJORITY_AT_RISK'};
      expect(ends(120_000, silent)).toMatchObject(risk);
      expect(ends(120_000, [])).toBeUndefined();
    },
  );

  test('keep a drain from beginning a move that would wait for them', () => {
    const machine = clusterOf(5);
    const [set] = makeSets(machine, [{voters: [1, 2, 3]}]) as [ReplicaSetId];
    const sourceNode = 2 as NodeId;
    const drain = {kind: 'drain-node', sourceNode, startedBy: 'test', atMs: 0} as const;
    must(machine, {type: 'create-operation', ...drain});
    must(machine, {type: 'set-node-state', node: sourceNode, state: 'draining'});
    const commands = (silent: readonly number[]) => {
      const silentSinceMs = new Map(silent.map((node) => [node, 39_000]));
      const reports = reportsOf(machine.catalog, {silentSinceMs});
      return planNext(machine.catalog, reports, 40_000).flatMap((action) =>
        action.type === 'propose' && /-operation$/.test(action.command.type)
          ? [action.command]
          : [],
      );
    };
    expect(commands([])).toMatchObject([
      {type: 'update-operation', waitingFor: 'moves'},
      {kind: 'move-replica', replicaSet: set},
    ]);
    expect(commands([1, 3])).toMatchObject([
      {waitingFor: `the other voters of replica set ${set} to answer`},
    ]);
  });
});

test('what is made anew where it was stays until it has its turn, and keeps that', () => {
  const machine = clusterOf(3);
  const sets = makeSets(
    machine,
    Array.from({length: 6}, () => three),
  );
  for (const replicaSet of sets) {
    const source = machine.catalog.replicaSet(replicaSet)!.replicas[1]!.replica;
    const command = {type: 'create-operation', kind: 'repair', startedBy: 'test'} as const;
    must(machine, {...command, replicaSet, source, cause: 'differs', atMs: 1});
  }
  const planned = () => planNext(machine.catalog, reportsOf(machine.catalog, {}), 1);
  const leaving = () =>
    planned().flatMap((action) => (action.type === 'change-config' ? [action.set] : []));
  const max = LIMITS.moves_per_node_max.value;
  expect(leaving()).toEqual(sets.slice(0, max));
  const {id} = machine.catalog.operationOf(sets[0]!)!;
  const update = {type: 'update-operation', operation: id, atMs: 2} as const;
  must(machine, {...update, expectedStep: 'change', step: 'create', targetNode: 2 as NodeId});
  expect(leaving()).toEqual(sets.slice(1, max));
  must(machine, {...update, expectedStep: 'create', state: 'done'});
  expect(leaving()).toEqual(sets.slice(1, max + 1));
});

test('a move whose target stays away for two minutes is given up before its change of members', () => {
  const machine = clusterOf(4);
  const [replicaSet] = makeSets(machine, [three]) as [ReplicaSetId];
  const source = machine.catalog.replicaSet(replicaSet)!.replicas[0]!.replica;
  const begin = {type: 'create-operation', kind: 'move-replica', startedBy: 'test'} as const;
  must(machine, {...begin, replicaSet, source, targetNode: 4 as NodeId, atMs: 0});
  const {id} = machine.catalog.operationOf(replicaSet)!;
  const ends = (nowMs: number) =>
    planNext(machine.catalog, reportsOf(machine.catalog, {silentSinceMs: new Map([[4, 0]])}), nowMs)
      .flatMap((action) => (action.type === 'propose' ? [action.command] : []))
      .find((command) => command.type === 'update-operation' && command.state !== undefined);
  expect(ends(119_000)).toBeUndefined();
  expect(ends(120_000)).toMatchObject({operation: id, state: 'failed', errorCode: 'NO_PLACE'});
});

describe('a target of a copy', () => {
  /** A move to node 4 at that step, and what is planned of it by how much of that node's disk is free. */
  const moving = (step: string) => {
    const machine = clusterOf(4);
    const [replicaSet] = makeSets(machine, [three]) as [ReplicaSetId];
    const {replica: source} = machine.catalog.replicaSet(replicaSet)!.replicas[1]!;
    const order = {kind: 'move-replica', startedBy: 'operation 9', atMs: 0} as const;
    const begin = {type: 'create-operation', ...order, replicaSet, source} as const;
    must(machine, {...begin, targetNode: 4 as NodeId});
    const place = (change: object) => {
      const {epoch: expectedEpoch} = machine.catalog.replicaSet(replicaSet)!;
      const none = {add: [], remove: [], roles: []};
      must(machine, {type: 'set-placement', set: replicaSet, expectedEpoch, ...none, ...change});
    };
    place({add: [{node: 4, role: 'learner'}]});
    const {replica: target} = machine.catalog.replicaSet(replicaSet)!.replicas.at(-1)!;
    if (step === 'destroy-source') place({remove: [source]});
    const {id: operation, step: expectedStep} = machine.catalog.operationOf(replicaSet)!;
    const update = {type: 'update-operation', operation, expectedStep, step, target} as const;
    must(machine, {...update, atMs: 0});
    const planned = (diskFree: number) => {
      const reports = reportsOf(machine.catalog, {told: new Map([[4, {diskFree}]])});
      return planNext(machine.catalog, reports, 1)
        .flatMap((action) => (action.type === 'propose' ? [action.command] : []))
        .find((command) => command.type === 'update-operation');
    };
    return {machine, planned};
  };

  test.each(['learner', 'catch-up', 'swap'])(
    'whose disk fills up is given up at %s once it takes no writes',
    (step) => {
      const {planned} = moving(step);
      expect(planned(0.049)).toMatchObject({
        state: 'cancelling',
        errorCode: 'NO_PLACE',
        error: 'node 4, which was to take the replica, has filled up: 4 % of its disk is free',
      });
      expect(planned(0.1)).not.toMatchObject({state: 'cancelling'});
    },
  );

  test('whose disk fills up is not taken back after the change of members, and the operation says what is left', () => {
    expect(moving('confirm').planned(0.01)).toBeUndefined();
    const {planned: ending} = moving('destroy-source');
    const result = '10 % of the disk of node 4 is left: it gets no more replicas';
    expect(ending(0.1)).toMatchObject({state: 'done', result});
    expect(ending(0.15)).toMatchObject({state: 'done', result: undefined});
  });

  test.each(['learner', 'catch-up', 'swap', 'confirm'])(
    'that is to be emptied meanwhile is given up at %s, but not after the change of members',
    (step) => {
      const {machine, planned} = moving(step);
      must(machine, {
        type: 'create-operation',
        kind: 'drain-node',
        sourceNode: 4 as NodeId,
        startedBy: 'test',
        atMs: 0,
      });
      const states = {state: 'draining', expectedState: 'active'} as const;
      must(machine, {type: 'set-node-state', node: 4 as NodeId, ...states});
      const ended = {
        state: 'cancelling',
        errorCode: 'NO_PLACE',
        error: 'node 4 takes no replicas now',
      };
      if (step === 'confirm') expect(planned(1)).not.toMatchObject({state: 'cancelling'});
      else expect(planned(1)).toMatchObject(ended);
    },
  );
});
