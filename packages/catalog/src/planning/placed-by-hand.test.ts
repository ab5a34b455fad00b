// Sets that a person has placed something of are pinned when that is done, and by nothing else.

import type {NodeId} from '@flotilla/base';
import {expect, test} from 'vitest';
import type {CreateOperation} from '../commands.ts';
import type {Operation, ReplicaSet} from '../model.ts';
import {forgetReplicasAsked} from './placed-by-hand.ts';
import {replicasWanted} from './wanted.ts';
import {id, settle, World} from './world.fixture.ts';

type Order = Pick<CreateOperation, 'kind'> & Partial<CreateOperation>;

/** A world that has settled, one of its sets, and what is ordered of its first replica. */
function ordered(more: (set: ReplicaSet, free: NodeId) => Order) {
  const world = new World(1, 4);
  world.makeBucket(0);
  settle(world);
  const set = [...world.catalog.replicaSets()][0]!;
  const free = [1, 2, 3, 4]
    .map((node) => id<NodeId>(node))
    .find((node) => !set.replicas.some((placed) => placed.node === node))!;
  const by = {startedBy: 'ann', atMs: world.nowMs};
  const command = {
    type: 'create-operation',
    replicaSet: set.id,
    ...by,
    ...more(set, free),
  } as const;
  expect(world.propose(command).ok).toBe(true);
  const now = () => world.catalog.replicaSet(set.id)!;
  const operation = (): Operation => [...world.catalog.operations()].at(-1)!;
  return {world, now, operation};
}

const orders: [string, (set: ReplicaSet, free: NodeId) => Order][] = [
  [
    'a move',
    ({replicas}, free) => ({
      kind: 'move-replica',
      source: replicas[0]!.replica,
      targetNode: free,
    }),
  ],
  ['an addition', (_set, free) => ({kind: 'add-replica', targetNode: free})],
  ['a transfer', ({replicas}) => ({kind: 'transfer-leader', target: replicas[2]!.replica})],
];

test.each(orders)('%s pins when it is done, and not before', (_name, order) => {
  const {world, now, operation} = ordered(order);
  for (let i = 0; i < 300 && operation().state === 'running'; i++) {
    const {pinned} = now();
    world.step();
    // The last step but one pins.
    if (operation().state === 'running') continue;
    expect([operation().state, pinned]).toEqual(['done', true]);
  }
  expect(operation().state).toBe('done');
});

test('a removal that fails pins nothing, and one that may leave fewer voters does', () => {
  const removal = ({replicas}: ReplicaSet) =>
    ({kind: 'remove-replica', source: replicas[0]!.replica}) as const;
  const refused = ordered(removal);
  settle(refused.world);
  expect(refused.operation().state).toBe('failed');
  expect(refused.now().pinned).toBeUndefined();
  const allowed = ordered((set) => ({...removal(set), allowFewerVoters: true}));
  settle(allowed.world);
  expect(allowed.operation().state).toBe('done');
  expect(allowed.now().pinned).toBe(true);
});

test('what is taken back, and what the cluster does by itself, pins nothing', () => {
  const [, move] = orders[0]!;
  const taken = ordered(move);
  const {id: operation, step: expectedStep} = taken.operation();
  const subject = {operation, expectedStep, state: 'cancelling', atMs: 1} as const;
  taken.world.propose({type: 'update-operation', ...subject});
  settle(taken.world);
  expect([taken.operation().state, taken.now().pinned]).toEqual(['cancelled', undefined]);

  const automatic = ordered((set, free) => ({...move(set, free), startedBy: 'operation 9'}));
  settle(automatic.world);
  expect(automatic.operation().state).toBe('done');
  expect(automatic.now().pinned).toBeUndefined();
});

test('how many replicas were asked for by hand holds until the set is unpinned', () => {
  const add = (_set: ReplicaSet, free: NodeId) =>
    ({kind: 'add-replica', targetNode: free}) as const;
  const {world, now, operation} = ordered(add);
  settle(world);
  expect([operation().state, now().replicas.length, now().pinned]).toEqual(['done', 4, true]);
  expect(replicasWanted(world.catalog, now())).toBe(4);
  world.propose({type: 'pin-replica-set', set: now().id, pinned: false});
  expect(replicasWanted(world.catalog, now())).toBe(3);
  settle(world);
  expect(now().replicas).toHaveLength(3);
  expect(world.propose({type: 'pin-replica-set', set: now().id, pinned: true}).ok).toBe(true);
  expect(replicasWanted(world.catalog, now()), 'nobody took the number back').toBe(4);
});

test('what was asked for by hand is taken back, once, before the set is unpinned', () => {
  const add = (_set: ReplicaSet, free: NodeId) =>
    ({kind: 'add-replica', targetNode: free}) as const;
  const {world, now} = ordered(add);
  expect(forgetReplicasAsked(world.catalog, now())).toBeUndefined();
  settle(world);
  const forgotten = forgetReplicasAsked(world.catalog, now())!;
  expect(world.propose(forgotten).ok).toBe(true);
  expect(now().replicasWanted).toBe(3);
  expect(forgetReplicasAsked(world.catalog, now())).toBeUndefined();
  world.propose({type: 'pin-replica-set', set: now().id, pinned: false});
  settle(world);
  world.propose({type: 'pin-replica-set', set: now().id, pinned: true});
  settle(world);
  expect(now().replicas).toHaveLength(3);
});

test('one more is asked for of a set whose number of before counts no more', () => {
  const {world, now, operation} = ordered(({replicas}) => ({
    kind: 'remove-replica',
    source: replicas[0]!.replica,
    allowFewerVoters: true,
  }));
  settle(world);
  expect([now().replicas.length, now().replicasWanted]).toEqual([2, 2]);
  world.propose({type: 'pin-replica-set', set: now().id, pinned: false});
  settle(world);
  expect(now().replicas, 'as its database wants').toHaveLength(3);
  const free = [1, 2, 3, 4].find((node) => !now().replicas.some((one) => one.node === node))!;
  const more = {kind: 'add-replica', targetNode: id<NodeId>(free), startedBy: 'ann'} as const;
  world.propose({type: 'create-operation', replicaSet: now().id, ...more, atMs: world.nowMs});
  settle(world);
  expect([operation().state, now().replicasWanted, now().replicas.length]).toEqual(['done', 4, 4]);
});
