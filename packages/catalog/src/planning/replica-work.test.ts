// What a compaction and a checksum do next, by what the replicas report of their work.

import {
  type NodeId,
  type OperationId,
  type ReplicaId,
  type ReplicaSetId,
  type ReplicaWork,
  SeededRandom,
} from '@flotilla/base';
import {expect, test} from 'vitest';
import type {CatalogMachine} from '../machine/catalog-machine.ts';
import type {Operation} from '../model.ts';
import {clusterOf, makeSets, must, reportsOf} from './cluster.fixture.ts';
import {EverySet} from './every-set.ts';
import {GroupView} from './group-view.ts';
import {planNext} from './reconcile.ts';
import {planRepairs} from './repairs.ts';
import {planChecksum, planCompaction} from './replica-work.ts';
import type {NodeReport, ReplicaReport} from './reports.ts';
import {CHECKSUM_EVERY_MS} from './routine-checksums.ts';

const HOUR = 3_600_000;

/** A set with voters on nodes 1 to 3, led on node 1, and an operation on it. */
function begun(kind: 'compact' | 'checksum', startedBy = 'test') {
  const machine = clusterOf(4);
  const [set] = makeSets(machine, [{voters: [1, 2, 3]}]) as [ReplicaSetId];
  must(machine, {type: 'create-operation', kind, replicaSet: set, startedBy, atMs: 0});
  const operation = machine.catalog.operationOf(set)!;
  return {machine, set, operation};
}

function workOf(operation: Operation, more: Partial<ReplicaWork>): ReplicaWork {
  const work = operation.kind as ReplicaWork['work'];
  return {operation: operation.id, work, state: 'done', ...more};
}

/** `works` by node: what is there of it; undefined: nothing. */
function reported(
  {machine, set, operation}: ReturnType<typeof begun>,
  works: readonly (Partial<ReplicaWork> | undefined)[],
  more: {readonly silent?: number; readonly applied?: ReadonlyMap<number, number>} = {},
): Map<NodeId, NodeReport> {
  const silentSinceMs = new Map(more.silent === undefined ? [] : [[more.silent, 0]]);
  const reports = reportsOf(machine.catalog, {silentSinceMs});
  for (const {replica, node} of machine.catalog.replicaSet(set)!.replicas) {
    const report = reports.get(node)!.replicas.get(replica)!;
    const work = works[node - 1];
    const appliedIndex = more.applied?.get(node) ?? report.appliedIndex;
    const changed = {...report, appliedIndex, work: work && workOf(operation, work)};
    (reports.get(node)!.replicas as Map<ReplicaId, ReplicaReport>).set(replica, changed);
  }
  return reports;
}

function decided(
  world: ReturnType<typeof begun>,
  reports: ReadonlyMap<NodeId, NodeReport>,
  step = 'compare',
  nowMs = 1,
) {
  const operation = {...world.operation, step};
  const group = new GroupView(world.machine.catalog.replicaSet(world.set)!, reports);
  return operation.kind === 'checksum'
    ? planChecksum(operation, group, nowMs)
    : planCompaction(operation, group, nowMs);
}

const same = {index: 9, hash: 'aa', values: 5};
const other = {index: 9, hash: 'bb', values: 5};
const reading = {index: 9, state: 'running'} as const;

test('a checksum is proposed by the leader, waited for, and compared', () => {
  const world = begun('checksum');
  const first = decided(world, reported(world, []), 'hash');
  expect(first).toMatchObject({action: {type: 'work-on-replica', node: 1, work: 'checksum'}});
  const seen = decided(world, reported(world, [reading]), 'hash');
  expect(seen).toEqual({type: 'advance', step: 'compare'});
  expect(decided(world, reported(world, [same, same, reading])).type).toBe('wait');
  // It has not come to the entry yet.
  const late = reported(world, [same, same], {applied: new Map([[3, 8]])});
  expect(decided(world, late).type).toBe('wait');
  expect(decided(world, late, 'compare', HOUR).type).toBe('finish');
  expect(decided(world, reported(world, [same, same, same]))).toMatchObject({
    state: 'done',
    result: '3 replicas agree on 5 values at index 9 (aa)',
  });
});

