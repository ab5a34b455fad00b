// Goal: whatever bytes of a store's files change behind its back, that is detected and the file named, by a check
// and by who opens or reads it, or it is without any effect; never is there a wrong answer. Method: every range of
// a small store's files is changed in turn, after a stop in order and after a kill; each time all of it is looked
// at, opened and read, and held against what was written. One exception: the last record of the log after a kill,
// on a node that is alone, which nothing tells from a torn write. FLOTILLA_LONGER=1 for every byte.

import fs from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {FatalError, type FileFault, handledElsewhere, type NodeId} from '@flotilla/base';
import {MemoryDisk, MemoryManifestStore} from '@flotilla/testkit';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {checkLog, type LogLook} from '../../packages/multiraft/src/index.ts';
import {openNodeDirectory, readManifestCopy} from '../../packages/server/src/adapters/index.ts';
import {
  checkReplicaFiles,
  Manifest,
  type ReplicaState,
  replicasIn,
  verifyRows,
} from '../../packages/storage/src/index.ts';
import {LoneStore, manifestStore, REPLICA_DIRECTORY, STORE} from './store/lone-store.ts';
import {KEPT, Model, type Operation, operationOf} from './store/operations.ts';

const isLonger = process.env['FLOTILLA_LONGER'] === '1';
const RANGE_BYTES = isLonger ? 1 : 32;
/** Of SQLite's file, most of whose bytes are of no page that is in use. */
const SQLITE_RANGE_BYTES = isLonger ? 2 : 64;
const SEED = 7;
const TEST_MS_MAX = isLonger ? 600_000 : 120_000;

/** With a table dropped and recovered, deletes, flushes of parts of both versions, and segments of the log. */
const OPERATIONS_MIN = 34;
const FLUSHED_AT = [12, 25];
const ROWS_MAX = 3;
const SEGMENT_BYTES = 2_000;
/** Behind a compaction, flushes whose rows the log still has. */
const GOING_BACK = {operations: 120, compactedAt: 100};

interface Image {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly rows: ReadonlyMap<string, Uint8Array>;
  /** What can be read, and what could before the last operation. */
  readonly lines: readonly string[];
  readonly linesBefore: readonly string[];
}

function smallOperation(number: number): Operation {
  const operation = operationOf(SEED, number);
  if (operation.type !== 'write') return operation;
  return {...operation, rows: operation.rows.slice(0, ROWS_MAX)};
}

/** The last one is seen to be there, or not. */
function operationCount(): number {
  for (let count = OPERATIONS_MIN; ; count++) {
    const last = operationOf(SEED, count);
    if (last.type === 'write' && last.table === KEPT) return count;
  }
}

async function grown(end: 'stopped' | 'killed'): Promise<Image> {
  const disk = new MemoryDisk();
  const manifest = new MemoryManifestStore();
  const options = {disk, manifest, segmentBytes: SEGMENT_BYTES};
  const store = await LoneStore.open({...options, bootEpoch: 1});
  const model = new Model();
  const count = operationCount();
  let linesBefore: string[] = [];
  for (let number = 1; number <= count; number++) {
    const operation = smallOperation(number);
    await store.do(operation, number).catch((error: unknown) => {
      // Of the table that is dropped.
      expect(error).toMatchObject({code: 'TABLE_NOT_FOUND'});
    });
    linesBefore = model.lines();
    model.apply(operation);
    if (FLUSHED_AT.includes(number)) await store.machine.flush();
  }
  const lines = model.lines();
  expect(await store.lines()).toEqual(lines);
  if (end === 'stopped') await store.close();
  const files = new Map(disk.files().map((file) => [file, disk.bytesOf(file)]));
  const rows = new Map(manifest.rows);
  if (end === 'killed') await store.close();
  return {files, rows, lines, linesBefore};
}

/** A disk with those files. */
async function diskOf(files: ReadonlyMap<string, Uint8Array>): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  for (const [name, bytes] of files) {
    await disk.makeDirectory(path.dirname(name));
    const file = await disk.open(name, 'create');
    await file.writeAt(0, [bytes]);
    await file.close();
  }
  return disk;
}

