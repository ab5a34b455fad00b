// Which lost replicas get a successor, and that those of which none can be had hold up no other.

import {LIMITS, META_SET, type NodeId, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import type {CreateOperation} from '../commands.ts';
import type {CatalogMachine} from '../machine/catalog-machine.ts';
import {clusterOf, makeSets, must, reportsOf} from './cluster.fixture.ts';
import {EverySet} from './every-set.ts';
import {planNext} from './reconcile.ts';
import {planRepairs, repairHalt} from './repairs.ts';
import type {NodeReport, ReplicaReport} from './reports.ts';

const HOUR = 3_600_000;
const REPAIR_AFTER_MS = LIMITS.repair_after_ms.value;

/** The meta group lives on nodes 1 to 3 of four; replica i is on node i. */
function fourNodes(): CatalogMachine {
  const machine = clusterOf(4);
  const add = [2, 3].map((node) => ({node: node as NodeId, role: 'voter' as const}));
  const change = {add, remove: [], roles: []};
  must(machine, {type: 'set-placement', set: META_SET, expectedEpoch: 1, ...change});
  return machine;
}

function report(node: number, more: Partial<NodeReport> = {}): [NodeId, NodeReport] {
  const id = node as NodeId;
  return [id, {node: id, live: true, clockOffsetMs: 0, diskFree: 1, replicas: new Map(), ...more}];
}

/** Node 2 leads. */
const configuration = {voters: [1, 2, 3], votersOutgoing: [], learners: [], learnersNext: []};
const leading = {replica: 2, role: 'leader', term: 6, configuration} as unknown as ReplicaReport;
const leader = report(2, {replicas: new Map([[leading.replica, leading]])});
const damaged = {replica: 1 as ReplicaId, damaged: true} as ReplicaReport;
const unopened = {...damaged, role: 'stopped', fault: 'EMFILE', damaged: undefined} as const;

test.each([
  ['a damaged replica', {replicas: new Map([[damaged.replica, damaged]])}, 1],
  ['one that cannot be opened now', {replicas: new Map([[unopened.replica, unopened]])}, 0],
  ['a node that is silent for an hour', {live: false, silentSinceMs: 0}, 1],
  ['a node that is silent for a second', {live: false, silentSinceMs: HOUR - 1_000}, 0],
  ['nothing', {}, 0],
] as const)('the meta group is repaired like any other: %s', (_name, more, count) => {
  const reports = new Map([report(1, more), leader, report(3), report(4)]);
  const actions = planRepairs(new EverySet(fourNodes().catalog, reports), {
    nowMs: HOUR,
    budget: {left: 8},
  });
  expect(actions).toHaveLength(count);
  for (const action of actions)
    expect(action).toMatchObject({
      type: 'propose',
      command: {type: 'create-operation', kind: 'repair', replicaSet: META_SET, targetNode: 4},
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
        ...[leader, report(3)],
        report(4, {live: isOtherLive}),
      ]);
      const plan = () =>
        planRepairs(new EverySet(fourNodes().catalog, reports), {
          nowMs: 2 * HOUR,
          budget: {left: 8},
        });
      const isLost = silentMs !== undefined && silentMs >= REPAIR_AFTER_MS;
      // Another takes its place; where none can, a damaged one is made anew on its own node.
      const isRepaired = isOtherLive ? isDamaged || isLost : isDamaged && live;
      expect(plan()).toHaveLength(isRepaired ? 1 : 0);
      expect(plan()).toEqual(plan());
    }),
  );
});

