import type {
  NodeId,
  OperationId,
  ReplicaId,
  ReplicaSetId,
  ReplicaWork,
  ReplicaWorkProgress,
} from '@flotilla/base';
import {describe, expect, test} from 'vitest';
import type {Catalog} from './catalog.ts';
import type {Operation} from './model.ts';
import {operationProgress} from './operation-progress.ts';

function operation(more: Partial<Operation>): Operation {
  return {
    id: 1 as OperationId,
    kind: 'move-replica',
    state: 'running',
    step: 'create',
    history: [{step: 'create', atMs: 0}],
    startedBy: 'test',
    createdAtMs: 0,
    ...more,
  };
}

const catalog = {replicaCount: () => 5} as unknown as Catalog;
const half = {bytes: 500, bytesTotal: 1_000, bytesPerSecond: 100};

test('a copy says how much there is of it, how fast, and when it ends', () => {
  const copying = operation({step: 'catch-up'});
  expect(operationProgress(copying, catalog, {received: half, nowMs: 7_000})).toEqual({
    ...half,
    percent: 47,
    estimatedEndMs: 12_000,
  });
  // Nothing is told yet, or it stands still.
  expect(operationProgress(copying, catalog, {nowMs: 0})).toEqual({percent: 5});
  const stuck = {...half, bytesPerSecond: 0};
  const told = operationProgress(copying, catalog, {received: stuck, nowMs: 0});
  expect(told.estimatedEndMs).toBeUndefined();
});

test('percents never go back from step to step', () => {
  const steps = ['create', 'learner', 'catch-up', 'swap', 'confirm', 'destroy-source'];
  const percents = steps.map(
    (step) => operationProgress(operation({step}), catalog, {nowMs: 0}).percent!,
  );
  expect(percents).toEqual([...percents].sort((a, b) => a - b));
  const whole = {...half, bytes: 1_000};
  const copied = operationProgress(operation({step: 'catch-up'}), catalog, {
    received: whole,
    nowMs: 0,
  });
  expect(copied.percent).toBeLessThanOrEqual(percents[3]!);
});

test('of what is made anew where it was nothing is copied while it goes from there', () => {
  for (const step of ['change', 'confirm', 'destroy-source']) {
    const going = operation({kind: 'repair', step, targetNode: undefined});
    expect(operationProgress(going, catalog, {nowMs: 0}).percent).toBe(0);
  }
});

test('a drain goes on as fast as it went', () => {
  const drain = operation({kind: 'drain-node', step: 'evacuate', sourceNode: 2 as NodeId});
  const progress = {...drain, replicasTotal: 20};
  expect(operationProgress(progress, catalog, {nowMs: 3_000})).toEqual({
    percent: 75,
    replicasLeft: 5,
    estimatedEndMs: 4_000,
  });
  expect(operationProgress({...drain, replicasTotal: 5}, catalog, {nowMs: 9})).toEqual({
    percent: 0,
    replicasLeft: 5,
  });
});

test('one that has ended keeps what it copied, and says when that was', () => {
  const history = [{step: 'done', atMs: 9_000}];
  const done = operation({state: 'done', step: 'destroy-source', history, transfer: half});
  const ended = {...half, endedAtMs: 9_000};
  expect(operationProgress(done, catalog, {nowMs: 1})).toEqual({...ended, percent: 100});
  const failed = operationProgress({...done, state: 'failed'}, catalog, {nowMs: 1});
  expect(failed).toEqual({...ended, percent: undefined});
});

