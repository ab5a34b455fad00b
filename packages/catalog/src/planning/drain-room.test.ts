import type {NodeId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {CatalogMachine} from '../machine/catalog-machine.ts';
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
    /^node 2 cannot be drained: 4 replica sets on it have no other node to go to; add 1 node, /,
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