describe('sets that nobody leads', () => {
  const setUp = () => {
    const machine = clusterOf(4);
    const alone = Array.from({length: 8}, () => ({voters: [1]}));
    const sets = makeSets(machine, [...alone, {voters: [1, 2, 3]}]);
    const begun = (nowMs: number) =>
      planNext(
        machine.catalog,
        reportsOf(machine.catalog, {silentSinceMs: new Map([[1, 0]])}),
        nowMs,
      ).flatMap((action) =>
        action.type === 'propose' && action.command.type === 'create-operation'
          ? [action.command]
          : [],
      );
    const beginOn = (set: ReplicaSetId) => {
      const source = machine.catalog.replicaSet(set)!.replicas[0]!.replica;
      const subject = {replicaSet: set, source, targetNode: 4 as NodeId};
      const by = {startedBy: 'reconciler', atMs: HOUR};
      must(machine, {type: 'create-operation', kind: 'repair', ...subject, ...by});
    };
    return {machine, begun, beginOn, leaderless: sets.slice(0, 8), led: sets[8]!};
  };
  const expected = (set: ReplicaSetId, kind: CreateOperation['kind']) => [
    {kind, replicaSet: set, sourceNode: 1, targetNode: 4},
  ];

  test('are not repaired before one that is led', () => {
    const {begun, led} = setUp();
    expect(begun(HOUR)).toMatchObject(expected(led, 'repair'));
  });

  test('take no turn from one that is led where their repairs were begun', () => {
    const {begun, beginOn, leaderless, led} = setUp();
    for (const set of leaderless) beginOn(set);
    expect(begun(HOUR)).toMatchObject(expected(led, 'repair'));
  });

  test('hold up no drain', () => {
    const {machine, begun, beginOn, leaderless, led} = setUp();
    for (const set of leaderless.slice(1)) beginOn(set);
    const node = 1 as NodeId;
    const drain = {sourceNode: node, startedBy: 'operator', atMs: 1};
    must(machine, {type: 'create-operation', kind: 'drain-node', ...drain});
    must(machine, {type: 'set-node-state', node, state: 'draining'});
    expect(begun(1_000)).toMatchObject(expected(led, 'move-replica'));
  });

  test('hold up no evening out', () => {
    const machine = clusterOf(4);
    const [set] = makeSets(machine, [{voters: [1]}, ...Array(6).fill({voters: [2]})]);
    const source = machine.catalog.replicaSet(set!)!.replicas[0]!.replica;
    const by = {startedBy: 'operator', atMs: 1};
    const subject = {replicaSet: set, source, targetNode: 4 as NodeId};
    must(machine, {type: 'create-operation', kind: 'move-replica', ...subject, ...by});
    must(machine, {type: 'create-operation', kind: 'rebalance', ...by});
    const reports = reportsOf(machine.catalog, {silentSinceMs: new Map([[1, 0]])});
    expect(planNext(machine.catalog, reports, 1_000)).toContainEqual({
      type: 'propose',
      command: expect.objectContaining({kind: 'move-replica', startedBy: 'rebalance'}),
    });
  });
});

describe('an operation that waits for long says what for', () => {
  const told = (machine: CatalogMachine, nowMs: number, silent: readonly number[]) => {
    const silentSinceMs = new Map(silent.map((node) => [node, 0]));
    const actions = planNext(machine.catalog, reportsOf(machine.catalog, {silentSinceMs}), nowMs);
    for (const action of actions)
      if (action.type === 'propose' && /-operation$/.test(action.command.type))
        must(machine, action.command);
    return [...machine.catalog.operations()].map(({kind, waiting}) => [kind, waiting?.for]);
  };
  const draining = (machine: CatalogMachine, node: number): void => {
    const sourceNode = node as NodeId;
    const order = {sourceNode, startedBy: 'operator', atMs: 1};
    must(machine, {type: 'create-operation', kind: 'drain-node', ...order});
    must(machine, {type: 'set-node-state', node: sourceNode, state: 'draining'});
  };

  test('a drain of a set that nobody leads', () => {
    const machine = clusterOf(3);
    const [set] = makeSets(machine, [{voters: [2]}]);
    draining(machine, 2);
    expect(told(machine, 20_000, [2])).toEqual([['drain-node', undefined]]);
    const waiting = [['drain-node', `a leader of replica set ${set}`]];
    expect(told(machine, 40_000, [2])).toEqual(waiting);
    const {version} = machine.catalog;
    told(machine, 80_000, [2]);
    expect(machine.catalog.version, 'said once').toBe(version);
    expect(told(machine, 90_000, [])).toEqual([
      ['drain-node', 'moves'],
      ['move-replica', undefined],
    ]);
  });

  test('a removal whose only heir is dead', () => {
    const machine = clusterOf(3);
    makeSets(machine, [{voters: [2], learners: [3]}]);
    const database = {tenant: 'default', name: 'public'};
    must(machine, {type: 'alter-database', ...database, options: {replicas: 1}});
    must(machine, {type: 'set-node-state', node: 1 as NodeId, state: 'draining'});
    draining(machine, 2);
    expect(told(machine, 1_000, [3])).toEqual([
      ['drain-node', undefined],
      ['remove-replica', undefined],
    ]);
    expect(told(machine, 40_000, [3])).toEqual([
      ['drain-node', 'moves'],
      ['remove-replica', 'a learner to catch up'],
    ]);
  });
});

