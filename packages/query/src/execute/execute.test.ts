// What the executor and the coordinator do beside the right answer: stop, release, bound, let run.

import {type DatabaseId, LIMITS, type TenantId} from '@flotilla/base';
import type {TableScan} from '@flotilla/column';
import {beforeAll, expect, test} from 'vitest';
import {MemoryDatabase} from '../fixtures/memory-database.ts';
import type {QueryPlan} from '../plan/plan.ts';
import {planSelect} from '../plan/plan-select.ts';
import type {SelectStatement} from '../sql/ast.ts';
import {parseStatement} from '../sql/parse-statement.ts';
import {loadSqlParser} from '../sql/postgres-tree.ts';
import {encodeBatch} from './batch-codec.ts';
import {executeFragment} from './execute-fragment.ts';
import {QueriesMemory} from './memory.ts';
import {mergeResults} from './merge-results.ts';

beforeAll(loadSqlParser);

const HOUR_MS = 3_600_000;

function database(hosts = 20, rows = 500): MemoryDatabase {
  const made = new MemoryDatabase({
    precision: 'ms',
    bucketMs: 24 * HOUR_MS,
    shards: 2,
    chunkRows: 100,
  });
  made.createTable('m', ['host'], {v: 'float', s: 'string'});
  for (let host = 0; host < hosts; host++) {
    for (let i = 0; i < rows; i++) {
      const timeNs = BigInt(i) * 1_000_000_000n;
      made.insert('m', {timeNs, tags: {host: `h${host}`}, fields: {v: i, s: `text ${i}`}});
    }
  }
  return made;
}

function plan(from: MemoryDatabase, text: string): QueryPlan {
  const context = {tenant: 1 as TenantId, database: 1 as DatabaseId, nowNs: 0n};
  return planSelect(parseStatement(text) as SelectStatement, from.catalog(), context);
}

/** Counts what is read and whether the scan is released. */
function watched(scan: TableScan) {
  const seen = {reads: 0, closed: 0};
  const of: TableScan = {
    next: () => {
      seen.reads++;
      return scan.next();
    },
    tagValue: (series, column) => scan.tagValue(series, column),
    seriesKey: (series) => scan.seriesKey(series),
    close: () => {
      seen.closed++;
    },
  };
  return {seen, of};
}

async function drain<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

test('LIMIT without ORDER BY reads no more than it needs', async () => {
  const from = database();
  const [fragment] = plan(from, 'SELECT v FROM m LIMIT 3').fragments;
  const {seen, of} = watched(from.scan(fragment!));
  await drain(executeFragment(fragment!, of));
  expect(seen).toMatchObject({reads: 1, closed: 1});
});

test('the scan is closed when the reader goes away, and after an error', async () => {
  const from = database();
  const [fragment] = plan(from, 'SELECT v, s FROM m').fragments;
  const early = watched(from.scan(fragment!));
  for await (const _ of executeFragment(fragment!, early.of)) break;
  expect(early.seen.closed).toBeGreaterThan(0);
  const failing = watched({...early.of, next: () => Promise.reject(new Error('broken'))});
  await expect(drain(executeFragment(fragment!, failing.of))).rejects.toThrow('broken');
  expect(failing.seen.closed).toBe(1);
});

test('a cancelled query stops between chunks, and others run in between', async () => {
  const from = database();
  const [fragment] = plan(from, 'SELECT max(v) FROM m').fragments;
  const controller = new AbortController();
  let pauses = 0;
  const {seen, of} = watched(from.scan(fragment!));
  const running = drain(
    executeFragment(fragment!, of, {
      signal: controller.signal,
      due: async () => {
        if (++pauses === 2) controller.abort();
      },
    }),
  );
  await expect(running).rejects.toMatchObject({code: 'CANCELLED'});
  expect(seen.closed).toBe(1);
  expect(pauses).toBe(2);
});

