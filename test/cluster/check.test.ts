// `flotilla check` as an operator runs it: on the directory of a process that was stopped, on one that runs,
// and on one in which a disk has changed a byte.

import {execFileSync, spawnSync} from 'node:child_process';
import {mkdirSync, readdirSync, readFileSync, statSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {FlotillaClient} from '@flotilla/client';
import {ProcessCluster, type ProcessNode} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const NODE = path.join(ROOT, 'node_modules/.bin/node');
const MAIN = path.join(ROOT, 'packages/cli/src/main.ts');
/** Directories of older builds, as their nodes left them when they were killed. */
const KEPT = path.join(ROOT, 'test/upgrade/data');
const TEST_MS_MAX = 120_000;

let cluster: ProcessCluster;
let node: ProcessNode;

beforeAll(async () => {
  cluster = await ProcessCluster.start({nodes: 1, engineThreads: 2});
  node = cluster.node(1);
  const client = new FlotillaClient({urls: cluster.urls});
  const lines = Array.from({length: 500}, (_, i) => `cpu,host=h${i % 50} usage=${i} ${i + 1}`);
  await client.write(lines.join('\n'), {precision: 's'});
  await client.admin.flushStorage();
  await client.write('mem,host=h1 free=1i 1', {precision: 's'});
  client.close();
}, TEST_MS_MAX);
afterAll(() => cluster.destroy());

function check(...more: string[]): {code: number | null; out: string; err: string} {
  const args = [MAIN, 'check', node.directory, ...more];
  const {status, stdout, stderr} = spawnSync(NODE, args, {encoding: 'utf8'});
  return {code: status, out: stdout, err: stderr};
}

/** Names, times and bytes of all files. */
function pictureOf(directory: string): string[] {
  return readdirSync(directory, {recursive: true, withFileTypes: true})
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .map((file) => `${file} ${statSync(file).mtimeMs} ${readFileSync(file).toString('base64')}`)
    .sort();
}

test(
  'the directory of a node that runs is refused, with its pid',
  () => {
    const {code, out, err} = check();
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(`another process has the data directory ${node.directory}`);
    expect(err).toContain(`(pid ${node.pid}); stop it first`);
  },
  TEST_MS_MAX,
);

test(
  'after a clean stop all is whole, and nothing was written',
  async () => {
    expect(await node.stop()).toBe(0);
    const before = pictureOf(node.directory);
    const {code, out, err} = check();
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/: node 1 of cluster [0-9a-f]{16}\n/);
    expect(out).toMatch(
      /\d+ replicas in 2 stores; \d+ records in 2 log segments; 501 rows of 51 series/,
    );
    expect(out).toMatch(/^part +\d+ +[\d.]+ k?B +yes$/m);
    expect(out).toMatch(/\nwhole: \d+ files, [\d.]+ [kM]B, every checksum holds\n$/);
    expect(pictureOf(node.directory)).toEqual(before);
  },
  TEST_MS_MAX,
);

test(
  'a byte that a disk has changed is named with its file, place, set and replica, and what to do',
  async () => {
    const part = readdirSync(node.directory, {recursive: true, encoding: 'utf8'})
      .filter((file) => file.endsWith('.part'))
      .sort()[0]!;
    const file = path.join(node.directory, part);
    const bytes = readFileSync(file);
    const changed = Buffer.from(bytes);
    changed[20] = changed[20]! ^ 4;
    writeFileSync(file, changed);
    const [, set, replica] = /(\d+)-(\d+)\/\d+\.part$/.exec(part)!;
    const {code, out} = check();
    expect(code).toBe(1);
    expect(out).toContain(`- ${part} at `);
    expect(out).toContain(` (replica ${replica} of set ${set}): `);
    expect(out).toContain(`    next: ./flotilla replica-set checksum ${set}\n`);
    expect(out).toMatch(/\ndamaged: \d+ places? in \d+ files/);
    const json = check('--json');
    expect(json.code).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({
      verdict: 'damaged',
      node: 1,
      damages: [{about: 'rows', file: part, set: Number(set), replica: Number(replica)}],
    });
    writeFileSync(file, bytes);
    expect(check().code).toBe(0);
    // It was only read: the node starts as ever.
    node.start();
    await node.ready();
    const client = new FlotillaClient({urls: cluster.urls});
    expect(await client.query('SELECT count(*) AS n FROM cpu')).toEqual([{n: 500}]);
    client.close();
  },
  TEST_MS_MAX,
);

test.each(readdirSync(KEPT))(
  'of a node that was killed all is whole, and each file is known: %s',
  (name) => {
    const directory = path.join(cluster.directory, name);
    mkdirSync(directory);
    execFileSync('tar', ['-xzf', path.join(KEPT, name), '-C', directory]);
    const before = pictureOf(directory);
    const {status, stdout} = spawnSync(NODE, [MAIN, 'check', directory], {encoding: 'utf8'});
    expect([status, stdout]).toEqual([0, expect.stringMatching(/\nwhole: \d+ files, /)]);
    expect(stdout).not.toContain('note: ');
    expect(pictureOf(directory)).toEqual(before);
  },
  TEST_MS_MAX,
);

test('a directory that is none of a node cannot be read', () => {
  const args = [MAIN, 'check', path.join(cluster.directory, 'nowhere'), '--json'];
  const {status, stderr} = spawnSync(NODE, args, {encoding: 'utf8'});
  expect(status).toBe(2);
  expect(JSON.parse(stderr)).toMatchObject({code: 'FAILED'});
  expect(JSON.parse(stderr).message).toMatch(/is no data directory of a node/);
});
