import {
  type BucketId,
  type DatabaseId,
  DbError,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
} from '@flotilla/base';
import {Catalog, CatalogMachine, type Command, type Node} from '@flotilla/catalog';
import {expect, test} from 'vitest';
import type {CatalogAccess} from './catalog-access.ts';
import type {ClusterFacts, ReplicaSetView, ReplicaView} from './cluster-view.ts';
import {planRecovery, Recovery, type RecoveryDeps} from './recovery.ts';

const SILENT = [1, 2];

function node(id: number): Node {
  const address = `n${id}:8902`;
  const rest = {incarnation: `i${id}`, engineThreads: 1, version: '0', joinedAtMs: 0};
  return {id: id as NodeId, address, state: 'active', ...rest};
}

function replica(on: number, known: Partial<ReplicaView> = {}): ReplicaView {
  const base = {replica: (10 + on) as ReplicaId, node: on as NodeId, address: undefined};
  const silent = {role: 'voter', leader: false, state: 'unreachable'} as const;
  return {...base, ...silent, ...known};
}

const open = (lastTerm: number, lastIndex: number): Partial<ReplicaView> => {
  return {state: 'follower', lastTerm, lastIndex, commitIndex: lastIndex - 2};
};

function view(id: number, replicas: readonly ReplicaView[]): ReplicaSetView {
  return {
    id: id as ReplicaSetId,
    database: 'public',
    tenant: 'default',
    bucket: {id: 1, start: 'a', end: 'b'},
    shard: id,
    epoch: 3,
    state: 'open',
    pinned: false,
    failover: 'automatic',
    leader: undefined,
    replicas,
  };
}

/** @param heard by those that answer. */
function facts(sets: readonly ReplicaSetView[], heard: readonly number[] = []): ClusterFacts {
  const well = {clockOffsetMs: 0, diskFree: 1, clusterVersionMax: 1, heard: heard as NodeId[]};
  const nodes = [1, 2, 3, 4].map((id) => {
    const isReachable = !SILENT.includes(id);
    return {node: node(id), isReachable, condition: isReachable ? well : undefined};
  });
  return {sets, meta: {leader: 3 as NodeId, replicas: []}, nodes};
}

function catalogOf(placed: readonly ReplicaSetView[]): Catalog {
  const catalog = new Catalog();
  const cluster = {id: 'c', foundedAtMs: 0, automation: 'running', failover: 'automatic'} as const;
  const sets = placed.map(({id, epoch, replicas, shard}) => {
    const owner = {database: 1 as DatabaseId, bucket: 1 as BucketId, shard};
    const value = {id, epoch, ...owner, state: 'open', founders: [], createdAtVersion: 1} as const;
    return {kind: 'replica-set', id, value: {...value, replicas}} as const;
  });
  const nodes = [1, 2, 3, 4].map((id) => ({kind: 'node', id, value: node(id)}) as const);
  const changes = [{kind: 'cluster', id: 0, value: cluster} as const, ...nodes, ...sets];
  catalog.applyUpdate({version: 1, changes});
  return catalog;
}

test('of each set without a majority the most advanced log is taken, and what is lost is said', () => {
  const sets = [
    view(1, [replica(1), replica(2), replica(3, open(4, 20))]),
    view(2, [replica(1), replica(3, open(4, 20)), replica(4, open(4, 21))]),
    view(3, [replica(1), replica(2, {state: 'missing'}), replica(3, open(0, 0))]),
    view(4, [replica(1), replica(2), replica(3, {state: 'stopped', stopped: 'why'})]),
    view(5, [replica(1), replica(2), ...[3, 4, 5].map((on) => replica(on, {role: 'learner'}))]),
  ];
  const learner = replica(4, {...open(5, 9), role: 'learner'});
  sets.push(view(6, [replica(1), replica(2), replica(3, open(4, 20)), learner]));
  const plan = planRecovery(catalogOf(sets), facts(sets), 0);
  expect(plan.lost.map((one) => one.node)).toEqual(SILENT);
  expect(plan.setsKept).toBe(1);
  expect(plan.sets.map(({set, action, node: on}) => [set, action, on])).toEqual([
    [1, 'take-over', 3],
    [3, 'begin-empty', 4],
    [4, 'none', undefined],
    [5, 'begin-empty', 4],
    [6, 'take-over', 4],
  ]);
  expect(plan.sets[0]?.loses).toBe(
    'writes behind entry 20 that only nodes 1, 2 confirmed; 2 entries before it count now, confirmed or not',
  );
});