test('groups and sorted rows stop at the bound on memory, which the error names', async () => {
  const from = database();
  for (const text of [
    'SELECT time, host, max(v) FROM m GROUP BY 1, 2',
    'SELECT * FROM m ORDER BY v',
  ]) {
    const made = plan(from, text);
    const answer = mergeResults(
      made,
      made.fragments.map((fragment) => executeFragment(fragment, from.scan(fragment))),
      {memoryBytesMax: 50_000},
    );
    await expect(drain(answer)).rejects.toMatchObject({
      code: 'QUERY_ERROR',
      details: {limit: 'query_memory_bytes_max'},
    });
  }
  const [fragment] = plan(from, 'SELECT time, host, max(v) FROM m GROUP BY 1, 2').fragments;
  const local = executeFragment(fragment!, from.scan(fragment!), {memoryBytesMax: 50_000});
  await expect(drain(local)).rejects.toThrow(/query_memory_bytes_max/);
});

test.each([
  'SELECT host, v, count(*) AS n FROM m GROUP BY host, v',
  'SELECT v, s FROM m ORDER BY s',
])(
  'queries_memory_bytes_max, %s: what all queries hold is counted, refused past it and given back',
  async (text) => {
    const from = database();
    const made = plan(from, text);
    const answer = (memory: QueriesMemory) => {
      const streams = made.fragments.map((one) => executeFragment(one, from.scan(one), {memory}));
      return drain(mergeResults(made, streams, {memory}));
    };
    const roomy = new QueriesMemory();
    expect(roomy.bytesMax).toBe(LIMITS.queries_memory_bytes_max.value);
    let most = 0;
    const watched = new QueriesMemory();
    const take = watched.take.bind(watched);
    watched.take = (bytes) => {
      take(bytes);
      most = Math.max(most, watched.bytes);
    };
    await answer(watched);
    expect(most).toBeGreaterThan(0);
    expect(watched.bytes).toBe(0);
    const beside = LIMITS.queries_memory_bytes_max.value - most;
    roomy.take(beside);
    await answer(roomy);
    expect(roomy.bytes).toBe(beside);
    roomy.take(1);
    await expect(answer(roomy)).rejects.toMatchObject({
      code: 'OVERLOADED',
      details: {limit: 'queries_memory_bytes_max'},
    });
    expect(roomy.bytes).toBe(beside + 1);
  },
);

test('a top list of many rows needs little memory', async () => {
  const from = database(60, 500);
  const made = plan(from, 'SELECT time, v FROM m ORDER BY v DESC, time LIMIT 5');
  const answer = mergeResults(
    made,
    made.fragments.map((fragment) =>
      executeFragment(fragment, from.scan(fragment), {memoryBytesMax: 400_000}),
    ),
    {memoryBytesMax: 20_000},
  );
  const [batch] = await drain(answer);
  expect([...(batch!.columns[1]!.values.values as Float64Array).subarray(0, 5)]).toEqual([
    499, 499, 499, 499, 499,
  ]);
});

test('LIMIT on many groups without an order keeps the first that came', async () => {
  const from = database(20, 500);
  const made = plan(from, 'SELECT time, host, max(v) FROM m GROUP BY 1, 2 LIMIT 2 OFFSET 1');
  const streams = made.fragments.map((fragment) => executeFragment(fragment, from.scan(fragment)));
  const batches = await drain(mergeResults(made, streams));
  expect(batches.map(({rowCount}) => rowCount)).toEqual([2]);
});

test('OFFSET counts over all batches of rows without an order', async () => {
  const from = database(20, 500);
  for (const [offset, left] of [
    [9_990, 10],
    [4_321, 100],
    [10_001, 0],
  ]) {
    const made = plan(from, `SELECT v FROM m LIMIT 100 OFFSET ${offset}`);
    const streams = made.fragments.map((fragment) =>
      executeFragment(fragment, from.scan(fragment)),
    );
    const batches = await drain(mergeResults(made, streams));
    expect(batches.reduce((sum, {rowCount}) => sum + rowCount, 0)).toBe(left);
  }
});

test('an answer has a bound on its rows', async () => {
  const from = database();
  const made = plan(from, 'SELECT v FROM m');
  const streams = made.fragments.map((fragment) => executeFragment(fragment, from.scan(fragment)));
  await expect(drain(mergeResults(made, streams, {rowsMax: 100}))).rejects.toMatchObject({
    details: {limit: 'rows_per_answer_max'},
  });
});

