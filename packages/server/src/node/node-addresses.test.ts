import type {NodeId} from '@flotilla/base';
import {type Catalog, CatalogMachine, type Command} from '@flotilla/catalog';
import {expect, test} from 'vitest';
import type {NodeAddress} from '../connections/index.ts';
import {NodeAddresses} from './node-addresses.ts';

const [ONE, TWO, THREE] = [1, 2, 3] as NodeId[] as [NodeId, NodeId, NodeId];

/** The catalog of a cluster of so many nodes, at n1, n2, .. */
function catalogOf(nodes: number): Catalog {
  const machine = new CatalogMachine();
  const propose = (command: Command) => machine.apply(command, machine.catalog.version + 1);
  const node = (id: number) => ({
    ...{incarnation: `i${id}`, address: `n${id}`, engineThreads: 1, version: '1'},
  });
  propose({type: 'found-cluster', clusterId: 'c', node: node(1), atMs: 1});
  for (let id = 2; id <= nodes; id++) propose({type: 'register-node', node: node(id), atMs: 1});
  return machine.catalog;
}

function addresses(self: NodeId, nodes: number) {
  const state = {isMetaHeard: true, connected: new Set<NodeId>(), dialled: [] as string[]};
  const known = new NodeAddresses({
    self,
    catalog: catalogOf(nodes),
    connections: {
      setNodes: (all: readonly NodeAddress[]) => {
        state.dialled = all.map(({id, address}) => `${id} at ${address}`);
      },
      forbid: () => undefined,
      isConnected: (node) => state.connected.has(node),
    },
    isMetaHeard: () => state.isMetaHeard,
    log: {info: () => undefined, warn: () => undefined, error: () => undefined},
  });
  return {known, state};
}

test('members that are to dial it and have not are unmet', () => {
  const {known, state} = addresses(TWO, 3);
  expect(known.unmet()).toEqual(['n1']);
  known.heardOf(ONE, 'elsewhere');
  expect(known.unmet()).toEqual(['elsewhere']);
  state.connected.add(ONE);
  expect(known.unmet()).toEqual([]);
});

test('an unknown node is dialled also where meta is heard: that may be of this node alone, an old image', () => {
  const {known, state} = addresses(ONE, 1);
  known.settle();
  expect(state.dialled).toEqual([]);
  known.heardOf(THREE, 'n3');
  expect(state.dialled).toEqual(['3 at n3']);
  known.settle();
  expect(state.dialled).toEqual(['3 at n3']);
});

test('one that was heard while the catalog was old is forgotten once that is fresh', () => {
  const {known, state} = addresses(ONE, 1);
  state.isMetaHeard = false;
  known.heardOf(THREE, 'n3');
  expect(state.dialled).toEqual(['3 at n3']);
  state.isMetaHeard = true;
  known.settle();
  expect(state.dialled).toEqual([]);
});
