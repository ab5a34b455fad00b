// What a person cancelled of the cluster's own work rests for a day, or until its cause is another one or
// somebody orders the same; what the cluster gave up itself does not rest. Where a copy failed nothing is
// evened out for an hour.

import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import {describe, expect, test} from 'vitest';
import type {CatalogMachine} from '../machine/catalog-machine.ts';
import type {Operation, OperationKind} from '../model.ts';
import {begin, begun, fail} from './begun.fixture.ts';
import {CANCELLED_REST_MS, cancelledWork, FAILED_REST_MS, failedCopies} from './cancelled.ts';
import {type Conditions, clusterOf, makeSets, must, reportsOf} from './cluster.fixture.ts';
import {planNext} from './reconcile.ts';
import type {ReplicaReport} from './reports.ts';

const HOUR = 3_600_000;

function end(machine: CatalogMachine, {id, step}: Operation, atMs: number, by?: string): void {
  const subject = {type: 'update-operation', operation: id, expectedStep: step, atMs} as const;
  must(machine, {...subject, state: 'cancelling', by});
  must(machine, {...subject, state: 'cancelled'});
}

describe('a repair', () => {
  const setUp = () => {
    const machine = clusterOf(4);
    const [set] = makeSets(machine, [{voters: [1, 2, 3]}]) as [ReplicaSetId];
    const reports = (
      silent: Conditions,
      {damaged, isUnheard}: {damaged?: boolean; isUnheard?: boolean} = {},
    ) => {
      const all = reportsOf(machine.catalog, silent);
      const third = all.get(3 as NodeId)!;
      const replicas = new Map(
        [...third.replicas].map(([replica, report]): [ReplicaId, ReplicaReport] => [
          replica,
          report.set === set && damaged === true ? {...report, damaged} : report,
        ]),
      );
      return all.set(3 as NodeId, {...third, isUnheard, replicas});
    };
    const silent = {silentSinceMs: new Map([[3, 0]])};
    const repairs = (nowMs: number, all = reports(silent)) =>
      begun(machine, nowMs, all).filter(({kind}) => kind === 'repair');
    return {machine, set, reports, repairs, silent};
  };

  test('that a person cancelled is begun again a day later', () => {
    const {machine, repairs} = setUp();
    const first = repairs(HOUR);
    expect(first).toMatchObject([{cause: 'silent', sourceNode: 3, targetNode: 4}]);
    end(machine, begin(machine, first), 2 * HOUR, 'ann');
    expect(repairs(2 * HOUR)).toEqual([]);
    expect(cancelledWork(machine.catalog, 2 * HOUR)).toMatchObject([
      {operation: {cause: 'silent', cancelledBy: 'ann'}, untilMs: 2 * HOUR + CANCELLED_REST_MS},
    ]);
    expect(repairs(2 * HOUR + CANCELLED_REST_MS - 1)).toEqual([]);
    expect(repairs(2 * HOUR + CANCELLED_REST_MS)).toHaveLength(1);
  });

  test('that the cluster gave up itself is begun again as soon as it is due', () => {
    const {machine, repairs} = setUp();
    end(machine, begin(machine, repairs(HOUR)), 2 * HOUR);
    expect(repairs(2 * HOUR)).toHaveLength(1);
  });

  test('of a replica that is damaged now is another matter than that of one whose node is silent', () => {
    const {machine, reports, repairs} = setUp();
    end(machine, begin(machine, repairs(HOUR)), 2 * HOUR, 'ann');
    expect(repairs(2 * HOUR, reports({}, {damaged: true}))).toMatchObject([{cause: 'damaged'}]);
  });

  test('of a node that came back meanwhile and fell silent again is another matter', () => {
    const {machine, reports, repairs} = setUp();
    end(machine, begin(machine, repairs(HOUR)), 2 * HOUR, 'ann');
    const again = {silentSinceMs: new Map([[3, 3 * HOUR]])};
    expect(repairs(4 * HOUR, reports(again))).toHaveLength(1);
    // A new leader of meta counts from its own beginning: nobody says that the node was heard since.
    expect(repairs(4 * HOUR, reports(again, {isUnheard: true}))).toEqual([]);
  });

  test('by a time that is yet to come rests nobody', () => {
    const {machine, repairs} = setUp();
    end(machine, begin(machine, repairs(HOUR)), 9_000 * HOUR, 'ann');
    expect(repairs(2 * HOUR)).toHaveLength(1);
  });

  test('that is tried again rests no more, and rests again when that is cancelled too', () => {
    const {machine, repairs} = setUp();
    const first = begin(machine, repairs(HOUR));
    end(machine, first, 2 * HOUR, 'ann');
    const {kind, replicaSet, source, sourceNode, targetNode, cause} = first;
    const subject = {kind, replicaSet, source, sourceNode, targetNode, cause};
    const again = {retryOf: first.id, startedBy: 'ben', atMs: 3 * HOUR} as const;
    const retried = begin(machine, [{type: 'create-operation', ...subject, ...again}]);
    expect(cancelledWork(machine.catalog, 3 * HOUR)).toEqual([]);
    end(machine, retried, 4 * HOUR, 'ben');
    expect(repairs(4 * HOUR)).toEqual([]);
    expect(cancelledWork(machine.catalog, 4 * HOUR).map(({operation}) => operation.id)).toEqual([
      retried.id,
    ]);
  });
});

