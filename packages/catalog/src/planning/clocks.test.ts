import type {NodeId, ReplicaId} from '@flotilla/base';
import {META_SET} from '@flotilla/base';
import {expect, test} from 'vitest';
import {
  clockErrors,
  distrustedClocks,
  isClockTrusted,
  isMedianAgreed,
  medianTimeMs,
  planMetaLead,
} from './clocks.ts';
import {clusterOf, must, reportsOf} from './cluster.fixture.ts';
import {GroupView} from './group-view.ts';
import {planNext} from './reconcile.ts';
import type {NodeReport, ReplicaReport} from './reports.ts';

const DAY = 86_400_000;
const YEAR = 365 * DAY;

/** Node i has the i-th offset. */
function reportsAt(offsets: readonly number[], live = true): Map<NodeId, NodeReport> {
  return new Map(
    offsets.map((clockOffsetMs, i) => {
      const node = (i + 1) as NodeId;
      return [node, {node, live, clockOffsetMs, diskFree: 1, replicas: new Map()}];
    }),
  );
}

test('the median is agreed on unless it is one clock of several, or two that differ', () => {
  const agreed = (nodes: number, ...offsets: number[]) => isMedianAgreed(reportsAt(offsets), nodes);
  expect(agreed(1, 0)).toBe(true);
  expect(agreed(3, 0)).toBe(false);
  for (const far of [-DAY, DAY]) {
    // The planner's own may be the wrong one.
    expect(agreed(3, 0, far)).toBe(false);
    expect(agreed(3, 0, far, far)).toBe(true);
    expect(agreed(3, 0, 5, far)).toBe(true);
    expect(agreed(4, 0, 5, far, far)).toBe(false);
    expect(agreed(4, far, far + 5_000)).toBe(true);
  }
});

test('of two clocks that differ neither is trusted, and of many not the own one alone', () => {
  const at = (nodes: number, ...offsets: number[]) => isClockTrusted(reportsAt(offsets), nodes);
  expect(at(1, 0)).toBe(true);
  // A leader that has heard of nobody yet.
  expect(at(3, 0)).toBe(false);
  for (const far of [-DAY, DAY]) {
    expect(at(5, 0, far)).toBe(false);
    expect(at(5, 0, 5, far)).toBe(true);
    expect(at(5, 0, far, far)).toBe(false);
    expect(at(5, 0, 5, far, far)).toBe(false);
    expect(at(5, 0, 5, 5, far)).toBe(true);
  }
});

test('a clock more than ten seconds from the median is distrusted, and of two neither', () => {
  const at = (...offsets: number[]) => [...distrustedClocks(reportsAt(offsets))];
  expect(at(0, 5, 10_005)).toEqual([]);
  expect(at(0, 5, 10_006)).toEqual([3]);
  // By the planner's own clock, which is the wrong one.
  expect(at(0, -YEAR, -YEAR)).toEqual([1]);
  expect(at(0, YEAR)).toEqual([]);
  expect(at(0, 0, YEAR, YEAR)).toEqual([]);
  expect([...distrustedClocks(reportsAt([0, 5, YEAR], false))]).toEqual([]);
});

test('errors are counted from the nearer median, with their sign', () => {
  const errors = clockErrors(
    new Map([0, 100, 300, -4_000].map((offset, i) => [(i + 1) as NodeId, offset])),
  );
  expect([...errors.values()]).toEqual([0, 0, 200, -4_000]);
});

test('the time is that of most clocks; of two that differ the later one', () => {
  expect(medianTimeMs(new Map(), 7)).toBe(7);
  expect(medianTimeMs(reportsAt([0, -YEAR, -YEAR]), YEAR)).toBe(0);
  expect(medianTimeMs(reportsAt([0, -YEAR]), YEAR)).toBe(YEAR);
  expect(medianTimeMs(reportsAt([0, YEAR]), 0)).toBe(YEAR);
});

