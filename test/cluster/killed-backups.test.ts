// Goal: a backup whose coordinator is killed in the middle ends by itself, passes for nothing that it is not, and
// leaves the next one only what it had not copied; a restore whose node is killed says how to go on, and going on
// gives the same rows. Method: three processes, enough bytes that nothing is over before the kill.

import {randomBytes} from 'node:crypto';
import {mkdirSync, readdirSync, readFileSync, statSync, writeFileSync} from 'node:fs';
import http from 'node:http';
import type {AddressInfo} from 'node:net';
import path from 'node:path';
import {FlotillaClient} from '@flotilla/client';
import {ProcessCluster, type ProcessNode} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {flotillaAt} from './command-line.ts';
import {flushEveryNode, processOf, untilApplied} from './nodes.ts';
import {until} from './waiting.ts';

const START_MS_MAX = 120_000;
const TEST_MS_MAX = 90_000;
const T0_S = 1_600_000_000;
const HOUR_S = 3_600;
const BUCKETS = 3;
const SHARDS = 4;
const ROWS_OF_BUCKET = 3_000;
/**
 * Of chance, which nothing packs: a node takes seconds for its third of them at the lowest rate that there is, and
 * each part is more than a megabyte, so that a thread of its own copies it.
 */
const TEXT_BYTES = 1_500;
/** Of the bodies of a restore, of which four are on the way at once: some before it are acknowledged. */
const KILLING_BODY = 8;

let cluster: ProcessCluster;
let client: FlotillaClient;
let directory: string;

beforeAll(async () => {
  cluster = await ProcessCluster.start({nodes: 3, engineThreads: 2});
  client = new FlotillaClient({urls: cluster.urls});
  directory = path.join(cluster.directory, 'backups');
  mkdirSync(directory);
  await client.admin.createDatabase({name: 'd', shards: SHARDS, bucketDuration: '1h'});
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const lines = Array.from({length: ROWS_OF_BUCKET}, (_, i) => {
      const text = randomBytes(TEXT_BYTES).toString('base64');
      return `log,host=h${i % 40} s="${text}" ${T0_S + bucket * HOUR_S + i}`;
    });
    await client.write(lines.join('\n'), {database: 'd', precision: 's'});
  }
  await flushEveryNode(cluster);
  await untilApplied(client, 'd');
}, START_MS_MAX);
afterAll(async () => {
  client.close();
  await cluster.destroy();
});

const flotilla = (...args: string[]) => flotillaAt(cluster.urls, args);

