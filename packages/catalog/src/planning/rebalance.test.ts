// Goal: a rebalance ends, leaves the nodes even, and on its way never puts two replicas into one zone while
// another could take one, nor anything on a node that takes none.
// Method: random clusters; each plan is carried out as if it took no time, and planned again.

import type {NodeId} from '@flotilla/base';
import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import type {CatalogMachine} from '../machine/catalog-machine.ts';
import {type Conditions, clusterOf, makeSets, must, reportsOf} from './cluster.fixture.ts';
import {liveNodes} from './fitness.ts';
import {votersOf, zoneOf} from './placement.ts';
import type {PlannedMove} from './planned-move.ts';
import {isUneven, planMoves, planWholeRebalance} from './rebalance.ts';
import {describeRebalance} from './rebalance-view.ts';
import {planNext} from './reconcile.ts';
import type {NodeReport} from './reports.ts';

const MB = 1 << 20;
const node = (i: number) => i as NodeId;

/** By set: the nodes that hold it. */
const placed = (nodes: number) =>
  fc.array(
    fc.uniqueArray(fc.integer({min: 1, max: nodes}), {minLength: 1, maxLength: Math.min(3, nodes)}),
    {minLength: 1, maxLength: 30},
  );

/** The last of an even number learns. */
function made(machine: CatalogMachine, sets: readonly number[][]): CatalogMachine {
  makeSets(
    machine,
    sets.map((nodes) => ({
      voters: nodes.slice(0, votersOf(nodes.length)),
      learners: nodes.slice(votersOf(nodes.length)),
    })),
  );
  return machine;
}

/** Carries the plans out one after the other; gives how many replicas were moved. */
function carryOut(machine: CatalogMachine, conditions: Conditions, wave: number): number {
  const {catalog} = machine;
  let moved = 0;
  for (;;) {
    const moves = planMoves(catalog, reportsOf(catalog, conditions), {nowMs: 1, movesMax: wave});
    if (moves.length === 0) return moved;
    expect(moves.length).toBeLessThanOrEqual(wave);
    for (const {set, source, target} of moves) {
      const now = catalog.replicaSet(set.id)!;
      const add = [{node: target.id, role: source.role}];
      const change = {expectedEpoch: now.epoch, add, remove: [source.replica], roles: []};
      must(machine, {type: 'set-placement', set: set.id, ...change});
      moved += 1;
    }
    // Each set moves each of its replicas some times at most, or it goes round in circles.
    expect(moved).toBeLessThan(1_000);
  }
}

/** As the steps of a move would, all at once. */
function moveByOperation(machine: CatalogMachine, {set, source, target}: PlannedMove): void {
  const by = {startedBy: 'rebalance', atMs: 1};
  const subject = {replicaSet: set.id, source: source.replica, targetNode: target.id};
  must(machine, {type: 'create-operation', kind: 'move-replica', ...subject, ...by});
  const {id: operation, step: expectedStep} = machine.catalog.operationOf(set.id)!;
  const {epoch: expectedEpoch} = machine.catalog.replicaSet(set.id)!;
  const add = [{node: target.id, role: source.role}];
  const change = {expectedEpoch, add, remove: [source.replica], roles: []};
  must(machine, {type: 'set-placement', set: set.id, ...change});
  must(machine, {type: 'update-operation', operation, expectedStep, state: 'done', atMs: 2});
}

const countsOf = ({catalog}: CatalogMachine, nodes: number) =>
  Array.from({length: nodes}, (_, i) => catalog.replicaCount(node(i + 1)));

test('equal nodes end within one replica of each other', () => {
  const size = fc.integer({min: 2, max: 7});
  fc.assert(
    fc.property(
      size.chain((nodes) => fc.tuple(fc.constant(nodes), placed(nodes))),
      fc.integer({min: 1, max: 8}),
      ([nodes, sets], wave) => {
        const machine = made(clusterOf(nodes), sets);
        carryOut(machine, {}, wave);
        const counts = countsOf(machine, nodes);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThan(2);
        expect(isUneven(machine.catalog, reportsOf(machine.catalog, {}), 1)).toBe(false);
      },
    ),
  );
});

const trouble = fc.record({
  drained: fc.uniqueArray(fc.integer({min: 1, max: 7}), {maxLength: 2}),
  full: fc.uniqueArray(fc.integer({min: 1, max: 7}), {maxLength: 2}),
  silent: fc.uniqueArray(fc.integer({min: 1, max: 7}), {maxLength: 2}),
  late: fc.uniqueArray(fc.integer({min: 1, max: 7}), {maxLength: 1}),
});

