import {FatalError, type ReplicaId, type TableId} from '@flotilla/base';
import {encodeShare} from '@flotilla/column';
import {PartDamage} from '@flotilla/storage';
import {expect, test} from 'vitest';
import {encodeControl, encodeDelete, encodeWrite} from './command.ts';
import {FLUSH_AGE_MS, FlushSchedule} from './flush-schedule.ts';
import {FOUNDING, openMachine, TABLE} from './machine.fixture.ts';

const VOTERS = [1, 2, 3] as ReplicaId[];
const SPEC = {table: TABLE, startOffset: 0, endOffset: 9, fields: []};

const EMPTY_TABLE = {
  rowCount: 0,
  series: [],
  seriesOfRow: new Int32Array(0),
  offsets: new Float64Array(0),
  columns: [],
};

test('a write is applied once, by its sequence and by its key', () => {
  const {storage, write} = openMachine();
  expect(write(1, 'k').status).toBe('applied');
  expect(write(1, 'k').status).toBe('duplicate');
  expect(write(2, 'k').status).toBe('duplicate');
  expect(storage.applied).toBe(1);
});

test('of a share under a key the tables that were applied under it before are left out', () => {
  const {storage, machine} = openMachine();
  let index = FOUNDING.index;
  const write = (names: string, ...ids: number[]): unknown => {
    const router = {incarnation: 1, sequence: ++index};
    const tables = ids.map((id) => ({...EMPTY_TABLE, table: id as TableId}));
    const share = encodeShare({router, idempotencyKey: `k\0${names}`, tables});
    return machine.apply(index, 5, encodeWrite(share)).value;
  };
  expect(write('one,a,b', 1, 2)).toMatchObject({status: 'applied'});
  expect(write('one,a,b', 1, 2)).toEqual({status: 'duplicate'});
  expect(write('two,c,b', 3, 2)).toMatchObject({status: 'applied'});
  expect(write('b', 2)).toEqual({status: 'duplicate'});
  expect(storage.written).toEqual([[1, 2], [3]]);
});

test('what is in memory only is not called durable', () => {
  const {machine, write} = openMachine();
  write(1);
  write(2);
  expect(machine.durablePoint()).toEqual(FOUNDING);
});

test('a write refused for a dead table is refused again, never taken for a duplicate', () => {
  const {storage, write, control} = openMachine();
  control('drop-table');
  expect(write(1, 'k')).toEqual({status: 'dropped-table', table: TABLE});
  expect(write(1, 'k')).toEqual({status: 'dropped-table', table: TABLE});
  control('recover-table');
  expect(write(2, 'k').status).toBe('applied');
  expect(storage.applied).toBe(1);
});

test('a purge is made durable at once, and every part is compacted', async () => {
  const {storage, machine, control} = openMachine();
  machine.afterApply();
  expect(storage.flushes).toHaveLength(0);
  control('purge-table');
  machine.afterApply();
  machine.afterApply();
  expect(storage.flushes).toHaveLength(1);
  storage.compactionsLeft = 3;
  storage.flushes[0]!();
  await expect.poll(() => storage.compactions).toBe(3);
});

test('a delete is applied once, in the same numbers as writes, and not into a dead table', () => {
  const {storage, machine, write, control} = openMachine();
  let index = FOUNDING.index + 100;
  const remove = (sequence: number): unknown => {
    const deletion = {table: TABLE, startOffset: 0, endOffset: 9};
    const payload = encodeDelete({router: {incarnation: 1, sequence}, deletion});
    return machine.apply(++index, 5, payload).value;
  };
  expect(remove(1)).toEqual({status: 'deleted'});
  expect(remove(1)).toEqual({status: 'duplicate'});
  expect(write(1).status).toBe('duplicate');
  expect(storage.applied).toBe(1);
  control('drop-table');
  expect(remove(2)).toEqual({status: 'dropped-table', table: TABLE});
  expect(remove(2)).toEqual({status: 'dropped-table', table: TABLE});
});

test('a damaged part stops its replica at the next entry, of whatever kind, and nothing else', async () => {
  const {storage, machine, faults, write} = openMachine();
  storage.compactionsLeft = 1;
  storage.damage = new PartDamage('checksum mismatch');
  const flush = machine.flush();
  storage.flushes[0]!();
  await flush;
  await expect.poll(() => machine.isDamaged).toBe(true);
  expect(() => write(1)).toThrow(PartDamage);
  expect(() => machine.applyNothing(9, 5)).toThrow(PartDamage);
  const {configuration} = FOUNDING;
  expect(() => machine.applyConfiguration(9, 5, configuration)).toThrow(PartDamage);
  await expect(machine.snapshot()).rejects.toMatchObject({code: 'REPLICA_GONE'});
  expect(storage.compactions, 'it would meet the same again').toBe(1);
  expect(faults).toEqual([]);
});

