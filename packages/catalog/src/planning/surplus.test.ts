// That sets follow a number of replicas that is lowered: by operations, one set's voters after the other.

import {expect, test} from 'vitest';
import {replicasWanted} from './wanted.ts';
import {id, settle, World} from './world.fixture.ts';

test.each([
  [3, 1],
  [3, 2],
  [5, 3],
  [5, 1],
])('of %i replicas each set keeps %i', (before, after) => {
  const world = new World(1, 5);
  const named = {tenant: 'default', name: 'public'};
  world.propose({type: 'alter-database', ...named, options: {replicas: before}});
  world.makeBucket(0);
  settle(world);
  world.propose({type: 'alter-database', ...named, options: {replicas: after}});
  settle(world);
  for (const set of world.catalog.replicaSets()) {
    expect(set.replicas).toHaveLength(after);
    expect(set.replicasWanted, 'its database goes on to say').toBeUndefined();
  }
  const kinds = [...world.catalog.operations()].map(({kind, startedBy}) => `${kind} ${startedBy}`);
  expect(kinds).toContain('remove-replica reconciler');
  world.propose({type: 'alter-database', ...named, options: {replicas: before}});
  settle(world);
  for (const set of world.catalog.replicaSets())
    expect(replicasWanted(world.catalog, set)).toBe(before);
});

test('a replica on a node that is down goes first', () => {
  const world = new World(1, 4);
  world.makeBucket(0);
  settle(world);
  world.nodes.get(id(3))!.up = false;
  const options = {replicas: 2};
  world.propose({type: 'alter-database', tenant: 'default', name: 'public', options});
  for (let i = 0; i < 60; i++) world.step();
  for (const set of world.catalog.replicaSets())
    expect(set.replicas.map(({node}) => node)).not.toContain(id(3));
});
