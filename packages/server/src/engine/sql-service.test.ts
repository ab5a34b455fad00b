// Statements against a catalog and replica sets that behave as the test says.

import {
  type Clock,
  type DatabaseId,
  DbError,
  LIMITS,
  META_SET,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
} from '@flotilla/base';
import {CatalogMachine, type Command} from '@flotilla/catalog';
import type {MetaClient} from '@flotilla/meta';
import {type Fragment, loadSqlParser} from '@flotilla/query';
import type {
  FragmentReader,
  FragmentReading,
  ReadOptions,
  WriteOutcome,
  WriteRouter,
} from '@flotilla/router';
import {beforeAll, beforeEach, describe, expect, test} from 'vitest';
import {NodeClock} from '../adapters/node-clock.ts';
import type {ClusterView} from './cluster-view.ts';
import type {SqlCall} from './gateway.ts';
import {SqlService} from './sql-service.ts';

const NO_MAJORITY = new DbError('NO_LEADER', 'no majority', {});
const clock = new NodeClock();

let machine: CatalogMachine;
let index: number;
let sets: readonly ReplicaSetId[];
let fences: {readonly sets: readonly ReplicaSetId[]; readonly fence: object}[];
let unfenced: ReplicaSetId[];
/** Why a set cannot be read; 'silent': it never says. Sets that are not here give no rows. */
let failures: Map<ReplicaSetId, DbError | 'silent'>;
let metaFailure: DbError | undefined;
let refreshes: number;
/** What happens in the cluster until meta has answered. */
let onRefresh: () => Promise<void>;
let asked: ReadOptions[];
/** What happens in the cluster when a set is asked. */
let onBegin: (set: ReplicaSetId) => void;
/** What becomes of the rows of an INSERT. */
let written: WriteOutcome;
let service: SqlService;

beforeAll(() => loadSqlParser());

function apply(command: Command): object {
  const {result} = machine.apply(command, ++index);
  if (!result.ok) throw new DbError(result.error.code, result.error.message);
  return result.value;
}

/** One table in four shards. */
beforeEach(() => {
  machine = new CatalogMachine();
  index = 5;
  const node = {incarnation: 'n', address: ':1', engineThreads: 1, version: '1'};
  apply({type: 'found-cluster', clusterId: 'c', node, atMs: 0});
  const database = 1 as DatabaseId;
  const tables = [{name: 'm', tags: ['host'], fields: [{name: 'v', type: 'float' as const}]}];
  apply({type: 'ensure-tables', database, tables});
  const placement = [{node: 1 as NodeId, role: 'voter' as const}];
  const placements = Array.from({length: 4}, () => placement);
  const range = {startMs: 0, endMs: 3_600_000};
  apply({type: 'ensure-bucket', database, timeMs: 5, ...range, placements});
  sets = machine.catalog.bucketAt(database, 5)!.replicaSets;
  failures = new Map();
  metaFailure = undefined;
  refreshes = 0;
  asked = [];
  fences = [];
  unfenced = [];
  onRefresh = async () => undefined;
  onBegin = () => undefined;
  service = serviceOn(clock);
});

function serviceOn(clock: Clock, trashRetentionMs?: number): SqlService {
  const refresh = async (): Promise<void> => {
    refreshes += 1;
    await onRefresh();
    if (metaFailure !== undefined) throw metaFailure;
  };
  const meta = {propose: async (command: Command) => apply(command)};
  return new SqlService({
    access: {catalog: machine.catalog, refresh},
    meta: meta as unknown as MetaClient,
    reader: {begin} as unknown as FragmentReader,
    router: {write: async () => written, awaitFences} as unknown as WriteRouter,
    view: {facts: async () => ({sets: []})} as unknown as ClusterView,
    clock,
    slices: {due: () => undefined},
    trashRetentionMs,
  });
}

