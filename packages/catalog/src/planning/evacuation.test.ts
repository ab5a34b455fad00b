// Nodes that are emptied, and those that then go for ever: when they go, and what a cancellation gives back.

import type {NodeId} from '@flotilla/base';
import {describe, expect, test} from 'vitest';
import type {Operation} from '../model.ts';
import {planNext} from './reconcile.ts';
import {id, settle, World} from './world.fixture.ts';

const seeds = Array.from({length: 20}, (_, seed) => seed);
const FIRST = id<NodeId>(1);

type Emptying = 'drain-node' | 'decommission-node';

/** Settled, with replicas of some sets on each node. */
function settledWorld(seed: number, nodes: number): World {
  const world = new World(seed, nodes);
  world.makeBucket(0);
  settle(world);
  return world;
}

function begin(world: World, kind: Emptying): void {
  const command = {kind, sourceNode: FIRST, startedBy: 'ann', atMs: world.nowMs} as const;
  expect(world.propose({type: 'create-operation', ...command}).ok).toBe(true);
}

/** The one of that kind. */
function operationOf({catalog}: World, wanted: Emptying): Operation {
  return [...catalog.operations()].find(({kind}) => kind === wanted)!;
}

function cancel(world: World, kind: Emptying): void {
  const {id: operation, step: expectedStep} = operationOf(world, kind);
  const subject = {operation, expectedStep, state: 'cancelling', by: 'ann'} as const;
  expect(world.propose({type: 'update-operation', ...subject, atMs: world.nowMs}).ok).toBe(true);
}

const stateOf = ({catalog}: World) => catalog.node(FIRST)!.state;

function stepUntil(world: World, state: 'drained' | 'decommissioned'): void {
  for (let i = 0; i < 600 && stateOf(world) !== state; i++) world.step();
  expect(stateOf(world)).toBe(state);
}

test.each(seeds)('a node goes once it has removed the last that it held, SEED=%i', (seed) => {
  const world = settledWorld(seed, 5);
  expect(world.nodes.get(FIRST)!.replicas.size).toBeGreaterThan(0);
  world.faults = true;
  begin(world, 'decommission-node');
  stepUntil(world, 'decommissioned');
  expect([...world.nodes.get(FIRST)!.replicas.keys()]).toEqual([]);
  settle(world);
  expect(operationOf(world, 'decommission-node')).toMatchObject({state: 'done', error: undefined});
});

test.each(seeds)('a node is drained once it has removed the last that it held, SEED=%i', (seed) => {
  const world = settledWorld(seed, 5);
  world.faults = true;
  begin(world, 'drain-node');
  stepUntil(world, 'drained');
  expect([...world.nodes.get(FIRST)!.replicas.keys()]).toEqual([]);
});

test('a node that the planner has not heard yet is waited for: it may have replicas left', () => {
  const world = settledWorld(1, 5);
  world.faults = false;
  begin(world, 'decommission-node');
  for (let i = 0; i < 600 && world.catalog.replicaCount(FIRST) > 0; i++) world.step();
  const reports = world.reports();
  reports.delete(FIRST);
  const steps = planNext(world.catalog, reports, world.nowMs).filter(
    (action) => action.type === 'propose' && action.command.type === 'set-node-state',
  );
  expect([stateOf(world), steps]).toEqual(['draining', []]);
  stepUntil(world, 'decommissioned');
});

test('a dead node goes when others hold all that it held, though it removes nothing', () => {
  const world = settledWorld(1, 4);
  world.nodes.get(FIRST)!.up = false;
  world.faults = false;
  begin(world, 'decommission-node');
  stepUntil(world, 'decommissioned');
  expect(world.catalog.replicaCount(FIRST)).toBe(0);
  expect(world.nodes.get(FIRST)!.replicas.size).toBeGreaterThan(0);
});

describe('what is cancelled', () => {
  test.each(['drain-node', 'decommission-node'] as const)(
    'in the moment the node is empty gives the node back: %s',
    (kind) => {
      const world = settledWorld(1, 4);
      begin(world, kind);
      stepUntil(world, 'drained');
      cancel(world, kind);
      settle(world);
      expect(stateOf(world)).toBe('active');
      expect(operationOf(world, kind).state).toBe('cancelled');
    },
  );

  test('leaves a node drained that was drained before', () => {
    const world = settledWorld(1, 4);
    begin(world, 'drain-node');
    settle(world);
    begin(world, 'decommission-node');
    cancel(world, 'decommission-node');
    settle(world);
    expect(stateOf(world)).toBe('drained');
    expect(operationOf(world, 'decommission-node').state).toBe('cancelled');
  });

  test('once the node is off the list is done: there is no way back', () => {
    const world = settledWorld(1, 4);
    begin(world, 'decommission-node');
    stepUntil(world, 'decommissioned');
    cancel(world, 'decommission-node');
    settle(world);
    expect(stateOf(world)).toBe('decommissioned');
    expect(operationOf(world, 'decommission-node').state).toBe('done');
  });
});