test('who votes the group itself knows best: the placement may be older, or have lost its dead', () => {
  const voting = (configIndex: number, ...majorities: number[][]) => {
    return {voting: {configIndex, majorities: majorities as ReplicaId[][]}};
  };
  const of = (on: number, known: object) => replica(on, {...open(4, 20), ...known});
  const sets = [
    // One that was moved away answers, and counts no more.
    view(1, [of(3, voting(9, [11, 13, 14])), of(4, voting(12, [11, 12, 14]))]),
    view(2, [of(3, voting(9, [11, 13, 14])), of(4, voting(9, [11, 13, 14]))]),
    // In a joint configuration a majority of each half is needed.
    view(3, [of(3, voting(9, [13, 14, 15], [11, 12, 13])), of(4, voting(9, [13, 14, 15]))]),
    view(4, [replica(1), of(3, voting(9, [13]))]),
  ];
  const plan = planRecovery(catalogOf(sets), facts(sets), 0);
  expect(plan.sets.map(({set, action}) => [set, action])).toEqual([
    [1, 'take-over'],
    [3, 'take-over'],
  ]);
});

test('a set whose last copy is damaged begins anew, by order, though that copy leads', async () => {
  const damaged = {...open(4, 20), role: 'voter', state: 'leader', damaged: true} as const;
  const last = {...view(1, [replica(3, damaged)]), leader: 3 as NodeId};
  const held = {
    ...view(2, [replica(3, damaged), replica(4, {...open(4, 19), lag: 1, role: 'learner'})]),
  };
  const sets = [last, {...held, leader: 3 as NodeId}];
  const plan = planRecovery(catalogOf(sets), facts(sets), 0);
  expect(plan.sets).toMatchObject([{set: 1, action: 'begin-empty', node: 4}]);
  expect(plan.sets[0]!.loses).toMatch(/^all of its rows: the last copy, on node 3, is damaged/);
  const {recovery: it, proposed} = recovery(sets);
  const ordered = [1, 2].map((set) => ({set, epoch: 3, node: 4}));
  const answer = await it.apply({cluster: 'c', lost: [], sets: ordered});
  expect(answer).toMatchObject({recovered: [{set: 1}], skipped: [{set: 2}]});
  expect(proposed).toContainEqual(expect.objectContaining({set: 1, node: 4, replica: undefined}));
});

function recovery(sets: readonly ReplicaSetView[], heard: readonly number[] = []) {
  const catalog = catalogOf(sets);
  const proposed: Command[] = [];
  const recovery = new Recovery({
    access: {catalog} as unknown as CatalogAccess,
    view: {facts: async () => facts(sets, heard)},
    clock: {wallMs: () => 7, monotonicMs: () => 0} as unknown as RecoveryDeps['clock'],
    meta: {
      propose: (async (command: Command) => {
        proposed.push(command);
        return {epoch: 4, replica: 99};
      }) as unknown as RecoveryDeps['meta']['propose'],
    },
  });
  return {recovery, proposed};
}

test('it is refused where a node that should be lost answers, or the plan is of another cluster', async () => {
  const sets = [view(1, [replica(1), replica(2), replica(3, open(4, 20))])];
  const {recovery: it, proposed} = recovery(sets);
  const order = {cluster: 'c', lost: [1, 3], sets: []};
  await expect(it.apply(order)).rejects.toThrow('node 3 answers: it is not lost');
  await expect(it.apply({...order, cluster: 'd'})).rejects.toMatchObject({code: 'CONFLICT'});
  expect(proposed).toEqual([]);
});

test('it is refused where another node hears one that does not answer here', async () => {
  const led = {...view(1, [replica(1), replica(2), replica(3, open(4, 20))]), leader: 3 as NodeId};
  const {recovery: it, proposed} = recovery([led], [2, 4]);
  const refused = it.apply({cluster: 'c', lost: SILENT, sets: []});
  await expect(refused).rejects.toThrow('node 2 is heard by node 3: it is not lost');
  expect(proposed).toEqual([]);
});

