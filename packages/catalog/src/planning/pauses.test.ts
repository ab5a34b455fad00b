// What a person has paused or taken into maintenance is left alone for as long, and no longer.

import {type DatabaseId, LIMITS, META_SET, type NodeId, type ReplicaSetId} from '@flotilla/base';
import {describe, expect, test} from 'vitest';
import type {CatalogMachine} from '../machine/catalog-machine.ts';
import type {AutomationKind, Maintenance, OperationKind} from '../model.ts';
import type {Action} from './action.ts';
import {clusterOf, makeSets, must, reportsOf} from './cluster.fixture.ts';
import {planBucket} from './placement.ts';
import {Planner} from './planner.ts';
import {planNext} from './reconcile.ts';

const HOUR = 3_600_000;
const REPAIR_AFTER_MS = LIMITS.repair_after_ms.value;

/** Why a node is to lead nothing. */
interface Leaving {
  readonly maintenance?: true;
  readonly full?: true;
}

/** Four nodes; the first leads all sets that it has, as the first of their voters. */
function cluster(sets: number): {machine: CatalogMachine; sets: readonly ReplicaSetId[]} {
  const machine = clusterOf(4);
  const made = makeSets(
    machine,
    Array.from({length: sets}, () => ({voters: [1, 2, 3]})),
  );
  return {machine, sets: made};
}

function planned({catalog}: CatalogMachine, nowMs: number, silent: [number, number][] = []) {
  return planNext(catalog, reportsOf(catalog, {silentSinceMs: new Map(silent)}), nowMs);
}

function pause(machine: CatalogMachine, kinds: readonly AutomationKind[], untilMs?: number): void {
  must(machine, {type: 'set-automation', kinds, paused: true, untilMs, atMs: 0});
}

function maintain(machine: CatalogMachine, node: number, maintenance: Maintenance): void {
  must(machine, {type: 'set-maintenance', node: node as NodeId, maintenance});
}

const isRepair = (action: Action) =>
  action.type === 'propose' &&
  action.command.type === 'create-operation' &&
  action.command.kind === 'repair';
const transfers = (actions: readonly Action[]) =>
  actions.filter((action) => action.type === 'transfer-leader');

describe('repair', () => {
  const dead: [number, number][] = [[3, 0]];

  test('rests while it is paused, and goes on by itself', () => {
    const {machine} = cluster(1);
    expect(planned(machine, HOUR, dead).some(isRepair)).toBe(true);
    pause(machine, ['repair'], 2 * HOUR);
    expect(planned(machine, 2 * HOUR - 1, dead).some(isRepair)).toBe(false);
    expect(planned(machine, 2 * HOUR, dead).some(isRepair)).toBe(true);
    pause(machine, ['rebalance']);
    expect(planned(machine, 2 * HOUR, dead).some(isRepair)).toBe(true);
  });

  test('of a set that lacks a replica rests likewise', () => {
    const machine = clusterOf(4);
    makeSets(machine, [{voters: [1]}]);
    const grows = () =>
      planned(machine, HOUR).some(
        (action) =>
          action.type === 'propose' &&
          action.command.type === 'set-placement' &&
          action.command.set !== META_SET,
      );
    expect(grows()).toBe(true);
    pause(machine, ['repair']);
    expect(grows()).toBe(false);
  });

  test('waits for a node in maintenance, and from its end as for any other', () => {
    const {machine} = cluster(1);
    maintain(machine, 3, {untilMs: 2 * HOUR, scope: 'all'});
    expect(planned(machine, 2 * HOUR - 1, dead).some(isRepair)).toBe(false);
    expect(planned(machine, 2 * HOUR + REPAIR_AFTER_MS - 1, dead).some(isRepair)).toBe(false);
    expect(planned(machine, 2 * HOUR + REPAIR_AFTER_MS, dead).some(isRepair)).toBe(true);
    maintain(machine, 3, {untilMs: 9 * HOUR, scope: 'leaders'});
    expect(planned(machine, HOUR, dead).some(isRepair)).toBe(true);
  });
});

test('nothing is copied to a node in maintenance that is about to be stopped', () => {
  const machine = clusterOf(4);
  makeSets(machine, [{voters: [1, 2, 3]}, ...Array.from({length: 8}, () => ({voters: [1]}))]);
  /** Repairs, and replicas that sets get on the fourth node. */
  const made = (nowMs: number): number => {
    const actions = planned(machine, nowMs, [[3, 0]]);
    const onFourth = actions.filter(
      (action) =>
        action.type === 'propose' &&
        action.command.type === 'set-placement' &&
        action.command.add.some(({node}) => node === 4),
    );
    return onFourth.length + actions.filter(isRepair).length;
  };
  maintain(machine, 4, {untilMs: 2 * HOUR, scope: 'all'});
  expect(made(HOUR)).toBe(0);
  expect(made(2 * HOUR)).toBeGreaterThan(1);
  maintain(machine, 4, {untilMs: 9 * HOUR, scope: 'leaders'});
  expect(made(2 * HOUR)).toBeGreaterThan(1);
});

