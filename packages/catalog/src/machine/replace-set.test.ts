// Goal: a replica set is replaced whole or not at all, by the operation that destroys it, and the new one begins
// with what is dead by then.

import type {DatabaseId, NodeId, OperationId, ReplicaSetId} from '@flotilla/base';
import {beforeEach, describe, expect, test} from 'vitest';
import {code, DAY, founded, id, must, type runner} from './catalog-machine.fixture.ts';
import type {CatalogMachine} from './catalog-machine.ts';

const PUBLIC = id<DatabaseId>(1);
const OLD = id<ReplicaSetId>(2);
const voter = (node: number) => ({node: id<NodeId>(node), role: 'voter' as const});
const placement = [voter(4), voter(1), voter(2)];

let machine: CatalogMachine;
let run: ReturnType<typeof runner>;

/** A bucket of the sets 1 to 3, and dead ids that came after it. */
beforeEach(() => {
  ({machine, run} = founded());
  createTable('old');
  createTable('cpu');
  drop('old');
  const placements = [1, 2, 3].map(() => [voter(1), voter(2), voter(3)]);
  must(
    run({
      type: 'ensure-bucket',
      database: PUBLIC,
      timeMs: 0,
      startMs: 0,
      endMs: DAY,
      placements,
    }),
  );
  must(run({type: 'open-replica-sets', sets: [1, 2, 3].map((set) => id<ReplicaSetId>(set))}));
});

function createTable(name: string): void {
  const fields = [
    {name: 'v', type: 'float' as const},
    {name: 'w', type: 'float' as const},
  ];
  must(run({type: 'create-table', database: PUBLIC, table: {name, tags: ['host'], fields}}));
}

function drop(name: string): void {
  must(run({type: 'drop-table', database: PUBLIC, name, atMs: 1, purgeAtMs: DAY}));
}

function begin(replicaSet = OLD): OperationId {
  const kind = 'destroy-replica-set';
  return must(run({type: 'create-operation', kind, replicaSet, startedBy: 'ann', atMs: 5}))
    .operation;
}

function replace(operation: OperationId, changes: {expectedEpoch?: number; set?: number} = {}) {
  const {expectedEpoch = 1, set = OLD} = changes;
  const command = {type: 'replace-replica-set', set: id<ReplicaSetId>(set)} as const;
  return run({...command, expectedEpoch, operation, placement});
}

const setOf = (set: number) => machine.catalog.replicaSet(id<ReplicaSetId>(set));

describe('an empty set', () => {
  test('has the place of the old one in the bucket, new replica ids, and the wishes for that one', () => {
    must(run({type: 'set-replica-set-failover', set: OLD, failover: 'manual'}));
    const before = setOf(OLD)!;
    const {set} = must(replace(begin()));
    expect(set).toBe(4);
    const [bucket] = machine.catalog.buckets(PUBLIC);
    expect(bucket!.replicaSets).toEqual([1, 4, 3]);
    expect(setOf(OLD)).toEqual({...before, state: 'dropping'});
    const made = setOf(4)!;
    expect(made).toMatchObject({
      ...{bucket: bucket!.id, database: PUBLIC, shard: 1, epoch: 1, state: 'creating'},
      ...{replaces: OLD, failover: 'manual'},
    });
    expect(made.replicas.map(({node}) => node)).toEqual([4, 1, 2]);
    const used = [1, 2, 3].flatMap((one) => setOf(one)!.replicas.map(({replica}) => replica));
    expect(Math.min(...made.replicas.map(({replica}) => replica))).toBeGreaterThan(
      Math.max(...used),
    );
    expect(made.founders).toEqual(made.replicas.map(({replica}) => replica));
  });

  test('begins with what is dead when it is made; the others of its bucket as they were', () => {
    drop('cpu');
    createTable('mem');
    const change = {kind: 'drop-column', name: 'w'} as const;
    must(run({type: 'alter-table', database: PUBLIC, name: 'mem', change}));
    must(replace(begin()));
    const [bucket] = machine.catalog.buckets(PUBLIC);
    const ids = machine.catalog.droppedTables(PUBLIC).map((table) => table.id);
    expect(ids).toHaveLength(2);
    expect(bucket!.deadTables).toHaveLength(1);
    expect(bucket!.deadColumns).toBeUndefined();
    expect([...setOf(4)!.deadTables!].sort()).toEqual(ids.sort());
    const mem = machine.catalog.tableByName(PUBLIC, 'mem')!.id;
    expect(setOf(4)!.deadColumns).toMatchObject([{table: mem}]);
  });

  test('is replaced in its turn', () => {
    must(replace(begin()));
    must(run({type: 'open-replica-sets', sets: [id<ReplicaSetId>(4)]}));
    must(replace(begin(id(4)), {set: 4}));
    expect(machine.catalog.buckets(PUBLIC)[0]!.replicaSets).toEqual([1, 5, 3]);
    expect(setOf(5)).toMatchObject({replaces: 4});
  });
});

