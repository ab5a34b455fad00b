// Statements on real nodes: each one of CnosDB's grammar is carried out or refused by a name that the
// docs have; tables and columns change while other nodes write; series are read from the indexes of
// the replica sets, on any node and after kill -9.

import {readFileSync} from 'node:fs';
import {FlotillaClient, FlotillaError} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {until} from './waiting.ts';

const DATABASE = 'statements';
/** Three nodes start, or start again, and it may be a slow machine. */
const START_MS_MAX = 120_000;
const WEEK_NS = 7n * 86_400_000_000_000n;
/** Two buckets of a week. */
const TIMES = [1_600_000_000_000_000_000n, 1_600_000_000_000_000_000n + 2n * WEEK_NS];

let cluster: ProcessCluster;
/** One that knows all nodes, and one for each node. */
let client: FlotillaClient;
let clients: FlotillaClient[];

beforeAll(async () => {
  cluster = await ProcessCluster.start({nodes: 3});
  clients = cluster.urls.map((url) => new FlotillaClient({urls: [url], database: DATABASE}));
  client = new FlotillaClient({urls: cluster.urls, database: DATABASE});
  await client.query(`CREATE DATABASE ${DATABASE} WITH SHARD 2`);
  const hosts = Array.from({length: 20}, (_, i) => `h${String(i).padStart(2, '0')}`);
  const lines = TIMES.flatMap((time, i) =>
    hosts.map((host) => `cpu,host=${host},dc=d${i} v=${i} ${time}`),
  );
  await client.write(lines.join('\n'));
}, START_MS_MAX);
afterAll(async () => {
  for (const each of [client, ...clients]) each.close();
  await cluster.destroy();
});

async function refusalOf(sql: string, database: string): Promise<FlotillaError | undefined> {
  try {
    await client.query(sql, {database});
    return undefined;
  } catch (error) {
    if (error instanceof FlotillaError) return error;
    throw error;
  }
}

test(
  "each statement of CnosDB's grammar is done, or refused by a name that the docs have",
  async () => {
    const file = new URL('statements/cnosdb.txt', import.meta.url);
    const docs = readFileSync(new URL('../../docs/sql.md', import.meta.url), 'utf8');
    const lines = readFileSync(file, 'utf8').split('\n');
    for (const line of lines.filter((each) => each !== '' && !each.startsWith('#'))) {
      const [sql = '', outcome = ''] = line.split(' => ');
      const refusal = await refusalOf(sql, 'public');
      if (outcome === 'done') {
        expect(refusal?.message, sql).toBeUndefined();
        continue;
      }
      const name = outcome.replace('refused ', '');
      expect(refusal, sql).toMatchObject({code: 'UNSUPPORTED', status: 400});
      expect(refusal!.message, sql).toContain(`${name} is not supported yet at line 1, column`);
      expect(refusal!.details['position'], sql).toBeTypeOf('number');
      expect(docs, `docs/sql.md gives no reason for ${name}`).toContain(`\`${name}\``);
    }
  },
  START_MS_MAX,
);

test('series, tags and their values, as any node has them', async () => {
  for (const [i, each] of clients.entries()) {
    await each.write(`cpu,host=new${i} v=1 ${TIMES[0]}`);
    const reader = clients[(i + 1) % clients.length]!;
    const shown = await reader.query(`SHOW SERIES FROM cpu WHERE host = 'new${i}'`);
    expect(shown).toEqual([{key: `cpu,host=new${i}`}]);
  }
  const all = await client.query('SHOW SERIES FROM cpu');
  expect(all).toHaveLength(43);
  expect(await client.query('SHOW SERIES FROM cpu LIMIT 2 OFFSET 41')).toEqual(all.slice(41));
  expect(await client.query('SHOW SERIES FROM cpu ORDER BY key DESC LIMIT 1')).toEqual([all[42]]);
  // A condition on time is answered from rows.
  const late = await client.query("SHOW SERIES FROM cpu WHERE time > '2020-09-20' LIMIT 1");
  expect(late).toEqual([{key: 'cpu,dc=d1,host=h00'}]);
  expect(await client.query("SHOW TAG VALUES FROM cpu WITH KEY = dc WHERE host ~ '^h0'")).toEqual([
    {key: 'dc', value: 'd0'},
    {key: 'dc', value: 'd1'},
  ]);
  const values = await client.query('SHOW TAG VALUES FROM cpu WITH KEY IN (host, dc) LIMIT 3');
  expect(values.map(({value}) => value)).toEqual(['d0', 'd1', 'h00']);
  expect(await client.query('SHOW TAG KEYS FROM cpu')).toEqual([
    {table_name: 'cpu', tag_key: 'dc'},
    {table_name: 'cpu', tag_key: 'host'},
  ]);
  const columns = await client.query('SHOW COLUMNS FROM cpu');
  expect(columns.map((column) => column['column_name'])).toEqual(['time', 'dc', 'host', 'v']);
  const unknown = await refusalOf('SHOW TAG VALUES FROM cpu WITH KEY = hosts', DATABASE);
  expect(unknown?.message).toContain('did you mean host?');
});

