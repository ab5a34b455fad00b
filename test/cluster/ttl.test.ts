// A database's ttl on a real node: what is too old is refused, what grows too old is hidden, and a longer ttl shows
// it again. Files go after the trash's retention, a day at the earliest; the planning of that is tested with its code.

import {FlotillaClient, type FlotillaError, writeDetailsOf} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {until} from './waiting.ts';

const MINUTE_S = 60;
const HOUR_S = 3_600;

let cluster: ProcessCluster;
let client: FlotillaClient;

beforeAll(async () => {
  cluster = await ProcessCluster.start({nodes: 1});
  client = new FlotillaClient({urls: cluster.urls});
});
afterAll(async () => {
  client.close();
  await cluster.destroy();
});

function agoS(seconds: number): number {
  return Math.floor(Date.now() / 1000) - seconds;
}

async function write(database: string, lines: readonly string[]): Promise<void> {
  await client.write(lines.join('\n'), {database, precision: 's'});
}

/** The codes of the lines that a write refuses, by their number. */
async function refused(database: string, lines: readonly string[]): Promise<[number, string][]> {
  const error = await write(database, lines).then(
    () => undefined,
    (thrown: FlotillaError) => thrown,
  );
  const details = error && writeDetailsOf(error);
  return details?.lines.map(({line, code}) => [line, code]) ?? [];
}

function hosts(database: string): Promise<unknown[]> {
  return client
    .query('SELECT host FROM m ORDER BY host', {database})
    .then((rows) => rows.map(({host}) => host));
}

describe('a database with a ttl', () => {
  test('refuses what is older by line, and takes the rest', async () => {
    await client.query("CREATE DATABASE young WITH TTL '1d' SHARD 1");
    expect(
      await refused('young', [
        `m,host=old v=1 ${agoS(25 * HOUR_S)}`,
        `m,host=new v=1 ${agoS(23 * HOUR_S)}`,
        `m,host=ancient v=1 1`,
      ]),
    ).toEqual([
      [1, 'TIME_EXPIRED'],
      [3, 'TIME_EXPIRED'],
    ]);
    expect(await hosts('young')).toEqual(['new']);
  });

  test('hides what grows too old, whole buckets or parts of one, and refuses it from then on', async () => {
    await client.query("CREATE DATABASE aging WITH SHARD 2 BUCKET_DURATION '1h'");
    const rows = [
      `m,host=a v=1 ${agoS(5 * HOUR_S)}`,
      `m,host=b v=1 ${agoS(91 * MINUTE_S)}`,
      `m,host=c v=1 ${agoS(60 * MINUTE_S)}`,
      `m,host=d v=1 ${agoS(1 * MINUTE_S)}`,
    ];
    await write('aging', rows);
    expect(await hosts('aging')).toEqual(['a', 'b', 'c', 'd']);
    const tried = await client.admin.alterDatabase('aging', {ttl: '90m'}, {dryRun: true});
    const going = {
      before: expect.any(String),
      buckets: expect.any(Number),
      recoverableUntil: expect.any(String),
    };
    expect(tried).toMatchObject({ttl: '1h30m', expires: going});
    expect(await client.admin.database('aging')).toMatchObject({ttl: null});
    await client.query("ALTER DATABASE aging SET TTL '90m'");
    expect((await refused('aging', rows)).map(([line]) => line)).toEqual([1, 2]);
    await until('the old rows are hidden', async () => {
      return (await hosts('aging')).join() === 'c,d';
    });
    expect(await client.query('SELECT count(*) AS n FROM m', {database: 'aging'})).toEqual([
      {n: 2},
    ]);
    const stale = {database: 'aging', stale: true};
    expect(await client.query('SELECT count(*) AS n FROM m', stale)).toEqual([{n: 2}]);
  });

  test('a longer ttl undoes a mistyped one: rows are back, and taken again', async () => {
    const longer = await client.admin.alterDatabase('aging', {ttl: '92m'}, {dryRun: true});
    expect(longer).toMatchObject({returns: {from: expect.any(String)}});
    expect(await hosts('aging')).toEqual(['c', 'd']);
    expect(await client.query("ALTER DATABASE aging SET TTL 'none'")).toEqual([
      {result: 'ok: what had expired is back'},
    ]);
    expect(await hosts('aging')).toEqual(['a', 'b', 'c', 'd']);
    expect(await client.query('SELECT count(*) AS n FROM m', {database: 'aging'})).toEqual([
      {n: 4},
    ]);
    await write('aging', [`m,host=e v=1 ${agoS(4 * HOUR_S)}`]);
    expect(await hosts('aging')).toEqual(['a', 'b', 'c', 'd', 'e']);
    // Nothing hidden is left out of a deletion: it would come back, too.
    await client.query("ALTER DATABASE aging SET TTL '90m'");
    await until('the old rows are hidden', async () => {
      return (await hosts('aging')).join() === 'c,d';
    });
    await client.query("DELETE FROM m WHERE host = 'b'", {database: 'aging'});
    const back = await client.admin.alterDatabase('aging', {ttl: '1d'});
    expect(back).toMatchObject({ttl: '1d', returns: {cutBuckets: 0}});
    expect(back).not.toHaveProperty('expires');
    expect(await hosts('aging')).toEqual(['a', 'c', 'd', 'e']);
    await client.query("ALTER DATABASE aging SET TTL '90m'");
    await until('they are hidden again', async () => (await hosts('aging')).join() === 'c,d');
  });

  test('keeps both over a restart', async () => {
    await cluster.node(1).kill();
    cluster.node(1).start();
    await cluster.node(1).ready();
    expect(await hosts('aging')).toEqual(['c', 'd']);
    expect(await hosts('young')).toEqual(['new']);
    expect(await refused('young', [`m,host=old v=1 ${agoS(25 * HOUR_S)}`])).toEqual([
      [1, 'TIME_EXPIRED'],
    ]);
  });
});

test('a table dropped at once leaves its name and its column types free', async () => {
  await client.query('CREATE DATABASE dropping WITH SHARD 2');
  await write('dropping', [`m,host=a v=1 ${agoS(MINUTE_S)}`]);
  await client.query("DROP TABLE m AFTER '0s'", {database: 'dropping'});
  await write('dropping', [`m,host=b v="text" ${agoS(MINUTE_S)}`]);
  expect(await client.query('SELECT host, v FROM m', {database: 'dropping'})).toEqual([
    {host: 'b', v: 'text'},
  ]);
});
