// Between copies to the only node that can take them, and loses each, drains and repairs pause, each time
// twice as long up to a limit; nothing else waits for it.

import {LIMITS, type NodeId, type ReplicaSetId} from '@flotilla/base';
import {describe, expect, test} from 'vitest';
import type {CreateOperation} from '../commands.ts';
import type {CatalogMachine} from '../machine/catalog-machine.ts';
import {begin, begun, fail} from './begun.fixture.ts';
import {clusterOf, makeSets, must, reportsOf} from './cluster.fixture.ts';
import {planNext} from './reconcile.ts';

const HOUR = 3_600_000;
const MAX = LIMITS.copy_pause_ms_max.value;

/** Its third node is gone, and the fourth is the only other. */
function repairing() {
  const machine = clusterOf(4);
  const [set] = makeSets(machine, [{voters: [1, 2, 3]}]) as [ReplicaSetId];
  const silent = {silentSinceMs: new Map([[3, 0]])};
  const repairs = (nowMs: number): CreateOperation[] =>
    begun(machine, nowMs, reportsOf(machine.catalog, silent)).filter(({kind}) => kind === 'repair');
  return {machine, set, repairs};
}

/** Of sets with one replica each, all on the first of the nodes. */
function draining(nodes: number, sets: number) {
  const machine = clusterOf(nodes);
  makeSets(
    machine,
    Array.from({length: sets}, () => ({voters: [1]})),
  );
  const named = {tenant: 'default', name: 'public'};
  must(machine, {type: 'alter-database', ...named, options: {replicas: 1}});
  const node = 1 as NodeId;
  const subject = {kind: 'drain-node', sourceNode: node, startedBy: 'ann', atMs: HOUR} as const;
  const drain = begin(machine, [{type: 'create-operation', ...subject}]);
  must(machine, {type: 'set-node-state', node, state: 'draining'});
  // Without the meta group's own.
  const moves = (nowMs: number): CreateOperation[] =>
    begun(machine, nowMs).filter(
      ({kind, replicaSet}) => kind === 'move-replica' && replicaSet! > 0,
    );
  return {machine, drain, moves};
}

/** Begins them all, and each of them fails. */
function failAll(machine: CatalogMachine, commands: readonly CreateOperation[], atMs: number) {
  const operations = commands.map((command) => begin(machine, [command]));
  for (const operation of operations) fail(machine, operation, atMs);
  return operations;
}

describe('a repair', () => {
  test('is tried again on the only other node after 1 s, and each time twice as long', () => {
    const {machine, repairs} = repairing();
    let nowMs = HOUR;
    const pauses = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, MAX, MAX];
    for (const pauseMs of pauses) {
      expect(repairs(nowMs)).toMatchObject([{targetNode: 4, atMs: nowMs}]);
      failAll(machine, repairs(nowMs), nowMs + 500);
      expect(repairs(nowMs + 500 + pauseMs - 1), `${pauseMs} ms`).toEqual([]);
      nowMs += 500 + pauseMs;
    }
    expect(repairs(nowMs)).toHaveLength(1);
  });

  test('of what failed over an hour ago pauses no longer', () => {
    const {machine, repairs} = repairing();
    for (let nowMs = HOUR; nowMs < HOUR + 10 * MAX; nowMs += 2 * MAX)
      failAll(machine, repairs(nowMs), nowMs);
    failAll(machine, repairs(3 * HOUR), 3 * HOUR);
    expect(repairs(3 * HOUR + 999)).toEqual([]);
    expect(repairs(3 * HOUR + 1_000)).toHaveLength(1);
  });

  test('that a person tries again is followed by the next at once', () => {
    const {machine, repairs} = repairing();
    const [failed] = failAll(machine, repairs(HOUR), HOUR);
    const {kind, replicaSet, source, sourceNode, targetNode, cause} = failed!;
    const subject = {kind, replicaSet, source, sourceNode, targetNode, cause};
    const again = {retryOf: failed!.id, startedBy: 'ben', atMs: HOUR} as const;
    const {id, step} = begin(machine, [{type: 'create-operation', ...subject, ...again}]);
    const update = {type: 'update-operation', operation: id, expectedStep: step} as const;
    must(machine, {...update, atMs: HOUR, state: 'cancelling'});
    must(machine, {...update, atMs: HOUR, state: 'cancelled'});
    expect(repairs(HOUR)).toHaveLength(1);
  });

  test('that failed for want of voters holds up no other set', () => {
    const {machine, repairs} = repairing();
    fail(machine, begin(machine, repairs(HOUR)), HOUR, 'MAJORITY_AT_RISK');
    expect(repairs(HOUR)).toHaveLength(1);
  });

  test('of a damaged replica is done in place meanwhile', () => {
    const {machine, set} = repairing();
    const third = machine.catalog.replicaSet(set)!.replicas[2]!.replica;
    const repairs = (nowMs: number): CreateOperation[] => {
      const reports = reportsOf(machine.catalog, {});
      const report = reports.get(3 as NodeId)!;
      const told = {...report.replicas.get(third)!, damaged: true};
      reports.set(3 as NodeId, {...report, replicas: new Map([[third, told]])});
      return begun(machine, nowMs, reports).filter(({kind}) => kind === 'repair');
    };
    expect(repairs(HOUR)).toMatchObject([{cause: 'damaged', targetNode: 4}]);
    failAll(machine, repairs(HOUR), HOUR);
    expect(repairs(HOUR)).toMatchObject([{cause: 'damaged', targetNode: undefined}]);
    expect(repairs(HOUR + 1_000)).toMatchObject([{cause: 'damaged', targetNode: 4}]);
  });
});

describe('a drain', () => {
  test('pauses for copies that fail at once as for one', () => {
    const {machine, moves} = draining(2, 6);
    expect(moves(HOUR).length).toBeGreaterThan(2);
    failAll(machine, moves(HOUR), HOUR + 500);
    expect(moves(HOUR + 1_499)).toEqual([]);
    failAll(machine, moves(HOUR + 1_500), HOUR + 2_000);
    expect(moves(HOUR + 3_999)).toEqual([]);
    expect(moves(HOUR + 4_000).length).toBeGreaterThan(2);
  });

  test('says what it waits for', () => {
    const {machine, drain, moves} = draining(2, 1);
    const nowMs = HOUR + 60_000;
    failAll(machine, moves(nowMs), nowMs);
    const told = planNext(machine.catalog, reportsOf(machine.catalog, {}), nowMs);
    expect(told).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          command: expect.objectContaining({
            operation: drain.id,
            waitingFor: 'another try of node 2, which did not keep a copy',
          }),
        }),
      ]),
    );
  });

  test('goes on at once to a node that failed at nothing', () => {
    const {machine, moves} = draining(3, 6);
    const toSecond = moves(HOUR).filter(({targetNode}) => targetNode === 2);
    expect(toSecond.length).toBeGreaterThan(0);
    failAll(machine, toSecond, HOUR);
    const targets = new Set(moves(HOUR).map(({targetNode}) => targetNode));
    expect(targets).toEqual(new Set([3]));
  });
});