test('what a person ordered and cancelled himself holds up nothing', () => {
  const machine = clusterOf(4);
  const [set] = makeSets(machine, [{voters: [1, 2, 3]}]) as [ReplicaSetId];
  const source = machine.catalog.replicaSet(set)!.replicas[2]!.replica;
  const order = {kind: 'move-replica', replicaSet: set, source, targetNode: 4 as NodeId} as const;
  const by = {startedBy: 'ann', atMs: 1};
  end(machine, begin(machine, [{type: 'create-operation', ...order, ...by}]), 2, 'ann');
  expect(cancelledWork(machine.catalog, 3)).toEqual([]);
});

test('a replica too many stays where its removal was cancelled', () => {
  const machine = clusterOf(4);
  makeSets(machine, [{voters: [1, 2, 3]}]);
  const named = {tenant: 'default', name: 'public'};
  must(machine, {type: 'alter-database', ...named, options: {replicas: 1}});
  const removals = (nowMs: number) =>
    begun(machine, nowMs).filter(({kind}) => kind === 'remove-replica');
  end(machine, begin(machine, removals(HOUR)), 2 * HOUR, 'ann');
  expect(removals(2 * HOUR)).toEqual([]);
  expect(removals(2 * HOUR + CANCELLED_REST_MS)).toHaveLength(1);
});

describe('an evening out', () => {
  const uneven = () => {
    const machine = clusterOf(2);
    makeSets(
      machine,
      Array.from({length: 6}, () => ({voters: [1]})),
    );
    const named = {tenant: 'default', name: 'public'};
    must(machine, {type: 'alter-database', ...named, options: {replicas: 1}});
    const of = (kind: OperationKind, nowMs: number) =>
      begun(machine, nowMs).filter((command) => command.kind === kind);
    return {machine, of};
  };

  test('that was cancelled is begun again a day later, or when a node has joined', () => {
    const {machine, of} = uneven();
    end(machine, begin(machine, of('rebalance', HOUR)), 2 * HOUR, 'ann');
    expect(of('rebalance', 3 * HOUR)).toEqual([]);
    expect(of('rebalance', 2 * HOUR + CANCELLED_REST_MS)).toHaveLength(1);
    const node = {incarnation: 'i9', address: 'n9', engineThreads: 1, version: '1'};
    must(machine, {type: 'register-node', node, atMs: 3 * HOUR});
    expect(of('rebalance', 3 * HOUR)).toHaveLength(1);
  });

  test('leaves the sets alone of which a move was cancelled', () => {
    const {machine, of} = uneven();
    begin(machine, of('rebalance', HOUR));
    const moves = of('move-replica', HOUR);
    expect(moves.length).toBeGreaterThan(1);
    end(machine, begin(machine, moves), 2 * HOUR, 'ann');
    const later = of('move-replica', 2 * HOUR).map(({replicaSet}) => replicaSet);
    expect(later.length).toBeGreaterThan(0);
    expect(later).not.toContain(moves[0]!.replicaSet);
  });
});