test('SHOW CARDINALITY counts each series once, on any node, whatever its buckets and replicas', async () => {
  const lines = TIMES.flatMap((time) =>
    Array.from(
      {length: 30},
      (_, i) => `rack,host=r${String(i).padStart(2, '0')},dc=d${i % 3} v=1 ${time}`,
    ),
  );
  await client.write(lines.join('\n'));
  const row = {table_name: 'rack', is_estimate: false};
  for (const each of clients) {
    expect(await each.query('SHOW CARDINALITY FROM rack LIMIT 3')).toEqual([
      {...row, kind: 'table', tag_key: null, tag_value: null, series: 30, tag_values: null},
      {...row, kind: 'tag', tag_key: 'host', tag_value: null, series: null, tag_values: 30},
      {...row, kind: 'tag', tag_key: 'dc', tag_value: null, series: null, tag_values: 3},
      {...row, kind: 'value', tag_key: 'dc', tag_value: 'd0', series: 10, tag_values: null},
      {...row, kind: 'value', tag_key: 'dc', tag_value: 'd1', series: 10, tag_values: null},
      {...row, kind: 'value', tag_key: 'dc', tag_value: 'd2', series: 10, tag_values: null},
    ]);
  }
  const [whole] = await client.query(`SHOW CARDINALITY ON ${DATABASE}`, {database: 'public'});
  const keys = await Promise.all(
    (await client.query('SHOW TABLES')).map(({table_name: table}) =>
      client.query(`SHOW SERIES FROM "${String(table)}"`),
    ),
  );
  expect(whole).toMatchObject({kind: 'database', series: keys.flat().length});
  const report = await client.admin.cardinality(DATABASE, {table: 'rack', limit: 1});
  expect(report).toMatchObject({series: 30, tags: [{tag: 'host', values: 30}]});
  const refusal = await refusalOf('SHOW CARDINALITY LIMIT 101', DATABASE);
  expect(refusal).toMatchObject({code: 'INVALID_ARGUMENT'});
});

test('EXPLAIN names the replica sets that are read, and why the others are not', async () => {
  const sql = `EXPLAIN SELECT v FROM cpu WHERE time < '2020-09-20' AND host = 'h01'`;
  const rows = await client.query(sql);
  const touched = rows.filter(({read}) => read === true);
  expect(touched).toHaveLength(2);
  for (const {why} of touched) expect(why).toContain('by the tags');
  const pruned = rows.filter(({read}) => read === false);
  expect(pruned.length).toBeGreaterThanOrEqual(2);
  for (const {why} of pruned) expect(why).toBe('it begins after the time range');
});

test('a table that is made by a statement takes writes of its types', async () => {
  await clients[0]!.query('CREATE TABLE made (n BIGINT, s STRING, TAGS(host))');
  await clients[1]!.query("INSERT INTO made (time, host, n) VALUES (1600000000000000000, 'a', 7)");
  await clients[2]!.write(`made,host=b s="x" ${TIMES[0]}`);
  const rows = await clients[0]!.query('SELECT host, n, s FROM made ORDER BY host');
  expect(rows).toEqual([
    {host: 'a', n: 7, s: null},
    {host: 'b', n: null, s: 'x'},
  ]);
  await expect(client.write(`made,host=a n=1.5 ${TIMES[0]}`)).rejects.toMatchObject({
    code: 'LINES_REJECTED',
  });
});

test('renamed columns and tables keep their rows, and free their names', async () => {
  await client.write(`old,host=a x=1,y=2 ${TIMES[0]}`);
  await clients[0]!.query('ALTER TABLE old RENAME COLUMN x TO first');
  await clients[1]!.query('ALTER TABLE old RENAME COLUMN host TO machine');
  await clients[2]!.query('RENAME TABLE old TO fresh');
  expect(await clients[0]!.query('SELECT machine, first, y FROM fresh')).toEqual([
    {machine: 'a', first: 1, y: 2},
  ]);
  await clients[0]!.query('ALTER TABLE fresh RENAME TO newest');
  await clients[1]!.write(`fresh,host=b x="text" ${TIMES[0]}`);
  expect(await clients[2]!.query('SELECT host, x FROM fresh')).toEqual([{host: 'b', x: 'text'}]);
  expect(await clients[2]!.query('SELECT count(*) AS n FROM newest')).toEqual([{n: 1}]);
});

