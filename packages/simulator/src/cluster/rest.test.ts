import {META_SET, type NodeId} from '@flotilla/base';
import {CatalogMachine, type Command} from '@flotilla/catalog';
import {expect, test} from 'vitest';
import {replicasDue} from './rest.ts';

const HOUR = 3_600_000;

/** Five nodes, and the meta group on the first four. */
function cluster() {
  const machine = new CatalogMachine();
  const run = (command: Command) => {
    const {result} = machine.apply(command, machine.catalog.version + 1);
    expect(result).toMatchObject({ok: true});
  };
  const described = (i: number) => {
    return {incarnation: `i${i}`, address: `n${i}`, engineThreads: 1, version: '1'};
  };
  run({type: 'found-cluster', clusterId: 'c', node: described(1), clusterVersion: 2, atMs: 1});
  for (const i of [2, 3, 4, 5]) run({type: 'register-node', node: described(i), atMs: 1});
  const add = [2, 3, 4].map((node) => ({node: node as NodeId, role: 'voter' as const}));
  run({type: 'set-placement', set: META_SET, expectedEpoch: 1, add, remove: [], roles: []});
  const maintain = (node: number, scope: 'all' | 'leaders') =>
    run({type: 'set-maintenance', node: node as NodeId, maintenance: {untilMs: HOUR, scope}});
  const due = (wallMs: number) => replicasDue(machine.catalog.metaSet()!, machine.catalog, wallMs);
  return {maintain, due};
}

test('a set may lack what only a node in maintenance could take, and no longer', () => {
  const {maintain, due} = cluster();
  expect(due(1)).toBe(5);
  maintain(5, 'leaders');
  expect(due(1)).toBe(5);
  maintain(5, 'all');
  expect(due(HOUR - 1)).toBe(4);
  expect(due(HOUR)).toBe(5);
});

test('it lacks nothing for a node in maintenance that holds a replica', () => {
  const {maintain, due} = cluster();
  maintain(4, 'all');
  expect(due(1)).toBe(5);
});
