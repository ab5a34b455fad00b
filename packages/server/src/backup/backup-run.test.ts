// A backup from its order to its record, whoever fails on the way. Nodes are functions that store bytes in the
// directory, as set-backup.ts does.

import {
  type DatabaseId,
  DbError,
  LIMITS,
  type Log,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  type Rpc,
} from '@flotilla/base';
import type {Command} from '@flotilla/catalog';
import {NodeWatch} from '@flotilla/router';
import {BackupDirectory, incomingPath, listBackups, pruneBackups} from '@flotilla/storage';
import {MemoryDisk, VirtualClock} from '@flotilla/testkit';
import {beforeEach, expect, test} from 'vitest';
import {foundedCatalog} from '../engine/founded-catalog.fixture.ts';
import {BackupRuns} from './backup-runs.ts';
import type {SetBackupNews, SetBackupRequest} from './set-backup.ts';

const PATH = '/mnt/backups';
const PUBLIC = 1 as DatabaseId;
const LOG: Log = {info: () => undefined, warn: () => undefined, error: () => undefined};

interface Asked {
  readonly node: NodeId;
  readonly set: ReplicaSetId;
  readonly request: SetBackupRequest;
}

let clock: VirtualClock;
let disk: MemoryDisk;
let catalog: ReturnType<typeof foundedCatalog>['catalog'];
let apply: (command: Command) => unknown;
let asked: Asked[];
/** What a node does before it answers; by default nothing. */
let before: (asked: Asked) => unknown;
/** The bytes of a set's only part. */
let content: (set: ReplicaSetId) => string;
let nodes: NodeWatch;
let runs: BackupRuns;

beforeEach(() => {
  clock = new VirtualClock();
  disk = new MemoryDisk();
  ({catalog, apply} = foundedCatalog());
  for (const name of ['b', 'c']) {
    const node = {incarnation: name, address: `:${name}`, engineThreads: 1, version: '1'};
    apply({type: 'register-node', node, atMs: 0});
  }
  bucket(PUBLIC, 6);
  asked = [];
  before = () => undefined;
  content = (set) => `rows of ${set}`;
  nodes = new NodeWatch();
  runs = newRuns();
});

function newRuns(): BackupRuns {
  return new BackupRuns({
    ...{node: 1 as NodeId, nodes, clock, log: LOG, build: '1'},
    access: {catalog, refresh: async () => undefined},
    rpc: {stream} as unknown as Rpc,
    openDisk: () => disk,
  });
}

function bucket(database: DatabaseId, shards: number): void {
  const voters = [1, 2, 3].map((node) => ({node: node as NodeId, role: 'voter' as const}));
  const placements = Array.from({length: shards}, () => voters);
  apply({type: 'ensure-bucket', database, timeMs: 0, startMs: 0, endMs: 1_000, placements});
}

const stream: Rpc['stream'] = async function* ({node, set}, _method, payload, {signal}) {
  const request = JSON.parse(Buffer.from(payload).toString()) as SetBackupRequest;
  asked.push({node, set, request});
  await before({node, set, request});
  if (signal?.aborted === true) throw new DbError('CANCELLED', 'given up');
  const directory = await BackupDirectory.open(disk);
  const replica = replicaOn(set, node);
  yield encode({type: 'pinned', replica, index: 7});
  const known = request.known.find(([id]) => id === replica)?.[1] ?? [];
  const bytes = Buffer.from(content(set));
  const there = known.find((file) => file.name === '1.part' && file.bytes === bytes.length);
  if (there === undefined) yield encode({type: 'copied', bytes: bytes.length});
  await disk.makeDirectory(incomingPath(request.backup));
  const stored = await directory.put(bytes, `${incomingPath(request.backup)}/${set}`);
  yield encode({type: 'stored', file: {name: '1.part', tail: 0, ...stored}});
};

function encode(news: SetBackupNews): Uint8Array {
  return Buffer.from(JSON.stringify(news));
}

function replicaOn(set: ReplicaSetId, node: NodeId): ReplicaId {
  return catalog.replicaSet(set)!.replicas.find((one) => one.node === node)!.replica;
}

/** To its end, whatever that is. */
async function backUp(wanted: object = {}) {
  const directory = PATH;
  const begun = await clock.resolve(runs.run('backup-create', {directory, ...wanted}));
  const {id} = (begun as {backup: {id: string}}).backup;
  for (;;) {
    await clock.advance(1_000);
    const [view] = await listBackups(await BackupDirectory.open(disk), clock.wallMs(), id);
    if (view?.state !== 'running') return view!;
  }
}

async function recordOf(id: string) {
  return (await BackupDirectory.open(disk)).record(id);
}

