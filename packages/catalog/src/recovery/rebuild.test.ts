import type {DatabaseId, NodeId, ReplicaId, ReplicaSetId, TableId} from '@flotilla/base';
import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {Catalog} from '../catalog.ts';
import {DAY, id, must, type runner} from '../machine/catalog-machine.fixture.ts';
import {CatalogMachine, type MachineSnapshot} from '../machine/catalog-machine.ts';
import {trialMachine} from '../machine/trial.ts';
import type {Counters} from '../model.ts';
import {planNext} from '../planning/reconcile.ts';
import type {NodeReport} from '../planning/reports.ts';
import type {NodeEvidence} from './evidence.ts';
import {isPassedOver} from './passed-over.ts';
import {evidenceOf, foundedNow} from './rebuild.fixture.ts';
import {rebuildCatalog} from './rebuild.ts';

type Run = ReturnType<typeof runner>;

const voter = (node: number) => ({node: id<NodeId>(node), role: 'voter' as const});
const DATABASE = {database: id<DatabaseId>(1)};

function makeBucket(run: Run, day: number, shards = 2, database = DATABASE.database): void {
  const startMs = day * DAY;
  const placements = Array.from({length: shards}, () => [voter(1), voter(2), voter(3)]);
  const range = {timeMs: startMs, startMs, endMs: startMs + DAY, placements};
  must(run({type: 'ensure-bucket', database, ...range}));
}

function move(run: Run, catalog: Catalog, set: ReplicaSetId, from: number, to: number): void {
  const {epoch, replicas} = catalog.replicaSet(set)!;
  const remove = replicas.filter(({node}) => node === from).map(({replica}) => replica);
  const change = {add: [voter(to)], remove, roles: []};
  must(run({type: 'set-placement', set, expectedEpoch: epoch, ...change}));
}

function rebuilt(
  state: MachineSnapshot,
  evidence: readonly NodeEvidence[],
  lost: readonly number[] = [],
) {
  const result = rebuildCatalog(state, {evidence, lost: lost as readonly NodeId[], atMs: 9});
  return {...result, catalog: Catalog.fromSnapshot(result.machine.catalog)};
}

const everybody = (catalog: Catalog): NodeEvidence[] =>
  [...catalog.nodes()].map((node) => evidenceOf(catalog, node.id));

