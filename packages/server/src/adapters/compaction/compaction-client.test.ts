// Compactions in a thread of their own: what they make, and what becomes of it where a replica closes, a part
// is damaged, or the thread dies.

import {once} from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import {join} from 'node:path';
import type {Worker} from 'node:worker_threads';
import type {ColumnId, ReplicaId, ReplicaSetId, TableId} from '@flotilla/base';
import {Manifest, MergesInTurns, PartDamage, ReadProgress, ReplicaStorage} from '@flotilla/storage';
import {MemoryManifestStore} from '@flotilla/testkit';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {NodeClock} from '../node-clock.ts';
import {NodeDisk} from '../node-disk.ts';
import {CompactionClient} from './compaction-client.ts';

type ShareTable = Parameters<ReplicaStorage['applyWrite']>[1]['tables'][number];

const TABLE = 1 as TableId;
const TAG = 1 as ColumnId;
const FIELDS = [2, 3].map((id) => ({column: id as ColumnId, type: 'float'}) as const);
const SERIES = 10;
const ROWS = 500;
const PARTS = 4;
const FULL_SPEED = {cpu: 1, bytesPerSecond: 1e9};
/** Of the bytes of all parts, several seconds. */
const SLOW = {cpu: 1, bytesPerSecond: 250_000};
const REPLICA = 'stores/0/replicas/1-1';

let directory: string;
const clients: CompactionClient[] = [];
const deaths: unknown[] = [];

beforeEach(() => {
  directory = fs.mkdtempSync(join(os.tmpdir(), 'flotilla-compaction-'));
  deaths.length = 0;
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  fs.rmSync(directory, {recursive: true});
});

const EMPTY = {
  directory: REPLICA,
  parts: [],
  file: 'none',
  bucket: {startUnits: 0n, unitsPerSecond: 1_000},
  version: 1,
  tables: [],
} as const;
const SLICES = {due: () => undefined};

function clientOf(share: typeof SLOW, threadBytesMin = 0): CompactionClient {
  const log = {
    info: () => {},
    warn: () => {},
    error: (fields: unknown) => void deaths.push(fields),
  };
  const inTurns = new MergesInTurns(new NodeDisk(directory), SLICES);
  const options = {directory, share, threadBytesMin, inTurns, clock: new NodeClock(), log};
  const client = new CompactionClient(options);
  clients.push(client);
  return client;
}

/** All series, the rows of each part between those of the one before: nothing is only copied. */
function shareOf(part: number): ShareTable {
  const rowCount = SERIES * ROWS;
  // Table, column and length of the value, as they stand in a series key.
  const keyOf = (host: number) =>
    Buffer.concat([Buffer.of(TABLE, TAG, 2), Buffer.from(`h${host}`)]);
  return {
    table: TABLE,
    rowCount,
    series: Array.from({length: SERIES}, (_, host) => keyOf(host)),
    seriesOfRow: Int32Array.from({length: rowCount}, (_, row) => row % SERIES),
    offsets: Float64Array.from(
      {length: rowCount},
      (_, row) => Math.floor(row / SERIES) * 10_000 + part,
    ),
    columns: FIELDS.map(({column}) => ({
      column,
      count: rowCount,
      rows: undefined,
      values: {
        type: 'float',
        values: Float64Array.from({length: rowCount}, (_, row) => Math.sin(row * part * column)),
      },
    })),
  };
}

const pointAt = (index: number) => ({
  index,
  term: 1,
  configuration: null,
  extra: new Uint8Array(0),
});

async function openStorage(
  merges: CompactionClient | undefined,
  store = new MemoryManifestStore(),
): Promise<ReplicaStorage> {
  return ReplicaStorage.open({
    disk: new NodeDisk(directory),
    directory: REPLICA,
    manifest: await Manifest.open(store),
    set: 1 as ReplicaSetId,
    replica: 1 as ReplicaId,
    bucket: {startUnits: 1_767_225_600_000n, unitsPerSecond: 1_000},
    slices: SLICES,
    merges,
  });
}

async function writeParts(storage: ReplicaStorage): Promise<void> {
  for (let part = 1; part <= PARTS; part++) {
    storage.applyWrite(part, {tables: [shareOf(part)]});
    await storage.flush(pointAt(part));
  }
}

