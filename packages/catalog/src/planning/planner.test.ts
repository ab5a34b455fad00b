// Goal: the planner that is told what changes decides what one that looks at everything does, after whatever
// changes; and what it looks at is what has changed.

import type {NodeId, ReplicaId} from '@flotilla/base';
import fc from 'fast-check';
import {describe, expect, test, vi} from 'vitest';
import {ChangingCluster, type Draw} from './changing-cluster.fixture.ts';
import {clusterOf, makeSets, must, reportsOf} from './cluster.fixture.ts';
import {IndexedSets} from './indexed-sets.ts';
import {Planner} from './planner.ts';
import {finish, planMoves} from './rebalance.ts';
import {describeRebalance, describingRebalance} from './rebalance-view.ts';
import {planNext} from './reconcile.ts';
import type {NodeReport, ReplicaReport} from './reports.ts';
import {SetIndex} from './set-index.ts';

/** The numbers in turn, then zeros. */
function drawing(numbers: readonly number[]): Draw {
  let at = 0;
  return (below) => {
    const number = numbers[at] ?? 0;
    at += 1;
    return number % Math.max(1, below);
  };
}

const change = fc.array(fc.nat(4_200), {minLength: 3, maxLength: 40});
/** How many changes there are between two plans. */
const round = fc.array(change, {minLength: 1, maxLength: 6});

describe('what is looked at', () => {
  const setUp = (sets: number) => {
    const machine = clusterOf(6, ['a', 'b', 'c']);
    makeSets(
      machine,
      Array.from({length: sets}, (_, i) => ({
        voters: [0, 1, 2].map((n) => 1 + ((i + n) % 6)),
      })),
    );
    // As many as the nodes want of it, so that nothing is to do.
    const {epoch: expectedEpoch} = machine.catalog.metaSet()!;
    const add = [2, 3, 4, 5].map((node) => ({node: node as NodeId, role: 'voter'}) as const);
    must(machine, {
      type: 'set-placement',
      set: 0 as never,
      expectedEpoch,
      add,
      remove: [],
      roles: [],
    });
    const reports = reportsOf(machine.catalog, {});
    const planner = new Planner(machine.catalog);
    const looks = () => {
      const spy = vi.spyOn(SetIndex.prototype, 'look');
      const actions = planner.plan(reports, 1_000);
      const ids = new Set(spy.mock.calls.map(([id]) => Number(id)));
      spy.mockRestore();
      ids.delete(0);
      return {actions, ids: [...ids].sort((a, b) => a - b)};
    };
    return {machine, reports, planner, looks};
  };

  test('is everything once, and then what has changed', () => {
    const {machine, reports, planner, looks} = setUp(60);
    const {catalog} = machine;
    expect(looks().ids).toHaveLength(60);
    expect(looks()).toEqual({actions: [], ids: []});
    // A record of the catalog.
    const {update} = machine.apply(
      {type: 'pin-replica-set', set: 7 as never, pinned: true},
      catalog.version + 1,
    );
    planner.catalogChanged(update);
    expect(looks().ids).toEqual([7]);
    // A report.
    const {node, replica} = catalog.replicaSet(9 as never)!.replicas[0]!;
    const replicas = reports.get(node)!.replicas as Map<ReplicaId, ReplicaReport>;
    const damaged = {...replicas.get(replica)!, damaged: true};
    replicas.set(replica, damaged);
    planner.reportChanged(node, damaged);
    const {actions, ids} = looks();
    expect(ids).toEqual([9]);
    expect(actions).toMatchObject([{command: {kind: 'repair', source: replica}}]);
  });

  test('is no more by a plan where there are four times as many sets', () => {
    const views = [15, 60].map((sets) => {
      const {machine, planner, looks} = setUp(sets);
      looks();
      const pin = {type: 'pin-replica-set', set: 7 as never, pinned: true} as const;
      planner.catalogChanged(machine.apply(pin, machine.catalog.version + 1).update);
      const spy = vi.spyOn(IndexedSets.prototype, 'view');
      looks();
      const {length} = spy.mock.calls;
      spy.mockRestore();
      return length;
    });
    expect(views[0]).toBeGreaterThan(0);
    expect(views[1]).toBe(views[0]);
  });

  test('of a node that fell silent is what it holds', () => {
    const {machine, reports, looks} = setUp(60);
    looks();
    const silent: NodeReport = {...reports.get(4 as NodeId)!, live: false, silentSinceMs: 900};
    reports.set(4 as NodeId, silent);
    const held = [...machine.catalog.replicaSets()].filter(({replicas}) =>
      replicas.some(({node}) => node === 4),
    );
    expect(looks().ids).toEqual(held.map(({id}) => id));
  });

  test('is everything again where an update was kept from it', () => {
    const {machine, looks} = setUp(10);
    looks();
    must(machine, {type: 'pin-replica-set', set: 7 as never, pinned: true});
    expect(looks().ids).toHaveLength(10);
  });

  test('is looked at in turns, and nothing is planned before the last', () => {
    const {machine, reports} = setUp(60);
    const {replicas} = reports.get(3 as NodeId)!;
    const [gone] = replicas.keys();
    (replicas as Map<ReplicaId, ReplicaReport>).delete(gone!);
    const planner = new Planner(machine.catalog);
    let turns = 1;
    while (!planner.look(reports, 10)) turns += 1;
    expect(turns).toBeGreaterThan(6);
    expect(turns).toBeLessThan(20);
    const planned = planner.plan(reports, 1_000);
    expect(planned).toEqual(planNext(machine.catalog, reports, 1_000));
    expect(planned).toMatchObject([{type: 'create-replica', replica: gone}]);
  });
});

