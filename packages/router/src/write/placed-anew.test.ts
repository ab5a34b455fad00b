// Rows whose table, column or bucket goes while they are on their way: placed anew, and written once.

import {DbError} from '@flotilla/base';
import {TABLES_NAMED_SINCE} from '@flotilla/catalog';
import type {Share} from '@flotilla/column';
import {beforeEach, expect, test} from 'vitest';
import {DATABASE, NODES} from '../fakes.fixture.ts';
import {batchOf, longBatch, type Received, WriteTrial} from './write-trial.fixture.ts';

const DROP_CPU = {
  type: 'drop-table',
  database: DATABASE,
  name: 'cpu',
  atMs: 0,
  purgeAtMs: 1e9,
} as const;

let trial: WriteTrial;
beforeEach(() => {
  trial = new WriteTrial();
});

test('rows refused for a dropped table are written to the table of that name', async () => {
  trial.cluster.addBucket(0, 4);
  trial.dropUnderway('cpu', 1);
  const outcome = await trial.write(batchOf(['cpu', 'mem'], 12));
  expect(outcome).toMatchObject({writtenRows: 24, rejectedLines: 0});
  expect(outcome.sets.every(({outcome: what}) => what === 'written')).toBe(true);
  expect(trial.valuesReceived('cpu')).toEqual(Array.from({length: 12}, (_, i) => i));
  expect(trial.valuesReceived('mem')).toEqual(Array.from({length: 12}, (_, i) => i + 100));
});

test('rows refused for a dropped column are written to a new column of that name', async () => {
  trial.cluster.addBucket(0, 4);
  let isDropped = false;
  trial.take = (share) => {
    if (!isDropped) {
      isDropped = true;
      const change = {kind: 'drop-column', name: 'v'} as const;
      const added = {
        kind: 'add-column',
        column: {name: 'w', kind: 'field', type: 'float'},
      } as const;
      for (const each of [added, change])
        trial.cluster.apply({type: 'alter-table', database: DATABASE, name: 'cpu', change: each});
    }
    for (const {table, columns} of share.tables) {
      const dead = trial.cluster.catalog.table(table)?.deadColumns ?? [];
      const column = columns.find((each) => dead.includes(each.column))?.column;
      if (column !== undefined) throw new DbError('TABLE_NOT_FOUND', 'dropped', {table, column});
    }
  };
  const outcome = await trial.write(batchOf(['cpu'], 12));
  expect(outcome).toMatchObject({writtenRows: 12, rejectedLines: 0});
  const {columns} = trial.cluster.catalog.tableByName(DATABASE, 'cpu')!;
  expect(columns.map(({id, name}) => [id, name])).toEqual([
    [1, 'host'],
    [3, 'w'],
    [4, 'v'],
  ]);
  const written = trial.received.flatMap(({share}) =>
    share.tables.flatMap((table) => table.columns),
  );
  expect(new Set(written.map(({column}) => column))).toEqual(new Set([4]));
  expect(trial.valuesReceived('cpu')).toEqual(Array.from({length: 12}, (_, i) => i));
});

test('what is placed anew has a sequence and a key of its own', async () => {
  trial.cluster.addBucket(0, 1);
  trial.dropUnderway('cpu', 1);
  const seen: Share[] = [];
  const refuse = trial.take;
  trial.take = (share) => {
    seen.push(share);
    refuse(share);
  };
  await trial.write(batchOf(['cpu'], 3), 'k');
  // It is of another table, so it has another name too.
  expect(new Set(seen.map(({idempotencyKey}) => idempotencyKey)).size).toBe(2);
  for (const {idempotencyKey} of seen) expect(idempotencyKey).toMatch(/^k\0./);
  expect(seen[0]!.router.sequence).not.toBe(seen[1]!.router.sequence);
});

test('a key is applied once though a drop came between, and the client sends again', async () => {
  trial.cluster.addBucket(0, 4);
  trial.dropUnderway('cpu', 1);
  await trial.write(batchOf(['cpu'], 12), 'k');
  const once = trial.valuesReceived('cpu');
  expect(once.length).toBe(12);
  const keyOf = ({set, share}: Received) => `${set} ${share.idempotencyKey}`;
  const applied = new Set(trial.received.map(keyOf));
  trial.received = [];
  await trial.write(batchOf(['cpu'], 12), 'k');
  expect(trial.received.filter((each) => !applied.has(keyOf(each)))).toEqual([]);
});

test('rows beside those of a table that is made again between two tries are applied once', async () => {
  trial.cluster.addBucket(0, 2);
  await trial.write(batchOf(['cpu', 'mem', 'net'], 12), 'k');
  trial.cluster.apply(DROP_CPU);
  await trial.write(batchOf(['cpu', 'mem', 'net'], 12), 'k');
  for (const table of ['cpu', 'mem', 'net'])
    expect(trial.appliedValues(table), table).toHaveLength(12);
});