describe('a copy that failed', () => {
  const rebalancing = (nodes: number, holders: readonly number[]) => {
    const machine = clusterOf(nodes);
    makeSets(
      machine,
      holders.map((node) => ({voters: [node]})),
    );
    const named = {tenant: 'default', name: 'public'};
    must(machine, {type: 'alter-database', ...named, options: {replicas: 1}});
    begin(machine, [{type: 'create-operation', kind: 'rebalance', startedBy: 'ann', atMs: 1}]);
    const moves = (nowMs: number) =>
      begun(machine, nowMs).filter(({kind}) => kind === 'move-replica');
    const targets = (nowMs: number) => new Set(moves(nowMs).map(({targetNode}) => targetNode));
    /** What the cluster itself says of its evening out: the order has ended, or another is begun. */
    const states = (nowMs: number) =>
      planNext(machine.catalog, reportsOf(machine.catalog, {}), nowMs).flatMap((action) =>
        action.type === 'propose' && action.command.type === 'update-operation'
          ? [action.command.state]
          : [],
      );
    return {machine, moves, targets, states};
  };

  test('ends the evening out that has no other target, and for an hour none is begun', () => {
    const {machine, moves, states} = rebalancing(2, [1, 1, 1, 1, 1, 1]);
    fail(machine, begin(machine, moves(2 * HOUR)), 3 * HOUR);
    expect(moves(3 * HOUR)).toEqual([]);
    expect(states(3 * HOUR)).toEqual(['done']);
    const [rebalance] = [...machine.catalog.unfinishedOperations()];
    const subject = {operation: rebalance!.id, expectedStep: rebalance!.step, atMs: 3 * HOUR};
    must(machine, {type: 'update-operation', ...subject, state: 'done'});
    const again = (nowMs: number) =>
      begun(machine, nowMs).filter(({kind}) => kind === 'rebalance').length;
    expect(again(3 * HOUR + FAILED_REST_MS - 1)).toBe(0);
    expect(again(3 * HOUR + FAILED_REST_MS)).toBe(1);
  });

  test('leaves the other nodes to be evened out', () => {
    const {machine, moves, targets} = rebalancing(3, [1, 1, 1, 1, 1, 1]);
    const first = moves(2 * HOUR);
    expect(targets(2 * HOUR)).toEqual(new Set([2, 3]));
    fail(machine, begin(machine, [first.find(({targetNode}) => targetNode === 2)!]), 3 * HOUR);
    expect(targets(3 * HOUR)).toEqual(new Set([3]));
    expect(targets(3 * HOUR + FAILED_REST_MS)).toEqual(new Set([2, 3]));
  });

  test('is tried again at once when a person says so, or when a clock was wrong', () => {
    const {machine, moves} = rebalancing(2, [1, 1, 1, 1, 1, 1]);
    fail(machine, begin(machine, moves(2 * HOUR)), 9_000 * HOUR);
    expect(moves(3 * HOUR).length).toBeGreaterThan(0);
    const failed = begin(machine, moves(3 * HOUR));
    fail(machine, failed, 4 * HOUR);
    expect(moves(4 * HOUR)).toEqual([]);
    const {kind, replicaSet, source, sourceNode, targetNode} = failed;
    const subject = {kind, replicaSet, source, sourceNode, targetNode};
    const again = {retryOf: failed.id, startedBy: 'ben', atMs: 4 * HOUR} as const;
    const retried = begin(machine, [{type: 'create-operation', ...subject, ...again}]);
    end(machine, retried, 4 * HOUR);
    expect(moves(4 * HOUR).length).toBeGreaterThan(0);
  });

  test('for want of voters keeps its set where it is, and no node from being filled', () => {
    const {machine, moves} = rebalancing(2, [1, 1, 1, 1, 1, 1]);
    const first = begin(machine, moves(2 * HOUR));
    fail(machine, first, 3 * HOUR, 'MAJORITY_AT_RISK');
    const later = moves(3 * HOUR).map(({replicaSet}) => replicaSet);
    expect(later.length).toBeGreaterThan(0);
    expect(later).not.toContain(first.replicaSet);
  });

  test('with its set says nothing of the node', () => {
    const {machine, moves} = rebalancing(2, [1, 1, 1, 1, 1, 1]);
    const first = begin(machine, moves(2 * HOUR));
    fail(machine, first, 3 * HOUR, 'NOT_FOUND');
    expect(moves(3 * HOUR)).toEqual([]);
    const {bucket} = machine.catalog.replicaSet(first.replicaSet!)!;
    must(machine, {type: 'drop-bucket', bucket});
    expect(machine.catalog.replicaSet(first.replicaSet!)?.state).toBe('dropping');
    expect(failedCopies(machine.catalog, 3 * HOUR).nodes.size).toBe(0);
  });

  test('of a repair makes the next one go elsewhere, where there is another node', () => {
    const machine = clusterOf(5);
    makeSets(machine, [{voters: [1, 2, 3]}]);
    const silent = {silentSinceMs: new Map([[3, 0]])};
    const repairs = (nowMs: number, told: Conditions = silent) =>
      begun(machine, nowMs, reportsOf(machine.catalog, told)).filter(({kind}) => kind === 'repair');
    expect(repairs(HOUR)).toMatchObject([{targetNode: 4}]);
    fail(machine, begin(machine, repairs(HOUR)), 2 * HOUR);
    expect(repairs(2 * HOUR)).toMatchObject([{targetNode: 5}]);
    const full = {...silent, told: new Map([[5, {diskFree: 0.1}]])};
    expect(repairs(2 * HOUR + 1_000, full)).toMatchObject([{targetNode: 4}]);
  });
});

