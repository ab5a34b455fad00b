// Goal: while the third node can take no replica, what a set acknowledges is on two disks, not on one.

import type {NodeId} from '@flotilla/base';
import {describe, expect, test} from 'vitest';
import {type Conditions, clusterOf, makeSets, must, reportsOf} from './cluster.fixture.ts';
import {planNext} from './reconcile.ts';
import type {NodeReport} from './reports.ts';
import {id, settle, World} from './world.fixture.ts';

const THIRD = 3 as NodeId;

/** What is changed in the members of a set of one voter and one learner, of three replicas wanted. */
function changed(
  conditions: Conditions,
  {state, replicas = 3}: {readonly state?: 'draining' | 'decommissioned'; replicas?: number} = {},
  edit: (reports: Map<NodeId, NodeReport>) => void = () => {},
) {
  const machine = clusterOf(3);
  must(machine, {
    type: 'alter-database',
    ...{tenant: 'default', name: 'public', options: {replicas}},
  });
  const [set] = makeSets(machine, [{voters: [1], learners: [2]}]);
  if (state !== undefined) must(machine, {type: 'set-node-state', node: THIRD, state});
  const reports = reportsOf(machine.catalog, conditions);
  edit(reports);
  const learner = machine.catalog.replicaSet(set!)!.replicas[1]!.replica;
  return planNext(machine.catalog, reports, 2_000).flatMap((action) => {
    if (action.type !== 'change-config' || action.set !== set) return [];
    return action.changes.map(({type, id: of}) => `${type} ${of === learner ? 'learner' : of}`);
  });
}

const full: Conditions = {told: new Map([[3, {diskFree: 0.1}]])};

test.each<[string, Conditions]>([
  ['is nearly full', full],
  ['has a wrong clock', {told: new Map([[3, {clockOffsetMs: 60_000}]])}],
  ['was full and does not answer', {...full, silentSinceMs: new Map([[3, 1_000]])}],
])('a sole voter gets a second one while the third node %s', (_name, conditions) => {
  expect(changed(conditions)).toEqual(['voter learner']);
});

test.each<[string, Parameters<typeof changed>]>([
  ['the third node takes a replica now', [{}]],
  ['the third node is emptied', [full, {state: 'draining'}]],
  ['the third node is none any more', [full, {state: 'decommissioned'}]],
  ['two replicas are wanted', [full, {replicas: 2}]],
  ['the learner is behind', [{...full, behind: new Set([2])}]],
  ['nothing is known of the third node', [full, {}, (reports) => reports.delete(THIRD)]],
  ['the third node only does not answer', [{silentSinceMs: new Map([[3, 1_000]])}]],
])('it stays alone where %s', (_name, situation) => {
  expect(changed(...situation)).toEqual([]);
});

describe('a bucket made while the third node is full', () => {
  const votersOf = (world: World) =>
    [...world.catalog.replicaSets()].map(({id: set}) => world.groups.get(set)!.voters.length);

  test.each([1, 2, 3, 4, 5])('has two voters until it has three, SEED=%i', (seed) => {
    const world = new World(seed, 3);
    settle(world);
    world.full.add(id(3));
    world.makeBucket(0);
    world.faults = true;
    for (let i = 0; i < 60; i++) world.step();
    expect(new Set(votersOf(world))).toEqual(new Set([2]));
    world.full.clear();
    settle(world);
    expect(new Set(votersOf(world))).toEqual(new Set([3]));
  });
});