test('so are those of a body in pieces: how those of a table are cut depends on that table alone', async () => {
  trial.cluster.addBucket(0, 2);
  const [long] = longBatch(7).tables;
  const [mem] = batchOf(['mem'], 12).tables;
  const body = {...longBatch(7), tables: [{...long!, table: 'cpu'}, mem!, long!], rowCount: 26};
  await trial.write(body, 'k');
  expect(trial.received.length).toBeGreaterThan(4);
  trial.cluster.apply(DROP_CPU);
  await trial.write(body, 'k');
  const rows = ['mem', 'long', 'cpu'].map((table) => trial.appliedRows(table));
  expect(rows).toEqual([12, 7, 7]);
});

test('until every replica knows names of tables none has one', async () => {
  trial = new WriteTrial(TABLES_NAMED_SINCE - 1);
  trial.cluster.addBucket(0, 1);
  await trial.write(batchOf(['cpu', 'mem'], 3), 'k');
  const [before] = trial.received.map(({share}) => share.idempotencyKey!);
  expect(before).toMatch(/^k\0[^,]+$/);
  const nodes = NODES;
  trial.cluster.apply({type: 'finalize-upgrade', version: TABLES_NAMED_SINCE, nodes});
  trial.received = [];
  await trial.write(batchOf(['cpu', 'mem'], 3), 'k');
  const [after] = trial.received.map(({share}) => share.idempotencyKey!);
  // What was sent before is known by it.
  expect(after!.split(',')[0]).toBe(before);
  expect(after!.split(',')).toHaveLength(3);
});

test('rows that are not written are not taken for those that were placed anew', async () => {
  trial.cluster.addBucket(0, 4);
  trial.dropUnderway('cpu', 1);
  const drop = trial.take;
  let full: number | undefined;
  trial.take = (share) => {
    full ??= share.router.sequence;
    if (full === share.router.sequence) throw new DbError('DISK_FULL', 'full');
    drop(share);
  };
  const {sets} = await trial.write(batchOf(['cpu'], 12), 'k');
  expect(sets.map(({outcome}) => outcome)).toContain('refused');
  trial.take = () => undefined;
  await trial.write(batchOf(['cpu'], 12), 'k');
  expect(new Set(trial.appliedValues('cpu')).size).toBe(12);
});

test('rows of a table that is made again between two tries are not taken for those of others', async () => {
  trial.cluster.addBucket(0, 2);
  const [first] = trial.cluster.catalog.bucketAt(DATABASE, 0)!.replicaSets;
  // Of each table some rows go to either set; in the first try one of them takes nothing.
  const {behave} = trial.cluster.rpc;
  trial.cluster.rpc.behave = (node) => async (payload, target) => {
    if (target.set !== first) throw new DbError('NO_LEADER', 'no majority');
    return (await behave(node)(payload, target)) as Uint8Array;
  };
  await trial.write(batchOf(['cpu', 'mem'], 12), 'k');
  expect(trial.appliedValues('mem').length).toBeLessThan(12);
  trial.cluster.apply(DROP_CPU);
  trial.cluster.rpc.behave = behave;
  await trial.write(batchOf(['cpu', 'mem'], 12), 'k');
  expect(new Set(trial.appliedValues('cpu')).size).toBe(12);
  expect(new Set(trial.appliedValues('mem')).size).toBe(12);
});

test('of a body in pieces whose table is dropped between them each has a key of its own', async () => {
  trial.cluster.addBucket(0, 1);
  let count = 0;
  trial.take = (share) => {
    count += 1;
    if (count === 2) {
      trial.cluster.apply({
        type: 'drop-table',
        database: DATABASE,
        name: 'long',
        atMs: 0,
        purgeAtMs: 1e9,
      });
    }
    const dead = share.tables.find(({table}) => trial.cluster.catalog.table(table)?.dropped);
    if (dead !== undefined) throw new DbError('TABLE_NOT_FOUND', 'dropped', {table: dead.table});
  };
  const outcome = await trial.write(longBatch(5), 'k');
  expect(outcome.writtenRows).toBe(5);
  const keys = trial.received.map(({share}) => share.idempotencyKey);
  expect(new Set(keys).size).toBe(keys.length);
});

test('a table that is dropped again and again ends in a refusal that can be retried', async () => {
  trial.cluster.addBucket(0, 1);
  trial.dropUnderway('cpu', 100);
  const outcome = await trial.write(batchOf(['cpu'], 3));
  expect(outcome.writtenRows).toBe(0);
  expect(outcome.sets).toMatchObject([{outcome: 'refused', error: {code: 'UNAVAILABLE'}}]);
});

test('rows whose bucket was dropped are placed anew', async () => {
  const [set] = trial.cluster.addBucket(0, 1);
  const {bucket} = trial.cluster.catalog.replicaSet(set!)!;
  const {behave} = trial.cluster.rpc;
  trial.cluster.rpc.behave = (node) => async (payload, target) => {
    if (target.set !== set) return (await behave(node)(payload, target)) as Uint8Array;
    trial.cluster.apply({type: 'drop-bucket', bucket});
    throw new DbError('REPLICA_GONE', 'destroyed');
  };
  const outcome = await trial.write(batchOf(['cpu'], 3));
  expect(outcome.writtenRows).toBe(3);
  expect(trial.received.every((each) => each.set !== set)).toBe(true);
});
