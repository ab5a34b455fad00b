// Sets that a person has placed something of are pinned when that is done, and by nothing else.

import type {NodeId} from '@flotilla/base';
import {expect, test} from 'vitest';
import type {CreateOperation} from '../commands.ts';
import type {Operation, ReplicaSet} from '../model.ts';
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