describe('a cluster that is cut', () => {
  const silent = (...nodes: number[]) => new Map(nodes.map((node) => [node, 0]));
  const repaired = (nodes: number, silentNodes: number[], more: readonly number[] = []) => {
    const machine = clusterOf(nodes);
    makeSets(machine, [{voters: [1, 2, 3]}, ...more.map((node) => ({voters: [2, node, 4]}))]);
    const reports = reportsOf(machine.catalog, {silentSinceMs: silent(...silentNodes)});
    return planRepairs(new EverySet(machine.catalog, reports), {nowMs: HOUR, budget: {left: 8}})
      .length;
  };

  test.each([
    [4, [3], 1],
    [6, [3, 6], 1],
    // Nothing is placed on these two: they count neither way.
    [6, [3, 5, 6], 1],
  ])('of %i nodes, %j silent: the one set is repaired', (nodes, silentNodes, count) => {
    expect(repaired(nodes, silentNodes)).toBe(count);
  });

  test('with more than a third of the nodes silent nothing is made anew for them', () => {
    expect(repaired(5, [3, 5])).toBe(1);
    expect(repaired(5, [3, 5], [5])).toBe(0);
  });

  test('the halt names who is silent', () => {
    const machine = clusterOf(3);
    makeSets(machine, [{voters: [1, 2, 3]}]);
    const halt = (...nodes: number[]) =>
      repairHalt(machine.catalog, (node) => nodes.includes(node));
    expect(halt(2)).toBeUndefined();
    expect(halt(2, 3)).toEqual({silent: [2, 3], nodes: 3});
  });
});

describe('the repair of a node that comes back', () => {
  const setUp = (step: string) => {
    const machine = clusterOf(4);
    const [set] = makeSets(machine, [{voters: [1, 2, 3]}]);
    const source = machine.catalog.replicaSet(set!)!.replicas[2]!.replica;
    const subject = {replicaSet: set!, source, targetNode: 4 as NodeId};
    const by = {startedBy: 'reconciler', atMs: 1};
    must(machine, {type: 'create-operation', kind: 'repair', ...subject, ...by});
    const {id: operation, step: expectedStep} = [...machine.catalog.operations()][0]!;
    must(machine, {type: 'update-operation', operation, expectedStep, step, atMs: 1});
    const cancelled = (conditions: Parameters<typeof reportsOf>[1], damaged?: boolean) => {
      const reports = reportsOf(machine.catalog, conditions);
      const {replicas} = reports.get(3 as NodeId)!;
      const report = {...replicas.get(source)!, damaged};
      (replicas as Map<ReplicaId, ReplicaReport>).set(source, report);
      return planNext(machine.catalog, reports, 1_000).some(
        (action) =>
          action.type === 'propose' &&
          action.command.type === 'update-operation' &&
          action.command.state === 'cancelling',
      );
    };
    return cancelled;
  };

  test('is cancelled', () => {
    const cancelled = setUp('create');
    expect(cancelled({})).toBe(true);
    expect(cancelled({silentSinceMs: new Map([[3, 0]])})).toBe(false);
    expect(cancelled({}, true), 'a damaged replica is of no use').toBe(false);
  });

  test('goes on where its change of members has been made', () => {
    expect(setUp('confirm')({})).toBe(false);
  });
});

describe('the only voter of a set, damaged', () => {
  const begun = (nodes: number, set: {voters: number[]; learners?: number[]}, behind?: number) => {
    const machine = clusterOf(nodes);
    makeSets(machine, [set]);
    const conditions = {behind: new Set(behind === undefined ? [] : [behind])};
    const reports = reportsOf(machine.catalog, conditions);
    const {replica} = [...machine.catalog.replicaSets()][0]!.replicas[0]!;
    const {replicas} = reports.get(2 as NodeId)!;
    const broken = {...replicas.get(replica)!, damaged: true};
    (replicas as Map<ReplicaId, ReplicaReport>).set(replica, broken);
    return planNext(machine.catalog, reports, HOUR).flatMap((action) =>
      action.type === 'propose' && action.command.type === 'create-operation'
        ? [action.command]
        : [],
    );
  };

  test.each([2, 3])('is left as it is where no other holds its rows: %i nodes', (nodes) => {
    expect(begun(nodes, {voters: [2]})).toEqual([]);
  });

  test('is given no learners either: they would wait for ever', () => {
    const machine = clusterOf(3);
    const [set] = makeSets(machine, [{voters: [2]}]);
    const grown = (damaged?: boolean) => {
      const reports = reportsOf(machine.catalog, {});
      const {replica} = machine.catalog.replicaSet(set!)!.replicas[0]!;
      const {replicas} = reports.get(2 as NodeId)!;
      const report = {...replicas.get(replica)!, damaged};
      (replicas as Map<ReplicaId, ReplicaReport>).set(replica, report);
      return planNext(machine.catalog, reports, HOUR).some(
        (action) =>
          action.type === 'propose' &&
          action.command.type === 'set-placement' &&
          action.command.set === set,
      );
    };
    expect(grown()).toBe(true);
    expect(grown(true)).toBe(false);
  });

  test('gives its place to a learner that holds all, and to no other', () => {
    const set = {voters: [2], learners: [1]};
    expect(begun(3, set, 1)).toEqual([]);
    const [command, ...more] = begun(3, set);
    expect(command).toMatchObject({kind: 'repair', sourceNode: 2});
    expect(command!.targetNode).toBeUndefined();
    expect(more).toEqual([]);
  });
});