test('a dropped column takes no more writes: what comes later is in a new one, of any type', async () => {
  await client.write(`shrunk,host=a,rack=r v=1,w=1 ${TIMES[0]}`);
  let isDropped = false;
  /** Begun after the answer to the drop, and acknowledged. */
  const after: number[] = [];
  const writers = clients.map(async (each, i) => {
    for (let n = i * 1_000_000, left = 20; left > 0; n++) {
      const isAfter = isDropped;
      await each.write(`shrunk,host=w v=${n},w=1 ${TIMES[0]! + BigInt(n)}`);
      if (!isAfter) continue;
      after.push(n);
      left -= 1;
    }
  });
  await clients[0]!.query('ALTER TABLE shrunk DROP v');
  isDropped = true;
  await clients[1]!.query('ALTER TABLE shrunk DROP rack');
  await Promise.all(writers);
  const written = await client.query("SELECT v FROM shrunk WHERE host = 'w' AND v IS NOT NULL");
  const seen = new Set(written.map(({v}) => v));
  expect(after.filter((n) => !seen.has(n))).toEqual([]);
  for (const [i, each] of clients.entries()) {
    await each.write(`shrunk,host=last${i} v=${i} ${TIMES[0]}`);
  }
  const last = `SELECT host, v FROM shrunk WHERE host LIKE 'last%' ORDER BY host`;
  expect(await client.query(last)).toEqual([0, 1, 2].map((i) => ({host: `last${i}`, v: i})));
  const old = await client.query("SELECT * FROM shrunk WHERE host = 'a'");
  expect(old).toEqual([{time: '2020-09-13T12:26:40Z', host: 'a', w: 1, v: null}]);
  await clients[2]!.query('ALTER TABLE shrunk DROP COLUMN v');
  await clients[1]!.query('ALTER TABLE shrunk ADD FIELD v STRING');
  await clients[0]!.write(`shrunk,host=text v="x" ${TIMES[0]}`);
  const text = `SELECT v FROM shrunk WHERE v IS NOT NULL`;
  await until('no row of the number is taken for a text', async () => {
    const rows = await client.query(text);
    return rows.length === 1 && rows[0]!['v'] === 'x';
  });
});

test('tenants own databases of the same names, and go when they own none', async () => {
  await clients[0]!.query("CREATE TENANT acme WITH COMMENT = 'the plant'");
  const inTenant = {tenant: 'acme', database: DATABASE};
  await clients[1]!.query(`CREATE DATABASE ${DATABASE}`, inTenant);
  await clients[2]!.write(`cpu,host=theirs v=1 ${TIMES[0]}`, inTenant);
  expect(await clients[0]!.query('SHOW SERIES FROM cpu', inTenant)).toEqual([
    {key: 'cpu,host=theirs'},
  ]);
  expect(await client.query('DESCRIBE TENANT acme')).toEqual([
    {tenant_name: 'acme', comment: 'the plant', databases: 1},
  ]);
  expect(await client.admin.tenants()).toMatchObject([
    {name: 'default'},
    {name: 'acme', databases: 1},
  ]);
  await expect(client.query('DROP TENANT acme')).rejects.toMatchObject({code: 'CONFLICT'});
  await clients[1]!.query(`DROP DATABASE ${DATABASE}`, inTenant);
  await client.query('DROP TENANT acme');
  expect(await client.query('SHOW TENANTS')).toEqual([{tenant_name: 'default'}]);
});

test(
  'what was changed and shown is so after kill -9',
  async () => {
    const before = await client.query('SHOW SERIES FROM cpu');
    for (const node of cluster.nodes) {
      await node.kill();
      node.start();
    }
    for (const node of cluster.nodes) await node.ready();
    await until('the series are there', async () => {
      const after = await client.query('SHOW SERIES FROM cpu');
      return JSON.stringify(after) === JSON.stringify(before);
    });
    const columns = await client.query('DESCRIBE TABLE shrunk');
    expect(columns.map((column) => column['column_name'])).toEqual(['time', 'host', 'w', 'v']);
  },
  START_MS_MAX,
);