describe('what was made behind the catalog that is left', () => {
  test('buckets, their sets and a database come back with what their replicas tell', () => {
    const {machine, run} = foundedNow();
    makeBucket(run, 1);
    const before = machine.snapshot();
    must(run({type: 'create-database', tenant: 'default', name: 'late', options: {replicas: 1}}));
    const late = [...machine.catalog.databases()].at(-1)!.id;
    makeBucket(run, 2);
    makeBucket(run, 3, 1, late);
    const {catalog, found, unknown} = rebuilt(before, everybody(machine.catalog));
    for (const database of [DATABASE.database, late]) {
      expect(catalog.buckets(database)).toEqual(machine.catalog.buckets(database));
    }
    for (const {id: set, replicas, founders} of machine.catalog.replicaSets())
      expect(catalog.replicaSet(set)).toMatchObject({replicas, founders, state: expect.anything()});
    expect(catalog.database(late)?.name).toBe('late');
    expect(found.join('\n')).toContain('database late of tenant default was made since');
    expect(unknown.join('\n')).toContain('database late: its options');
  });

  test('a set follows the members that its group has now; those of nobody are on a lost node', () => {
    const {machine, run} = foundedNow();
    makeBucket(run, 1, 1);
    const before = machine.snapshot();
    const [set] = machine.catalog.replicaSets();
    move(run, machine.catalog, set!.id, 2, 4);
    const now = machine.catalog.replicaSet(set!.id)!;
    const all = rebuilt(before, [evidenceOf(machine.catalog, id(3))], [4]);
    expect(all.catalog.replicaSet(set!.id)?.replicas).toEqual(now.replicas);
    expect(all.catalog.replicaSet(set!.id)?.epoch).toBeGreaterThan(set!.epoch);
    expect(all.unknown).toEqual([expect.stringContaining('taken to be lost node 4')]);
    const none = rebuilt(before, [evidenceOf(machine.catalog, id(3))]);
    expect(none.catalog.replicaSet(set!.id)?.replicas.map(({node}) => node)).toEqual([1, 3]);
    expect(none.unknown).toEqual([expect.stringContaining('the node of its replica')]);
  });

  test('where all members are lost, what was one before has a place, for a person to choose', () => {
    const {machine, run} = foundedNow();
    makeBucket(run, 1, 1);
    const before = machine.snapshot();
    const [set] = machine.catalog.replicaSets();
    const old = evidenceOf(machine.catalog, id(2));
    move(run, machine.catalog, set!.id, 2, 4);
    const {configuration} = evidenceOf(machine.catalog, id(4)).replicas[0]!;
    const here = {...old, replicas: [{...old.replicas[0]!, configuration, configIndex: 99}]};
    const left = {replica: old.replicas[0]!.replica, node: 2, role: 'learner'};
    for (const state of [before, machine.snapshot()]) {
      const {catalog, unknown} = rebuilt(state, [here], [1, 3, 4]);
      const {replicas} = catalog.replicaSet(set!.id)!;
      expect(replicas.filter(({role}) => role === 'voter').map(({node}) => node)).toEqual([
        1, 3, 4,
      ]);
      expect(replicas).toContainEqual(left);
      expect(unknown.join('\n')).toContain('no member any more');
    }
    // With a member left it is none.
    const {catalog} = rebuilt(machine.snapshot(), [here], [1, 3]);
    expect(catalog.replicaSet(set!.id)?.replicas.map(({node}) => node)).toEqual([1, 3, 4]);
  });

  test('an old configuration is no news: what the catalog has taken away stays away', () => {
    const {machine, run} = foundedNow();
    makeBucket(run, 1, 1);
    const old = evidenceOf(machine.catalog, id(2));
    const [set] = machine.catalog.replicaSets();
    move(run, machine.catalog, set!.id, 2, 4);
    const {catalog, found} = rebuilt(machine.snapshot(), [old]);
    expect(catalog.replicaSet(set!.id)).toEqual(machine.catalog.replicaSet(set!.id));
    expect(found).toEqual([]);
  });

  test('a bucket of which only some sets are here has the others without a replica, and says so', () => {
    const {machine, run} = foundedNow();
    const before = machine.snapshot();
    makeBucket(run, 1, 3);
    const evidence = evidenceOf(machine.catalog, id(1));
    const replicas = evidence.replicas.filter(({birth}) => birth?.place?.shard === 1);
    const {catalog, unknown} = rebuilt(before, [{...evidence, replicas}]);
    const [bucket] = catalog.buckets(DATABASE.database);
    expect(bucket!.replicaSets).toEqual(machine.catalog.bucket(bucket!.id)!.replicaSets);
    const counts = bucket!.replicaSets.map((set) => catalog.replicaSet(set)!.replicas.length);
    expect(counts).toEqual([0, 1, 0]);
    expect(unknown.filter((line) => line.includes('no replica is here'))).toHaveLength(2);
  });

  test('a replica of an older build, and one whose bucket overlaps, are left alone and told of', () => {
    const {machine, run} = foundedNow();
    const before = machine.snapshot();
    makeBucket(run, 1, 1);
    const evidence = evidenceOf(machine.catalog, id(1));
    const birth = {...evidence.replicas[0]!.birth!, place: undefined};
    const old = rebuilt(before, [{...evidence, replicas: [{...evidence.replicas[0]!, birth}]}]);
    expect(old.unknown).toEqual([expect.stringContaining('the bucket and the shard')]);
    const {machine: other, run: runOther} = foundedNow();
    makeBucket(runOther, 1, 1);
    must(runOther({type: 'create-table', database: DATABASE.database, table: table('x')}));
    const set = id<ReplicaSetId>(77);
    const moved = {...evidence, replicas: [{...evidence.replicas[0]!, set}]};
    const overlapping = rebuilt(other.snapshot(), [moved]);
    expect(overlapping.unknown.join('\n')).toContain('overlaps bucket');
    expect(overlapping.catalog.replicaSet(set)).toBeUndefined();
    // Kept on its node all the same.
    expect(isPassedOver(overlapping.catalog, 'replicaSet', set)).toBe(true);
  });

  test.each([
    ['the bucket', 0],
    ['the one that it replaced', 1],
    ['nothing of it', 2],
  ])('a set that replaced another has its place, where the catalog knew %s', (_, known) => {
    const {machine, run} = foundedNow();
    const states = [machine.snapshot()];
    makeBucket(run, 1, 3);
    states.unshift(machine.snapshot());
    const [bucket] = machine.catalog.buckets(DATABASE.database);
    const old = bucket!.replicaSets[1]!;
    // A node that was away then still has its replica.
    const left = evidenceOf(machine.catalog, id(3));
    const replaceSet = (set: ReplicaSetId) => {
      must(run({type: 'open-replica-sets', sets: [set]}));
      const kind = 'destroy-replica-set';
      const order = {type: 'create-operation', kind, replicaSet: set, startedBy: 'ann'} as const;
      const {operation} = must(run({...order, atMs: 3}));
      const placement = [voter(1), voter(2), voter(4)];
      const fence = {set, expectedEpoch: 1, operation};
      const {set: next} = must(run({type: 'replace-replica-set', ...fence, placement}));
      const done = {operation, expectedStep: 'replace', state: 'done', atMs: 4} as const;
      must(run({type: 'update-operation', ...done}));
      must(run({type: 'forget-replica-sets', sets: [set]}));
      return next;
    };
    must(run({type: 'create-table', database: DATABASE.database, table: table('x')}));
    const named = {database: DATABASE.database, name: 'x', atMs: 3, purgeAtMs: DAY};
    must(run({type: 'drop-table', ...named}));
    const first = replaceSet(old);
    states.splice(1, 0, machine.snapshot());
    const last = replaceSet(first);
    const evidence = [1, 2, 4].map((node) => evidenceOf(machine.catalog, id(node)));
    const {catalog} = rebuilt(states[known]!, [...evidence, left]);
    const now = machine.catalog.bucket(bucket!.id)!;
    expect(catalog.bucket(bucket!.id)!.replicaSets).toEqual(now.replicaSets);
    expect(now.replicaSets[1]).toBe(last);
    const {replicas, founders, deadTables} = machine.catalog.replicaSet(last)!;
    expect(catalog.replicaSet(last)).toMatchObject({replicas, founders, deadTables, shard: 1});
    expect(catalog.replicaSet(old)?.state ?? 'gone').toMatch(/dropping|gone/);
  });

  test('a table that nobody can name, one that was purged, dropped columns and a new node are told of', () => {
    const {machine, run} = foundedNow();
    makeBucket(run, 1, 1);
    must(run({type: 'create-table', database: DATABASE.database, table: table('gone')}));
    must(run({type: 'create-table', database: DATABASE.database, table: table('kept')}));
    const [gone, kept] = machine.catalog.tables(DATABASE.database);
    const evidence = evidenceOf(machine.catalog, id(1));
    const seen = {
      ...evidence.replicas[0]!,
      tables: [{table: id<TableId>(900), rowCount: 12}],
      purgedTables: [gone!.id],
      deadColumns: [{table: kept!.id, columns: [kept!.columns[0]!.id]}],
    };
    const other = {...evidence, node: id<NodeId>(9), address: 'n9:8902', replicas: []};
    const {catalog, found, unknown} = rebuilt(machine.snapshot(), [
      {...evidence, replicas: [seen]},
      other,
    ]);
    expect(unknown.join('\n')).toContain('table 900 of database public');
    expect(unknown.join('\n')).toContain('(12 in replica sets 1)');
    expect(catalog.table(gone!.id)).toMatchObject({columns: [], purgedAtMs: 9});
    expect(catalog.tableByName(DATABASE.database, 'gone')).toBeUndefined();
    expect(catalog.columnByName(kept!.id, 'host')).toBeUndefined();
    expect(catalog.table(kept!.id)?.deadColumns).toEqual([kept!.columns[0]!.id]);
    expect(catalog.node(id(9))).toMatchObject({address: 'n9:8902', state: 'active'});
    expect(found).toHaveLength(3);
  });
});

