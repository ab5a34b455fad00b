// A replica whose series are in memory only while somebody uses them: what waits for them, what goes on
// without, and what becomes of one that cannot have them.

import {FatalError} from '@flotilla/base';
import {encodeShare} from '@flotilla/column';
import type {PartDamage} from '@flotilla/storage';
import {drainReactions} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {encodeChecksum, encodeControl, encodeDelete, encodeWrite} from './command.ts';
import {IndexBudget} from './index-budget.ts';
import {FOUNDING, OPERATION, openMachine, TABLE} from './machine.fixture.ts';

const ROUTER = {incarnation: 1, sequence: 1};
const WRITE = encodeWrite(encodeShare({router: ROUTER, tables: []}));
const DELETE = encodeDelete({
  router: ROUTER,
  deletion: {table: TABLE, startOffset: 0, endOffset: 9},
});
const CHECKSUM = encodeChecksum({operation: OPERATION});
const DROP = encodeControl({type: 'drop-table', table: TABLE});

function unloaded(indexes = new IndexBudget()) {
  return openMachine(undefined, {isLoaded: false, ofIndex: 300, indexes});
}

test('entries that need the series wait until they are read once; drops and nothing at all do not', async () => {
  const {machine, storage, loadings, write, control} = unloaded();
  control('drop-table');
  machine.applyNothing(9, 5);
  expect(machine.canTake()).toBe(true);
  expect(machine.canApply(DROP)).toBe(true);
  expect(loadings).toEqual([]);
  for (const entry of [WRITE, DELETE, CHECKSUM, undefined])
    expect(machine.canApply(entry)).toBe(false);
  await drainReactions();
  expect([storage.loads.length, loadings.length]).toEqual([1, 1]);
  expect(machine.canApply(WRITE)).toBe(false);
  expect(machine.load()).toBe(loadings[0]);
  storage.loads[0]!();
  await loadings[0];
  expect(machine.load()).toBeUndefined();
  for (const entry of [WRITE, DELETE, CHECKSUM, DROP, undefined])
    expect(machine.canApply(entry)).toBe(true);
  expect(write(1).status).toBe('dropped-table');
});

test('the thread counts what is read, and no longer what was unloaded', async () => {
  const indexes = new IndexBudget();
  const {machine, storage} = unloaded(indexes);
  expect([indexes.bytes, machine.loadedBytes]).toEqual([0, 0]);
  const loading = machine.load();
  await drainReactions();
  storage.loads[0]!();
  await loading;
  expect([indexes.bytes, machine.loadedBytes]).toEqual([300, 300]);
  expect(await machine.unload()).toBe(true);
  expect([indexes.bytes, machine.loadedBytes]).toEqual([0, 0]);
});

test('the replicas of a thread are read one after the other, also after one that cannot be', async () => {
  const indexes = new IndexBudget();
  const machines = [unloaded(indexes), unloaded(indexes), unloaded(indexes)] as const;
  const loadings = machines.map(({machine}) => machine.load()!);
  await drainReactions();
  const reading = () => machines.map(({storage}) => storage.loads.length);
  expect(reading()).toEqual([1, 0, 0]);
  const failed = expect(loadings[0]).rejects.toMatchObject({code: 'REPLICA_STOPPED'});
  machines[0].storage.loads[0]!(new FatalError('checksum mismatch'));
  await failed;
  await drainReactions();
  expect(reading()).toEqual([1, 1, 0]);
  // Nobody waits for one that has ended meanwhile.
  const gone = expect(loadings[2]).rejects.toMatchObject({code: 'REPLICA_GONE'});
  await machines[2].machine.close();
  machines[1].storage.loads[0]!();
  await Promise.all([gone, loadings[1]]);
  expect(reading()).toEqual([1, 1, 0]);
});

test('series that are damaged stop the replica at its next entry; a disk that passes is asked again', async () => {
  const {machine, storage, faults, write} = unloaded();
  const cause = Object.assign(new Error('EMFILE'), {code: 'EMFILE', syscall: 'open'});
  const passing = expect(machine.load()).rejects.toMatchObject({code: 'UNAVAILABLE'});
  await drainReactions();
  storage.loads[0]!(new FatalError('cannot open', cause));
  await passing;
  expect(machine.isDamaged).toBe(false);
  expect(machine.canApply(WRITE)).toBe(false);
  await drainReactions();
  expect(storage.loads).toHaveLength(2);
  storage.loads[1]!(new FatalError('checksum mismatch'));
  await drainReactions();
  expect(machine.isDamaged).toBe(true);
  expect(machine.canApply(WRITE)).toBe(true);
  expect(() => write(1)).toThrow('checksum mismatch');
  await expect(machine.snapshot()).rejects.toMatchObject({code: 'REPLICA_GONE'});
  expect(faults).toEqual([]);
});

