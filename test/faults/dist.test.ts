// The tarball of `npm run dist` is all that a machine needs: no network, no npm, no other Node.

import {execFileSync, spawn, spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {freePorts} from '@flotilla/testkit';
import {extract} from 'tar';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {until} from '../cluster/waiting.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
/** Compressing the Node and unpacking it, where others have the machine. */
const BUILD_MS_MAX = 300_000;

/** Empty where it is not installed. */
const pathOf = (tool: string): string =>
  spawnSync('which', [tool], {encoding: 'utf8'}).stdout.trim();

let directory: string;
let home: string;

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'flotilla-dist-test-'));
  const script = path.join(ROOT, 'tools/dist/main.ts');
  execFileSync(process.execPath, [script, '--out', directory, '--level', '1']);
  const [file] = readdirSync(directory);
  await extract({file: path.join(directory, file!), cwd: directory});
  home = path.join(directory, path.basename(file!, '.tar.gz'));
}, BUILD_MS_MAX);
afterAll(() => rmSync(directory, {recursive: true, force: true}));

/** Writes a row and reads it: what a client prints. */
const CLIENT = `
  const [url] = process.argv.slice(1);
  const post = (path, body) => fetch(url + path, {method: 'POST', body});
  const written = await post('/api/v1/write?db=public', 'cpu,host=a usage=0.5 1600000000000000000');
  const answer = await post('/api/v1/sql?db=public', 'SELECT host, usage FROM cpu');
  console.log(JSON.stringify({written: written.status, rows: await answer.json()}));
`;
const READY = `
  const [url] = process.argv.slice(1);
  process.exitCode = await fetch(url + '/ready').then(({ok}) => (ok ? 0 : 1), () => 1);
`;

/** The program and its client each behind its own words, which say where they run. */
async function startsAndAnswers(
  name: string,
  before: readonly string[],
  within: (pid: number) => readonly string[],
): Promise<void> {
  const bin = path.join(directory, `bin-${name}`);
  mkdirSync(bin);
  for (const tool of ['sh', 'dirname', 'readlink']) symlinkSync(pathOf(tool), path.join(bin, tool));
  symlinkSync(path.join(home, 'flotilla'), path.join(bin, 'flotilla'));
  const address = `127.0.0.1:${await freePorts(2)}`;
  const data = path.join(directory, `data-${name}`);
  const start = [path.join(bin, 'flotilla'), 'start', '--data', data, '--listen', address];
  const [command, ...args] = [...before, ...start];
  // No Node and no npm on this PATH.
  const node = spawn(command!, args, {env: {PATH: bin}, cwd: directory});
  let output = '';
  for (const stream of [node.stdout, node.stderr])
    stream.on('data', (text: Buffer) => (output += text.toString()));
  const ended = new Promise<number | null>((resolve) => node.once('exit', resolve));
  const client = (script: string) => {
    const node24 = [process.execPath, '--input-type=module', '-e', script, `http://${address}`];
    const [program, ...words] = [...within(node.pid!), ...node24];
    return spawnSync(program!, words, {encoding: 'utf8'});
  };
  try {
    await until('it is ready', () => client(READY).status === 0);
    const {stdout, stderr} = client(CLIENT);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({written: 204, rows: [{host: 'a', usage: 0.5}]});
  } catch (error) {
    throw new Error(`the node said: ${output}`, {cause: error});
  } finally {
    node.kill('SIGTERM');
  }
  expect(await ended, output).toBe(0);
}

test(
  'what is unpacked starts through a link, takes a write, answers it and stops cleanly',
  () => startsAndAnswers('plain', [], () => []),
  120_000,
);

/** In a namespace whose only interface is its loopback. Whole paths: what runs there has no PATH to look in. */
const ALONE = [
  ...[pathOf('unshare'), '--net', pathOf('sh'), '-c'],
  ...[`${pathOf('ip')} link set lo up && exec "$@"`, 'sh'],
];
const alone = (...words: string[]) =>
  spawnSync(ALONE[0]!, [...ALONE.slice(1), ...words], {encoding: 'utf8'});

const canBeAlone = pathOf('unshare') !== '' && alone('true').status === 0;

test.skipIf(!canBeAlone)(
  'so it does with the network taken away (wants unshare and ip, and the right to use them)',
  () => {
    // No way leads out of it.
    expect(alone('ip', 'route')).toMatchObject({status: 0, stdout: ''});
    return startsAndAnswers('alone', ALONE, (pid) => ['nsenter', '--net', '--target', `${pid}`]);
  },
  120_000,
);

test('it holds what runs and what is read, and no tests', () => {
  const files = readdirSync(home, {recursive: true, encoding: 'utf8'});
  for (const name of ['LICENSE', 'README.md', 'node/LICENSE', 'deploy/systemd/flotilla.service'])
    expect(files).toContain(name);
  expect(files.filter((name) => /^packages\/.*\.(test|fixture|bench)\.ts$/.test(name))).toEqual([]);
  expect(files.some((name) => name.includes('node_modules/vitest'))).toBe(false);
  // An optional dependency, but who has no npm cannot fetch it.
  expect(files.some((name) => name.endsWith('/duckdb.node'))).toBe(true);
});