test('nothing goes to a drained, full, silent or wrongly timed node; zones stay apart where they can', () => {
  fc.assert(
    fc.property(
      placed(7),
      fc.integer({min: 1, max: 4}),
      trouble,
      (sets, zones, {drained, full, silent, late}) => {
        const names = ['a', 'b', 'c', 'd'].slice(0, zones);
        const machine = made(clusterOf(7, names), sets);
        for (const i of drained)
          must(machine, {type: 'set-node-state', node: node(i), state: 'draining'});
        const told = new Map<number, Partial<NodeReport>>([
          ...full.map((i) => [i, {diskFree: 0.1}] as const),
          ...late.map((i) => [i, {clockOffsetMs: 60_000}] as const),
        ]);
        const conditions = {told, silentSinceMs: new Map(silent.map((i) => [i, 0]))};
        const barred = [...drained, ...full, ...silent, ...(silent.length < 5 ? late : [])];
        const before = countsOf(machine, 7);
        carryOut(machine, conditions, 3);
        for (const i of barred)
          expect(machine.catalog.replicaCount(node(i))).toBeLessThanOrEqual(before[i - 1]!);
        expectApart(machine, conditions);
      },
    ),
    // One node alone is fit, and its zone relieves another.
    {examples: [[[[3, 6], [1]], 3, {drained: [6], full: [3, 4], silent: [5, 2], late: [1]}]]},
  );
});

/** No set that could be moved has a zone that another, with a node for it, could relieve. */
function expectApart({catalog}: CatalogMachine, conditions: Conditions): void {
  const reports = reportsOf(catalog, conditions);
  for (const set of catalog.replicaSets()) {
    const voters = set.replicas.filter(({role}) => role === 'voter');
    // Nobody leads it.
    if (voters.every((replica) => conditions.silentSinceMs?.has(replica.node))) continue;
    const zones = new Map<string, number>();
    for (const replica of set.replicas) {
      const zone = zoneOf(catalog.node(replica.node)!);
      zones.set(zone, (zones.get(zone) ?? 0) + 1);
    }
    const most = Math.max(...zones.values());
    for (const target of liveNodes(catalog, reports, 1)) {
      if (set.replicas.some((replica) => replica.node === target.id)) continue;
      expect((zones.get(zoneOf(target)) ?? 0) + 1).toBeGreaterThanOrEqual(most);
    }
  }
}

test('the cluster begins nothing by itself before it is known what is written to each node', () => {
  const {catalog} = made(
    clusterOf(2),
    Array.from({length: 6}, () => [1]),
  );
  const uneven = (told: Partial<NodeReport>) =>
    isUneven(catalog, reportsOf(catalog, {told: new Map([[2, told]])}), 1);
  expect(uneven({})).toBe(true);
  expect(uneven({writes: undefined})).toBe(false);
});

test('a rebalance waits while repairs take all turns', () => {
  const machine = made(
    clusterOf(4),
    Array.from({length: 12}, () => [1]),
  );
  for (const {id: replicaSet, replicas} of [...machine.catalog.replicaSets()].slice(0, 8)) {
    const subject = {replicaSet, source: replicas[0]!.replica, targetNode: node(2)};
    must(machine, {type: 'create-operation', kind: 'repair', ...subject, startedBy: 'x', atMs: 0});
  }
  must(machine, {type: 'create-operation', kind: 'rebalance', startedBy: 'x', atMs: 0});
  const {id} = [...machine.catalog.unfinishedOperations()].at(-1)!;
  const nowMs = 100_000;
  const states = () =>
    planNext(machine.catalog, reportsOf(machine.catalog, {}), nowMs).flatMap((action) =>
      action.type === 'propose' &&
      action.command.type === 'update-operation' &&
      action.command.operation === id
        ? [action.command.state]
        : [],
    );
  expect(states()).not.toContain('done');
});

