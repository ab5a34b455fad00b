import type {NodeId, ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {CatalogMachine} from '../machine/catalog-machine.ts';
import type {ReplicaSet} from '../model.ts';
import {drainFault} from './drain-room.ts';
import {planBucket} from './placement.ts';

/** Founds a cluster of so many, without any bucket. */
function nodesOf(machine: CatalogMachine, nodes: number): NodeId[] {
  const node = (id: number) => ({
    ...{incarnation: `n${id}`, address: `:${id}`, engineThreads: 1, version: '1'},
  });
  const found = {type: 'found-cluster', clusterId: 'c', node: node(1), atMs: 1} as const;
  machine.apply(found, 1);
  for (let id = 2; id <= nodes; id++)
    machine.apply({type: 'register-node', node: node(id), atMs: 1}, id);
  return [...machine.catalog.nodes()].map(({id}) => id);
}

function clusterOf(nodes: number): CatalogMachine {
  const machine = new CatalogMachine();
  nodesOf(machine, nodes);
  const database = machine.catalog.databaseByName(
    machine.catalog.tenantByName('default')!.id,
    'public',
  )!;
  machine.apply(planBucket(machine.catalog, database.id, 0)!, nodes + 1);
  return machine;
}

test('three replicas on three nodes have nowhere to go; a fourth node takes any of them', () => {
  expect(drainFault(clusterOf(3).catalog, 2 as NodeId)).toMatch(
    /^node 2 cannot be drained: 4 replica sets \(\d+, \d+, \d+, \d+\) on it have no other node to go to; add 1 node, or lower the replicas of their databases$/,
  );
  const four = clusterOf(4);
  for (const id of [1, 2, 3, 4]) expect(drainFault(four.catalog, id as NodeId)).toBeUndefined();
  // One that takes nothing is no place.
  four.apply({type: 'set-node-state', node: 4 as NodeId, state: 'draining'}, 100);
  const placed = [...four.catalog.replicaSets()].filter(
    ({replicas}) => !replicas.some(({node}) => node === 4),
  );
  if (placed.length > 0)
    expect(drainFault(four.catalog, placed[0]!.replicas[0]!.node)).toMatch(/add 1 node/);
});

test('it is said how many nodes are missing', () => {
  const three = clusterOf(3);
  expect(drainFault(three.catalog, 2 as NodeId)).toMatch(/; add 1 node, /);
  // Another one goes as well.
  three.apply({type: 'set-node-state', node: 1 as NodeId, state: 'draining'}, 100);
  expect(drainFault(three.catalog, 2 as NodeId)).toMatch(/; add 2 nodes, /);
});

test('a node that holds nothing is drained at once', () => {
  expect(drainFault(new CatalogMachine().catalog, 1 as NodeId)).toBeUndefined();
});

test('the last node that takes replicas keeps the meta group', () => {
  const two = new CatalogMachine();
  const [first, second] = nodesOf(two, 2);
  expect(drainFault(two.catalog, first!)).toBeUndefined();
  two.apply({type: 'set-node-state', node: second!, state: 'draining'}, 100);
  expect(drainFault(two.catalog, first!)).toMatch(/^node 1 cannot be drained: .*; add 1 node$/);
  expect(drainFault(two.catalog, second!), 'it holds nothing').toBeUndefined();
});

test('what was asked for by hand is named, with how to take it back', () => {
  const four = clusterOf(4);
  const [one, ...others] = [...four.catalog.replicaSets()] as [ReplicaSet, ...ReplicaSet[]];
  let index = 100;
  const fill = (id: ReplicaSetId) => {
    const {epoch, replicas} = four.catalog.replicaSet(id)!;
    const free = [1, 2, 3, 4].find((node) => !replicas.some((placed) => placed.node === node))!;
    const add = [{node: free as NodeId, role: 'voter'}] as const;
    const change = {remove: [], roles: [], expectedEpoch: epoch, replicasWanted: 4};
    four.apply({type: 'set-placement', set: id, add, ...change}, ++index);
    four.apply({type: 'pin-replica-set', set: id, pinned: true}, ++index);
  };
  fill(one.id);
  expect(drainFault(four.catalog, 1 as NodeId)).toBe(
    `node 1 cannot be drained: replica set ${one.id} on it has no other node to go to; add 1 node, or let replica set ${one.id}, of which 4 replicas were asked for by hand, follow its database again: flotilla replica-set unpin ${one.id}`,
  );
  for (const {id} of others) fill(id);
  expect(drainFault(four.catalog, 1 as NodeId)).toMatch(
    /let replica set \d+ \(and the other 3 like it\), of which 4 replicas were asked for by hand, follow/,
  );
  // A node that goes as well: what follows its database has no place either, and is named beside.
  four.apply({type: 'pin-replica-set', set: others[0]!.id, pinned: false}, ++index);
  four.apply({type: 'set-node-state', node: 4 as NodeId, state: 'draining'}, ++index);
  four.apply({type: 'set-node-state', node: 3 as NodeId, state: 'draining'}, ++index);
  const database = {tenant: 'default', name: 'public'};
  four.apply({type: 'alter-database', ...database, options: {replicas: 5}, atMs: 1}, ++index);
  expect(drainFault(four.catalog, 1 as NodeId)).not.toMatch(/by hand/);
  for (const id of [1, 2, 3, 4])
    expect(drainFault(four.catalog, id as NodeId)).toMatch(/lower the/);
});