test('a drain waits for the move of it that was cancelled, and says so; another drain does not', () => {
  const machine = clusterOf(4);
  const [set] = makeSets(machine, [{voters: [1, 2, 3]}]) as [ReplicaSetId];
  const node = 2 as NodeId;
  const drain = (atMs: number) => {
    const subject = {kind: 'drain-node', sourceNode: node, startedBy: 'ann', atMs} as const;
    const operation = begin(machine, [{type: 'create-operation', ...subject}]);
    must(machine, {type: 'set-node-state', node, state: 'draining'});
    return operation;
  };
  const first = drain(1);
  const moves = (nowMs: number) =>
    begun(machine, nowMs).filter(({replicaSet}) => replicaSet === set);
  const move = begin(machine, moves(2));
  expect(move).toMatchObject({kind: 'move-replica', startedBy: `operation ${first.id}`});
  end(machine, move, HOUR, 'ann');
  expect(moves(HOUR)).toEqual([]);
  const told = planNext(machine.catalog, reportsOf(machine.catalog, {}), HOUR);
  expect(told).toContainEqual(
    expect.objectContaining({
      command: expect.objectContaining({
        operation: first.id,
        waitingFor: `operation ${move.id}, which was cancelled, to be retried`,
      }),
    }),
  );
  end(machine, first, 2 * HOUR, 'ann');
  expect(drain(3 * HOUR).id).toBeGreaterThan(first.id);
  expect(moves(3 * HOUR)).toHaveLength(1);
});