test('before its first moves a rebalance says how many it will make, and once', () => {
  const machine = made(
    clusterOf(4),
    Array.from({length: 40}, () => [1]),
  );
  const {catalog} = machine;
  must(machine, {type: 'set-automation', kinds: ['repair'], paused: true, atMs: 1});
  const reports = reportsOf(catalog, {});
  const nowMs = 100_000;
  const all = planMoves(catalog, reports, {nowMs, movesMax: Infinity});
  expect(all.length).toBeGreaterThan(20);
  must(machine, {type: 'create-operation', kind: 'rebalance', startedBy: 'x', atMs: 0});
  const planned = () =>
    planNext(catalog, reportsOf(catalog, {}), nowMs).flatMap((action) =>
      action.type === 'propose' ? [action.command] : [],
    );
  const first = planned();
  expect(first.filter(({type}) => type === 'update-operation')).toMatchObject([
    {movesPlanned: all.length},
  ]);
  const begun = first.filter((command) => command.type === 'create-operation');
  expect(begun.map(({source}) => source)).toEqual(
    all.slice(0, 8).map(({source}) => source.replica),
  );
  for (const command of first) must(machine, command);
  const [rebalance] = catalog.unfinishedOperations();
  expect(rebalance).toMatchObject({kind: 'rebalance', movesPlanned: all.length});
  for (const {id: operation, kind, step: expectedStep} of [...catalog.unfinishedOperations()]) {
    if (kind === 'rebalance') continue;
    must(machine, {type: 'update-operation', operation, expectedStep, state: 'done', atMs: 2});
  }
  const second = planned();
  expect(second.some(({type}) => type === 'create-operation')).toBe(true);
  const counted = second.filter(
    (command) => command.type === 'update-operation' && command.movesPlanned !== undefined,
  );
  expect(counted).toEqual([]);
});

test('leads are evened out before any replica moves, for a minute at most', () => {
  const begun = (sets: readonly number[][], nowMs: number) => {
    const machine = made(clusterOf(4), sets);
    must(machine, {type: 'create-operation', kind: 'rebalance', startedBy: 'x', atMs: 0});
    const actions = planNext(machine.catalog, reportsOf(machine.catalog, {}), nowMs);
    return {
      transfers: actions.filter(({type}) => type === 'transfer-leader').length,
      moves: actions.filter(
        (action) =>
          action.type === 'propose' &&
          action.command.type === 'create-operation' &&
          action.command.kind === 'move-replica',
      ).length,
    };
  };
  // Node 4 holds nothing. Of six sets node 1 leads all, or each of the others its share.
  const crowded = Array<number[]>(6).fill([1, 2, 3]);
  const even = [...Array<number[]>(2).fill([1, 2, 3]), [2, 3, 1], [2, 3, 1], [3, 1, 2], [3, 1, 2]];
  expect(begun(crowded, 1_000)).toEqual({transfers: expect.toSatisfy((n) => n > 0), moves: 0});
  expect(begun(even, 1_000)).toEqual({transfers: 0, moves: expect.toSatisfy((n) => n > 0)});
  // What goes on against whoever does not take a lead holds up no replica for longer.
  expect(begun(crowded, 100_000).moves).toBeGreaterThan(0);
});

test('a set is not evened out into one zone while another holds its replica', () => {
  // Only node 3 holds nothing of these sets, and it is in the zone of node 1.
  const machine = made(clusterOf(3, ['a', 'b', 'a']), [
    [1, 2],
    [1, 2],
    [1, 2],
    [1, 2],
  ]);
  expect(
    planMoves(machine.catalog, reportsOf(machine.catalog, {}), {nowMs: 1, movesMax: 8}),
  ).toMatchObject([1, 1].map((source) => ({source: {node: source}, target: {id: 3}})));
});

