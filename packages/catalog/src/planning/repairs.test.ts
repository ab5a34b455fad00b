import {META_SET, type NodeId, type ReplicaId} from '@flotilla/base';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {CatalogMachine} from '../machine/catalog-machine.ts';
import {planRepairs, REPAIR_AFTER_MS} from './evacuation.ts';
import type {NodeReport, ReplicaReport} from './reports.ts';

const HOUR = 3_600_000;

/** The meta group lives on node 1 of two. */
function twoNodes(): CatalogMachine {
  const machine = new CatalogMachine();
  const node = {engineThreads: 1, version: '1'};
  const first = {...node, incarnation: 'one', address: 'a'};
  const second = {...node, incarnation: 'two', address: 'b'};
  machine.apply({type: 'found-cluster', clusterId: 'c', node: first, atMs: 1}, 1);
  machine.apply({type: 'register-node', node: second, atMs: 1}, 2);
  return machine;
}

function report(node: number, more: Partial<NodeReport> = {}): [NodeId, NodeReport] {
  const id = node as NodeId;
  return [id, {node: id, live: true, clockOffsetMs: 0, diskFree: 1, replicas: new Map(), ...more}];
}

const damaged = {replica: 1 as ReplicaId, damaged: true} as ReplicaReport;

test.each([
  ['a damaged replica', {replicas: new Map([[damaged.replica, damaged]])}, 1],
  ['a node that is silent for an hour', {live: false, silentSinceMs: 0}, 1],
  ['a node that is silent for a second', {live: false, silentSinceMs: HOUR - 1_000}, 0],
  ['nothing', {}, 0],
] as const)('the meta group is repaired like any other: %s', (_name, more, count) => {
  const reports = new Map([report(1, more), report(2)]);
  const actions = planRepairs(twoNodes().catalog, reports, {nowMs: HOUR, budget: {left: 8}});
  expect(actions).toHaveLength(count);
  for (const action of actions)
    expect(action).toMatchObject({
      type: 'propose',
      command: {type: 'create-operation', kind: 'repair', replicaSet: META_SET, targetNode: 2},
    });
});

const silence = fc.option(fc.integer({min: 0, max: 2 * HOUR}), {nil: undefined});

test('of whatever is reported, only damage and a long silence of everybody are repaired, and alike each time', () => {
  fc.assert(
    fc.property(silence, fc.boolean(), fc.boolean(), (silentMs, isDamaged, isOtherLive) => {
      const live = silentMs === undefined;
      const silentSinceMs = live ? undefined : 2 * HOUR - silentMs;
      const replicas = new Map(isDamaged ? [[damaged.replica, damaged]] : []);
      const reports = new Map([
        report(1, {live, silentSinceMs, replicas}),
        report(2, {live: isOtherLive}),
      ]);
      const plan = () =>
        planRepairs(twoNodes().catalog, reports, {nowMs: 2 * HOUR, budget: {left: 8}});
      const isLost = silentMs !== undefined && silentMs >= REPAIR_AFTER_MS;
      // A silent node's replica goes only where another can take it; a damaged one is made anew in place.
      const isRepaired = isDamaged || (isLost && isOtherLive);
      expect(plan()).toHaveLength(isRepaired ? 1 : 0);
      expect(plan()).toEqual(plan());
    }),
  );
});
