// SHOW SERIES and SHOW TAG VALUES over a database in memory, and what EXPLAIN says of a plan.

import type {DatabaseId, TenantId} from '@flotilla/base';
import {beforeAll, expect, test} from 'vitest';
import {executeFragment} from '../execute/execute-fragment.ts';
import {mergeResults} from '../execute/merge-results.ts';
import {MemoryDatabase} from '../fixtures/memory-database.ts';
import {formatResult} from '../format/format-result.ts';
import type {ExplainStatement, SeriesStatement} from '../sql/ast.ts';
import {parseStatement} from '../sql/parse-statement.ts';
import {loadSqlParser} from '../sql/postgres-tree.ts';
import {explainSelect} from './explain-select.ts';
import {planQuery} from './plan-series.ts';

beforeAll(loadSqlParser);

const HOUR_NS = 3_600_000_000_000n;
const CONTEXT = {tenant: 1 as TenantId, database: 1 as DatabaseId, nowNs: 0n};

function database(): MemoryDatabase {
  const made = new MemoryDatabase({
    precision: 'ns',
    bucketMs: 3_600_000,
    shards: 3,
    chunkRows: 10,
  });
  made.createTable('m', ['host', 'dc'], {v: 'float'});
  made.createTable('bare', [], {v: 'float'});
  for (const [i, tags] of [
    {host: 'a', dc: 'x'},
    {host: 'a', dc: 'y'},
    {host: 'b c', dc: 'x'},
    {host: 'd'},
  ].entries()) {
    made.insert('m', {timeNs: 0n, tags: tags as Record<string, string>, fields: {v: i}});
    made.insert('m', {timeNs: HOUR_NS, tags: tags as Record<string, string>, fields: {v: i}});
  }
  made.insert('bare', {timeNs: 0n, tags: {}, fields: {v: 1}});
  return made;
}

async function answer(text: string): Promise<{sources: Set<unknown>; rows: string[]}> {
  const source = database();
  const {plan, shape} = planQuery(
    parseStatement(text) as SeriesStatement,
    source.catalog(),
    CONTEXT,
  );
  const streams = plan.fragments.map((each) => executeFragment(each, source.scan(each)));
  let csv = '';
  for await (const piece of formatResult('csv', shape(mergeResults(plan, streams))))
    csv += Buffer.from(piece).toString();
  const rows = csv.trimEnd().split(/\r?\n/).slice(1);
  return {sources: new Set(plan.fragments.map((each) => each.source)), rows};
}

const ALL = ['"m,host=a,dc=x"', '"m,host=a,dc=y"', '"m,host=b\\ c,dc=x"', '"m,host=d"'];

test.each([
  ['SHOW SERIES FROM m', ALL],
  ['SHOW SERIES FROM m ORDER BY key DESC', ALL.toReversed()],
  ['SHOW SERIES FROM m ORDER BY dc, host', [ALL[0], ALL[2], ALL[1], ALL[3]]],
  ['SHOW SERIES FROM m LIMIT 1 OFFSET 2', [ALL[2]]],
  ["SHOW SERIES FROM m WHERE dc = 'x' AND host <> 'a'", [ALL[2]]],
  ['SHOW SERIES FROM m WHERE dc IS NULL', [ALL[3]]],
  ['SHOW SERIES FROM bare', ['bare']],
  ["SHOW TAG VALUES FROM m WITH KEY = host WHERE dc = 'x'", ['host,a', 'host,b c']],
  ['SHOW TAG VALUES FROM m WITH KEY <> host', ['dc,x', 'dc,y']],
  ['SHOW TAG VALUES FROM m WITH KEY IN (host, dc) LIMIT 2 OFFSET 1', ['dc,y', 'host,a']],
  ['SHOW TAG VALUES FROM m WITH KEY NOT IN (host, dc)', []],
])('%s is answered from the index', async (text, rows) => {
  const {sources, rows: shown} = await answer(text);
  expect(shown).toEqual(rows);
  expect([...sources]).toEqual(rows.length === 0 ? [] : ['series']);
});

test.each([
  ['SHOW SERIES FROM m WHERE v > 2', [ALL[3]]],
  ["SHOW SERIES FROM m WHERE time > '1970-01-01T00:30:00Z' AND dc = 'y'", [ALL[1]]],
  ["SHOW TAG VALUES FROM m WITH KEY = dc WHERE time < '1970-01-01' OR v = 1", ['dc,y']],
])('%s is answered from rows', async (text, rows) => {
  const {sources, rows: shown} = await answer(text);
  expect(shown).toEqual(rows);
  expect([...sources]).toEqual([undefined]);
});

test.each([
  ['SHOW TAG VALUES FROM m WITH KEY = hots', 'QUERY_ERROR', 34],
  ['SHOW TAG VALUES FROM m WITH KEY = v', 'QUERY_ERROR', 34],
  ['SHOW SERIES FROM nope', 'TABLE_NOT_FOUND', 17],
  ["SHOW SERIES FROM m WHERE hots = 'a'", 'QUERY_ERROR', 25],
  ['SHOW SERIES FROM m ORDER BY v', 'QUERY_ERROR', 28],
])('%s is refused as %s at %i', (text, code, position) => {
  const statement = parseStatement(text) as SeriesStatement;
  const plan = () => planQuery(statement, database().catalog(), CONTEXT);
  const details: unknown = expect.objectContaining({position});
  expect(plan).toThrow(expect.objectContaining({code, details}));
});

test.each([
  ['', [true, true], ['the time range touches it; all series']],
  [
    "WHERE host = 'a'",
    [true, true],
    ['the time range touches it; series chosen by the tags in WHERE'],
  ],
  ["WHERE time >= '1970-01-01T01:00:00Z'", [false, true], ['it ends before the time range']],
  ["WHERE time < '1970-01-01T01:00:00Z'", [true, false], ['it begins after the time range']],
  ['WHERE 1 = 2', [false, false], ['WHERE is never true']],
  ['LIMIT 0', [false, false], ['LIMIT 0']],
])('EXPLAIN SELECT %s', (tail, read, whys) => {
  const {select} = parseStatement(`EXPLAIN SELECT v FROM m ${tail}`) as ExplainStatement;
  const sets = explainSelect(select, database().catalog(), CONTEXT);
  expect(sets.map(({set}) => set)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(sets.map(({isRead}) => isRead)).toEqual(read.flatMap((is) => [is, is, is]));
  for (const why of whys) expect(sets.map((set) => set.why)).toContain(why);
});