async function awaitFences(...[asked, {fence}]: Parameters<WriteRouter['awaitFences']>) {
  fences.push({sets: asked, fence});
  return unfenced;
}

async function begin({set}: Fragment, options: ReadOptions): Promise<FragmentReading> {
  asked.push(options);
  onBegin(set);
  const failure = failures.get(set);
  if (failure === 'silent') {
    await new Promise((resolve) => options.signal.addEventListener('abort', resolve));
    throw new DbError('CANCELLED', 'broken off');
  }
  if (failure !== undefined)
    throw new DbError(failure.code, failure.message, {...failure.details, replicaSet: set});
  const origin = {replica: 9 as ReplicaId, appliedIndex: 7, ageMs: 3};
  return {set, node: 1 as NodeId, origin, batches: (async function* () {})()};
}

interface Answered {
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

async function run(text: string, call: Partial<SqlCall> = {}): Promise<Answered> {
  const whole: SqlCall = {
    tenant: 'default',
    database: 'public',
    text,
    format: 'json',
    consistency: 'linearizable',
    partial: false,
    ...call,
  };
  const {headers, chunks} = await service.run(whole, new AbortController());
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return {headers, text: Buffer.concat(parts).toString('utf8')};
}

async function failureOf(answered: Promise<Answered>): Promise<DbError> {
  try {
    await answered;
  } catch (error) {
    if (error instanceof DbError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

const QUERIES = ['SELECT * FROM m', 'SELECT count(v) FROM m', 'SELECT v FROM m ORDER BY v LIMIT 3'];

test('query_deadline_ms: a query that asks for no other time ends there, not before', async () => {
  const timers: {delayMs: number; callback: () => void}[] = [];
  service = serviceOn({
    wallMs: () => clock.wallMs(),
    monotonicMs: () => 5_000,
    setTimer: (delayMs, callback) => {
      timers.push({delayMs, callback});
      return {cancel: () => undefined};
    },
    defer: (callback) => clock.defer(callback),
  });
  failures.set(sets[1]!, 'silent');
  const failing = failureOf(run('SELECT * FROM m'));
  await expect.poll(() => timers.length).toBe(1);
  expect(asked[0]?.deadlineMs).toBe(5_000 + LIMITS.query_deadline_ms.value);
  expect(timers[0]!.delayMs).toBe(LIMITS.query_deadline_ms.value);
  timers[0]!.callback();
  expect(await failing).toMatchObject({
    code: 'DEADLINE_EXCEEDED',
    details: {replicaSet: sets[1]},
  });
});

describe.each(QUERIES)('%s', (query) => {
  test('fails and names the set that cannot be read', async () => {
    failures.set(sets[2]!, NO_MAJORITY);
    const error = await failureOf(run(query));
    expect(error).toMatchObject({code: 'NO_LEADER', details: {replicaSet: sets[2]}});
  });

  test('names at its deadline the sets that have not answered', async () => {
    failures.set(sets[1]!, 'silent').set(sets[3]!, 'silent');
    const error = await failureOf(run(query, {deadlineMs: 50}));
    expect(error.code).toBe('DEADLINE_EXCEEDED');
    expect(error.details).toEqual({replicaSet: sets[1], replicaSets: [sets[1], sets[3]]});
    expect(error.message).toContain(`replica set ${sets[1]}, ${sets[3]}`);
  });

  test('partial=allow answers with the rest and names the missing sets', async () => {
    failures.set(sets[2]!, NO_MAJORITY).set(sets[0]!, NO_MAJORITY);
    const {headers, text} = await run(query, {partial: true, deadlineMs: 4_000});
    expect(headers['flotilla-missing-replica-sets']).toBe(`${sets[0]}, ${sets[2]}`);
    expect(Array.isArray(JSON.parse(text))).toBe(true);
    const left = asked[0]!.beginDeadlineMs! - clock.monotonicMs();
    expect(left).toBeLessThanOrEqual(2_000);
    const ndjson = await run(query, {partial: true, format: 'ndjson'});
    const last = JSON.parse(ndjson.text.trim().split('\n').at(-1)!);
    expect(last.answer.missingReplicaSets.toSorted()).toEqual([sets[0], sets[2]]);
  });

  test('partial=allow leaves nothing out for other reasons', async () => {
    failures.set(sets[2]!, new DbError('QUERY_ERROR', 'overflow'));
    expect((await failureOf(run(query, {partial: true}))).code).toBe('QUERY_ERROR');
    failures.set(sets[2]!, new DbError('STALE_EPOCH', 'it was dropped'));
    expect((await failureOf(run(query, {partial: true}))).code).toBe('STALE_EPOCH');
  });

  test('stale names set, replica, node and index, and does without meta', async () => {
    metaFailure = new DbError('META_UNAVAILABLE', 'lost');
    const {headers, text} = await run(query, {consistency: 'stale', maxStalenessMs: 50});
    const named = sets.map((set) => `set=${set};replica=9;node=1;applied_index=7;age_ms=3`);
    expect(headers['flotilla-read-from']).toBe(named.join(', '));
    expect(JSON.parse(text)).toBeDefined();
    expect(refreshes).toBe(0);
    expect(asked[0]).toMatchObject({consistency: 'stale', maxStalenessMs: 50});
  });

  test('a complete answer says nothing beside its rows', async () => {
    const {headers} = await run(query, {partial: true});
    expect(Object.keys(headers)).toEqual(['content-type']);
  });
});

describe('a bucket that is dropped before one of its sets has answered', () => {
  const query = 'SELECT count(v) FROM m';
  const dropAt = (set: ReplicaSetId): void => {
    const {bucket} = machine.catalog.replicaSet(set)!;
    onBegin = (begun) => {
      if (begun !== set) return;
      failures.set(set, new DbError('STALE_EPOCH', 'it was dropped'));
      if (machine.catalog.bucket(bucket) !== undefined) apply({type: 'drop-bucket', bucket});
    };
  };

  test.each(['linearizable', 'stale'] as const)(
    'is planned for no more (%s)',
    async (consistency) => {
      const placements = [[{node: 1 as NodeId, role: 'voter' as const}]];
      const range = {timeMs: 3_600_000, startMs: 3_600_000, endMs: 7_200_000};
      apply({type: 'ensure-bucket', database: 1 as DatabaseId, ...range, placements});
      dropAt(sets[3]!);
      expect((await run(query, {consistency})).text).toBe('[{"count(v)":0}]\n');
      expect(asked).toHaveLength(sets.length + 2);
    },
  );

  test('is told of once plans and drops have followed each other too often', async () => {
    failures.set(sets[0]!, new DbError('STALE_EPOCH', 'it was dropped'));
    expect((await failureOf(run(query))).code).toBe('STALE_EPOCH');
    expect(asked).toHaveLength(4 * sets.length);
  });
});

describe('while the meta group is asked for the catalog', () => {
  const query = 'SELECT count(v) FROM m';
  const addBucket = (timeMs: number): ReplicaSetId[] => {
    const placements = [[{node: 1 as NodeId, role: 'voter' as const}]];
    const range = {startMs: timeMs, endMs: timeMs + 3_600_000};
    apply({type: 'ensure-bucket', database: 1 as DatabaseId, timeMs, ...range, placements});
    return [...machine.catalog.bucketAt(1 as DatabaseId, timeMs)!.replicaSets];
  };

  test('the sets are read already, once if nothing moved', async () => {
    onRefresh = async () => {
      while (asked.length < sets.length) await new Promise((resolve) => setImmediate(resolve));
    };
    await run(query);
    expect(asked).toHaveLength(sets.length);
  });

  test('a moved catalog is planned for anew, whatever became of the first plan', async () => {
    failures.set(sets[0]!, 'silent');
    let made: ReplicaSetId[] = [];
    onRefresh = async () => {
      made = addBucket(3_600_000);
      failures = new Map([[made[0]!, NO_MAJORITY]]);
    };
    const error = await failureOf(run(query));
    expect(error.details).toEqual({replicaSet: made[0]});
    onRefresh = async () => {
      failures = new Map();
      addBucket(7_200_000);
    };
    failures.set(sets[1]!, new DbError('QUERY_ERROR', 'overflow'));
    expect((await run(query)).text).toContain('0');
  });

  test('a table that the copy lacks may have just been made', async () => {
    const tables = [{name: 'new', tags: [], fields: [{name: 'v', type: 'float' as const}]}];
    onRefresh = async () => {
      apply({type: 'ensure-tables', database: 1 as DatabaseId, tables});
    };
    expect((await run('SELECT * FROM new')).text).toBe('[]\n');
  });

  test('what is dropped is broken off', async () => {
    for (const set of sets) failures.set(set, 'silent');
    onRefresh = async () => {
      while (asked.length < sets.length) await new Promise((resolve) => setImmediate(resolve));
      failures = new Map();
      addBucket(3_600_000);
    };
    expect((await run(query, {deadlineMs: 2_000})).text).toContain('0');
    expect(asked.slice(0, sets.length).every(({signal}) => signal.aborted)).toBe(true);
    expect(asked).toHaveLength(2 * sets.length + 1);
  });
});

test.each(['json', 'ndjson', 'csv', 'table'] as const)(
  'LIMIT 0 asks nobody (%s)',
  async (format) => {
    await run('SELECT * FROM m LIMIT 0', {format});
    expect(asked).toEqual([]);
  },
);

test.each(['META_UNAVAILABLE', 'DEADLINE_EXCEEDED'] as const)(
  '%s of the catalog is told as that, and names the meta group',
  async (code) => {
    metaFailure = new DbError(code, 'no answer');
    const error = await failureOf(run('SELECT * FROM m'));
    expect(error).toMatchObject({code, details: {replicaSet: META_SET}});
    const {headers} = await run('SELECT * FROM m', {partial: true});
    expect(headers['flotilla-missing-replica-sets']).toBe('0');
  },
);

describe('a session database that does not exist', () => {
  const nowhere = {database: 'nowhere'};

  test.each([
    'CREATE DATABASE x',
    'CREATE DATABASE IF NOT EXISTS public',
    "ALTER DATABASE public SET TTL '9d'",
    'DESCRIBE DATABASE public',
    'SHOW DATABASES',
    'SHOW REPLICAS',
    'SHOW TABLES ON public',
    'DESCRIBE TABLE public.m',
    'DROP TABLE public.m',
    'DROP DATABASE public',
  ])('does not matter to %s', async (statement) => {
    expect((await run(statement, nowhere)).headers['content-type']).toContain('json');
  });

  test.each([
    'SELECT * FROM m',
    "INSERT INTO m (time, v) VALUES ('2026-01-01T00:00:00Z', 1)",
    'SHOW TABLES',
    'DESCRIBE TABLE m',
    'DROP TABLE m',
    'DROP TABLE IF EXISTS m',
  ])('fails %s, by name', async (statement) => {
    const error = await failureOf(run(statement, nowhere));
    expect(error).toMatchObject({code: 'DATABASE_NOT_FOUND', details: {database: 'nowhere'}});
  });
});

test('SHOW is as current as its consistency says', async () => {
  metaFailure = new DbError('META_UNAVAILABLE', 'lost');
  expect((await failureOf(run('SHOW TABLES'))).code).toBe('META_UNAVAILABLE');
  expect((await run('SHOW TABLES', {consistency: 'stale'})).text).toContain('"m"');
  const {headers} = await run('SHOW TABLES', {partial: true});
  expect(headers['flotilla-missing-replica-sets']).toBe('0');
});

describe('INSERT', () => {
  const INSERT = "INSERT INTO m (time, host, v) VALUES (0, 'a', 1), (1, 'b', 2), (2, 'c', 3)";
  const set = (of: number, outcome: 'written' | 'refused' | 'unknown', error?: DbError) => ({
    set: sets[of]!,
    rowCount: 1,
    outcome,
    error,
  });

  test('tells how many rows are written', async () => {
    written = {writtenRows: 3, rejectedLines: 0, lines: [], sets: [set(0, 'written')]};
    expect((await run(INSERT)).text).toContain('"rows":3');
  });

  test('taken in part, tells what is known of each set, the doubtful before the refused', async () => {
    const unknown = new DbError('OUTCOME_UNKNOWN', 'no answer in time');
    written = {
      writtenRows: 1,
      rejectedLines: 0,
      lines: [],
      sets: [set(0, 'written'), set(1, 'refused', NO_MAJORITY), set(2, 'unknown', unknown)],
    };
    const error = await failureOf(run(INSERT));
    expect(error.code).toBe('OUTCOME_UNKNOWN');
    expect(error.details).toMatchObject({
      written: 1,
      replicaSets: [
        {id: String(sets[1]), outcome: 'refused', code: 'NO_LEADER', lines: 1},
        {id: String(sets[2]), outcome: 'unknown', code: 'OUTCOME_UNKNOWN', lines: 1},
      ],
    });
  });

  test('names the row that is refused', async () => {
    const line = {line: 2, code: 'TIME_IN_FUTURE', reason: 'too far ahead', text: ''};
    written = {writtenRows: 0, rejectedLines: 1, lines: [line], sets: []};
    const error = await failureOf(run(INSERT));
    expect(error).toMatchObject({code: 'QUERY_ERROR', details: {code: 'TIME_IN_FUTURE'}});
    expect(error.message).toContain('row 2 of VALUES: too far ahead');
  });
});

describe('a drop', () => {
  test('answers once every replica set of the database refuses writes to it', async () => {
    await run('CREATE TABLE t (f DOUBLE, g DOUBLE, TAGS(a))');
    const {id} = machine.catalog.tableByName(1 as DatabaseId, 't')!;
    await run('ALTER TABLE t DROP f');
    await run('ALTER TABLE t RENAME COLUMN g TO h');
    await run('DROP TABLE t');
    expect(fences).toEqual([
      {sets, fence: {table: id, column: 2}},
      {sets, fence: {table: id}},
    ]);
  });

  test('of a database waits for all its tables that were not dropped before', async () => {
    await run('CREATE TABLE t (f DOUBLE)');
    await run('DROP TABLE t');
    const {id} = machine.catalog.tableByName(1 as DatabaseId, 'm')!;
    await run('DROP DATABASE public');
    expect(fences[1]).toEqual({sets, fence: {tables: [id]}});
    await run('DROP DATABASE IF EXISTS public');
    expect(fences).toHaveLength(2);
  });

  test.each([
    ['a day', undefined, 86_400_000],
    ['what its operator set', 7_200_000, 7_200_000],
  ])('is kept in the trash for %s', async (_what, retentionMs, keptMs) => {
    service = serviceOn(clock, retentionMs);
    await run('CREATE TABLE t (f DOUBLE)');
    await run('DROP TABLE t');
    await run("DROP TABLE m AFTER '3d'");
    const kept = [...machine.catalog.droppedTables(1 as DatabaseId)].map(
      ({dropped}) => dropped!.purgeAtMs - dropped!.atMs,
    );
    expect(kept.sort((a, b) => a - b)).toEqual([keptMs, 3 * 86_400_000]);
  });

  test('says which have not said so in time', async () => {
    unfenced = [sets[1]!, sets[2]!];
    await run('CREATE TABLE t (f DOUBLE)');
    const {text} = await run('DROP TABLE t');
    expect(text).toContain(`ok, but replica set ${sets[1]} and 1 more have not confirmed it yet`);
  });
});
