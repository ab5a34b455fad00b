// DELETE over replica sets that behave as the test says: which are asked, and what is answered when
// some have not deleted, or may not have.

import {type DatabaseId, DbError, type NodeId, type ReplicaSetId} from '@flotilla/base';
import {CatalogMachine, type Command} from '@flotilla/catalog';
import {type DeleteStatement, loadSqlParser, parseStatement} from '@flotilla/query';
import type {DeleteOutcome, DeleteTarget, WriteRouter} from '@flotilla/router';
import {beforeAll, beforeEach, expect, test} from 'vitest';
import {NodeClock} from '../adapters/node-clock.ts';
import {Deletes} from './deletes.ts';
import type {StatementContext} from './statement-context.ts';

const DATABASE = 1 as DatabaseId;
const HOUR_MS = 3_600_000;

let machine: CatalogMachine;
let index: number;
let sets: readonly ReplicaSetId[];
let failures: Map<ReplicaSetId, DbError>;
let asked: DeleteTarget[];
/** What happens in the cluster until meta has answered. */
let onRefresh: () => void;
/** What happens once deletions have been answered. */
let onDelete: () => void;

beforeAll(() => loadSqlParser());

function apply(command: Command): void {
  const {result} = machine.apply(command, ++index);
  if (!result.ok) throw new DbError(result.error.code, result.error.message);
}

function addBucket(hour: number): readonly ReplicaSetId[] {
  const placement = [{node: 1 as NodeId, role: 'voter' as const}];
  const placements = [placement, placement];
  const timeMs = hour * HOUR_MS;
  const range = {startMs: timeMs, endMs: timeMs + HOUR_MS};
  apply({type: 'ensure-bucket', database: DATABASE, timeMs, ...range, placements});
  return machine.catalog.bucketAt(DATABASE, timeMs)!.replicaSets;
}

beforeEach(() => {
  machine = new CatalogMachine();
  index = 5;
  const node = {incarnation: 'n', address: ':1', engineThreads: 1, version: '1'};
  apply({type: 'found-cluster', clusterId: 'c', node, atMs: 0});
  const tables = [{name: 'm', tags: ['host'], fields: [{name: 'v', type: 'float' as const}]}];
  apply({type: 'ensure-tables', database: DATABASE, tables});
  sets = addBucket(0);
  failures = new Map();
  asked = [];
  onRefresh = () => undefined;
  onDelete = () => undefined;
});

async function run(sql: string): Promise<number> {
  const router = {
    delete: async (targets: readonly DeleteTarget[]): Promise<DeleteOutcome[]> => {
      asked.push(...targets);
      const outcomes = targets.map(({set}): DeleteOutcome => {
        const error = failures.get(set);
        if (error === undefined) return {set, outcome: 'deleted'};
        return {set, outcome: error.code === 'OUTCOME_UNKNOWN' ? 'unknown' : 'refused', error};
      });
      onDelete();
      return outcomes;
    },
  };
  const deletes = new Deletes({
    access: {catalog: machine.catalog, refresh: async () => onRefresh()},
    router: router as unknown as WriteRouter,
    clock: new NodeClock(),
  });
  const call = {tenant: 'default', database: 'public', text: sql};
  const context = {call, deadlineMs: 1e12, stop: new AbortController()};
  const statement = parseStatement(sql) as DeleteStatement;
  const batches = await deletes.run(statement, context as unknown as StatementContext);
  for await (const {columns} of batches)
    return (columns[0]!.values as unknown as {values: Float64Array}).values[0]!;
  throw new Error('no batch');
}

async function errorOf(sql: string): Promise<DbError> {
  return run(sql).then(
    () => expect.unreachable('deleted'),
    (error: DbError) => error,
  );
}

test('a bucket that another node just made is not overlooked', async () => {
  onRefresh = () => {
    onRefresh = () => undefined;
    addBucket(1);
  };
  expect(await run("DELETE FROM m WHERE host = 'a'")).toBe(4);
  expect(await run("DELETE FROM m WHERE host = 'a' AND time < '1970-01-01T01:00:00Z'")).toBe(2);
  expect(await run('DELETE FROM m WHERE false')).toBe(0);
});

test('an unknown outcome beats what can be retried, which beats the rest', async () => {
  const more = addBucket(1);
  const sql = "DELETE FROM m WHERE host = 'a'";
  failures.set(sets[0]!, new DbError('TABLE_NOT_FOUND', 'dropped'));
  expect((await errorOf(sql)).code).toBe('TABLE_NOT_FOUND');
  failures.set(sets[1]!, new DbError('NO_LEADER', 'no majority'));
  expect((await errorOf(sql)).code).toBe('NO_LEADER');
  failures.set(more[0]!, new DbError('OUTCOME_UNKNOWN', 'no answer in time'));
  const error = await errorOf(sql);
  expect(error).toMatchObject({
    code: 'OUTCOME_UNKNOWN',
    message:
      'no answer in time (and 2 more replica sets); 1 of 4 replica sets have deleted; ' +
      'sent again, it also deletes what was written in between',
    details: {deleted: 1},
  });
  expect(error.details['replicaSets']).toEqual([
    {id: String(sets[0]), outcome: 'refused', code: 'TABLE_NOT_FOUND'},
    {id: String(sets[1]), outcome: 'refused', code: 'NO_LEADER'},
    {id: String(more[0]), outcome: 'unknown', code: 'OUTCOME_UNKNOWN'},
  ]);
});

test('sets that were dropped are asked for anew, and only they', async () => {
  failures.set(sets[0]!, new DbError('STALE_EPOCH', 'dropped'));
  onDelete = () => failures.clear();
  expect(await run("DELETE FROM m WHERE host = 'a'")).toBe(2);
  expect(asked.map(({set}) => set)).toEqual([sets[0], sets[1], sets[0]]);
});

test('a set that stays out of date is told of in the end', async () => {
  failures.set(sets[0]!, new DbError('STALE_EPOCH', 'dropped'));
  expect((await errorOf("DELETE FROM m WHERE host = 'a'")).code).toBe('STALE_EPOCH');
  expect(asked).toHaveLength(2 + 3);
});

test('what was deleted is told, too, where the others cannot be looked up anew', async () => {
  failures.set(sets[0]!, new DbError('STALE_EPOCH', 'dropped'));
  onDelete = () => {
    onRefresh = () => {
      throw new DbError('META_UNAVAILABLE', 'no leader');
    };
  };
  const error = await errorOf("DELETE FROM m WHERE host = 'a'");
  expect(error).toMatchObject({code: 'META_UNAVAILABLE', details: {deleted: 1}});
});