/** One bit, all bits, or zeros, in turn: what a disk does to a byte, to a cell, to a sector. */
function changed(
  bytes: Uint8Array,
  {start, length}: {readonly start: number; readonly length: number},
  turn: number,
): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const range = copy.subarray(start, start + length);
  const at = turn % range.length;
  if (turn % 3 === 1) range.fill(0);
  else if (turn % 3 === 2) for (let i = 0; i < length; i++) range[i] = range[i]! ^ 0xff;
  // Also where all of them were zeros already.
  if (turn % 3 === 0 || Buffer.compare(copy, bytes) === 0)
    range[at] = range[at]! ^ (1 << (turn % 8));
  return copy;
}

interface Look {
  readonly faults: readonly FileFault[];
  readonly log: LogLook;
}

async function look(disk: MemoryDisk, state: ReplicaState): Promise<Look> {
  const faults: FileFault[] = [];
  const check = {
    fault: (fault: FileFault) => void faults.push(fault),
    read: () => {},
    unreadable: (_: string, error: FatalError) => {
      throw error;
    },
  };
  const log = await checkLog(disk, `${STORE}/log`, check);
  await checkReplicaFiles(disk, {directory: REPLICA_DIRECTORY, state}, check);
  return {faults, log};
}

async function read({disk, rows}: {disk: MemoryDisk; rows: Image['rows']}): Promise<string[]> {
  const manifest = new MemoryManifestStore();
  for (const [key, value] of rows) manifest.rows.set(key, value);
  const store = await LoneStore.open({disk, manifest, bootEpoch: 2, isKnown: true});
  try {
    const lines = await store.lines();
    await store.close();
    return lines;
  } catch (error) {
    // Closing a replica that stopped may fail, and says nothing more.
    await handledElsewhere(store.close());
    throw error;
  }
}

/** All that is said, with its causes. */
function textOf(error: unknown): string {
  const texts: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause) texts.push(at.message);
  return texts.join(': ');
}

describe.each(['stopped', 'killed'] as const)('of a store that was %s', (end) => {
  let image: Image;
  let state: ReplicaState;

  beforeAll(async () => {
    image = await grown(end);
    const {values, faults} = verifyRows([...image.rows]);
    expect(faults).toEqual([]);
    const [stored] = replicasIn(values);
    state = stored!.state as ReplicaState;
  }, TEST_MS_MAX);

  test('what is whole is whole, and large enough to say something', async () => {
    const disk = await diskOf(image.files);
    const {faults, log} = await look(disk, state);
    expect([faults, log.torn, log.isDamaged]).toEqual([[], undefined, false]);
    expect(await read({disk, rows: image.rows})).toEqual(image.lines);
    expect(log.segments).toBeGreaterThan(2);
    expect(state.parts.length).toBeGreaterThan(1);
    expect(state.parts.map(({checksum}) => checksum !== undefined)).toContain(true);
    expect(state.keyFiles.length).toBeGreaterThan(0);
    expect(image.lines.length).toBeGreaterThan(30);
    expect(image.files.has(`${STORE}/log/end`)).toBe(end === 'stopped');
  });

  test(
    'each range of each file that changes is named, or changes nothing',
    async () => {
      const counts = {refused: 0, unaffected: 0, torn: 0};
      let turn = 0;
      const last = await lastRecord();
      for (const [file, bytes] of image.files)
        for (let start = 0, stop = 0; start < bytes.length; start = stop) {
          stop = Math.min(start + RANGE_BYTES, bytes.length);
          // What spoils the last two records at once is like two that were torn.
          if (file === last.file && start < last.offset) stop = Math.min(stop, last.offset);
          const then = changed(bytes, {start, length: stop - start}, turn++);
          counts[await outcomeOf(file, then, start)] += 1;
        }
      expect(counts.refused).toBeGreaterThan(turn / 2);
      // The last record of all, and that it is, is the exception.
      expect(counts.torn > 0).toBe(end === 'killed');
    },
    TEST_MS_MAX,
  );

  async function lastRecord(): Promise<{readonly file: string; readonly offset: number}> {
    const file = [...image.files.keys()].filter((name) => name.includes('/segment-')).at(-1)!;
    const bytes = image.files.get(file)!;
    const range = {start: bytes.length - 1, length: 1};
    // Where it ended in order does not count for where it begins.
    const files = new Map([...image.files, [file, changed(bytes, range, 0)]]);
    files.delete(`${STORE}/log/end`);
    const {log} = await look(await diskOf(files), state);
    expect(log.torn).toMatchObject({file});
    return log.torn!;
  }

  async function outcomeOf(
    file: string,
    bytes: Uint8Array,
    start: number,
  ): Promise<'refused' | 'unaffected' | 'torn'> {
    const place = `${file} at ${start}`;
    const disk = await diskOf(new Map([...image.files, [file, bytes]]));
    const {faults, log} = await look(disk, state);
    const others = faults.filter((fault) => fault.file !== file && !fault.file.endsWith('/log'));
    expect(others, place).toEqual([]);
    const isNamed = faults.length > 0 || log.damagedEnd === file;
    const isTorn = log.torn?.file === file;
    let lines: string[];
    try {
      lines = await read({disk, rows: image.rows});
    } catch (error) {
      expect(isNamed, `${place} is refused and not named: ${textOf(error)}`).toBe(true);
      expect(textOf(error), place).toContain(path.basename(file));
      return 'refused';
    }
    if (lines.join('\n') === image.lines.join('\n')) return 'unaffected';
    expect([end, isTorn], `a wrong answer after a change of ${place}`).toEqual(['killed', true]);
    expect(lines, place).toEqual(image.linesBefore);
    return 'torn';
  }

  test('no row of the manifest changes unseen', async () => {
    for (const [key, value] of image.rows)
      for (let start = 0; start < value.length; start++) {
        const manifest = new MemoryManifestStore();
        for (const [each, bytes] of image.rows) manifest.rows.set(each, bytes);
        const bytes = value.slice();
        bytes[start] = bytes[start]! ^ (1 << (start % 8));
        manifest.rows.set(key, bytes);
        const opening = Manifest.open(manifest);
        await expect(opening, `${key} at ${start}`).rejects.toThrow(FatalError);
        await expect(opening, `${key} at ${start}`).rejects.toThrow(key);
      }
  });
});