/** The meta group votes on three nodes and is led on node 1. */
function metaOfThree() {
  const machine = clusterOf(3);
  const add = [2, 3].map((node) => ({node: node as NodeId, role: 'voter' as const}));
  const set = {set: META_SET, expectedEpoch: 1, add, remove: [], roles: []};
  must(machine, {type: 'set-placement', ...set});
  const {catalog} = machine;
  const planned = (offsets: readonly number[]) => {
    const reports = reportsOf(catalog, {});
    for (const [i, clockOffsetMs] of offsets.entries()) {
      const node = (i + 1) as NodeId;
      reports.set(node, {...reports.get(node)!, clockOffsetMs});
    }
    return {
      reports,
      action: planMetaLead(new GroupView(catalog.metaSet()!, reports), catalog, reports, 0),
    };
  };
  return {catalog, machine, planned};
}

test('a node whose clock is wrong gives the lead of the meta group away', () => {
  const {catalog, planned} = metaOfThree();
  expect(planned([0, 0, 0]).action).toBeUndefined();
  expect(planned([0, 0, -YEAR]).action).toBeUndefined();
  const {action, reports} = planned([0, -YEAR, -YEAR]);
  const [, second] = catalog.metaSet()!.replicas;
  const transfer = {type: 'transfer-leader', node: 1, set: META_SET, to: second!.replica};
  expect(action).toEqual(transfer);
  expect(planNext(catalog, reports, YEAR)).toContainEqual(transfer);
});

test('the lead goes to a voter whose clock is right, and stays where there is none', () => {
  const {catalog, planned} = metaOfThree();
  const [, , third] = catalog.metaSet()!.replicas;
  expect(planned([0, YEAR, -YEAR]).action).toBeUndefined();
  const toThird = planned([20_000, 50_000, 0]).action;
  // The median is node 1's own.
  expect(toThird).toBeUndefined();
  expect(planned([-20_000, 20_000, 0]).action).toMatchObject({to: third!.replica as ReplicaId});
});

test('the lead goes while a replica is moved, but not to the one that is taken out', () => {
  const {catalog, machine, planned} = metaOfThree();
  const node = {incarnation: 'i4', address: 'n4', engineThreads: 1, version: '1'};
  must(machine, {type: 'register-node', node, atMs: 1});
  const [, second, third] = catalog.metaSet()!.replicas;
  const subject = {replicaSet: META_SET, source: second!.replica, targetNode: 4 as NodeId};
  const order = {kind: 'move-replica', startedBy: 'ann', atMs: 0} as const;
  must(machine, {type: 'create-operation', ...order, ...subject});
  expect(planned([0, -YEAR, -YEAR, -YEAR]).action).toMatchObject({to: third!.replica});
});

test('between one in maintenance and one whose clock is wrong the lead does not go to and fro', () => {
  const {catalog, machine, planned} = metaOfThree();
  const maintenance = {untilMs: 2 * YEAR, scope: 'leaders'} as const;
  const [first, , third] = catalog.metaSet()!.replicas;
  const leads = (offsets: readonly number[], isThirdBehind: boolean, leader: number) => {
    const {reports} = planned(offsets);
    const {replicas} = catalog.metaSet()!;
    for (const [i, {node, replica}] of replicas.entries()) {
      const report = reports.get(node)!.replicas.get(replica)!;
      const progress = report.progress!.map((member) => ({
        ...member,
        active: !(isThirdBehind && member.replica === third!.replica),
      }));
      const role = i === leader ? 'leader' : 'follower';
      (reports.get(node)!.replicas as Map<ReplicaId, ReplicaReport>).set(replica, {
        ...report,
        role,
        progress,
      });
    }
    return planNext(catalog, reports, YEAR).flatMap((action) =>
      action.type === 'transfer-leader' && action.set === META_SET ? [action.to] : [],
    );
  };
  must(machine, {type: 'set-maintenance', node: first!.node, maintenance});
  const secondIsWrong = [0, -YEAR, 0];
  expect(leads(secondIsWrong, false, 0)).toEqual([third!.replica]);
  expect(leads(secondIsWrong, false, 1)).toEqual([third!.replica]);
  // The third cannot take it now.
  expect(leads(secondIsWrong, true, 0)).toEqual([]);
  expect(leads(secondIsWrong, true, 1)).toEqual([first!.replica]);
});