test('nodes are declared lost before anything goes on without them; a set that is led stays', async () => {
  const led = {...view(2, [replica(3, open(4, 2))]), leader: 3 as NodeId};
  const sets = [view(1, [replica(1), replica(2), replica(3, open(4, 20))]), led];
  const {recovery: it, proposed} = recovery(sets);
  const wanted = {epoch: 3, node: 3, replica: 13, lastIndex: 20};
  const ordered = [1, 2].map((set) => ({set, ...wanted}));
  const answer = await it.apply({cluster: 'c', lost: SILENT, sets: ordered});
  expect(proposed.map(({type}) => type)).toEqual(['declare-lost', 'recover-replica-set']);
  expect(answer).toMatchObject({
    recovered: [{set: 1, replica: 99}],
    skipped: [{set: 2, why: 'it is led: nothing of it is lost'}],
  });
});

/** A meta group that dies at a command, before or after it was committed; each time once. */
function dyingMeta(machine: CatalogMachine, deaths: readonly ('before' | 'after' | undefined)[]) {
  let calls = 0;
  const propose = async (command: Command): Promise<unknown> => {
    const death = deaths[calls++];
    if (death === 'before') throw new DbError('META_UNAVAILABLE', 'killed');
    const {result} = machine.apply(command, machine.catalog.version + 1);
    if (death === 'after') throw new DbError('OUTCOME_UNKNOWN', 'killed');
    if (!result.ok) throw new DbError(result.error.code, result.error.message);
    return result.value;
  };
  return propose as unknown as RecoveryDeps['meta']['propose'];
}

test.each(
  [0, 1, 2, 3, 4].flatMap((at) => [
    [at, 'before'],
    [at, 'after'],
  ]) as [number, 'before' | 'after'][],
)('killed at command %i, %s it is committed, the same plan goes on', async (at, when) => {
  const sets = [
    view(1, [replica(1), replica(2), replica(3, open(4, 20))]),
    view(2, [replica(1), replica(2)]),
    view(3, [replica(1), replica(2), replica(4, open(4, 7))]),
    // By its placement it has a majority without them.
    view(4, [
      replica(1),
      replica(3, {...open(4, 7), voting: {configIndex: 9, majorities: [[11, 12, 13]] as never}}),
      replica(4, open(4, 6)),
    ]),
  ];
  const counters = {node: 5, tenant: 1, database: 2, table: 1, bucket: 2, operation: 1, token: 1};
  const snapshot = catalogOf(sets).snapshot();
  const machine = new CatalogMachine({
    catalog: snapshot,
    counters: {...counters, replicaSet: 5, replica: 100},
  });
  const plan = planRecovery(machine.catalog, facts(sets), 0);
  const {cluster} = plan;
  const order = {
    ...{cluster, lost: plan.lost.map((one) => one.node)},
    sets: plan.sets.map(({set, epoch, node: on, replica: of, lastIndex}) => {
      return {set, epoch, node: on, replica: of, lastIndex};
    }),
  };
  const deaths = Array.from({length: at + 1}, (_, i) => (i === at ? when : undefined));
  const recovering = new Recovery({
    access: {catalog: machine.catalog} as unknown as CatalogAccess,
    view: {facts: async () => facts(sets)},
    clock: {wallMs: () => 7, monotonicMs: () => 0} as unknown as RecoveryDeps['clock'],
    meta: {propose: dyingMeta(machine, deaths)},
  });
  await expect(recovering.apply(order)).rejects.toThrow('killed');
  const answer = (await recovering.apply(order)) as {recovered: object[]; skipped: object[]};
  expect(answer.skipped).toEqual([]);
  expect(answer.recovered).toHaveLength(4);
  // Each once: an id for each set, and the epoch of one change.
  expect(machine.snapshot().counters.replica).toBe(104);
  for (const {id, epoch, replicas} of machine.catalog.replicaSets())
    expect({epoch, count: replicas.length}).toEqual({epoch: id === 4 ? 5 : 4, count: 1});
});