describe('of the manifest as SQLite keeps it', () => {
  const root = fs.mkdtempSync(path.join(tmpdir(), 'flotilla-damage-'));
  const file = path.join(root, 'manifest.sqlite');
  afterAll(() => fs.rmSync(root, {recursive: true, force: true}));
  let whole: Buffer;
  let rows: [string, string][];

  const rowsOf = (manifest: Manifest): [string, string][] =>
    manifest.rows('').map(([key, value]) => [key, Buffer.from(value).toString('hex')]);

  beforeAll(async () => {
    const {rows: stored} = await grown('stopped');
    const manifest = await Manifest.open(manifestStore(file));
    // Pages in use, and pages that were: the next commit takes those.
    await manifest.commit({put: [['gone', new Uint8Array(9_000)]]});
    await manifest.commit({put: [...verifyRows([...stored]).values], remove: ['gone']});
    rows = rowsOf(manifest);
    await manifest.close();
    whole = fs.readFileSync(file);
  });

  /** Rows as they are told, or why there are none. */
  async function opened<T>(use: (manifest: Manifest) => Promise<T>): Promise<T | Error> {
    let store: ReturnType<typeof manifestStore> | undefined;
    try {
      store = manifestStore(file);
      return await use(await Manifest.open(store));
    } catch (error) {
      return error as Error;
    } finally {
      await store?.close();
    }
  }

  test(
    'each range that changes is named, or no row is another for it, then and after the next commit',
    async () => {
      const later: [string, Uint8Array] = ['later', new Uint8Array(6_000).fill(7)];
      let refused = 0;
      const length = SQLITE_RANGE_BYTES;
      for (let start = 0, turn = 0; start < whole.length; start += length, turn++) {
        const place = `at ${start}`;
        fs.writeFileSync(file, changed(whole, {start, length}, turn));
        fs.rmSync(`${file}-journal`, {force: true});
        const {rows: copied, faults} = readManifestCopy(file);
        const isNamed = faults.length + verifyRows(copied).faults.length > 0;
        const told = await opened(async (manifest) => rowsOf(manifest));
        if (told instanceof Error) {
          expect(isNamed, `${place} is refused and not named: ${textOf(told)}`).toBe(true);
          refused += 1;
          continue;
        }
        expect(told, place).toEqual(rows);
        const committed = await opened((manifest) => manifest.commit({put: [later]}));
        const after = await opened(async (manifest) => rowsOf(manifest));
        if (after instanceof Error) {
          // What a check would have named before.
          expect(isNamed, `${place}: ${textOf(after)}`).toBe(true);
          continue;
        }
        const want = rows.filter(([key]) => key !== later[0]);
        const row: [string, string] = [later[0], Buffer.from(later[1]).toString('hex')];
        const all = committed instanceof Error ? want : [...want, row].sort();
        expect(after.toSorted(), place).toEqual(all.toSorted());
      }
      expect(refused).toBeGreaterThan(20);
    },
    TEST_MS_MAX,
  );
});