describe('a replica that differs and can be made anew on its own node alone', () => {
  const setUp = () => {
    const machine = clusterOf(3);
    const [set] = makeSets(machine, [{voters: [1, 2, 3]}]) as [ReplicaSetId];
    const {replica} = machine.catalog.replicaSet(set)!.replicas[1]!;
    const by = {startedBy: 'test', atMs: 1};
    must(machine, {type: 'create-operation', kind: 'checksum', replicaSet: set, ...by});
    const {id: operation, step: expectedStep} = [...machine.catalog.operations()][0]!;
    const found = {operation, expectedStep, state: 'done', differing: [replica], atMs: 1} as const;
    must(machine, {type: 'update-operation', ...found});
    const commands = (conditions: Parameters<typeof reportsOf>[1]) =>
      planNext(machine.catalog, reportsOf(machine.catalog, conditions), 1_000).flatMap((action) =>
        action.type === 'propose' && /-operation$/.test(action.command.type)
          ? [action.command]
          : [],
      );
    return {machine, set, replica, commands};
  };
  const told = (node: number, more: Partial<NodeReport>) => ({told: new Map([[node, more]])});
  /** What keeps the others from holding all that is committed, or the node from taking it again. */
  const hindrances: [string, Parameters<typeof reportsOf>[1], string][] = [
    ['another is away', {silentSinceMs: new Map([[3, 900]])}, 'MAJORITY_AT_RISK'],
    ['another is behind', {behind: new Set([3])}, 'MAJORITY_AT_RISK'],
    ['its node is full', told(2, {diskFree: 0.1}), 'NO_PLACE'],
    ['the clock of its node is wrong', told(2, {clockOffsetMs: 60_000}), 'NO_PLACE'],
  ];

  test.each(hindrances)('stays while %s', (_name, conditions) => {
    const {commands} = setUp();
    expect(commands({})).toMatchObject([{kind: 'repair', sourceNode: 2, cause: 'differs'}]);
    expect(commands(conditions)).toEqual([]);
  });

  test.each(hindrances)(
    'stays where it had begun to go, when %s',
    (_name, conditions, errorCode) => {
      const {machine, set, commands} = setUp();
      for (const command of commands({})) must(machine, command);
      expect(machine.catalog.operationOf(set)).toMatchObject({kind: 'repair', step: 'change'});
      expect(commands(conditions)).toMatchObject([{state: 'failed', errorCode}]);
      expect(commands({})).toEqual([]);
    },
  );
});

test('a move whose target dies, or loses its disk, leaves nothing of it behind', () => {
  const machine = clusterOf(4);
  const [set] = makeSets(machine, [{voters: [1, 2, 3]}]) as [ReplicaSetId];
  const source = machine.catalog.replicaSet(set)!.replicas[2]!.replica;
  const subject = {replicaSet: set, source, targetNode: 4 as NodeId};
  const order = {kind: 'move-replica', startedBy: 'test', atMs: 0} as const;
  must(machine, {type: 'create-operation', ...subject, ...order});
  const {epoch: expectedEpoch} = machine.catalog.replicaSet(set)!;
  const add = [{node: 4 as NodeId, role: 'learner' as const}];
  must(machine, {type: 'set-placement', set, expectedEpoch, add, remove: [], roles: []});
  const run = (nowMs: number) => {
    const conditions = {silentSinceMs: new Map([[4, 0]])};
    for (const action of planNext(machine.catalog, reportsOf(machine.catalog, conditions), nowMs))
      if (action.type === 'propose' && action.command.type !== 'create-operation')
        must(machine, action.command);
    return [...machine.catalog.operations()][0]!;
  };
  expect(run(1_000)).toMatchObject({state: 'running', step: 'learner'});
  // And what is taken back is taken back as in a cancellation.
  expect(run(121_000)).toMatchObject({state: 'cancelling', errorCode: 'NO_PLACE'});
});