test('a read that meets a damaged part stops the replica likewise, and the next is refused', async () => {
  const {storage, machine, faults, write} = openMachine();
  const passing = Object.assign(new Error('EMFILE'), {code: 'EMFILE', syscall: 'open'});
  let failure: Error = new FatalError('cannot open', passing);
  let closed = 0;
  const next = () => Promise.reject(failure);
  const withBlocks = () => ({next});
  Object.assign(storage, {scan: () => ({next, withBlocks, close: () => (closed += 1)})});
  const scan = machine.scan(SPEC);
  const blocks = scan.withBlocks!({needs: [], isOneGroup: () => true});
  for (const each of [scan, blocks])
    await expect(each.next()).rejects.toMatchObject({code: 'UNAVAILABLE', cause: failure});
  failure = new Error('BUG');
  await expect(scan.next()).rejects.toBe(failure);
  expect([machine.isDamaged, write(1).status]).toEqual([false, 'applied']);
  failure = new PartDamage('checksum mismatch');
  await expect(scan.next(), 'it is alone').rejects.toBe(failure);
  expect([machine.isDamaged, write(2).status]).toEqual([false, 'applied']);
  machine.applyConfiguration(FOUNDING.index + 3, 5, {...FOUNDING.configuration, voters: VOTERS});
  await expect(blocks.next()).rejects.toMatchObject({code: 'REPLICA_STOPPED', cause: failure});
  expect(machine.isDamaged).toBe(true);
  await expect(scan.next()).rejects.toMatchObject({code: 'REPLICA_STOPPED', cause: failure});
  scan.close();
  expect([machine.isDamaged, closed, faults]).toEqual([true, 1, []]);
  expect(() => machine.scan(SPEC)).toThrow(expect.objectContaining({code: 'REPLICA_STOPPED'}));
  expect(() => machine.applyNothing(FOUNDING.index + 4, 5)).toThrow(PartDamage);
});

test('a replica that is destroyed, or broke off an apply, is not flushed and not sent', async () => {
  const destroyed = openMachine();
  await destroyed.machine.destroy();
  const broken = openMachine();
  broken.storage.applyWrite = () => {
    throw new Error('BUG');
  };
  expect(() => broken.write(1)).toThrow('BUG');
  for (const {machine, storage} of [destroyed, broken]) {
    await machine.flush();
    await expect(machine.snapshot()).rejects.toMatchObject({code: 'REPLICA_GONE'});
    expect(new FlushSchedule(0).due([machine], FLUSH_AGE_MS)).toEqual([]);
    expect(storage.flushes).toEqual([]);
  }
  // As an operator's order may come late.
  await destroyed.machine.compactAll();
});

test('while a snapshot is installed nothing is flushed; what it brings is compacted, and flushed as ever', async () => {
  const {storage, machine} = openMachine();
  const point = {...FOUNDING, index: 9};
  const install = machine.install({point, directory: 'staging', fileNames: []});
  await machine.flush();
  expect(storage.flushes).toHaveLength(0);
  storage.compactionsLeft = 1;
  storage.installs[0]!();
  await install;
  expect(machine.durablePoint()).toEqual(point);
  await expect.poll(() => storage.compactions).toBe(1);
  void machine.flush();
  expect(storage.flushes).toHaveLength(1);
});

test.each([
  ['version', Uint8Array.of(9, 1, 0)],
  ['kind', Uint8Array.of(1, 9, 0)],
  ['control', encodeControl({type: 'split-table'} as never)],
])(
  'an entry of an unknown %s is not applied by halves: what was before it can be flushed',
  async (_what, entry) => {
    const {machine, storage} = openMachine();
    expect(() => machine.apply(6, 5, entry)).toThrow(FatalError);
    expect(machine.memtableBytes).toBe(storage.bytes);
    void machine.flush();
    expect(storage.flushes).toHaveLength(1);
    // The build that knows it comes, and goes on there.
    machine.apply(6, 5, encodeControl({type: 'drop-table', table: TABLE}));
    expect(storage.dead.has(TABLE)).toBe(true);
  },
);
