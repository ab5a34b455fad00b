// Goal: what was acknowledged before a backup is in it, whoever dies; it comes back into other shards and under
// another name, value by value; and what a disk does to it is found. Method: three processes, the commands as they
// are typed, queries of both databases side by side.

import {mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {FlotillaClient} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {flotillaAt} from './command-line.ts';
import {busiestLeader, flushEveryNode, openDatabase, untilApplied} from './nodes.ts';
import {until} from './waiting.ts';

const START_MS_MAX = 120_000;
const TEST_MS_MAX = 90_000;
const T0_S = 1_600_000_000;
const ROWS = 6_000;

let cluster: ProcessCluster;
let client: FlotillaClient;
let directory: string;

beforeAll(async () => {
  cluster = await ProcessCluster.start({nodes: 3, engineThreads: 2});
  client = new FlotillaClient({urls: cluster.urls});
  directory = path.join(cluster.directory, 'backups');
  mkdirSync(directory);
  await openDatabase(client, 'd', {shards: 3});
  const lines = Array.from(
    {length: ROWS},
    (_, i) => `cpu,host=h${i % 40},zone=z\\ ${i % 3} u=${i / 8},n=${i}i ${T0_S + i}`,
  );
  await client.write(lines.join('\n'), {database: 'd', precision: 's'});
  const odd = [
    `odd,t=a\\,b\\=c\\ d f=-0,i=-9223372036854775808i,u=18446744073709551615u,b=t,s="x \\"y\\" \\\\ z" ${T0_S}`,
    `odd,t=two s="line one\nline two",f=5e-324 ${T0_S + 1}`,
    `odd s="no tag" ${T0_S + 2}`,
    `gone v=1 ${T0_S}`,
  ];
  await client.write(odd.join('\n'), {database: 'd', precision: 's'});
  // What no line can say.
  const told = `INSERT INTO odd (time, t, f) VALUES (${T0_S + 3}000000000, 'ends in \\', 'inf')`;
  await client.query(told, {database: 'd'});
  await client.query('DROP TABLE gone', {database: 'd'});
  // The same names under another tenant.
  await client.admin.createTenant({name: 'acme'});
  await client.admin.createDatabase({name: 'd', shards: 1}, {tenant: 'acme'});
  const acme = {database: 'd', tenant: 'acme', precision: 's'} as const;
  await client.write(`cpu,host=other v=7i ${T0_S}`, acme);
  // Some of it as parts, some in memory, some deleted on top of both.
  await flushEveryNode(cluster);
  await client.query("DELETE FROM cpu WHERE host = 'h7'", {database: 'd'});
  await client.write(`cpu,host=h1,zone=late u=1,n=1i ${T0_S}`, {database: 'd', precision: 's'});
  await untilApplied(client, 'd');
}, START_MS_MAX);
afterAll(async () => {
  client.close();
  await cluster.destroy();
});

const flotilla = (...args: string[]) => flotillaAt(cluster.urls, args);

interface Backup {
  readonly id: string;
  readonly state: string;
  readonly sets: number;
  readonly bytes: number;
  readonly copiedBytes: number;
}

async function backUp(...more: string[]): Promise<Backup> {
  const {code, out, err} = await flotilla('backup', directory, '--json', ...more);
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out) as Backup;
}

function rowsOf(table: string, database: string, from = client): Promise<string> {
  const tags = table === 'cpu' ? 'host, zone' : 't';
  return from.queryText(`SELECT * FROM ${table} ORDER BY time, ${tags}`, 'csv', {database});
}

/** All stored files. */
function stored(): string[] {
  return readdirSync(path.join(directory, 'files'), {recursive: true, encoding: 'utf8'})
    .filter((name) => /[0-9a-f]{64}$/.test(name))
    .sort();
}

interface Stored {
  readonly sha256: string;
}

function recordOf({id}: Backup) {
  const text = readFileSync(path.join(directory, 'backups', `${id}.json`), 'utf8');
  return JSON.parse(text.split('\n')[0]!) as {
    readonly catalog: Stored;
    readonly sets: readonly {readonly files: readonly (Stored & {readonly name: string})[]}[];
  };
}

const fileOf = ({sha256}: Stored): string =>
  path.join(directory, 'files', sha256.slice(0, 2), sha256);

/** Of a part, a byte of the page that a read begins with. */
const FIRST_PAGE = 20;

let first: Backup;
let ofAcme: Backup;
let changed: Backup;
let ofD: Backup;