test('a new bucket is placed beside a node in maintenance where others are enough', () => {
  const machine = clusterOf(4);
  maintain(machine, 2, {untilMs: 100, scope: 'all'});
  const placedOn = (nowMs: number) => {
    const {placements} = planBucket(machine.catalog, 1 as DatabaseId, 10, {nowMs})!;
    return placements.flat().map(({node}) => Number(node));
  };
  expect(placedOn(99)).not.toContain(2);
  expect(placedOn(100)).toContain(2);
});

describe('leads', () => {
  test('are not evened out while that is paused', () => {
    const {machine} = cluster(6);
    expect(transfers(planned(machine, 1)).length).toBeGreaterThan(0);
    pause(machine, ['rebalance'], 10);
    expect(transfers(planned(machine, 9))).toEqual([]);
    expect(transfers(planned(machine, 10)).length).toBeGreaterThan(0);
  });

  test.each(['leaders', 'all'] as const)('leave a node in maintenance (%s)', (scope) => {
    const {machine, sets} = cluster(6);
    pause(machine, ['repair', 'rebalance']);
    const set = sets[0]!;
    must(machine, {type: 'pin-replica-set', set, pinned: true});
    must(machine, {type: 'set-cluster', failover: 'manual'});
    maintain(machine, 1, {untilMs: 100, scope});
    const orders = transfers(planned(machine, 99));
    // The meta group has one replica alone, which nobody can take the lead from.
    expect(new Set(orders.map((order) => order.set))).toEqual(new Set(sets));
    const byTarget = Map.groupBy(
      orders,
      (order) =>
        machine.catalog.replicaSet(order.set)!.replicas.find(({replica}) => replica === order.to)!
          .node,
    );
    expect([...byTarget].map(([node, moved]) => [node, moved.length]).sort()).toEqual([
      [2, 3],
      [3, 3],
    ]);
    expect(transfers(planned(machine, 100))).toEqual([]);
  });

  test('leave a node that takes no writes for want of space, but for those that people move', () => {
    const {machine, sets} = cluster(6);
    pause(machine, ['repair', 'rebalance']);
    must(machine, {type: 'set-replica-set-failover', set: sets[0]!, failover: 'manual'});
    must(machine, {type: 'pin-replica-set', set: sets[1]!, pinned: true});
    const left = (free: Record<number, number>) => {
      const told = new Map([1, 2, 3].map((node) => [node, {diskFree: free[node] ?? 1}]));
      const reports = reportsOf(machine.catalog, {told});
      return transfers(planNext(machine.catalog, reports, 1)).map(({set}) => set);
    };
    expect(new Set(left({1: 0.049}))).toEqual(new Set(sets.slice(1)));
    expect(left({1: 0.05})).toEqual([]);
    // There is nobody to give them to.
    expect(left({1: 0.01, 2: 0.01, 3: 0.01})).toEqual([]);
  });

  describe('leave beside an operation', () => {
    /** Who may lead which set after the first node, by the transfers that are planned. */
    const heirsOf = ({catalog}: CatalogMachine, actions: readonly Action[]) =>
      new Map(
        transfers(actions).map(({set, to}) => {
          const {replicas} = catalog.replicaSet(set)!;
          return [set, Number(replicas.find(({replica}) => replica === to)!.node)];
        }),
      );
    const begin = (machine: CatalogMachine, kind: OperationKind, set: ReplicaSetId, on = 2) => {
      const {replica} = machine.catalog.replicaSet(set)!.replicas.find(({node}) => node === on)!;
      const isMove = kind === 'move-replica';
      const source = isMove || kind === 'remove-replica' ? replica : undefined;
      const target = kind === 'transfer-leader' ? replica : undefined;
      const targetNode = isMove ? (4 as NodeId) : undefined;
      const subject = {replicaSet: set, source, target, targetNode};
      must(machine, {type: 'create-operation', kind, ...subject, startedBy: 'ann', atMs: 0});
    };

    test.each([
      ['in maintenance', {maintenance: true} as Leaving],
      ['whose disk is full', {full: true} as Leaving],
    ])('that needs no certain leader, on a node %s', (_name, {maintenance, full}) => {
      const {machine, sets} = cluster(4);
      pause(machine, ['repair', 'rebalance']);
      begin(machine, 'compact', sets[0]!);
      begin(machine, 'checksum', sets[1]!);
      begin(machine, 'move-replica', sets[2]!);
      if (maintenance) maintain(machine, 1, {untilMs: 100, scope: 'leaders'});
      const told = new Map<number, {diskFree: number}>(full ? [[1, {diskFree: 0.04}]] : []);
      const actions = planNext(machine.catalog, reportsOf(machine.catalog, {told}), 1);
      expect(new Set(heirsOf(machine, actions).keys())).toEqual(new Set(sets));
    });

    test('not to the replica that it takes out, which would give them back', () => {
      const {machine, sets} = cluster(6);
      pause(machine, ['repair', 'rebalance']);
      for (const set of sets) begin(machine, 'move-replica', set);
      maintain(machine, 1, {untilMs: 100, scope: 'leaders'});
      const heirs = heirsOf(machine, planned(machine, 1));
      expect([...heirs.values()]).toEqual(sets.map(() => 3));
    });

    test('but for one that places the lead itself', () => {
      const {machine, sets} = cluster(2);
      pause(machine, ['repair', 'rebalance']);
      begin(machine, 'transfer-leader', sets[0]!, 1);
      maintain(machine, 1, {untilMs: 100, scope: 'leaders'});
      expect([...heirsOf(machine, planned(machine, 1)).keys()]).toEqual([sets[1]]);
    });
  });

  test('that were told to leave and are still there wait for all others, the last one longest', () => {
    const {machine, sets} = cluster(20);
    pause(machine, ['repair', 'rebalance']);
    maintain(machine, 1, {untilMs: 100, scope: 'leaders'});
    const reports = reportsOf(machine.catalog, {});
    const told = (...tried: readonly number[]) => {
      const round = {leadsTried: new Set(tried.map((place) => sets[place]!))};
      const actions = planNext(machine.catalog, reports, 1, round);
      expect(new Planner(machine.catalog).plan(reports, 1, round)).toEqual(actions);
      return transfers(actions).map(({set}) => sets.indexOf(set));
    };
    const upTo = (end: number) => Array.from({length: end}, (_, place) => place);
    expect(told()).toEqual(upTo(16));
    expect(told(...upTo(16))).toEqual([16, 17, 18, 19, ...upTo(12)]);
    expect(told(3, ...upTo(20))).toEqual(
      [3, ...upTo(17).filter((place) => place !== 3)].slice(0, 16),
    );
  });

  test('leave for no replica whose rows are known to be wrong', () => {
    const {machine, sets} = cluster(4);
    pause(machine, ['repair', 'rebalance']);
    const [set] = sets as [ReplicaSetId];
    const wrong = machine.catalog.replicaSet(set)!.replicas.find(({node}) => node === 2)!;
    const order = {kind: 'checksum', replicaSet: set, startedBy: 'ann', atMs: 0} as const;
    must(machine, {type: 'create-operation', ...order});
    const {id, step} = machine.catalog.operationOf(set)!;
    const found = {operation: id, expectedStep: step, differing: [wrong.replica], atMs: 0};
    must(machine, {type: 'update-operation', ...found, state: 'done'});
    maintain(machine, 1, {untilMs: 100, scope: 'leaders'});
    const {to} = transfers(planned(machine, 1)).find((order) => order.set === set)!;
    const {replicas} = machine.catalog.replicaSet(set)!;
    expect(replicas.find(({replica}) => replica === to)!.node).toBe(3);
  });

  test('come back to it only when there is some room again', () => {
    const {machine} = cluster(6);
    const got = (diskFree: number) => {
      const told = new Map([[2, {diskFree}]]);
      const orders = transfers(planNext(machine.catalog, reportsOf(machine.catalog, {told}), 1));
      return orders.some(({set, to}) => {
        const {replicas} = machine.catalog.replicaSet(set)!;
        return replicas.find(({replica}) => replica === to)!.node === 2;
      });
    };
    expect(got(0.059)).toBe(false);
    expect(got(0.06)).toBe(true);
  });

  test('come to no node in maintenance', () => {
    const {machine} = cluster(6);
    maintain(machine, 2, {untilMs: 100, scope: 'leaders'});
    const nodes = transfers(planned(machine, 1)).map(
      ({set, to}) =>
        machine.catalog.replicaSet(set)!.replicas.find(({replica}) => replica === to)!.node,
    );
    expect(nodes.length).toBeGreaterThan(0);
    expect(new Set(nodes)).toEqual(new Set([3]));
  });
});
