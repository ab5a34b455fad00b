// The meta group's members in a cluster that grows, loses nodes for good and has zones: five from five
// nodes on, over as many zones as there are, evenly.

import type {NodeId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {id, settle, World} from './world.fixture.ts';

const META = id<never>(0);

function setZones(world: World, zoneOf: (node: number) => string): void {
  for (const node of [...world.nodes.keys()])
    world.propose({type: 'update-node', node, zone: zoneOf(node)});
}

function memberNodes(world: World): NodeId[] {
  const {replicas} = world.catalog.metaSet()!;
  return replicas.map(({node}) => node);
}

function zonesOf(world: World): number[] {
  const zones = memberNodes(world).map((node) => world.catalog.node(node)!.zone!);
  return [...Map.groupBy(zones, (zone) => zone).values()].map(({length}) => length).sort();
}

function decommission(world: World, node: NodeId): void {
  const command = {kind: 'decommission-node', sourceNode: node, startedBy: 'test'} as const;
  world.propose({type: 'create-operation', ...command, atMs: world.nowMs});
  settle(world);
}

test.each([
  ['three zones of three nodes', 9, 3, [1, 2, 2]],
  ['five zones', 10, 5, [1, 1, 1, 1, 1]],
  ['two zones', 6, 2, [2, 3]],
] as const)(
  'five members, spread over %s, also after some are gone',
  (_name, nodes, zones, spread) => {
    const world = new World(1, nodes);
    setZones(world, (node) => `z${node % zones}`);
    settle(world);
    expect(world.groups.get(META)!.voters).toHaveLength(5);
    expect(zonesOf(world)).toEqual(spread);
    if (nodes < 7) return;
    for (let gone = 0; gone < 2; gone++) {
      const [node] = memberNodes(world).slice(gone);
      decommission(world, node!);
      expect(memberNodes(world)).not.toContain(node);
      expect(world.groups.get(META)!.voters).toHaveLength(5);
      expect(zonesOf(world)).toEqual(spread);
    }
  },
);

test('two members of one zone go apart when a node of another zone comes', () => {
  const world = new World(1, 3);
  setZones(world, (node) => (node === 1 ? 'a' : 'c'));
  settle(world);
  expect(zonesOf(world)).toEqual([1, 2]);
  world.join(4);
  setZones(world, (node) => ['a', 'c', 'c', 'b'][node - 1]!);
  settle(world);
  expect(zonesOf(world)).toEqual([1, 1, 1]);
  expect(world.groups.get(META)!.voters).toHaveLength(3);
});

test('it grows from one to three to five as nodes come, each in a zone of its own', () => {
  const world = new World(1, 1);
  const counts: number[] = [];
  for (let node = 1; node <= 6; node++) {
    if (node > 1) world.join(node);
    setZones(world, (each) => `z${each}`);
    settle(world);
    counts.push(world.groups.get(META)!.voters.length);
    expect(new Set(zonesOf(world))).toEqual(new Set([1]));
  }
  expect(counts).toEqual([1, 1, 3, 3, 5, 5]);
});