function ended(outcome: string): number | undefined {
  const of = runs.samples().find(({labels}) => labels?.['outcome'] === outcome);
  return of?.value as number;
}

test('each set is asked of one node, the nodes share them, and all is told by the record', async () => {
  const view = await backUp();
  expect(view).toMatchObject({state: 'done', sets: 6, setsDone: 6});
  expect(asked.length).toBe(6);
  for (const node of [1, 2, 3]) expect(asked.filter((one) => one.node === node).length).toBe(2);
  const record = await recordOf(view.id);
  expect(record).toMatchObject({cluster: 'c', build: '1', scope: {}});
  // Not as they were done: node 1 took the first and the fourth.
  expect(record.sets.map(({set}) => set)).toEqual([1, 2, 3, 4, 5, 6]);
  const directory = await BackupDirectory.open(disk);
  const told = JSON.parse(Buffer.from(await directory.read(record.catalog)).toString());
  expect(told.databases).toMatchObject([{name: 'public', tenant: 'default', tables: []}]);
  expect(told.places[0]).toMatchObject({database: 1, startMs: 0, endMs: 1_000});
  expect(disk.files().filter((file) => file.startsWith('running/'))).toEqual([]);
  expect(ended('done')).toBe(1);
  const at = runs.samples().find(({metric}) => metric.includes('last_success'))!.value as number;
  expect(at).toBeCloseTo(clock.wallMs() / 1_000, -1);
});

test('the next asks the same replicas, tells them what is stored, and copies what has changed', async () => {
  const first = await backUp();
  const before = new Map(asked.map(({set, node}) => [set, node]));
  asked = [];
  content = (set) => (set === 3 ? 'more rows of 3' : `rows of ${set}`);
  const second = await backUp();
  expect(new Map(asked.map(({set, node}) => [set, node]))).toEqual(before);
  expect(first.copiedBytes).toBe(6 * 'rows of 1'.length);
  expect(second.copiedBytes).toBe('more rows of 3'.length);
});

test('so does the one after a backup of one database alone, which takes the others from the one before', async () => {
  apply({type: 'create-database', tenant: 'default', name: 'd', options: {}});
  bucket(catalog.databaseByName(1 as never, 'd')!.id, 2);
  expect(await backUp()).toMatchObject({sets: 8});
  const before = new Map(asked.map(({set, node}) => [set, node]));
  asked = [];
  expect(await backUp({database: 'd'})).toMatchObject({sets: 2, copiedBytes: 0});
  expect(await backUp()).toMatchObject({sets: 8, copiedBytes: 0});
  for (const {set, node} of asked) expect([set, node]).toEqual([set, before.get(set)]);
});

test('a node that is silent, or fails, has its sets asked of the others', async () => {
  nodes.changed(2 as NodeId, false);
  before = ({node}) => {
    if (node === 3) throw new DbError('UNAVAILABLE', 'no');
  };
  const view = await backUp();
  expect(view.state).toBe('done');
  expect((await recordOf(view.id)).sets.every(({node}) => node === 1)).toBe(true);
  expect(asked.some(({node}) => node === 2)).toBe(false);
});

test('a node that goes silent in the middle is waited for no longer', async () => {
  before = ({node}) => {
    if (node !== 3) return;
    nodes.changed(3 as NodeId, false);
    return new Promise<void>((resolve) => clock.setTimer(1, resolve));
  };
  const view = await backUp();
  expect(view.state).toBe('done');
  expect((await recordOf(view.id)).sets.some(({node}) => node === 3)).toBe(false);
});

test('a set that nobody can give fails the backup by name; what was stored is known to the next', async () => {
  before = ({set}) => {
    if (set === 4) throw new DbError('NO_LEADER', 'its majority is lost');
  };
  const view = await backUp();
  expect(view).toMatchObject({
    state: 'failed',
    setsDone: 5,
    error: 'replica set 4 could not be backed up: its majority is lost',
  });
  expect(asked.filter(({set}) => set === 4).length).toBe(9);
  expect(ended('failed')).toBe(1);
  before = () => undefined;
  asked = [];
  const next = await backUp();
  expect(next).toMatchObject({state: 'done', setsDone: 6});
  // Another replica than before may be asked: that one's files are not the known ones.
  const known = asked.filter(({request}) => request.known.length > 0).map(({set}) => set);
  expect(known.sort()).toEqual([1, 2, 3, 5, 6]);
  expect(disk.files().filter((file) => file.startsWith('running/'))).toEqual([]);
});

test('what no retry mends ends it at once', async () => {
  before = () => {
    throw new DbError('CONFLICT', 'node 2 does not find it');
  };
  expect(await backUp()).toMatchObject({state: 'failed'});
  expect(asked.length).toBe(6);
});

