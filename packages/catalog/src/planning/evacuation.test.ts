// Nodes that are emptied, and those that then go for ever: when they go, and what a cancellation gives back.

import type {NodeId, OperationId} from '@flotilla/base';
import {describe, expect, test} from 'vitest';
import type {Operation} from '../model.ts';
import {subjectOf} from './action.ts';
import {clusterOf, makeSets, must, reportsOf} from './cluster.fixture.ts';
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

describe('of the sets that the node leads', () => {
  const lead = {voters: [1, 2, 3]};
  const follow = {voters: [2, 1, 3]};
  const many = (length: number, set: typeof lead) => Array.from({length}, () => set);

  /** What the reconciler begins in one round on the sets of four nodes, the first of which is emptied. */
  function roundOf(
    sets: Parameters<typeof makeSets>[1],
    conditions: Parameters<typeof reportsOf>[1] = {},
  ) {
    const machine = clusterOf(4);
    const made = makeSets(machine, sets);
    const drain = {kind: 'drain-node', sourceNode: FIRST, startedBy: 'ann', atMs: 0} as const;
    must(machine, {type: 'create-operation', ...drain});
    must(machine, {type: 'set-node-state', node: FIRST, state: 'draining'});
    const actions = planNext(machine.catalog, reportsOf(machine.catalog, conditions), 1);
    const first = new Map([...actions].reverse().map((action) => [subjectOf(action), action]));
    const begun = [...first.values()];
    const led = begun.flatMap((one) => (one.type === 'transfer-leader' ? [one.set] : []));
    const moved = begun.flatMap((one) =>
      one.type === 'propose' && one.command.type === 'create-operation'
        ? [one.command.replicaSet!]
        : [],
    );
    const among = (ids: readonly number[]) => made.filter((set) => ids.includes(set));
    return {made, led: among(led), moved: among(moved)};
  }

  test('the leads leave first, and the copies of the others begin beside them', () => {
    const {made, led, moved} = roundOf([...many(12, lead), ...many(3, follow)]);
    expect(led).toEqual(made.slice(0, 12));
    expect(moved).toEqual(made.slice(12));
  });

  test('those whose lead nobody can take are copied all the same', () => {
    const {made, led, moved} = roundOf([lead, lead], {behind: new Set([2, 3])});
    expect(led).toEqual([]);
    expect(moved).toEqual(made);
  });

  test.each(seeds)('none is led there any more when its copy is begun, SEED=%i', (seed) => {
    const world = settledWorld(seed, 4);
    begin(world, 'drain-node');
    const begun = new Set<OperationId>();
    for (let i = 0; i < 300 && stateOf(world) !== 'drained'; i++) {
      world.step();
      for (const {id: operation, kind, replicaSet} of world.catalog.unfinishedOperations()) {
        if (kind !== 'move-replica' || begun.has(operation)) continue;
        begun.add(operation);
        const {leader, voters} = world.groups.get(replicaSet!)!;
        const isLedThere = world.nodes.get(FIRST)!.replicas.has(id(leader));
        expect(isLedThere && voters.length > 1, `set ${replicaSet}`).toBe(false);
      }
    }
    expect(stateOf(world)).toBe('drained');
    expect(begun.size).toBeGreaterThan(0);
  });
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