describe('nothing is replaced', () => {
  const unchanged = (act: () => unknown) => {
    const before = machine.snapshot();
    act();
    const after = machine.snapshot();
    expect(after.counters).toEqual(before.counters);
    expect(after.catalog.changes).toEqual(before.catalog.changes);
  };

  test('twice, by an older view, or once the operation is cancelled', () => {
    const operation = begin();
    unchanged(() => expect(code(replace(operation, {expectedEpoch: 2}))).toBe('CONFLICT'));
    unchanged(() => expect(code(replace(operation, {set: 99}))).toBe('NOT_FOUND'));
    unchanged(() => expect(code(replace(operation, {set: 0}))).toBe('NOT_FOUND'));
    const update = {type: 'update-operation', operation, expectedStep: 'replace', atMs: 6} as const;
    must(run({...update, state: 'cancelling'}));
    unchanged(() => expect(code(replace(operation))).toBe('CONFLICT'));
    must(run({...update, state: 'cancelled'}));
    unchanged(() => expect(code(replace(operation))).toBe('CONFLICT'));
    const again = begin();
    must(replace(again));
    unchanged(() => expect(code(replace(again))).toBe('CONFLICT'));
  });

  test('by an operation of another kind or on another set', () => {
    const other = begin(id(1));
    unchanged(() => expect(code(replace(other))).toBe('CONFLICT'));
    const checksum = {type: 'create-operation', kind: 'checksum', startedBy: 'ann'} as const;
    const {operation} = must(run({...checksum, replicaSet: OLD, atMs: 5}));
    unchanged(() => expect(code(replace(operation))).toBe('CONFLICT'));
  });

  test('by a set that could not be', () => {
    const operation = begin();
    const even = {type: 'replace-replica-set', set: OLD, expectedEpoch: 1, operation} as const;
    unchanged(() => {
      expect(code(run({...even, placement: [voter(1), voter(2)]}))).toBe('INVALID_ARGUMENT');
      expect(code(run({...even, placement: []}))).toBe('INVALID_ARGUMENT');
      expect(code(run({...even, placement: [voter(9)]}))).toBe('NOT_FOUND');
    });
  });
});

test.each<[string, number, () => void, string]>([
  ['the meta group', 0, () => undefined, 'CONFLICT'],
  ['a set that nobody knows', 99, () => undefined, 'NOT_FOUND'],
  ['one on which an operation runs', 2, () => void begin(), 'CONFLICT'],
  ['one that is destroyed already', 2, () => void must(replace(begin())), 'NOT_FOUND'],
  ['one that is not open yet', 4, () => void must(replace(begin())), 'CONFLICT'],
  [
    'one of a dropped database',
    2,
    () => {
      const named = {tenant: 'default', name: 'public'};
      must(run({type: 'drop-database', ...named, atMs: 1, purgeAtMs: DAY}));
    },
    'CONFLICT',
  ],
])('%s is not destroyed', (_, replicaSet, prepare, expected) => {
  prepare();
  const order = {type: 'create-operation', kind: 'destroy-replica-set'} as const;
  const set = id<ReplicaSetId>(replicaSet);
  expect(code(run({...order, replicaSet: set, startedBy: 'ann', atMs: 5}))).toBe(expected);
});
