// Goal: no order of crashes, lost, repeated and late actions and old reports loses a majority, gives
// a destroyed replica its life back, or leaves a set without its replicas once the faults stop.
// Method: the model of world.fixture.ts, which checks safety at each step and convergence after the faults.

import type {NodeId} from '@flotilla/base';
import {describe, expect, test} from 'vitest';
import type {OperationKind, ReplicaSet} from '../model.ts';
import {replicasWanted} from './wanted.ts';
import {id, settle, World} from './world.fixture.ts';

const seeds = Array.from({length: 30}, (_, seed) => seed);

test('draining one of five meta members leaves three', () => {
  const world = new World(1, 5);
  settle(world);
  expect(world.groups.get(id(0))!.voters).toHaveLength(5);
  startDrain(world, 1);
  settle(world);
  expect(world.groups.get(id(0))!.voters).toHaveLength(3);
  expect(world.catalog.node(id(1))?.state).toBe('drained');
});

describe('two voters of two replicas', () => {
  const setUp = () => {
    const world = new World(1, 2);
    world.makeBucket(0);
    settle(world);
    const set = [...world.catalog.replicaSets()][0]!;
    const group = world.groups.get(set.id)!;
    group.voters = set.replicas.map(({replica}) => replica);
    group.learners = [];
    world.join(3);
    const steps = () => {
      for (let i = 0; i < 50; i++) world.step();
    };
    return {world, group, steps};
  };

  test('become one and a learner, unless a third is to come', () => {
    const {world, group, steps} = setUp();
    world.nodes.get(id(3))!.up = false;
    steps();
    expect(group.voters).toHaveLength(2);
    world.propose({type: 'set-node-state', node: id(1), state: 'draining'});
    steps();
    expect(group.voters, 'it comes in the place of the one that goes').toHaveLength(2);
    world.propose({type: 'set-node-state', node: id(1), state: 'active'});
    world.propose({type: 'set-node-state', node: id(3), state: 'decommissioned'});
    settle(world);
    expect(group.voters).toHaveLength(1);
    expect(group.learners).toHaveLength(1);
  });

  test('wait for a node without room, unless two replicas are all that is wanted', () => {
    const {world, group, steps} = setUp();
    world.full.add(id(3));
    steps();
    expect(group.voters).toHaveLength(2);
    const options = {replicas: 2};
    world.propose({type: 'alter-database', tenant: 'default', name: 'public', options});
    steps();
    expect(group.voters).toHaveLength(1);
    expect(group.learners).toHaveLength(1);
  });
});

describe('a set of whose founders most died before it was open', () => {
  const setUp = () => {
    const world = new World(1, 7);
    settle(world);
    world.settings = {repairAfterMs: 1_000};
    world.propose({
      type: 'alter-database',
      ...{tenant: 'default', name: 'public', options: {shards: 1}},
    });
    world.makeBucket(0);
    const set = () => [...world.catalog.replicaSets()][0]!;
    const founders = set().replicas.map(({node}) => node);
    const dead = founders.slice(0, 2);
    for (const node of dead) world.nodes.get(node)!.up = false;
    const steps = () => {
      for (let i = 0; i < 100; i++) world.step();
    };
    steps();
    return {world, set, founders, dead, steps};
  };
  const nodesOf = ({replicas}: ReplicaSet) => replicas.map(({node}) => node);

  test('waits for one of them, who may have led it before meta heard of that', () => {
    const {world, set, founders, dead, steps} = setUp();
    expect(set().state).toBe('creating');
    expect(nodesOf(set())).toEqual(founders);
    world.nodes.get(dead[0]!)!.up = true;
    steps();
    expect(set().state).toBe('open');
    expect(nodesOf(set())).not.toContain(dead[1]);
    settle(world);
  });

  test('begins anew elsewhere by order, and is whole before they return', () => {
    const {world, set, dead, steps} = setUp();
    const {id: of, epoch: expectedEpoch} = set();
    const node = [...world.nodes.keys()].find((each) => !nodesOf(set()).includes(each))!;
    const order = {set: of, expectedEpoch, node, atMs: world.nowMs};
    expect(world.propose({type: 'recover-replica-set', ...order}).ok).toBe(true);
    steps();
    expect(set().state).toBe('open');
    expect(nodesOf(set())).toHaveLength(3);
    expect(nodesOf(set()).filter((each) => dead.includes(each))).toEqual([]);
    settle(world);
  });
});

