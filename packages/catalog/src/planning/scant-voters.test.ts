import type {NodeId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {clusterOf, makeSets, must} from './cluster.fixture.ts';
import {scantVoters} from './scant-voters.ts';

const SETS = [
  {voters: [1], learners: [2]},
  // Both vote below: no set begins so.
  {voters: [1], learners: [2]},
  {voters: [1, 2, 3]},
  // It is on its way.
  {voters: [1], learners: [2, 3]},
];

function scantOf(nodes: number, replicas: number, gone: 'drained' | 'decommissioned' | undefined) {
  const machine = clusterOf(nodes);
  const named = {tenant: 'default', name: 'public'};
  must(machine, {type: 'alter-database', ...named, options: {replicas}});
  const sets = makeSets(machine, SETS);
  const two = machine.catalog.replicaSet(sets[1]!)!;
  const roles = [{replica: two.replicas[1]!.replica, role: 'voter'}] as const;
  const command = {type: 'set-placement', set: two.id, expectedEpoch: two.epoch} as const;
  must(machine, {...command, add: [], remove: [], roles});
  if (gone !== undefined) {
    const node = nodes as NodeId;
    must(machine, {type: 'set-node-state', node, state: 'draining'});
    must(machine, {type: 'set-node-state', node, state: 'drained'});
    if (gone === 'decommissioned') must(machine, {type: 'set-node-state', node, state: gone});
  }
  const {sole, fewer} = scantVoters(machine.catalog);
  const numbers = (ids: typeof sole) => ids.map((id) => sets.indexOf(id));
  return [numbers(sole), numbers(fewer)];
}

test.each<[string, Parameters<typeof scantOf>, number[][]]>([
  ['three of three', [3, 3, undefined], [[0], [1]]],
  ['two of three', [3, 2, undefined], [[], []]],
  ['five of three', [3, 5, undefined], [[0], [1]]],
  [
    'five of five',
    [5, 5, undefined],
    [
      [0, 3],
      [1, 2],
    ],
  ],
  [
    'five of four, and one that is drained',
    [5, 5, 'drained'],
    [
      [0, 3],
      [1, 2],
    ],
  ],
  ['five of four, and one that is no member any more', [5, 5, 'decommissioned'], [[0, 3], [1]]],
])('of %s replicas', (_name, situation, expected) => {
  expect(scantOf(...situation)).toEqual(expected);
});