async function rowsOf(storage: ReplicaStorage): Promise<string[]> {
  const scan = storage.scan({table: TABLE, startOffset: 0, endOffset: 2 ** 53, fields: FIELDS});
  const rows: string[] = [];
  for (let chunks = await scan.next(); chunks !== undefined; chunks = await scan.next())
    for (const {series, offsets, rowCount, columns} of chunks)
      for (let row = 0; row < rowCount; row++) {
        const values = columns.map(
          (column) => (column!.values as {values: Float64Array}).values[row],
        );
        rows.push([series, offsets[row], ...values].join(' '));
      }
  scan.close();
  return rows;
}

const partFiles = (): string[] =>
  fs
    .readdirSync(join(directory, REPLICA))
    .filter((name) => name.endsWith('.part'))
    .sort();

/** What was merged is removed behind the commit. */
async function onePart(): Promise<string[]> {
  await expect.poll(() => partFiles().length).toBe(1);
  return partFiles();
}

/** Of this process. @see proc_pid_stat(5): the 19th field; the second is a name in parentheses. */
function nicenessOfThreads(): number[] {
  return fs.readdirSync('/proc/self/task').map((thread) => {
    const text = fs.readFileSync(`/proc/self/task/${thread}/stat`, 'utf8');
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[16]);
  });
}

/** The worker that the next job begins in. */
async function nextThread(): Promise<Worker> {
  const [worker] = (await once(process, 'worker')) as [Worker];
  return worker;
}

test('a part is the same, whoever merges it', async () => {
  const contents: Buffer[] = [];
  for (const merges of [undefined, clientOf(FULL_SPEED)]) {
    const storage = await openStorage(merges);
    await writeParts(storage);
    const before = await rowsOf(storage);
    // Of hosts 0 to 4, half of their times.
    storage.applyDelete(PARTS + 1, {
      table: TABLE,
      startOffset: 0,
      endOffset: (ROWS / 2) * 10_000,
      tags: {op: 'in', column: TAG, values: ['h0', 'h1', 'h2', 'h3', 'h4']},
    });
    await storage.flush(pointAt(PARTS + 1));
    await storage.compactAll();
    const files = await onePart();
    expect(await rowsOf(storage)).toHaveLength((before.length * 3) / 4);
    expect(storage.tombstoneCount).toBe(0);
    contents.push(fs.readFileSync(join(directory, REPLICA, files[0]!)));
    await storage.destroy();
  }
  expect(contents[0]!.equals(contents[1]!)).toBe(true);
  const {cpuMs, readBytes, deaths: died} = clients[0]!.counts;
  expect(cpuMs).toBeGreaterThan(0);
  expect(readBytes).toBeGreaterThan(100_000);
  expect(died).toBe(0);
});

test('how far a merge is is seen from outside of its thread', async () => {
  const storage = await openStorage(clientOf(FULL_SPEED));
  await writeParts(storage);
  const bytesTotal = storage.view().parts.reduce((sum, {bytes}) => sum + bytes, 0);
  const progress = new ReadProgress();
  const merge = storage.compactAll(progress);
  await expect.poll(() => progress.read?.bytesTotal).toBe(bytesTotal);
  await merge;
  expect(progress.read).toEqual({bytes: bytesTotal, bytesTotal});
  await storage.close();
});

test('a thread is started for what is worth it alone; while it is there it takes all', async () => {
  const started: Worker[] = [];
  const onWorker = (worker: Worker): void => void started.push(worker);
  process.on('worker', onWorker);
  const client = clientOf(FULL_SPEED, 200_000);
  const storage = await openStorage(client);
  const write = async (part: number): Promise<void> => {
    storage.applyWrite(part, {tables: [shareOf(part)]});
    await storage.flush(pointAt(part));
  };
  await write(1);
  await write(2);
  await storage.compactAll();
  expect(started).toHaveLength(0);
  expect(client.counts.merges).toBe(0);
  await write(3);
  await storage.compactAll();
  expect(started).toHaveLength(1);
  expect(client.counts.readBytes).toBeGreaterThan(200_000);
  if (process.platform === 'linux') {
    const own = os.getPriority();
    expect(nicenessOfThreads()).toContain(Math.min(19, own + 10));
    expect(Math.min(...nicenessOfThreads())).toBe(own);
  }
  await client.begin(EMPTY).written;
  expect(client.counts.merges).toBe(2);
  expect(started).toHaveLength(1);
  process.off('worker', onWorker);
  await storage.close();
});