describe('evening out in turns', () => {
  /** All on the first three of six nodes. */
  const uneven = () => {
    const machine = clusterOf(6);
    makeSets(
      machine,
      Array.from({length: 40}, () => ({voters: [1, 2, 3]})),
    );
    must(machine, {type: 'set-automation', kinds: ['repair'], paused: true, atMs: 1});
    return {machine, reports: reportsOf(machine.catalog, {})};
  };

  test('is begun some plans later, and not where there is nothing to move', () => {
    const {machine, reports} = uneven();
    // Those that come first cannot be moved.
    for (let set = 1; set <= 35; set++)
      must(machine, {type: 'pin-replica-set', set: set as never, pinned: true});
    const planner = new Planner(machine.catalog, 10);
    const begun = () =>
      planner
        .plan(reports, 1_000)
        .some((action) => action.type === 'propose' && action.command.type === 'create-operation');
    let plans = 1;
    while (!begun() && plans < 20) plans += 1;
    expect(plans).toBe(4);
    expect(begun()).toBe(true);
    for (let set = 36; set <= 40; set++)
      must(machine, {type: 'pin-replica-set', set: set as never, pinned: true});
    for (let i = 0; i < 10; i++) expect(begun()).toBe(false);
  });

  test('moves what it would at once, and waits for no moves while it looks', () => {
    const {machine, reports} = uneven();
    for (let set = 1; set <= 35; set++)
      must(machine, {type: 'pin-replica-set', set: set as never, pinned: true});
    const operation = {kind: 'rebalance', startedBy: 'operator', atMs: 0} as const;
    must(machine, {type: 'create-operation', ...operation});
    const nowMs = 100_000;
    const expected = planMoves(machine.catalog, reports, {nowMs, movesMax: 8});
    expect(expected.length).toBeGreaterThan(2);
    const planner = new Planner(machine.catalog, 10);
    const moved: number[] = [];
    let plans = 0;
    for (; moved.length === 0 && plans < 50; plans++) {
      if (plans > 0) expect(planner.isSearching).toBe(true);
      for (const action of planner.plan(reports, nowMs))
        if (action.type === 'propose' && action.command.type === 'create-operation')
          moved.push(action.command.source!);
    }
    expect(plans).toBeGreaterThan(4);
    expect(moved).toEqual(expected.map(({source}) => source.replica));
    expect(planner.isSearching).toBe(false);
  });

  test('a view that is made in turns is the one that is made at once', () => {
    const {machine, reports} = uneven();
    const {catalog} = machine;
    const turns = describingRebalance(catalog, reports, 1);
    expect(finish(turns)).toEqual(describeRebalance(catalog, reports, 1));
  });
});

test('it decides what a look at everything would, after whatever changes', () => {
  fc.assert(
    fc.property(fc.array(round, {minLength: 1, maxLength: 40, size: 'max'}), (rounds) => {
      const cluster = new ChangingCluster();
      for (const changes of rounds) {
        for (const numbers of changes) cluster.change(drawing(numbers));
        const planned = cluster.plan();
        expect(planned).toEqual(cluster.planAnew());
        cluster.last = planned;
      }
    }),
    {numRuns: 150},
  );
});