function table(name: string) {
  return {name, tags: ['host'], fields: [{name: 'v', type: 'float' as const}]};
}

test('a replica of a set that the lost members may have made is not destroyed for being unknown', () => {
  const {machine, run} = foundedNow();
  makeBucket(run, 1, 1);
  const {machine: state} = rebuilt(machine.snapshot(), []);
  const after = new CatalogMachine(state);
  const report = (set: number): [NodeId, NodeReport] => {
    const configuration = {voters: [], votersOutgoing: [], learners: [], learnersNext: []};
    const replica = {
      ...{set: id<ReplicaSetId>(set), replica: id<ReplicaId>(50), role: 'stopped' as const},
      ...{term: 0, appliedIndex: 0, lastIndex: 0, configIndex: 0, durable: true, written: false},
      configuration: {...configuration, autoLeave: false},
    };
    const replicas = new Map([[replica.replica, replica]]);
    return [id(1), {node: id(1), live: true, clockOffsetMs: 0, diskFree: 1, replicas}];
  };
  const destroyed = (set: number): number =>
    planNext(after.catalog, new Map([report(set)]), 1_000).filter(
      ({type}) => type === 'destroy-replica',
    ).length;
  expect(destroyed(state.counters.replicaSet - 1)).toBe(0);
  expect(destroyed(machine.snapshot().counters.replicaSet)).toBe(0);
  expect(destroyed(state.counters.replicaSet)).toBe(1);
});