test.each([
  ['one was given a snapshot beyond the entry', [same, same, undefined], undefined],
  ['one is away', [same, same, other], 3],
  ['one still tells of an earlier entry', [same, same, {...other, index: 8}], undefined],
])('those that answer are enough if they are a majority: %s', (_name, works, silent) => {
  const world = begun('checksum');
  const decision = decided(world, reported(world, works, {silent}));
  expect(decision).toMatchObject({state: 'done'});
  expect(decision).not.toHaveProperty('differing');
  expect(decision).toMatchObject({result: expect.stringContaining('1 could not be asked')});
});

test.each([
  [[same, other, same], [2]],
  [[other, same, same], [1]],
  // As many values, or as it seems: both count.
  [[same, same, {...same, values: 6}], [3]],
])('one that differs from the majority is named: %j', (works, nodes) => {
  const world = begun('checksum');
  const decision = decided(world, reported(world, works));
  const placed = world.machine.catalog.replicaSet(world.set)!.replicas;
  const differing = nodes.map((node) => placed.find((one) => one.node === node)!.replica);
  expect(decision).toMatchObject({type: 'finish', state: 'done', differing});
  expect(decision).toMatchObject({result: expect.stringContaining(`on node ${nodes[0]}`)});
});

test('a replica that is to be a member is not waited for: it becomes none before the end', () => {
  const world = begun('checksum');
  const {machine, set} = world;
  const add = [{node: 4 as NodeId, role: 'learner'}] as const;
  must(machine, {type: 'set-placement', set, expectedEpoch: 1, add, remove: [], roles: []});
  const reports = reported(world, [same, same, same], {applied: new Map([[4, 0]])});
  const replicas = reports.get(1 as NodeId)!.replicas as Map<ReplicaId, ReplicaReport>;
  const leader = [...replicas.values()].find((report) => report.set === set)!;
  expect(decided(world, reports)).toMatchObject({type: 'wait'});
  const configuration = {...leader.configuration, learners: []};
  replicas.set(leader.replica, {...leader, configuration});
  expect(decided(world, reports)).toMatchObject({
    state: 'done',
    result: expect.stringContaining('1 could not be asked'),
  });
});

test('without a majority that agrees nobody is made anew', () => {
  const world = begun('checksum');
  const works = [same, other, {...same, hash: 'cc'}];
  const decision = decided(world, reported(world, works));
  expect(decision).toMatchObject({state: 'failed', code: 'UNAVAILABLE'});
  expect(decision).toMatchObject({error: expect.stringMatching(/no majority.*aa.*bb.*cc/)});
  expect(decision).not.toHaveProperty('differing');
  // Two of three answer, and differ: one of them is right, and nobody knows which.
  const two = decided(world, reported(world, [same, other], {silent: 3}));
  expect(two).toMatchObject({state: 'failed'});
});

test('a single voter does not say that a learner is wrong', () => {
  const world = begun('checksum');
  const reports = reported(world, [same, other]);
  const replicas = reports.get(1 as NodeId)!.replicas as Map<ReplicaId, ReplicaReport>;
  const leader = [...replicas.values()].find(({set}) => set === world.set)!;
  const [first, second] = leader.configuration!.voters as [ReplicaId, ReplicaId];
  const configuration = {...leader.configuration!, voters: [first], learners: [second]};
  replicas.set(leader.replica, {...leader, configuration});
  const decision = decided(world, reports);
  expect(decision).toMatchObject({state: 'failed', code: 'UNAVAILABLE'});
  expect(decision).toMatchObject({error: expect.stringMatching(/no two replicas agree.*aa.*bb/)});
  expect(decision).not.toHaveProperty('differing');
});