interface Noted {
  readonly replica: number;
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

const RUNNING = () => path.join(directory, 'running');

/** The only backup that has been announced, and what it notes as stored. */
function underway(): {readonly id: string; readonly noted: readonly Noted[]} {
  const [name = ''] = readdirSync(RUNNING()).filter((each) => each.endsWith('.files'));
  const text = readFileSync(path.join(RUNNING(), name), 'utf8');
  const whole = text.split('\n').slice(0, -1);
  return {
    id: name.slice(0, -'.files'.length),
    noted: whole.map((line) => JSON.parse(line) as Noted),
  };
}

/** What has been written again under its name is another file. */
function inodeOf({sha256}: Pick<Noted, 'sha256'>): number {
  return statSync(path.join(directory, 'files', sha256.slice(0, 2), sha256)).ino;
}

/** Keys are the same bytes in many replicas, of which each that copies them gives them their name anew. */
const isPart = ({name}: Noted): boolean => name.endsWith('.part');

/** As if its last sign of life were as old as one of a coordinator that is taken for dead. */
function letAMinutePass(id: string): void {
  const file = path.join(RUNNING(), `${id}.json`);
  const told = JSON.parse(readFileSync(file, 'utf8')) as {readonly updatedMs: number};
  writeFileSync(file, JSON.stringify({...told, updatedMs: told.updatedMs - 60_000}));
}

test(
  'a backup whose coordinator is killed ends as stopped, and the next copies what it had not',
  async () => {
    const watching = flotilla('backup', directory, '--rate', '1MB');
    await until('two replicas have stored rows', () => {
      const {noted} = underway();
      return new Set(noted.filter(isPart).map(({replica}) => replica)).size >= 2;
    });
    const {id} = underway();
    const killed = await processOf(cluster, client, id.slice(id.lastIndexOf('-') + 1));
    await killed.kill();
    const before = new Map(
      underway()
        .noted.filter(isPart)
        .map((file) => [file, inodeOf(file)]),
    );
    const living = cluster.urls.filter((url) => url !== killed.url);

    // Until then somebody may still be at work there.
    const early = await flotillaAt(living, ['backup', directory]);
    expect([early.code, early.err]).toEqual([1, expect.stringContaining(`backup ${id} is under`)]);
    expect(early.err).toContain('one whose node has died is over a minute later');
    letAMinutePass(id);
    const watched = await watching;
    expect([watched.code, watched.out]).toEqual([
      1,
      `backup ${id} stopped: the node that coordinated it says nothing any more\n` +
        '  what it has stored is used by the next one\n',
    ]);
    const listed = await flotilla('backup', 'list', directory, '--json');
    expect(JSON.parse(listed.out)).toMatchObject([{id, state: 'stopped'}]);
    for (const more of [[], ['--backup', id]]) {
      const refused = await flotilla('restore', directory, '--db', 'd', '--as', 'e', ...more);
      expect([refused.code, refused.err]).toEqual([
        1,
        expect.stringMatching(/there is no complete backup: |no backup \S+ is complete: /),
      ]);
    }

    killed.start();
    await killed.ready();
    await until('all nodes are there again', async () => {
      const {nodes} = await client.admin.status();
      return nodes.every(({isReachable}) => isReachable === true);
    });
    const next = await flotilla('backup', directory, '--json');
    expect([next.code, next.err]).toEqual([0, '']);
    const made = JSON.parse(next.out) as {readonly id: string; readonly copiedBytes: number};
    const record = path.join(directory, 'backups', `${made.id}.json`);
    const {sets} = JSON.parse(readFileSync(record, 'utf8').split('\n')[0]!) as {
      readonly sets: readonly {readonly replica: number; readonly files: readonly Noted[]}[];
    };
    const named = sets.flatMap(({replica, files}) => files.map((file) => ({...file, replica})));
    // A set may be asked of another replica, should its node be missed for a moment: that one's parts are others.
    const kept = [...before].filter(([file]) =>
      named.some(({replica, sha256}) => replica === file.replica && sha256 === file.sha256),
    );
    expect(new Set(kept.map(([{replica}]) => replica)).size).toBeGreaterThanOrEqual(2);
    for (const [file, inode] of kept) expect([file, inodeOf(file)]).toEqual([file, inode]);
    const keptBytes = kept.reduce((sum, [{bytes}]) => sum + bytes, 0);
    const bytes = named.filter(isPart).reduce((sum, file) => sum + file.bytes, 0);
    const others = named.filter((file) => !isPart(file));
    const othersBytes = others.reduce((sum, file) => sum + file.bytes, 0);
    expect(made.copiedBytes).toBeGreaterThanOrEqual(bytes - keptBytes);
    expect(made.copiedBytes).toBeLessThanOrEqual(bytes - keptBytes + othersBytes);

    expect(readdirSync(RUNNING())).toEqual([]);
    expect(readdirSync(path.join(directory, 'incoming'))).toEqual([]);
    const verified = await flotilla('backup', 'verify', directory);
    expect([verified.code, verified.out]).toEqual([0, expect.stringMatching(/^whole: /)]);
    const after = await flotilla('backup', 'list', directory, '--json');
    expect(JSON.parse(after.out)).toMatchObject([{id: made.id, state: 'done'}]);
  },
  TEST_MS_MAX,
);

/** Passes all on to the node, and kills it as that body of a restore arrives. */
async function killingProxy(node: ProcessNode): Promise<{url: string; close: () => void}> {
  let bodies = 0;
  const proxy = http.createServer((request, response) => {
    const {method, headers, url = ''} = request;
    if (url.startsWith('/api/v1/write/columns') && ++bodies === KILLING_BODY)
      node.signal('SIGKILL');
    const passed = http.request(`${node.url}${url}`, {method, headers}, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.on('error', () => response.destroy()).pipe(response);
    });
    passed.on('error', () => response.destroy());
    request.pipe(passed);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const {port} = proxy.address() as AddressInfo;
  return {url: `http://127.0.0.1:${port}`, close: () => proxy.closeAllConnections()};
}

test(
  'a restore whose node is killed says how to go on, and going on by another node gives the same rows',
  async () => {
    const rowsOf = (database: string, from: FlotillaClient): Promise<string> =>
      from.queryText('SELECT * FROM log ORDER BY time, host', 'csv', {database});
    const want = await rowsOf('d', client);
    expect(want.split('\n').length).toBeGreaterThan(BUCKETS * ROWS_OF_BUCKET);
    const killed = cluster.node(2);
    const proxy = await killingProxy(killed);
    const asked = ['restore', directory, '--db', 'd', '--as', 'e'];
    const stopped = await flotillaAt([proxy.url], [...asked, '--timeout', '3']);
    proxy.close();
    expect(killed.isRunning).toBe(false);
    const [, goOn = ''] =
      / are restored; go on by the same command with (.*)\n/.exec(stopped.err) ?? [];
    expect(goOn, stopped.err).toMatch(/^--backup \S+ --skip-sets \d+$/);
    expect([stopped.code, stopped.out]).toEqual([2, '']);

    const others = cluster.urls.filter((url) => url !== killed.url);
    const one = new FlotillaClient({urls: others});
    // As who never saw that line, since the command was killed, would ask.
    const again = await flotillaAt(others, asked);
    expect([again.code, again.err]).toEqual([
      64,
      expect.stringMatching(/--backup \S+ --skip-sets 0 to continue/),
    ]);
    const rest = await flotillaAt(others, [...asked, ...goOn.split(' ')]);
    expect([rest.code, rest.err]).toEqual([0, '']);
    expect((await rowsOf('e', one)) === want).toBe(true);
    one.close();
  },
  TEST_MS_MAX,
);