test('a copy from right after a recovery, which has no counters, passes over more', () => {
  const {machine, run} = foundedNow();
  makeBucket(run, 1, 1);
  const first = rebuilt(machine.snapshot(), []);
  const copy = trialMachine(first.catalog).snapshot();
  const second = rebuilt(copy, []);
  for (const kind of Object.keys(first.machine.counters) as (keyof Counters)[])
    expect(second.machine.counters[kind]).toBeGreaterThan(first.machine.counters[kind]);
});

interface Step {
  readonly kind: 'bucket' | 'move' | 'column' | 'database';
  readonly a: number;
  readonly b: number;
}

function carryOut(run: Run, catalog: Catalog, {kind, a, b}: Step, number: number): void {
  if (kind === 'bucket') makeBucket(run, number, 1 + (a % 3));
  if (kind === 'database')
    must(run({type: 'create-database', tenant: 'default', name: `d${number}`, options: {}}));
  if (kind === 'column') {
    const fields = [{name: `f${number}`, type: 'float' as const}];
    const tables = [{name: `t${a % 2}`, tags: [], fields}];
    must(run({type: 'ensure-tables', ...DATABASE, tables}));
  }
  const sets = [...catalog.replicaSets()];
  const set = kind === 'move' ? sets[a % Math.max(1, sets.length)] : undefined;
  if (set === undefined) return;
  const from = set.replicas[b % set.replicas.length]!.node;
  const to = [1, 2, 3, 4].find((node) => !set.replicas.some((one) => one.node === node));
  move(run, catalog, set.id, from, to!);
}

/** Wherever it is cut off, and whichever nodes are left. */
test('every replica that is left has its place, and no id is given out twice', () => {
  const step = fc.record({
    kind: fc.constantFrom<Step['kind']>('bucket', 'move', 'move', 'column', 'database'),
    a: fc.nat(20),
    b: fc.nat(20),
  });
  const property = fc.property(
    fc.array(step, {maxLength: 25}),
    fc.nat(25),
    fc.uniqueArray(fc.integer({min: 1, max: 4}), {minLength: 1}),
    (steps, cut, left) => {
      const {machine, run} = foundedNow();
      let before = machine.snapshot();
      for (const [i, each] of steps.entries()) {
        carryOut(run, machine.catalog, each, i + 1);
        if (i < cut) before = machine.snapshot();
      }
      const truth = machine.catalog;
      const evidence = left.map((node) => evidenceOf(truth, id(node)));
      const lost = [1, 2, 3, 4].filter((node) => !left.includes(node));
      const {catalog, machine: state} = rebuilt(before, evidence, lost);
      for (const {node, replicas} of evidence)
        for (const {set, replica} of replicas)
          expect(catalog.replicaSet(set)?.replicas).toContainEqual(
            expect.objectContaining({node, replica}),
          );
      const next = machine.snapshot().counters;
      for (const kind of Object.keys(next) as (keyof Counters)[])
        expect(state.counters[kind]).toBeGreaterThanOrEqual(next[kind]);
      noColumnTwice(truth, new CatalogMachine(state));
    },
  );
  fc.assert(property, {numRuns: 150});
});

/** A column that is made now has an id that no column of the table has had. */
function noColumnTwice(truth: Catalog, machine: CatalogMachine): void {
  for (const {id: known, name} of machine.catalog.tables(DATABASE.database)) {
    const fields = [{name: 'new', type: 'float' as const}];
    const command = {type: 'ensure-tables', ...DATABASE} as const;
    const tables = [{name, tags: [], fields}];
    must(machine.apply({...command, tables}, machine.catalog.version + 1).result);
    const made = machine.catalog.columnByName(known, 'new')!.id;
    const had = truth.table(known)!.columns.map((column) => column.id);
    expect(made).toBeGreaterThan(Math.max(0, ...had));
  }
}
