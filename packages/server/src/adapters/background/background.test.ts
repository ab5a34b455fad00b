import {spawn} from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import {join} from 'node:path';
import {FatalError, type StoreId} from '@flotilla/base';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {sqliteManifestStores} from '../sqlite-manifest-store.ts';
import {BackgroundClient} from './background-client.ts';
import {BackgroundWorker} from './background-worker.ts';

let directory: string;
let worker: BackgroundWorker;
const deaths: Error[] = [];
const store = 0 as StoreId;

beforeEach(() => {
  directory = fs.mkdtempSync(join(os.tmpdir(), 'flotilla-background-'));
  fs.mkdirSync(join(directory, 'stores', '0'), {recursive: true});
  deaths.length = 0;
  worker = new BackgroundWorker({directory, onDeath: (cause) => deaths.push(cause)});
});

afterEach(async () => {
  await worker.stop();
  fs.rmSync(directory, {recursive: true});
});

test('commits apply in the order of the calls and are there at the next opening', async () => {
  const open = sqliteManifestStores(new BackgroundClient(worker.connect()));
  const manifest = await open(store);
  expect(await manifest.load()).toEqual([]);
  const commits = Array.from({length: 50}, (_, i) =>
    manifest.commit({
      put: [
        ['last', Buffer.from([i])],
        [`row/${i}`, Buffer.from('x')],
      ],
      remove: [`row/${i - 1}`],
    }),
  );
  await Promise.all(commits);
  await manifest.close();
  const rows = await (await open(store)).load();
  expect(rows).toEqual([
    ['last', new Uint8Array([49])],
    ['row/49', new Uint8Array([0x78])],
  ]);
});

test('keys come back in the order of UTF-16 code units', async () => {
  const manifest = await sqliteManifestStores(new BackgroundClient(worker.connect()))(store);
  const keys = ['b', 'a', '\uffee', '\u{1f600}', 'aa'];
  await manifest.commit({put: keys.map((key) => [key, Buffer.alloc(1)] as const), remove: []});
  expect((await manifest.load()).map(([key]) => key)).toEqual([...keys].sort());
});

test('two threads share the worker; a store is opened once', async () => {
  const one = sqliteManifestStores(new BackgroundClient(worker.connect()));
  const two = sqliteManifestStores(new BackgroundClient(worker.connect()));
  await one(store);
  await expect(two(store)).rejects.toThrow(/is open/);
});

test('a directory that is not there is fatal and named', async () => {
  const open = sqliteManifestStores(new BackgroundClient(worker.connect()));
  const failure = await open(7 as StoreId).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(FatalError);
  expect(String(failure)).toMatch(/stores\/7\/manifest.sqlite/);
});

test('a stopped worker rejects what waits and is no death; a dead one is reported once', async () => {
  const client = new BackgroundClient(worker.connect());
  await client.request({type: 'manifest-open', store});
  await worker.stop();
  await expect(client.request({type: 'manifest-load', store})).rejects.toThrow(/gone/);
  expect(deaths).toEqual([]);

  const dying = new BackgroundWorker({directory, onDeath: (cause) => deaths.push(cause)});
  const port = dying.connect();
  // A message that is no call breaks the thread's own law, which ends it.
  port.postMessage(undefined);
  await expect.poll(() => deaths.length).toBe(1);
  await dying.stop();
  expect(deaths.length).toBe(1);
});

test('acknowledged commits survive kill -9', async () => {
  const href = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  const script = `
    const {BackgroundWorker} = await import(${href('./background-worker.ts')});
    const {BackgroundClient} = await import(${href('./background-client.ts')});
    const {sqliteManifestStores} = await import(${href('../sqlite-manifest-store.ts')});
    const worker = new BackgroundWorker({directory: ${JSON.stringify(directory)}, onDeath() {}});
    const manifest = await sqliteManifestStores(new BackgroundClient(worker.connect()))(0);
    for (let i = 0; ; i++) {
      await manifest.commit({put: [['count', Buffer.from(String(i))], ['row/' + i, Buffer.alloc(100)]], remove: []});
      process.stdout.write(i + '\\n');
    }`;
  const child = spawn(process.execPath, ['-e', `(async () => {${script}})()`]);
  let output = '';
  await new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.stdout.on('data', (text: Buffer) => {
      output += text;
      if (output.split('\n').length > 100) child.kill('SIGKILL');
    });
  });
  const acknowledged = Number(output.trim().split('\n').at(-1));
  const manifest = await sqliteManifestStores(new BackgroundClient(worker.connect()))(store);
  const rows = new Map(await manifest.load());
  const count = Number(Buffer.from(rows.get('count')!));
  expect(count).toBeGreaterThanOrEqual(acknowledged);
  // All of a commit or none of it.
  expect(rows.size).toBe(count + 2);
});