test('hashes of builds that hash in different ways are not compared', () => {
  const world = begun('checksum');
  const newer = {...other, hashVersion: 2};
  // One that did not tell has the first version.
  const upgrading = decided(world, reported(world, [same, {...same, hashVersion: 1}, newer]));
  expect(upgrading).toMatchObject({
    state: 'done',
    result: '2 replicas agree on 5 values at index 9 (aa); 1 of another build hash in another way',
  });
  expect(upgrading).not.toHaveProperty('differing');
  // As many values and the same hash by chance.
  const halfway = decided(world, reported(world, [same, {...same, hashVersion: 2}, newer]));
  expect(halfway).toMatchObject({
    state: 'failed',
    error: expect.stringMatching(/no majority.*finish the upgrade first/),
  });
  expect(halfway).not.toHaveProperty('differing');
  const upgraded = decided(world, reported(world, [newer, newer, {...newer, hash: 'cc'}]));
  const third = world.machine.catalog.replicaSet(world.set)!.replicas.find(({node}) => node === 3)!;
  expect(upgraded).toMatchObject({state: 'done', differing: [third.replica]});
});

function finish(machine: CatalogMachine, operation: OperationId, differing: readonly ReplicaId[]) {
  const update = {type: 'update-operation', operation, expectedStep: 'hash', atMs: 5} as const;
  must(machine, {...update, state: 'done', differing});
}

test('a replica that differs is made anew, once: on another node, or where it is', () => {
  for (const [full, expected] of [
    [false, 4],
    [true, undefined],
  ] as const) {
    const world = begun('checksum');
    const {machine, set, operation} = world;
    const differing = machine.catalog.replicaSet(set)!.replicas.find(({node}) => node === 2)!;
    finish(machine, operation.id, [differing.replica]);
    const reports = reportsOf(machine.catalog, {});
    if (full) reports.set(4 as NodeId, {...reports.get(4 as NodeId)!, diskFree: 0.1});
    const repairs = planRepairs(new EverySet(machine.catalog, reports), {
      nowMs: 9,
      budget: {left: 8},
    });
    expect(repairs).toHaveLength(1);
    const command = {kind: 'repair', replicaSet: set, source: differing.replica};
    expect(repairs[0]).toMatchObject({command: {...command, targetNode: expected}});
    // Its id is gone then, and with it the reason.
    const {epoch: expectedEpoch} = machine.catalog.replicaSet(set)!;
    const change = {type: 'set-placement', set, expectedEpoch, add: [], roles: []} as const;
    must(machine, {...change, remove: [differing.replica]});
    expect(
      planRepairs(new EverySet(machine.catalog, reports), {nowMs: 9, budget: {left: 8}}),
    ).toEqual([]);
  }
});

test('replicas are compacted one after the other; one that is away is left out', () => {
  const world = begun('compact');
  const replicas = world.machine.catalog.replicaSet(world.set)!.replicas;
  const order = (works: Parameters<typeof reported>[1], silent?: number) =>
    decided(world, reported(world, works, {silent}), 'run');
  expect(order([])).toMatchObject({action: {replica: replicas[0]!.replica, work: 'compact'}});
  expect(order([{state: 'running'}])).toMatchObject({type: 'wait'});
  expect(order([{}])).toMatchObject({action: {replica: replicas[1]!.replica}});
  expect(order([{}, {}], 3)).toMatchObject({
    state: 'done',
    result: '2 of 3 replicas compacted',
  });
  const unchanged = {isUnchanged: true};
  expect(order([unchanged, {}, unchanged])).toMatchObject({
    state: 'done',
    result: '1 of 3 replicas compacted, 2 are compact already',
  });
  expect(order([unchanged, unchanged], 3)).toMatchObject({
    state: 'done',
    result: 'nothing to do: 2 of 3 replicas are compact already',
  });
  expect(order([{}, {state: 'failed', error: 'x'}])).toMatchObject({state: 'failed'});
  // Restarted: it is asked again, and not for ever.
  expect(decided(world, reported(world, [{}]), 'run', HOUR)).toMatchObject({state: 'failed'});
});