describe('work on the replicas of a set', () => {
  const placed = [1, 2, 3].map((i) => ({replica: 30 + i, node: i, role: 'voter'}));
  const withSet = {replicaSet: () => ({replicas: placed})} as unknown as Catalog;
  const set = {replicaSet: 4 as ReplicaSetId};
  /** By node that answers: the state of its replica's work, which is of that operation. */
  const told = (
    states: Record<number, [ReplicaWork['state'], number, Partial<ReplicaWorkProgress>?]>,
  ) => {
    const work = new Map(
      Object.entries(states).map(([node, [state, of, read]]) => {
        const one = {operation: of as OperationId, work: 'compact', state, ...read} as const;
        return [Number(node) as NodeId, new Map([[(30 + Number(node)) as ReplicaId, one]])];
      }),
    );
    return {work, nowMs: 0};
  };
  const compaction = operation({kind: 'compact', step: 'run', ...set});

  test('a compaction goes by the replicas that have done it; who is away is left out', () => {
    const progress = (states: Parameters<typeof told>[0]) =>
      operationProgress(compaction, withSet, told(states));
    expect(progress({1: ['done', 1], 2: ['running', 1], 3: ['done', 9]})).toEqual({
      percent: 33,
      replicasDone: 1,
    });
    expect(progress({1: ['done', 1], 3: ['running', 1]}).percent).toBe(50);
    expect(progress({1: ['done', 1], 2: ['done', 1], 3: ['done', 1]}).percent).toBe(99);
    // Nobody answers, or nodes of an older build do.
    expect(progress({})).toEqual({percent: undefined});
  });

  test('of one replica it is that one', () => {
    const one = operation({...compaction, source: 32 as ReplicaId});
    const facts = told({1: ['done', 1], 2: ['running', 1]});
    expect(operationProgress(one, withSet, facts)).toEqual({percent: 0, replicasDone: 0});
  });

  test('a checksum goes by the replicas that have read their rows, once they are to', () => {
    const facts = told({1: ['done', 1], 2: ['done', 1], 3: ['running', 1]});
    const at = (step: string) =>
      operationProgress(operation({kind: 'checksum', step, ...set}), withSet, facts).percent;
    expect([at('hash'), at('compare')]).toEqual([10, 80]);
  });

  test('of the bytes that are read it says how many, how fast and until when', () => {
    const states = {
      1: ['done', 1, {bytes: 1_000, bytesTotal: 1_000}],
      2: ['running', 1, {bytes: 500, bytesTotal: 1_200}],
      // It works for another one yet.
      3: ['done', 9, {bytes: 7, bytesTotal: 7}],
    } satisfies Parameters<typeof told>[0];
    const facts = {...told(states), nowMs: 3_000};
    const read = {bytes: 1_500, bytesTotal: 3_300, bytesPerSecond: 500, replicasDone: 1};
    expect(operationProgress(compaction, withSet, facts)).toEqual({
      ...read,
      percent: 47,
      estimatedEndMs: 6_600,
    });
    const history = [
      {step: 'hash', atMs: 0},
      {step: 'compare', atMs: 2_000},
    ];
    const checksum = operation({kind: 'checksum', step: 'compare', history, ...set});
    expect(operationProgress(checksum, withSet, facts)).toEqual({
      ...read,
      percent: 71,
      bytesPerSecond: 1_500,
      estimatedEndMs: 4_200,
    });
  });

  test('there is no rate before anything is read, and one with nothing to read is done', () => {
    type State = Parameters<typeof told>[0][number];
    const at = (nowMs: number, ...states: State[]) => {
      const byNode = Object.fromEntries(states.map((state, i) => [i + 1, state]));
      return operationProgress(compaction, withSet, {...told(byNode), nowMs});
    };
    const begun = {bytes: 0, bytesTotal: 600};
    expect(at(3_000, ['running', 1, begun])).toEqual({percent: 0, replicasDone: 0, ...begun});
    // By a clock that is behind the one that it was begun by.
    const half = {bytes: 300, bytesTotal: 600};
    expect(at(-5, ['running', 1, half])).toEqual({percent: 50, replicasDone: 0, ...half});
    // Its tables were purged: of its parts nothing had to be read.
    expect(at(3_000, ['done', 1, begun])).toMatchObject({bytes: 600, bytesTotal: 600});
    expect(at(3_000, ['done', 1], ['running', 1, half])).toEqual({
      ...{percent: 75, replicasDone: 1, ...half},
      ...{bytesPerSecond: 100, estimatedEndMs: 6_000},
    });
  });
});

describe('a rebalance', () => {
  const moves = (...all: Partial<Operation>[]) =>
    ({
      clusterVersion: 5,
      operations: () =>
        all.map((more) => operation({startedBy: 'rebalance', createdAtMs: 1_000, ...more})),
    }) as unknown as Catalog;
  const rebalance = operation({kind: 'rebalance', step: 'run', createdAtMs: 1_000});

  test('goes by its moves that are done, of those that it planned', () => {
    const catalog = moves(
      {state: 'done'},
      {state: 'done'},
      {state: 'running'},
      {state: 'failed'},
      // Of a person, and of the rebalance before.
      {state: 'done', startedBy: 'ann'},
      {state: 'done', createdAtMs: 900},
    );
    const planned = {...rebalance, movesPlanned: 8};
    expect(operationProgress(planned, catalog, {nowMs: 5_000})).toEqual({
      percent: 25,
      movesDone: 2,
      estimatedEndMs: 17_000,
    });
    // What one wave left uneven another one evens out.
    const more = operationProgress({...rebalance, movesPlanned: 1}, catalog, {nowMs: 5_000});
    expect(more).toEqual({percent: 99, movesDone: 2});
  });

  test('has done nothing before it knows how many there are, and older clusters never do', () => {
    expect(operationProgress(rebalance, moves(), {nowMs: 0})).toEqual({percent: 0});
    const older = {...moves(), clusterVersion: 3} as Catalog;
    expect(operationProgress(rebalance, older, {nowMs: 0})).toEqual({});
  });
});

test('a lead goes in three steps: its heir has caught up, it leads, and that is saved', () => {
  const transfer = operation({kind: 'transfer-leader', step: 'transfer'});
  const percent = (heir?: {isCaughtUp: boolean; isLeader: boolean}) =>
    operationProgress(transfer, catalog, {heir, nowMs: 0}).percent;
  expect(percent()).toBe(0);
  expect(percent({isCaughtUp: false, isLeader: false})).toBe(0);
  expect(percent({isCaughtUp: true, isLeader: false})).toBe(33);
  expect(percent({isCaughtUp: true, isLeader: true})).toBe(66);
});
