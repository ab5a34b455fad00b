// Copies in a thread of their own: what they store, how fast, and what becomes of them where somebody gives up,
// a disk refuses, or the thread dies.

import {createHash, randomBytes} from 'node:crypto';
import {once} from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import {join} from 'node:path';
import type {Worker} from 'node:worker_threads';
import {FatalError} from '@flotilla/base';
import {BackupDirectory} from '@flotilla/storage';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {NodeClock} from '../node-clock.ts';
import {NodeDisk} from '../node-disk.ts';
import {CopyClient, type CopyRun} from './copy-client.ts';

const PART = 'stores/0/replicas/1-1/7.part';
const BYTES = 5_000_000;
const INCOMING = 'incoming/b1/1-1';
/** Of all bytes, several seconds. */
const SLOW = 1_000_000;

let node: string;
let backups: string;
let content: Buffer;
let client: CopyClient;
let deaths: unknown[];

beforeEach(async () => {
  const root = fs.mkdtempSync(join(os.tmpdir(), 'flotilla-copies-'));
  [node, backups] = [join(root, 'node'), join(root, 'backups')];
  fs.mkdirSync(join(node, 'stores/0/replicas/1-1'), {recursive: true});
  fs.mkdirSync(backups);
  content = randomBytes(BYTES);
  fs.writeFileSync(join(node, PART), content);
  await BackupDirectory.prepare(new NodeDisk(backups), 'c');
  fs.mkdirSync(join(backups, 'incoming/b1'));
  deaths = [];
  const log = {
    info: () => {},
    warn: () => {},
    error: (fields: unknown) => void deaths.push(fields),
  };
  client = new CopyClient({directory: node, clock: new NodeClock(), log});
});

afterEach(async () => {
  await client.close();
  fs.rmSync(join(node, '..'), {recursive: true});
});

function begin(bytesPerSecond = 1e9, path = PART, bytes = BYTES): CopyRun {
  return client.begin({path, bytes, directory: backups, incoming: INCOMING, bytesPerSecond});
}

const storedFiles = async (): Promise<string[]> => [
  ...(await (await BackupDirectory.open(new NodeDisk(backups))).stored()),
];

/** The worker that the next job begins in. */
async function nextThread(): Promise<Worker> {
  const [worker] = (await once(process, 'worker')) as [Worker];
  return worker;
}

/** Of this process. @see proc_pid_stat(5): the 19th field; the second is a name in parentheses. */
function nicenessOfThreads(): number[] {
  return fs.readdirSync('/proc/self/task').map((thread) => {
    const text = fs.readFileSync(`/proc/self/task/${thread}/stat`, 'utf8');
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[16]);
  });
}

test('a file lies whole under its hash, and each byte was counted once', async () => {
  const run = begin();
  const sha256 = createHash('sha256').update(content).digest('hex');
  expect(await run.stored).toEqual({bytes: BYTES, sha256});
  expect(await storedFiles()).toEqual([sha256]);
  const path = join(backups, 'files', sha256.slice(0, 2), sha256);
  expect(fs.readFileSync(path).equals(content)).toBe(true);
  expect(fs.existsSync(join(backups, INCOMING))).toBe(false);
  expect([run.takeCopiedBytes(), run.takeCopiedBytes()]).toEqual([BYTES, 0]);
  if (process.platform === 'linux') {
    const own = os.getPriority();
    expect(nicenessOfThreads()).toContain(Math.min(19, own + 10));
    expect(Math.min(...nicenessOfThreads())).toBe(own);
  }
});

test('no more is read in a second than it was told, over several files', async () => {
  // Each of one piece, of which the first alone is not waited for.
  const short = (rate: number) => begin(rate, PART, 500_000).stored;
  await short(1e9);
  const beganMs = performance.now();
  for (let file = 0; file < 8; file++) await short(10_000_000);
  expect(performance.now() - beganMs).toBeGreaterThan(300);
});

test('who gives up ends his copy and the one that waits, and neither gets a name', async () => {
  const [first, second] = [begin(SLOW), begin(SLOW)];
  await expect.poll(() => first.takeCopiedBytes()).toBeGreaterThan(0);
  second.stop();
  await expect(second.stored).rejects.toMatchObject({code: 'CANCELLED'});
  const beganMs = performance.now();
  first.stop();
  await expect(first.stored).rejects.toMatchObject({code: 'CANCELLED'});
  expect(performance.now() - beganMs).toBeLessThan(3_000);
  expect(await storedFiles()).toEqual([]);
  // What is left under that name does not stand in the way.
  await begin().stored;
  expect(await storedFiles()).toHaveLength(1);
});

test('who gives up waits for no pause, however slow the copy is', async () => {
  // After each piece two minutes.
  const run = begin(4_000);
  await expect.poll(() => run.takeCopiedBytes()).toBeGreaterThan(0);
  const beganMs = performance.now();
  run.stop();
  await expect(run.stored).rejects.toMatchObject({code: 'CANCELLED'});
  expect(performance.now() - beganMs).toBeLessThan(3_000);
});

test('what a disk refuses is told with the path, and the next file is copied', async () => {
  const failure: unknown = await begin(1e9, `${PART}x`).stored.catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(FatalError);
  expect(String(failure)).toContain(`${PART}x`);
  fs.truncateSync(join(node, PART), BYTES - 1);
  await expect(begin().stored).rejects.toThrow(/want \d+ bytes; have/);
  fs.writeFileSync(join(node, PART), content);
  await begin().stored;
  expect(deaths).toEqual([]);
});

test('a directory that is none of backups any more is refused by its code', async () => {
  fs.rmSync(join(backups, 'flotilla-backup.json'));
  await expect(begin().stored).rejects.toMatchObject({code: 'NOT_FOUND'});
});

test('the death of the thread costs its file, and the next is copied in a new one', async () => {
  const thread = nextThread();
  const run = begin(SLOW);
  const worker = await thread;
  await expect.poll(() => run.takeCopiedBytes()).toBeGreaterThan(0);
  await worker.terminate();
  await expect(run.stored).rejects.toMatchObject({code: 'UNAVAILABLE'});
  expect(deaths).toHaveLength(1);
  expect(await storedFiles()).toEqual([]);
  await begin().stored;
  expect(await storedFiles()).toHaveLength(1);
});

test('a client that is closed ends what is left, and takes nothing more', async () => {
  const run = begin(SLOW);
  const ended = expect(run.stored).rejects.toMatchObject({code: 'CANCELLED'});
  await expect.poll(() => run.takeCopiedBytes()).toBeGreaterThan(0);
  await client.close();
  await ended;
  expect(deaths).toEqual([]);
  await expect(begin().stored).rejects.toMatchObject({code: 'CANCELLED'});
});
