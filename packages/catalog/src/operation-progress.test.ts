import type {NodeId, OperationId} from '@flotilla/base';
import {expect, test} from 'vitest';
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