function startDrain(world: World, node: number): void {
  const command = {kind: 'drain-node', sourceNode: id<NodeId>(node), startedBy: 'test'} as const;
  world.propose({type: 'create-operation', ...command, atMs: world.nowMs});
}

test.each([
  ['a learner', true],
  ['a learner to come', false],
])('the node of a sole voter beside %s is drained in a few operations', (_name, isSettled) => {
  const world = new World(1, 1);
  settle(world);
  world.join(2);
  if (isSettled) settle(world);
  startDrain(world, 1);
  settle(world);
  expect(world.catalog.node(id(1))?.state).toBe('drained');
  const operations = [...world.catalog.operations()];
  expect(operations.length).toBeLessThan(5);
  expect(operations.map(({error}) => error)).toEqual(operations.map(() => undefined));
});

test('the last replica of a cluster stays on a node that is drained, and the drain says why', () => {
  const world = new World(1, 1);
  settle(world);
  startDrain(world, 1);
  for (let i = 0; i < 50; i++) world.step();
  expect([...world.catalog.operations()]).toMatchObject([
    {kind: 'drain-node', error: expect.stringMatching(/add 1 node/)},
  ]);
});

test('what a drain takes away is wanted again when the database wants it', () => {
  const world = new World(1, 3);
  world.makeBucket(0);
  settle(world);
  const alter = (replicas: number) => {
    const named = {tenant: 'default', name: 'public'};
    world.propose({type: 'alter-database', ...named, options: {replicas}});
  };
  alter(2);
  startDrain(world, 1);
  settle(world);
  alter(3);
  for (const set of world.catalog.replicaSets()) {
    expect(set.replicas).toHaveLength(2);
    expect(replicasWanted(world.catalog, set)).toBe(3);
  }
});

test('an addition beside a missing replica that is cancelled leaves as many wanted as before', () => {
  const world = new World(1, 3);
  world.makeBucket(0);
  settle(world);
  world.propose({type: 'set-cluster', automation: 'paused'});
  const [{id: set, replicas, epoch}] = [...world.catalog.replicaSets()] as [ReplicaSet];
  const {leader} = world.groups.get(set)!;
  const missing = replicas.find(({replica}) => replica !== leader)!;
  const change = {add: [], remove: [missing.replica], roles: []};
  world.propose({type: 'set-placement', set, expectedEpoch: epoch, ...change});
  for (let i = 0; i < 20; i++) world.step();
  const subject = {replicaSet: set, targetNode: missing.node, startedBy: 'operator'};
  world.propose({type: 'create-operation', kind: 'add-replica', ...subject, atMs: world.nowMs});
  world.step();
  expect(world.catalog.replicaSet(set)?.replicas).toHaveLength(3);
  cancelOperation(world, 'add-replica');
  for (let i = 0; i < 20; i++) world.step();
  expect(world.catalog.replicaSet(set)?.replicas).toHaveLength(2);
  expect(replicasWanted(world.catalog, world.catalog.replicaSet(set)!)).toBe(3);
  world.propose({type: 'set-cluster', automation: 'running'});
  settle(world);
});

test('a drain without a place to go says so, and ends when a node joins', () => {
  const world = new World(1, 3);
  world.makeBucket(0);
  settle(world);
  startDrain(world, 2);
  for (let i = 0; i < 20; i++) world.step();
  const drain = () => [...world.catalog.operations()][0]!;
  expect(drain()).toMatchObject({
    error: expect.stringMatching(/add 1 node/),
    errorCode: 'NO_PLACE',
  });
  world.join(4);
  world.faults = false;
  for (let i = 0; i < 3; i++) world.step();
  expect(drain()).toMatchObject({state: 'running', error: undefined, errorCode: undefined});
  settle(world);
  expect(world.catalog.node(id(2))?.state).toBe('drained');
});