test('a mistake of ours while they are read ends the process', async () => {
  const {machine, storage, faults} = unloaded();
  const loading = expect(machine.load()).rejects.toMatchObject({code: 'REPLICA_STOPPED'});
  await drainReactions();
  const bug = new Error('BUG');
  storage.loads[0]!(bug);
  await loading;
  expect(faults).toEqual([bug]);
});

test('what is unloaded is durable before, retries included, and remembers them', async () => {
  const {machine, storage, write} = openMachine();
  expect(write(1, 'k').status).toBe('applied');
  const unload = machine.unload();
  expect(storage.flushes).toHaveLength(1);
  storage.bytes = 0;
  storage.flushes.shift()!();
  expect(await unload).toBe(true);
  expect(machine.durablePoint().index).toBe(FOUNDING.index + 1);
  storage.isLoaded = true;
  expect(write(1).status).toBe('duplicate');
  expect(write(2, 'k').status).toBe('duplicate');
  expect(storage.applied).toBe(1);
});

test('what comes while nothing is in memory is flushed with the retries of before', async () => {
  const {machine, storage, write} = openMachine();
  write(1);
  const unload = machine.unload();
  storage.flushes.shift()!();
  await unload;
  const {extra} = storage;
  machine.applyNothing(9, 5);
  const flush = machine.flush();
  storage.flushes.shift()!();
  await flush;
  expect(machine.durablePoint().index).toBe(9);
  expect(storage.extra).toBe(extra);
  expect(storage.loads).toEqual([]);
});

test('one that is used while it is flushed stays, and one that storage is at work on', async () => {
  const {machine, storage, write} = openMachine();
  write(1);
  const used = machine.unload();
  expect(machine.load()).toBeUndefined();
  storage.flushes.shift()!();
  expect(await used).toBe(false);
  storage.isNeeded = true;
  expect(await machine.unload()).toBe(false);
  storage.isNeeded = false;
  expect(await machine.unload()).toBe(true);
  expect(storage.flushes, 'all of it is durable').toHaveLength(0);
});

test('a compaction that the disk refused begins again without a flush, and one that failed does not', async () => {
  const {machine, storage, faults, putOff} = unloaded();
  const passing = Object.assign(new Error('EMFILE'), {code: 'EMFILE', syscall: 'open'});
  storage.compactionsLeft = 1;
  machine.beginRefused();
  expect(storage.loads, 'nothing was refused').toEqual([]);
  await Promise.all([machine.flush(), drainReactions().then(() => storage.flushes[0]!())]);
  await drainReactions();
  storage.loads[0]!(new FatalError('cannot open', passing));
  await drainReactions();
  expect([storage.loads.length, storage.compactions]).toEqual([1, 0]);
  expect(putOff).toMatchObject([{code: 'UNAVAILABLE'}]);
  machine.beginRefused();
  machine.beginRefused();
  await drainReactions();
  expect(storage.loads).toHaveLength(2);
  storage.loads[1]!();
  await drainReactions();
  expect([storage.compactions, storage.compactionsLeft]).toEqual([1, 0]);
  storage.compactionsLeft = 1;
  storage.damage = new FatalError('cannot open', passing) as PartDamage;
  machine.beginRefused();
  await Promise.all([machine.flush(), drainReactions().then(() => storage.flushes[1]!())]);
  await drainReactions();
  expect([storage.compactions, faults, putOff.length], 'of its parts').toEqual([2, [], 2]);
  storage.damage = undefined;
  machine.beginRefused();
  await drainReactions();
  expect([storage.compactions, storage.compactionsLeft]).toEqual([3, 0]);
  storage.compactionsLeft = 1;
  storage.damage = new FatalError('cannot sync') as PartDamage;
  await Promise.all([machine.flush(), drainReactions().then(() => storage.flushes[2]!())]);
  await drainReactions();
  machine.beginRefused();
  await drainReactions();
  expect([storage.compactions, faults]).toEqual([4, [storage.damage]]);
  await machine.close();
});

test('what compactions need is read first, and is no use of anybody', async () => {
  const {machine, storage} = unloaded();
  const {uses} = machine;
  storage.compactionsLeft = 1;
  const all = machine.compactAll();
  const flush = machine.flush();
  storage.flushes.shift()!();
  await flush;
  expect([storage.compactions, storage.compactedAll]).toEqual([0, 0]);
  storage.loads[0]!();
  await all;
  await expect.poll(() => storage.compactions).toBe(1);
  expect(storage.compactedAll).toBe(1);
  expect(machine.uses).toBe(uses);
});