test('of parts with nothing left in them nothing is left', async () => {
  const storage = await openStorage(clientOf(FULL_SPEED));
  await writeParts(storage);
  storage.applyDropTable(PARTS + 1, TABLE);
  storage.applyPurgeTable(PARTS + 2, TABLE);
  await storage.flush(pointAt(PARTS + 2));
  await storage.compactAll();
  await expect.poll(partFiles).toEqual([]);
  await storage.close();
});

test('a replica that closes ends its merge and the one that waits, and leaves nothing of them', async () => {
  const storage = await openStorage(clientOf(SLOW));
  await writeParts(storage);
  const before = partFiles();
  const thread = nextThread();
  const merges = [storage.compactAll(), storage.compactAll()];
  await once(await thread, 'online');
  await expect.poll(() => partFiles().length).toBe(PARTS + 1);
  const beganMs = performance.now();
  await Promise.all([
    storage.close(),
    ...merges.map((merge) => expect(merge).rejects.toThrow('the replica is closing')),
  ]);
  expect(performance.now() - beganMs).toBeLessThan(2_000);
  expect(partFiles()).toEqual(before);
});

test('other replicas go on when one that waits for them closes', async () => {
  const client = clientOf({cpu: 1, bytesPerSecond: 500_000});
  const storage = await openStorage(client);
  await writeParts(storage);
  const first = storage.compactAll();
  await expect.poll(() => partFiles().length).toBe(PARTS + 1);
  const bucket = {startUnits: 0n, unitsPerSecond: 1_000};
  const job = {
    directory: REPLICA,
    parts: [],
    file: 'none',
    bucket,
    version: 1,
    tables: [],
  } as const;
  const waiting = client.begin(job);
  waiting.stop();
  await expect(waiting.written).rejects.toThrow('closing');
  await first;
  await onePart();
  await storage.close();
});

test('a client that is closed ends what is left, and takes nothing more', async () => {
  const client = clientOf(SLOW);
  const storage = await openStorage(client);
  await writeParts(storage);
  const merge = expect(storage.compactAll()).rejects.toThrow('the node is stopping');
  await expect.poll(() => partFiles().length).toBe(PARTS + 1);
  await client.close();
  await merge;
  expect(deaths).toEqual([]);
  await expect(client.begin(EMPTY).written).rejects.toThrow('the node is stopping');
  await storage.close();
});

test('the death of the thread costs its job: nothing is left of it, and the next is carried out', async () => {
  const store = new MemoryManifestStore();
  const slow = clientOf(SLOW);
  const storage = await openStorage(slow, store);
  await writeParts(storage);
  const before = {files: partFiles(), rows: await rowsOf(storage)};
  const thread = nextThread();
  const merge = expect(storage.compactAll()).rejects.toThrow('the compaction thread died');
  const worker = await thread;
  await expect.poll(() => partFiles().length).toBe(PARTS + 1);
  // Neither writes nor scans need it.
  storage.applyWrite(PARTS + 1, {tables: [shareOf(PARTS + 1)]});
  await worker.terminate();
  await merge;
  expect(deaths).toHaveLength(1);
  expect(slow.counts.deaths).toBe(1);
  expect(partFiles()).toEqual(before.files);
  await storage.flush(pointAt(PARTS + 1));
  const all = await rowsOf(storage);
  expect(all).toHaveLength(before.rows.length + SERIES * ROWS);
  // The row of compactions goes on, in a new thread.
  await storage.compactAll();
  await onePart();
  expect(await rowsOf(storage)).toEqual(all);
  await storage.close();
  const reopened = await openStorage(undefined, store);
  await reopened.load();
  expect(await rowsOf(reopened)).toEqual(all);
  await reopened.close();
}, 30_000);

test('a damaged part is told as one, and its path', async () => {
  const storage = await openStorage(clientOf(FULL_SPEED));
  await writeParts(storage);
  const path = join(directory, REPLICA, partFiles()[1]!);
  const bytes = fs.readFileSync(path);
  bytes[1_000]! ^= 4;
  fs.writeFileSync(path, bytes);
  const failure: unknown = await storage.compactAll().catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(PartDamage);
  expect(String(failure)).toContain(path.slice(directory.length + 1));
  await storage.close();
});