test('what was placed by hand stays where it is until it is unpinned', () => {
  const world = new World(1, 4);
  for (let day = 0; day < 4; day++) world.makeBucket(day * 86_400_000 * 100);
  settle(world);
  // All off node 1: as uneven as four nodes can be.
  const onFirst = (set: ReplicaSet) => set.replicas.find(({node}) => node === id<NodeId>(1));
  const sets = () => [...world.catalog.replicaSets()];
  for (const set of sets().filter(onFirst)) {
    const targetNode = [2, 3, 4]
      .map((i) => id<NodeId>(i))
      .find((i) => !set.replicas.some(({node}) => node === i))!;
    const subject = {replicaSet: set.id, source: onFirst(set)!.replica, targetNode};
    const by = {pin: true, startedBy: 'operator', atMs: world.nowMs};
    world.propose({type: 'create-operation', kind: 'move-replica', ...subject, ...by});
  }
  settle(world);
  const pinned = sets().filter((set) => set.pinned);
  expect(pinned.length).toBeGreaterThan(2);
  expect(pinned.filter(onFirst)).toEqual([]);
  const operations = [...world.catalog.operations()].length;
  for (let i = 0; i < 50; i++) world.step();
  expect(pinned.filter(({id: set}) => onFirst(world.catalog.replicaSet(set)!))).toEqual([]);
  // Nor is an evening out begun again and again that has nothing to move.
  expect([...world.catalog.operations()].length).toBeLessThanOrEqual(operations + 1);

  for (const set of pinned) world.propose({type: 'pin-replica-set', set: set.id, pinned: false});
  settle(world);
  expect(sets().filter(onFirst).length).toBeGreaterThan(pinned.length / 2);
});

describe('under crashes, lost, repeated and late actions', () => {
  test.each(seeds)('growing from one node to five keeps all, SEED=%i', (seed) => {
    const world = new World(seed, 1);
    world.makeBucket(0);
    for (let i = 0; i < 120; i++) {
      if (i % 25 === 10 && world.nodes.size < 5) world.join(world.nodes.size + 1);
      if (i % 40 === 20 && world.nodes.size >= 3) world.crashOrRestart();
      if (i === 60) world.makeBucket(86_400_000 * 100);
      world.step();
    }
    settle(world);
  });

  test.each(seeds)('draining and cancelled moves keep all, SEED=%i', (seed) => {
    const world = new World(seed, 4);
    world.makeBucket(0);
    for (let i = 0; i < 20; i++) world.step();
    const startedBy = 'test';
    for (let i = 0; i < 150; i++) {
      if (i % 12 === 0) startOperation(world, startedBy);
      if (i % 17 === 5) cancelOperation(world, 'move-replica');
      if (i % 40 === 20) world.crashOrRestart();
      if (i === 70) startDrain(world, 1);
      world.step();
    }
    settle(world);
    expect(world.catalog.node(id(1))?.state).toBe('drained');
    expect(world.nodes.get(id(1))!.replicas.size).toBe(0);
  });
});

test.each(seeds)('a replica with another value is found and made anew, SEED=%i', (seed) => {
  const world = new World(seed, 3 + (seed % 2));
  world.makeBucket(0);
  settle(world);
  const sets = [...world.catalog.replicaSets()];
  const set = sets[world.random.below(sets.length)]!;
  // The leader, or another one.
  const {replica, node} = set.replicas[world.random.below(set.replicas.length)]!;
  world.nodes.get(node)!.replicas.get(replica)!.wrong = true;
  world.faults = false;
  const subject = {replicaSet: set.id, startedBy: 'test', atMs: world.nowMs};
  world.propose({type: 'create-operation', kind: 'checksum', ...subject});
  for (let i = 0; i < 100; i++) world.step();
  settle(world);
  expect(world.destroyed).toContain(replica);
  expect(world.catalog.replicaSet(set.id)!.replicas).toHaveLength(3);
  const states = [...world.nodes.values()].flatMap(({replicas}) => [...replicas.values()]);
  expect(states.filter(({wrong}) => wrong)).toEqual([]);
});

function startOperation(world: World, startedBy: string): void {
  const sets = [...world.catalog.replicaSets()];
  const set = sets[world.random.below(sets.length)]!;
  const source = set.replicas[world.random.below(set.replicas.length)]!.replica;
  const targetNode = id<NodeId>(1 + world.random.below(4));
  const atMs = world.nowMs;
  const subject = {replicaSet: set.id, startedBy, atMs};
  const type = 'create-operation';
  const choice = world.random.below(4);
  if (choice === 0) world.propose({type, kind: 'transfer-leader', target: source, ...subject});
  else world.propose({type, kind: 'move-replica', source, targetNode, ...subject});
}

function cancelOperation(world: World, kind: OperationKind): void {
  const running = [...world.catalog.operations()].find(
    (operation) => operation.state === 'running' && operation.kind === kind,
  );
  if (running === undefined) return;
  world.propose({
    type: 'update-operation',
    operation: running.id,
    expectedStep: running.step,
    state: 'cancelling',
    atMs: world.nowMs,
  });
}