test('rows_per_answer_max: as many rows come, and the answer ends at the next', async () => {
  const made = plan(database(1, 1), 'SELECT v FROM m');
  const half = LIMITS.rows_per_answer_max.value / 2;
  const rows = (rowCount: number) =>
    encodeBatch({
      rowCount,
      columns: [{type: 'float', constant: true, values: Float64Array.of(1)}],
    });
  const stream = async function* (...batches: Uint8Array[]) {
    yield* batches;
  };
  expect(await drain(mergeResults(made, [stream(rows(half), rows(half))]))).toHaveLength(2);
  const more = drain(mergeResults(made, [stream(rows(half), rows(half), rows(1))]));
  await expect(more).rejects.toMatchObject({
    code: 'QUERY_ERROR',
    details: {limit: 'rows_per_answer_max'},
  });
});

test.each(['SELECT v FROM m ORDER BY v', 'SELECT v, count(*) AS n FROM m GROUP BY v'])(
  '%s: all rows are held, so too many are refused before the first',
  async (text) => {
    const from = database(1, 5_000);
    const made = plan(from, text);
    const streams = made.fragments.map((fragment) =>
      executeFragment(fragment, from.scan(fragment)),
    );
    let batches = 0;
    const counting = async () => {
      for await (const _ of mergeResults(made, streams, {rowsMax: 4_500})) batches++;
    };
    await expect(counting()).rejects.toMatchObject({details: {limit: 'rows_per_answer_max'}});
    expect(batches).toBe(0);
  },
);

test('rows of long texts pass in pieces that fit between nodes, and do not wait to be many', async () => {
  const from = new MemoryDatabase({precision: 'ms', bucketMs: HOUR_MS, shards: 1, chunkRows: 10});
  from.createTable('m', ['host'], {s: 'string'});
  for (let i = 0; i < 600; i++) {
    const s = `${i} `.padEnd(65_000, '.');
    from.insert('m', {timeNs: BigInt(i) * 1_000_000n, tags: {host: 'h'}, fields: {s}});
  }
  const made = plan(from, 'SELECT s FROM m');
  let rows = 0;
  const pieces: number[] = [];
  const watched = made.fragments.map(async function* (fragment) {
    const options = {memoryBytesMax: 32 * 1024 * 1024};
    for await (const piece of executeFragment(fragment, from.scan(fragment), options)) {
      pieces.push(piece.length);
      yield piece;
    }
  });
  for await (const {rowCount} of mergeResults(made, watched)) rows += rowCount;
  expect(rows).toBe(600);
  expect(Math.max(...pieces)).toBeLessThan(8 * 1024 * 1024);
});

test('when enough rows have come every other stream is released', async () => {
  const from = database();
  const made = plan(from, 'SELECT v FROM m LIMIT 1');
  const scans = made.fragments.map((fragment) => watched(from.scan(fragment)));
  const streams = made.fragments.map((fragment, i) => executeFragment(fragment, scans[i]!.of));
  await drain(mergeResults(made, streams));
  for (const {seen} of scans) expect(seen.closed).toBeGreaterThan(0);
});

test('a fragment that is never read still releases its scan', async () => {
  const from = database();
  const [fragment] = plan(from, 'SELECT v FROM m').fragments;
  const {seen, of} = watched(from.scan(fragment!));
  await executeFragment(fragment!, of).return();
  expect(seen).toEqual({reads: 0, closed: 1});
  expect(plan(from, 'SELECT v FROM m LIMIT 0').fragments).toEqual([]);
});

test('the failure of one stream is the failure of the answer', async () => {
  const from = database();
  const made = plan(from, 'SELECT v FROM m');
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield await Promise.reject(new Error('replica set 7'));
  }
  const [fragment] = made.fragments;
  const streams = [executeFragment(fragment!, from.scan(fragment!)), failing()];
  await expect(drain(mergeResults(made, streams))).rejects.toThrow('replica set 7');
});