test.each(['compact', 'checksum'] as const)('a cancelled %s ends at once', (kind) => {
  const world = begun(kind);
  const cancelling = {...world, operation: {...world.operation, state: 'cancelling'} as Operation};
  for (const step of ['hash', 'compare', 'run'])
    expect(decided(cancelling, reported(world, [reading]), step)).toMatchObject({
      state: 'cancelled',
    });
});

test('every set is checked once a week, one at a time, the longest unchecked first', () => {
  const machine = clusterOf(3);
  const sets = makeSets(
    machine,
    Array.from({length: 4}, () => ({voters: [1, 2, 3]})),
  );
  const random = new SeededRandom(1);
  const checked: ReplicaSetId[] = [];
  const begin = (nowMs: number) =>
    planNext(machine.catalog, reportsOf(machine.catalog, {}), nowMs).flatMap((action) => {
      const command = action.type === 'propose' ? action.command : undefined;
      return command?.type === 'create-operation' && command.kind === 'checksum' ? [command] : [];
    });
  expect(begin(CHECKSUM_EVERY_MS)).toEqual([]);
  for (let round = 0; round < 8; round++) {
    const nowMs = 1 + CHECKSUM_EVERY_MS * (1 + Math.floor(round / 4)) + round * HOUR;
    const [command, ...more] = begin(nowMs);
    expect(more).toEqual([]);
    must(machine, command!);
    // While it goes on, no other begins.
    expect(begin(nowMs + random.below(HOUR))).toEqual([]);
    checked.push(command!.replicaSet!);
    const {id} = machine.catalog.operationOf(command!.replicaSet!)!;
    const update = {type: 'update-operation', operation: id, expectedStep: 'hash'} as const;
    must(machine, {...update, state: 'done', atMs: nowMs});
    // What found nothing leaves no record but when it was.
    expect(machine.catalog.operation(id)).toBeUndefined();
    expect(machine.catalog.replicaSet(command!.replicaSet!)!.checksumAtMs).toBe(nowMs);
  }
  expect(checked).toEqual([...sets, ...sets]);
});

test('a set whose check was cancelled waits for its next turn; a time to come counts for nothing', () => {
  const machine = clusterOf(3);
  const [set] = makeSets(machine, [{voters: [1, 2, 3]}]) as [ReplicaSetId];
  const nowMs = 1 + CHECKSUM_EVERY_MS;
  const begin = (atMs: number, told = new Map<number, Partial<NodeReport>>()) =>
    planNext(machine.catalog, reportsOf(machine.catalog, {told}), atMs).flatMap((action) => {
      const command = action.type === 'propose' ? action.command : undefined;
      return command?.type === 'create-operation' && command.kind === 'checksum' ? [command] : [];
    });
  const end = (state: Operation['state'], atMs: number) => {
    must(machine, begin(nowMs)[0]!);
    const {id: operation} = machine.catalog.operationOf(set)!;
    const update = {type: 'update-operation', operation, expectedStep: 'hash'} as const;
    must(machine, {...update, state, atMs});
  };
  // By a clock that is wrong, or that none is held against, nothing is due.
  expect(begin(nowMs, new Map([1, 2, 3].map((node) => [node, {clockOffsetMs: -nowMs}])))).toEqual(
    [],
  );
  end('failed', 9 * nowMs);
  expect(begin(nowMs)).toHaveLength(1);
  end('cancelled', nowMs);
  expect(begin(nowMs + HOUR)).toEqual([]);
  expect(begin(nowMs + CHECKSUM_EVERY_MS)).toHaveLength(1);
});
