import {type DatabaseId, META_SET, type NodeId} from '@flotilla/base';
import {CatalogMachine, CLUSTER_VERSION, type Command} from '@flotilla/catalog';
import {expect, test} from 'vitest';
import {isSpared} from './stakes.ts';

/** Three nodes with the meta group on all, and a set for each of these. */
function catalogOf(sets: readonly {voters: number[]; learners: number[]}[]) {
  const machine = new CatalogMachine();
  const run = (command: Command) => {
    const {result} = machine.apply(command, machine.catalog.version + 1);
    expect(result).toMatchObject({ok: true});
  };
  const described = (i: number) => {
    return {incarnation: `i${i}`, address: `n${i}`, engineThreads: 1, version: '1'};
  };
  const clusterVersion = CLUSTER_VERSION;
  run({type: 'found-cluster', clusterId: 'c', node: described(1), clusterVersion, atMs: 1});
  for (const i of [2, 3]) run({type: 'register-node', node: described(i), atMs: 1});
  const on = (nodes: number[], role: 'voter' | 'learner') =>
    nodes.map((node) => ({node: node as NodeId, role}));
  const add = on([2, 3], 'voter');
  run({type: 'set-placement', set: META_SET, expectedEpoch: 1, add, remove: [], roles: []});
  const placements = sets.map(({voters, learners}) => [
    ...on(voters, 'voter'),
    ...on(learners, 'learner'),
  ]);
  const range = {timeMs: 0, startMs: 0, endMs: 1};
  run({type: 'ensure-bucket', database: 1 as DatabaseId, ...range, placements});
  return machine.catalog;
}

test('a node is spared by sets of three voters, and by those in which it only learns', () => {
  const whole = {voters: [1, 2, 3], learners: []};
  const alone = {voters: [2], learners: [3]};
  const spared = (sets: Parameters<typeof catalogOf>[0]) =>
    [1, 2, 3].filter((node) => isSpared(node as NodeId, catalogOf(sets)));
  expect(spared([whole])).toEqual([1, 2, 3]);
  expect(spared([whole, alone])).toEqual([1, 3]);
  expect(spared([{voters: [1], learners: [2, 3]}, alone])).toEqual([3]);
});