test(
  'a manifest that went back to an earlier commit is refused, with all files kept, or the log has what came since',
  async () => {
    const disk = new MemoryDisk();
    const manifest = new MemoryManifestStore();
    // From the one before the first on, which has no row.
    const commits: ReadonlyMap<string, Uint8Array>[] = [new Map()];
    const commit = manifest.commit.bind(manifest);
    manifest.commit = async (edit) => {
      await commit(edit);
      commits.push(new Map(manifest.rows));
    };
    const store = await LoneStore.open({disk, manifest, bootEpoch: 1});
    const model = new Model();
    for (let number = 1; number <= GOING_BACK.operations; number++) {
      const operation = operationOf(SEED, number);
      await store.do(operation, number).catch((error: unknown) => {
        expect(error).toMatchObject({code: 'TABLE_NOT_FOUND'});
      });
      model.apply(operation);
      if (number === GOING_BACK.compactedAt) await store.machine.compactAll();
    }
    await store.close();
    const files = new Map(disk.files().map((file) => [file, disk.bytesOf(file)]));
    let refused = 0;
    for (const [number, rows] of commits.entries()) {
      const place = `commit ${number} of ${commits.length - 1}`;
      const then = await diskOf(files);
      const lines = await read({disk: then, rows}).catch((error: unknown) => textOf(error));
      if (typeof lines === 'string') {
        expect(lines, place).toMatch(/manifest names missing files|outside its log/);
        const kept = then.files().filter((file) => file.startsWith(REPLICA_DIRECTORY));
        expect(kept, place).toEqual(
          [...files.keys()].filter((file) => file.startsWith(REPLICA_DIRECTORY)),
        );
        refused += 1;
      } else expect(lines, place).toEqual(model.lines());
    }
    expect(refused).toBeGreaterThan(5);
    expect(commits.length - refused).toBeGreaterThan(1);
  },
  TEST_MS_MAX,
);

test(
  'no byte of the files that say who a node is changes unseen',
  async () => {
    const root = fs.mkdtempSync(path.join(tmpdir(), 'flotilla-damage-'));
    const options = {path: root, stores: 1};
    const first = await openNodeDirectory(options);
    await first.adopt({cluster: 'c0ffee', node: 1 as NodeId});
    first.close();
    for (const name of ['node.json', 'boot-epoch', 'lives.json']) {
      const file = path.join(root, name);
      const whole = fs.readFileSync(file);
      for (let start = 0; start < whole.length; start++) {
        const bytes = Buffer.from(whole);
        bytes[start] = bytes[start]! ^ (1 << (start % 8));
        fs.writeFileSync(file, bytes);
        const opening = openNodeDirectory(options);
        await expect(opening, `${name} at ${start}`).rejects.toThrow(FatalError);
        await expect(opening, `${name} at ${start}`).rejects.toThrow(name);
      }
      fs.writeFileSync(file, whole);
    }
    const again = await openNodeDirectory(options);
    expect(again.identity).toEqual({cluster: 'c0ffee', node: 1});
    again.close();
    fs.rmSync(root, {recursive: true, force: true});
  },
  TEST_MS_MAX,
);