test(
  'a backup is complete, verified, and told by list, metrics and any node',
  async () => {
    first = await backUp();
    expect(first).toMatchObject({state: 'done', sets: expect.any(Number)});
    expect(first.copiedBytes).toBeGreaterThan(5_000);
    const list = await flotilla('backup', 'list', directory);
    expect([list.code, list.err]).toEqual([0, '']);
    expect(list.out).toMatch(new RegExp(`${first.id} +done +all `));
    for (const url of cluster.urls) {
      const one = new FlotillaClient({urls: [url]});
      expect(await one.admin.backups(directory)).toMatchObject([{id: first.id, state: 'done'}]);
      one.close();
    }
    const told = await Promise.all(
      cluster.urls.map(async (url) => (await fetch(`${url}/metrics`)).text()),
    );
    const at = told.map((text) =>
      Number(/^flotilla_backup_last_success_timestamp_seconds (\S+)$/m.exec(text)?.[1]),
    );
    expect(Math.max(...at)).toBeGreaterThan(Date.now() / 1_000 - 600);
    const verified = await flotilla('backup', 'verify', directory);
    expect(verified).toMatchObject({code: 0, err: ''});
    expect(verified.out).toMatch(/^whole: \d+ files of 1 backups, .* every checksum holds\n$/);
  },
  TEST_MS_MAX,
);

test(
  'the next copies what has changed, and nothing else',
  async () => {
    const files = stored();
    const unchanged = await backUp();
    expect(unchanged.bytes).toBe(first.bytes);
    expect([unchanged.copiedBytes, stored()]).toEqual([0, files]);
    ofAcme = await backUp('--tenant', 'acme');
    expect(ofAcme.sets).toBe(1);
    await client.write(`cpu,host=h1,zone=more u=2 ${T0_S}`, {database: 'd', precision: 's'});
    changed = await backUp();
    expect(changed.copiedBytes).toBeGreaterThan(0);
    expect(changed.copiedBytes).toBeLessThan(first.copiedBytes / 2);
  },
  TEST_MS_MAX,
);

test(
  'all of it comes back into another cluster, of one node; of one tenant what is of that tenant',
  async () => {
    const other = await ProcessCluster.start({nodes: 1, engineThreads: 1});
    const there = new FlotillaClient({urls: other.urls});
    const acmeRows = () => there.query('SELECT host, v FROM cpu', {database: 'd', tenant: 'acme'});
    const restored = await flotillaAt(other.urls, ['restore', directory]);
    expect([restored.code, restored.err]).toEqual([0, '']);
    for (const table of ['cpu', 'odd'])
      expect(await rowsOf(table, 'd', there)).toEqual(await rowsOf(table, 'd'));
    expect(await acmeRows()).toEqual([{host: 'other', v: 7}]);
    expect(await there.admin.database('d')).toMatchObject({shards: 3});

    await there.query("DROP DATABASE d AFTER '0s'", {tenant: 'acme'});
    const again = await flotillaAt(other.urls, ['restore', directory, '--backup', ofAcme.id]);
    expect([again.code, again.err]).toEqual([0, '']);
    expect(await acmeRows()).toEqual([{host: 'other', v: 7}]);
    there.close();
    await other.destroy();
  },
  TEST_MS_MAX,
);

test(
  'a database comes back under another name, in other shards and buckets, as it was then',
  async () => {
    const want = [await rowsOf('cpu', 'd'), await rowsOf('odd', 'd')];
    await client.write(`cpu,host=h1,zone=after u=3 ${T0_S}`, {database: 'd', precision: 's'});
    // One body of rows wants more of its buckets than one request makes.
    await client.admin.createDatabase({name: 'e', shards: 2, bucketDuration: '6m'});
    const asked = ['restore', directory, '--db', 'd', '--as', 'e'];
    const plan = await flotilla(...asked, '--dry-run');
    expect([plan.code, plan.out]).toEqual([0, expect.stringContaining('would restore default/e')]);
    const {code, out, err} = await flotilla(...asked);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^restored backup \S+: \d+ rows of \d+ replica sets \(.*\)\n$/);
    expect([await rowsOf('cpu', 'e'), await rowsOf('odd', 'e')]).toEqual(want);
    const told = "SELECT count(*) AS n FROM odd WHERE t = 'ends in \\' AND f > 1e308";
    expect(await client.query(told, {database: 'e'})).toEqual([{n: 1}]);
    const tables = await client.queryText('SHOW TABLES', 'csv', {database: 'e'});
    expect(tables).not.toContain('gone');
    const again = await flotilla(...asked);
    expect([again.code, again.err]).toEqual([64, expect.stringContaining('holds tables')]);
    expect((await flotilla(...asked, '--merge')).code).toBe(0);
    expect([await rowsOf('cpu', 'e'), await rowsOf('odd', 'e')]).toEqual(want);
  },
  TEST_MS_MAX,
);

