// The tarball of `npm run dist` is all that a machine needs: no network, no npm, no other Node.

import {execFileSync, spawn} from 'node:child_process';
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

test('what is unpacked starts through a link, takes a write, answers it and stops cleanly', async () => {
  const bin = path.join(directory, 'bin');
  mkdirSync(bin);
  for (const tool of ['sh', 'dirname', 'readlink'])
    symlinkSync(execFileSync('which', [tool], {encoding: 'utf8'}).trim(), path.join(bin, tool));
  symlinkSync(path.join(home, 'flotilla'), path.join(bin, 'flotilla'));
  const url = `http://127.0.0.1:${await freePorts(2)}`;
  const args = ['start', '--data', path.join(directory, 'data'), '--listen', url.slice(7)];
  // No Node and no npm on this PATH.
  const node = spawn(path.join(bin, 'flotilla'), args, {env: {PATH: bin}, cwd: directory});
  let output = '';
  for (const stream of [node.stdout, node.stderr])
    stream.on('data', (text: Buffer) => (output += text.toString()));
  const ended = new Promise<number | null>((resolve) => node.once('exit', resolve));
  const ready = () => fetch(`${url}/ready`).then(({ok}) => ok);
  await until(`it is ready: ${output}`, () => ready().catch(() => false));
  const body = 'cpu,host=a usage=0.5 1600000000000000000';
  const written = await fetch(`${url}/api/v1/write?db=public`, {method: 'POST', body});
  expect(written.status).toBe(204);
  const sql = {method: 'POST', body: 'SELECT host, usage FROM cpu'};
  const answer = await fetch(`${url}/api/v1/sql?db=public`, sql);
  expect(await answer.json()).toEqual([{host: 'a', usage: 0.5}]);
  node.kill('SIGTERM');
  expect(await ended, output).toBe(0);
}, 120_000);

test('it holds what runs and what is read, and no tests', () => {
  const files = readdirSync(home, {recursive: true, encoding: 'utf8'});
  for (const name of ['LICENSE', 'README.md', 'node/LICENSE', 'deploy/systemd/flotilla.service'])
    expect(files).toContain(name);
  expect(files.filter((name) => /^packages\/.*\.(test|fixture|bench)\.ts$/.test(name))).toEqual([]);
  expect(files.some((name) => name.includes('node_modules/vitest'))).toBe(false);
  // An optional dependency, but who has no npm cannot fetch it.
  expect(files.some((name) => name.endsWith('/duckdb.node'))).toBe(true);
});