test('one database alone, and a set that is dropped meanwhile in no backup', async () => {
  apply({type: 'create-database', tenant: 'default', name: 'd', options: {}});
  const {id} = catalog.databaseByName(1 as never, 'd')!;
  bucket(id, 2);
  const view = await backUp({database: 'd'});
  const scope = {tenant: 'default', database: 'd'};
  expect(await recordOf(view.id)).toMatchObject({scope, sets: [{}, {}]});
  before = () => {
    const there = catalog.bucketAt(id, 0);
    if (there !== undefined) apply({type: 'drop-bucket', bucket: there.id});
    throw new DbError('REPLICA_GONE', 'gone');
  };
  asked = [];
  expect((await recordOf((await backUp({database: 'd'})).id)).sets).toEqual([]);
  const unknown = runs.run('backup-create', {directory: PATH, database: 'x'});
  await expect(unknown).rejects.toMatchObject({code: 'DATABASE_NOT_FOUND'});
});

test('backup_bytes_per_second_max: each node reads no faster, unless another rate is said', async () => {
  await backUp();
  const ratesOf = () => new Set(asked.map(({request}) => request.bytesPerSecond));
  expect(ratesOf()).toEqual(new Set([LIMITS.backup_bytes_per_second_max.value]));
  asked = [];
  await backUp({bytesPerSecond: 1_000_000});
  expect(ratesOf()).toEqual(new Set([1_000_000]));
});

test('one at a time, in an absolute directory that is there', async () => {
  before = () => new Promise<void>((resolve) => clock.setTimer(5_000, resolve));
  const running = backUp();
  await clock.advance(100);
  const other = newRuns().run('backup-create', {directory: PATH});
  await expect(other).rejects.toMatchObject({code: 'CONFLICT'});
  expect(await runs.run('backup-list', {directory: PATH})).toMatchObject({
    value: [{state: 'running', sets: 6}],
  });
  expect((await running).state).toBe('done');
  const relative = runs.run('backup-create', {directory: 'backups'});
  await expect(relative).rejects.toMatchObject({code: 'INVALID_ARGUMENT'});
});

test('a sign that the directory refuses is given later', async () => {
  before = () => new Promise<void>((resolve) => clock.setTimer(40_000, resolve));
  const running = backUp();
  await clock.advance(3_000);
  disk.fail({operation: 'rename', path: 'running/', code: 'EIO', times: 5});
  expect(await running).toMatchObject({state: 'done'});
  expect([ended('done'), ended('failed')]).toEqual([1, 0]);
  expect(disk.files().filter((file) => file.startsWith('running/'))).toEqual([]);
});

test('what is left of it makes no failure of one that is whole', async () => {
  before = () => new Promise<void>((resolve) => clock.setTimer(5_000, resolve));
  const running = backUp();
  await clock.advance(100);
  disk.fail({operation: 'remove', path: '.files', code: 'EIO'});
  expect(await running).toMatchObject({state: 'done'});
  expect([ended('done'), ended('failed')]).toEqual([1, 0]);
  await clock.advance(60_000);
  expect(await backUp()).toMatchObject({state: 'done'});
  expect(disk.files().filter((file) => file.startsWith('running/'))).toEqual([]);
});

test('one that can give none for long gives up before others take it for dead', async () => {
  before = () => new Promise<void>((resolve) => clock.setTimer(40_000, resolve));
  const begun = clock.resolve(runs.run('backup-create', {directory: PATH}));
  await begun;
  disk.fail({operation: 'rename', path: 'running/', code: 'EIO', times: Number.POSITIVE_INFINITY});
  await clock.advance(45_000);
  expect([ended('done'), ended('failed')]).toEqual([0, 1]);
  expect(asked.length).toBe(3);
});

test('one that stood still and was pruned meanwhile does not pass for whole', async () => {
  let stopped = false;
  before = async ({set}) => {
    if (set !== 6 || stopped) return;
    stopped = true;
    // As if the process had slept: nobody gave a sign.
    const directory = await BackupDirectory.open(disk);
    const later = clock.wallMs() + 3_600_000;
    await pruneBackups(directory, {keep: 1, id: 'p', nowMs: () => later});
  };
  const directory = PATH;
  const begun = await clock.resolve(runs.run('backup-create', {directory}));
  await clock.advance(5_000);
  const {id} = (begun as {backup: {id: string}}).backup;
  expect(await listBackups(await BackupDirectory.open(disk), clock.wallMs())).toEqual([]);
  expect(id).toMatch(/^2026-01-01T00-00-00-\d{3}Z-1$/);
  expect(ended('failed')).toBe(1);
});