describe('what replicas weigh', () => {
  const twoNodes = (told: Map<number, Partial<NodeReport>>) => {
    const machine = made(clusterOf(2), [[1], [1], [2], [2]]);
    const reports = reportsOf(machine.catalog, {told});
    return planMoves(machine.catalog, reports, {nowMs: 1, movesMax: 8});
  };
  /** Of the node's replicas, the meta group's left out, as much each. */
  const ratesOf = ({catalog}: CatalogMachine, i: number, rate: number): Partial<NodeReport> => {
    const own = [...catalog.replicaSets()].flatMap(({replicas}) =>
      replicas.filter((replica) => replica.node === node(i)),
    );
    const byReplica = new Map(own.map(({replica}) => [replica, rate]));
    return {writes: {bytesPerSecond: rate * own.length, byReplica}};
  };

  test('equal numbers and nothing else known: nothing moves', () => {
    expect(twoNodes(new Map())).toEqual([]);
  });

  test('a replica leaves a node that is written to much more', () => {
    const machine = made(clusterOf(2), [[1], [1], [1], [1], [2], [2], [2], [2]]);
    const planned = (rate: number) => {
      const told = new Map([[1, ratesOf(machine, 1, rate)]]);
      const conditions = reportsOf(machine.catalog, {told});
      return planMoves(machine.catalog, conditions, {nowMs: 1, movesMax: 1});
    };
    expect(planned(100 * MB)).toMatchObject([{source: {node: 1}, target: {id: 2}}]);
    // What differs below a megabyte a second is chance.
    expect(planned(MB / 10)).toEqual([]);
  });

  test.each([
    ['alone', (i: number) => [i]],
    ['with another', (i: number) => [i, i + 2]],
  ])('what has moved counts where it is before it was measured there: %s', (_how, on) => {
    const sets = [1, 1, 1, 1, 2, 2, 2, 2].map(on);
    const machine = made(clusterOf(4), sets);
    const {catalog} = machine;
    const hot = new Set([...catalog.replicaSets()].slice(0, 4).map(({id}) => id));
    const measured = () => {
      const rates = (i: number): [number, Partial<NodeReport>] => {
        const own = [...catalog.replicaSets()].flatMap(({id, replicas}) =>
          hot.has(id) ? replicas.filter((replica) => replica.node === node(i)) : [],
        );
        const byReplica = new Map(own.map(({replica}) => [replica, 10 * MB]));
        return [i, {writes: {bytesPerSecond: 10 * MB * own.length, byReplica}}];
      };
      return new Map([1, 2, 3, 4].map(rates));
    };
    const told = measured();
    let moved = 0;
    for (;;) {
      const [next] = planMoves(catalog, reportsOf(catalog, {told}), {nowMs: 1, movesMax: 1});
      if (next === undefined) break;
      moveByOperation(machine, next);
      moved += 1;
      expect(moved).toBeLessThan(20);
    }
    expect(moved).toBeGreaterThan(0);
    // Measured anew, nothing has to go back.
    expect(
      planMoves(catalog, reportsOf(catalog, {told: measured()}), {nowMs: 1, movesMax: 8}),
    ).toEqual([]);
  });

  test('a replica leaves a disk that is much fuller', () => {
    const moves = twoNodes(
      new Map([
        [1, {diskFree: 0.2}],
        [2, {diskFree: 0.9}],
      ]),
    );
    expect(moves.map(({source}) => source.node)).toEqual([1]);
  });
});

test('the view tells each transfer and move, and what the nodes carry before and after', () => {
  const machine = made(clusterOf(4), Array(4).fill([1, 2, 3]));
  const told = new Map([1, 2, 3, 4].map((i) => [i, {leads: i === 1 ? 4 : 0}]));
  const reports = reportsOf(machine.catalog, {told});
  const plan = planWholeRebalance(machine.catalog, reports, 1);
  const view = describeRebalance(machine.catalog, reports, 1);
  expect(view.leads).toHaveLength(plan.transfers.length);
  expect(view.replicas).toHaveLength(plan.moves.length);
  expect(view.nodes.map(({leadsAfter}) => leadsAfter).sort()).toEqual([0, 1, 1, 2]);
  expect(view.nodes.map(({replicas}) => replicas)).toEqual([5, 4, 4, 0]);
  expect(view.nodes.map(({replicasAfter}) => replicasAfter).sort()).toEqual([3, 3, 3, 4]);
});

describe('leads that are written to much', () => {
  /** Nodes 1 and 2 lead two sets each, which the other one votes in, too; each is written to as much as said. */
  const swapped = (rates: readonly number[]) => {
    const machine = made(clusterOf(3), [
      [1, 2, 3],
      [1, 2, 3],
      [2, 1, 3],
      [2, 1, 3],
    ]);
    const {catalog} = machine;
    const sets = [...catalog.replicaSets()];
    const told = new Map<number, Partial<NodeReport>>(
      [1, 2].map((i) => {
        const byReplica = new Map(
          sets.flatMap((set, n) =>
            set.replicas
              .filter((replica) => replica.node === node(i))
              .map(({replica}) => [replica, rates[n]! * MB] as const),
          ),
        );
        return [i, {writes: {bytesPerSecond: 0, byReplica}}];
      }),
    );
    // It could lead as well.
    told.set(3, {diskFree: 0.01});
    const {transfers} = planWholeRebalance(catalog, reportsOf(catalog, {told}), 1);
    return transfers.map(({set}) => sets.findIndex(({id}) => id === set));
  };

  test.each([
    [[40, 40, 1, 1], 2],
    [[40, 10, 9, 1], 2],
    [[40, 1, 40, 1], 0],
    [[90, 1, 1, 1], 0],
    [[0.4, 0.4, 0, 0], 0],
  ])('with %j MB/s on their sets %i change their leader', (rates, count) => {
    const sets = swapped(rates);
    expect(sets).toHaveLength(count);
    // One of each node, so that the numbers stay as they are.
    expect(sets.filter((set) => set < 2)).toHaveLength(count / 2);
  });
});