test(
  'with one node killed all that was acknowledged is in the next backup, and comes back whatever max_series says',
  async () => {
    const killed = await busiestLeader(cluster, client, 'd');
    await killed.kill();
    const others = cluster.urls.filter((url) => !url.endsWith(`:${killed.port}`));
    const one = new FlotillaClient({urls: others});
    await until('writes go on', async () => {
      await one.write(`cpu,host=h1,zone=alone u=4 ${T0_S}`, {database: 'd', precision: 's'});
      return true;
    });
    const want = await one.queryText('SELECT count(u) FROM cpu', 'csv', {database: 'd'});
    // Below what there is.
    await one.admin.alterDatabase('d', {maxSeries: 3});
    ofD = await backUp('--db', 'd', '--url', others.join(','));
    await one.admin.createDatabase({name: 'f', shards: 1});
    for (const [name, shards] of Object.entries({f: 1, g: 3})) {
      const asked = ['restore', directory, '--db', 'd', '--as', name, '--url', others.join(',')];
      const stopped = await flotillaAt(cluster.urls, asked, {isInterrupted: true});
      const [, goOn = ''] = /; go on by the same command with (.*)\n$/.exec(stopped.err) ?? [];
      expect([stopped.code, goOn]).toEqual([
        130,
        expect.stringMatching(/^--backup \S+ --skip-sets 0$/),
      ]);
      expect(await one.admin.database(name)).toMatchObject({maxSeries: null, tables: 3});
      expect(await flotilla(...asked, ...goOn.split(' '))).toMatchObject({code: 0});
      expect(await one.queryText('SELECT count(u) FROM cpu', 'csv', {database: name})).toBe(want);
      expect(await one.admin.database(name)).toMatchObject({maxSeries: 3, shards});
    }
    one.close();
    killed.start();
    await killed.ready();
  },
  TEST_MS_MAX,
);

test(
  'a byte that a disk has changed is named; a prune keeps what the newest of all, of a tenant and of a database need',
  async () => {
    const prune = ['backup', 'prune', directory, '--keep', '1'];
    const before = stored();
    const said = await flotilla(...prune, '--dry-run');
    expect(said).toMatchObject({code: 0, err: ''});
    expect(said.out).toMatch(
      /^would remove backup \S+\n[\s\S]*dry run, nothing was done: would keep 3 backups, remove \d+ and [1-9]\d* files \([1-9].*B\)\n$/,
    );
    const {dryRun, ...told} = JSON.parse((await flotilla(...prune, '--dry-run', '--json')).out);
    expect([dryRun, stored()]).toEqual([true, before]);
    const kept = await flotilla(...prune, '--json');
    expect(kept.code).toBe(0);
    expect(JSON.parse(kept.out)).toEqual(told);
    expect(told).toMatchObject({kept: [ofAcme.id, changed.id, ofD.id]});
    expect((await flotilla('backup', 'verify', directory)).code).toBe(0);
    const {catalog, sets} = recordOf(ofD);
    const asked = ['restore', directory, '--backup', ofD.id, '--db', 'd', '--as', 'h'];
    // Rows would come back under another name of their column.
    const names = readFileSync(fileOf(catalog), 'utf8');
    writeFileSync(fileOf(catalog), names.replaceAll('"name":"u"', '"name":"w"'));
    const misnamed = await flotilla(...asked);
    expect([misnamed.code, misnamed.out]).toEqual([1, '']);
    expect(misnamed.err).toContain(path.relative(directory, fileOf(catalog)));
    writeFileSync(fileOf(catalog), names);
    const part = sets.flatMap(({files}) => files).find((each) => each.name.endsWith('.part'))!;
    const file = fileOf(part);
    const name = path.relative(directory, file);
    const bytes = readFileSync(file);
    const damaged = Buffer.from(bytes);
    damaged[FIRST_PAGE] = damaged[FIRST_PAGE]! ^ 1;
    writeFileSync(file, damaged);
    const {code, out} = await flotilla('backup', 'verify', directory);
    expect(code).toBe(1);
    expect(out).toContain(`- ${name} (backup `);
    expect(out).toMatch(/\ndamaged: 1 in \d+ files of 3 backups/);
    const restored = await flotilla(...asked);
    expect([restored.code, restored.out]).toEqual([1, '']);
    expect(restored.err).toContain(`${part.name} is ${name}: checksum mismatch`);
    writeFileSync(file, bytes);
    const nowhere = await flotilla('backup', 'list', cluster.directory);
    expect([nowhere.code, nowhere.err]).toEqual([
      2,
      expect.stringContaining('no directory of backups'),
    ]);
  },
  TEST_MS_MAX,
);

test(
  'a directory that holds something else, or is not there, is refused',
  async () => {
    const {code, err} = await flotilla('backup', cluster.directory);
    expect([code, err]).toEqual([1, expect.stringContaining('backups want an empty one')]);
    const missing = await flotilla('backup', path.join(cluster.directory, 'nowhere'));
    expect([missing.code, missing.err]).toEqual([1, expect.stringContaining('is not there')]);
  },
  TEST_MS_MAX,
);
