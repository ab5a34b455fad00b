import {FatalError, LIMITS, type OperationId, type TableId} from '@flotilla/base';
import {encodeShare} from '@flotilla/column';
import type {DurablePoint} from '@flotilla/multiraft';
import {PartDamage, type ReplicaStorage} from '@flotilla/storage';
import {expect, test} from 'vitest';
import {encodeChecksum, encodeControl, encodeDelete, encodeWrite} from './command.ts';
import {FLUSH_AGE_MS, FlushSchedule} from './flush-schedule.ts';
import {MemtableBudget} from './memtable-budget.ts';
import {ReplicaMachine, type WriteApplied} from './replica-machine.ts';

const FOUNDING: DurablePoint = {
  index: 5,
  term: 5,
  configuration: {voters: [], votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false},
};
const TABLE = 7 as TableId;

/** Storage's decisions without its files: which tables are dead, and flushes that end when told. */
class FakeStorage {
  readonly dead = new Set<TableId>();
  applied = 0;
  flushes: (() => void)[] = [];
  tombstoneCount = 0;
  applyDelete(): object {
    if (this.dead.has(TABLE)) return {status: 'rejected', code: 'TABLE_DROPPED', table: TABLE};
    this.applied += 1;
    return {status: 'applied'};
  }
  compactionsLeft = 0;
  compactions = 0;
  pinned: object | undefined = {};
  /** Ends the reading of a checksum. */
  readings: ((hash: string) => void)[] = [];
  async flushAndPin(): Promise<object | undefined> {
    await new Promise<void>((resolve) => this.flushes.push(resolve));
    return this.pinned;
  }
  async checksum(): Promise<object> {
    const hash = await new Promise<string>((resolve) => this.readings.push(resolve));
    if (this.damage !== undefined) throw this.damage;
    return {hash, values: 3};
  }
  /** What every compaction meets. */
  damage: PartDamage | undefined;

  asStorage(): ReplicaStorage {
    return this as unknown as ReplicaStorage;
  }
  durableExtra(): undefined {
    return undefined;
  }
  durablePoint(): DurablePoint {
    return FOUNDING;
  }
  applyNothing(): void {}
  applyWrite(): object {
    if (this.dead.has(TABLE)) return {status: 'rejected', code: 'TABLE_DROPPED', table: TABLE};
    this.applied += 1;
    return {status: 'applied', rowCount: 1};
  }
  applyDropTable(_index: number, table: TableId): void {
    this.dead.add(table);
  }
  applyRecoverTable(_index: number, table: TableId): void {
    this.dead.delete(table);
  }
  applyPurgeTable(_index: number, table: TableId): void {
    this.dead.add(table);
  }
  bytes = 1_000;
  memtableBytes(): number {
    return this.bytes;
  }
  async close(): Promise<void> {}
  async destroy(): Promise<void> {}
  install(_staged: unknown): Promise<void> {
    return new Promise((resolve) => this.installs.push(resolve));
  }
  installs: (() => void)[] = [];
  needsFlush({memtableBytes}: {memtableBytes: number}): boolean {
    return this.bytes >= memtableBytes;
  }
  /** As the flush under way was told it last. */
  pressure = (): number => 0;
  flush(_point: unknown, pressure: () => number): Promise<void> {
    this.pressure = pressure;
    return new Promise((resolve) => this.flushes.push(resolve));
  }
  compactedAll = 0;
  async compactAll(): Promise<void> {
    this.compactedAll += 1;
  }
  needsCompaction(): boolean {
    return this.compactionsLeft > 0;
  }
  async compact(): Promise<boolean> {
    this.compactions += 1;
    if (this.damage !== undefined) throw this.damage;
    this.compactionsLeft -= 1;
    return true;
  }
}

function openMachine(memtables = new MemtableBudget(1e9), storage = new FakeStorage()) {
  const faults: unknown[] = [];
  const machine = new ReplicaMachine(
    storage.asStorage(),
    FOUNDING,
    {memtableBytes: 1e6, memtableBytesMax: 4e6, memtables},
    {onFault: (error) => faults.push(error)},
  );
  let index = FOUNDING.index;
  const write = (sequence: number, idempotencyKey?: string): WriteApplied => {
    const share = encodeShare({router: {incarnation: 1, sequence}, idempotencyKey, tables: []});
    return machine.apply(++index, 5, encodeWrite(share)).value as WriteApplied;
  };
  const control = (type: 'drop-table' | 'recover-table' | 'purge-table'): void => {
    machine.apply(++index, 5, encodeControl({type, table: TABLE}));
  };
  const checksum = (): number => {
    machine.apply(++index, 5, encodeChecksum({operation: OPERATION}));
    return index;
  };
  return {storage, machine, faults, write, control, checksum};
}

test('a write is applied once, by its sequence and by its key', () => {
  const {storage, write} = openMachine();
  expect(write(1, 'k').status).toBe('applied');
  expect(write(1, 'k').status).toBe('duplicate');
  expect(write(2, 'k').status).toBe('duplicate');
  expect(storage.applied).toBe(1);
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

test('a flush under way is not asked for again', async () => {
  const {storage, machine} = openMachine();
  const schedule = new FlushSchedule(0);
  for (const due of schedule.due([machine], 0)) void due.flush();
  expect(storage.flushes).toHaveLength(1);
  expect(schedule.due([machine], 1_000)).toEqual([]);
  storage.flushes[0]!();
  await expect.poll(() => machine.isFlushing).toBe(false);
  expect(schedule.due([machine], 2_000)).toEqual([machine]);
});

test('a purge that comes while a flush runs is flushed after it, though nothing else is applied', async () => {
  const {storage, machine, control} = openMachine();
  const flush = machine.flush();
  control('purge-table');
  machine.afterApply();
  expect(storage.flushes).toHaveLength(1);
  storage.flushes[0]!();
  await flush;
  await expect.poll(() => storage.flushes.length).toBe(2);
});

test('past what the thread may hold nobody applies, until a flush has freed some', async () => {
  const memtables = new MemtableBudget(1_250);
  const machines = [openMachine(memtables), openMachine(memtables), openMachine(memtables)];
  for (const {machine, write} of machines.slice(0, 2)) {
    write(1);
    machine.afterApply();
    expect(machine.canApply()).toBe(true);
  }
  // Seen at once: very many entries may be applied before the turn ends.
  machines[2]!.write(1);
  expect(machines.map(({machine}) => machine.canApply())).toEqual([false, false, false]);
  const [{machine, storage}] = machines as [(typeof machines)[0]];
  const flush = machine.flush();
  expect(machine.canApply()).toBe(false);
  storage.bytes = 0;
  storage.flushes[0]!();
  await flush;
  expect(memtables.bytes).toBe(2_000);
  expect(machines.map(({machine: each}) => each.canApply())).toEqual([true, true, true]);
  for (const each of machines) await each.machine.close();
  expect(memtables.bytes).toBe(0);
});

test('a memtable of its full size is flushed after an apply; at four times it the replica waits', () => {
  const {storage, machine, write} = openMachine();
  write(1);
  machine.afterApply();
  expect(storage.flushes).toHaveLength(0);
  storage.bytes = 1e6;
  write(2);
  machine.afterApply();
  expect(storage.flushes).toHaveLength(1);
  expect(machine.canApply()).toBe(true);
  storage.bytes = 4e6;
  expect(machine.canApply()).toBe(false);
});

test('a flush that found no room is no fault, and is begun again though nothing is applied', async () => {
  const {storage, machine, faults, write} = openMachine();
  const flush = storage.flush.bind(storage);
  let refused = 0;
  storage.flush = () => {
    refused += 1;
    return Promise.reject(new FatalError('cannot write: ENOSPC'));
  };
  write(1);
  storage.bytes = 4e6;
  machine.afterApply();
  await expect.poll(() => refused).toBe(1);
  await expect.poll(() => machine.isFlushing).toBe(false);
  expect(faults).toEqual([]);
  storage.flush = flush;
  expect(machine.canApply()).toBe(false);
  expect(storage.flushes).toHaveLength(1);
});

/** Takes, applies, and how pressed flushes are: from where they begin to where nothing is applied. */
const WHILE_IT_FILLS = [
  [true, true, '0.00'],
  [true, true, '0.50'],
  [true, true, '1.00'],
  [false, true, '1.00'],
  [false, true, '1.00'],
  [false, false, '1.00'],
];

test('nothing is taken before nothing is applied, and flushes are pressed from their begin on', async () => {
  const memtables = new MemtableBudget(50e6);
  const {storage, machine, write} = openMachine(memtables);
  storage.bytes = 1e6;
  write(1);
  machine.afterApply();
  const seen = [1e6, 2e6, 3e6 - 1, 3e6, 4e6 - 1, 4e6].map((bytes) => {
    storage.bytes = bytes;
    return [machine.canTake(), machine.canApply(), storage.pressure().toFixed(2)];
  });
  expect(seen).toEqual(WHILE_IT_FILLS);
  // The next flush is not left to the next apply, which may never come.
  storage.bytes = 1e6;
  storage.flushes[0]!();
  await expect.poll(() => storage.flushes.length).toBe(2);
});

test('a thread whose memtables are nearly full takes nothing in any replica of its', () => {
  const memtables = new MemtableBudget(50e6);
  const {storage, machine, write} = openMachine(memtables);
  write(1);
  void machine.flush();
  const seen = [50e6, 62.5e6, 75e6 - 1, 75e6, 100e6 - 1, 100e6].map((bytes) => {
    memtables.change(bytes - memtables.bytes);
    return [machine.canTake(), machine.canApply(), storage.pressure().toFixed(2)];
  });
  expect(seen).toEqual(WHILE_IT_FILLS);
});

test('past memtables_bytes_max the largest is flushed, past twice it nothing is applied until one was', () => {
  const max = LIMITS.memtables_bytes_max.value;
  const memtables = new MemtableBudget();
  const {machine, storage, write} = openMachine(memtables);
  const other = openMachine(memtables);
  // A memtable's own limits are far below: here it is the sum that counts.
  const elsewhere = 2 * max - 2 * storage.bytes;
  memtables.change(elsewhere - 1);
  write(1);
  expect(machine.canApply()).toBe(true);
  other.write(1);
  expect(memtables.bytes).toBe(2 * max - 1);
  expect(machine.canApply()).toBe(true);
  memtables.change(1);
  expect(machine.canApply()).toBe(false);
  memtables.change(-1);
  expect(machine.canApply()).toBe(true);
  const schedule = new FlushSchedule();
  storage.bytes = max / 2;
  other.storage.bytes = max / 2;
  expect(schedule.due([machine, other.machine], 0)).toEqual([]);
  other.storage.bytes += 1;
  expect(schedule.due([machine, other.machine], 0)).toEqual([other.machine]);
});

test('what is to be flushed: what is old, then the largest until the rest fits', () => {
  const machines = [3_000, 9_000, 5_000, 0].map((bytes) => {
    const {storage, machine} = openMachine();
    storage.bytes = bytes;
    return machine;
  });
  const [small, largest, middle, empty] = machines as [ReplicaMachine, ...ReplicaMachine[]];
  expect(new FlushSchedule(17_000).due(machines, 0)).toEqual([]);
  expect(new FlushSchedule(16_000).due(machines, 0)).toEqual([largest]);
  expect(new FlushSchedule(4_000).due(machines, 0)).toEqual([largest, middle]);
  const schedule = new FlushSchedule(1e9);
  expect(schedule.due([small, empty!], 0)).toEqual([]);
  expect(schedule.due(machines, FLUSH_AGE_MS - 1)).toEqual([]);
  expect(schedule.due(machines, FLUSH_AGE_MS)).toEqual([small]);
  // Each anew from its flush on.
  expect(schedule.due(machines, 2 * FLUSH_AGE_MS - 2)).toEqual([]);
  expect(schedule.due(machines, 2 * FLUSH_AGE_MS - 1)).toEqual([largest, middle]);
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

test('with twice as many tombstones as leaders take nothing is applied until some are carried out', async () => {
  const {storage, machine} = openMachine();
  const max = LIMITS.tombstones_per_replica_max.value;
  storage.tombstoneCount = 2 * max - 1;
  expect(machine.canApply()).toBe(true);
  storage.tombstoneCount = 2 * max;
  storage.compactionsLeft = 1;
  storage.bytes = 1e6;
  expect(machine.canApply()).toBe(false);
  expect(storage.compactions, 'begun by asking: after a restart nobody else would').toBe(1);
  expect(storage.flushes, 'so is a flush').toHaveLength(1);
  storage.tombstoneCount = 0;
  expect(machine.canApply()).toBe(true);
});

test('compactions that a stop broke off begin again with the machine', async () => {
  const storage = new FakeStorage();
  storage.compactionsLeft = 2;
  openMachine(undefined, storage);
  await expect.poll(() => storage.compactions).toBe(2);
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

const OPERATION = 4 as OperationId;

async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

test('a checksum flushes at its entry and reads beside what comes after it', async () => {
  const {storage, machine, write, checksum} = openMachine();
  write(1);
  const index = checksum();
  const running = {operation: OPERATION, work: 'checksum', state: 'running', index};
  expect(machine.work).toEqual(running);
  expect(storage.flushes).toHaveLength(1);
  storage.flushes.shift()!();
  await settled();
  // It may take minutes: meanwhile others are flushed.
  expect(machine.isFlushing).toBe(false);
  expect(machine.work).toEqual(running);
  storage.readings.shift()!('abcd');
  await settled();
  expect(machine.work).toEqual({...running, state: 'done', hash: 'abcd', values: 3});
});

test('of two checksums the later one is told', async () => {
  const {storage, machine, checksum} = openMachine();
  checksum();
  const index = checksum();
  for (const flush of storage.flushes) flush();
  await settled();
  storage.readings[1]!('second');
  storage.readings[0]!('first');
  await settled();
  expect(machine.work).toMatchObject({index, hash: 'second'});
});

test('a checksum that meets a damaged part ends the replica, one whose rows were replaced itself', async () => {
  const {storage, machine, faults, checksum} = openMachine();
  storage.pinned = undefined;
  checksum();
  storage.flushes.shift()!();
  await settled();
  expect(machine.work).toMatchObject({state: 'failed'});
  expect(machine.isDamaged).toBe(false);
  storage.pinned = {};
  storage.damage = new PartDamage('a bit');
  checksum();
  storage.flushes.shift()!();
  await settled();
  storage.readings.shift()!('');
  await settled();
  expect(machine.work).toMatchObject({state: 'failed', error: expect.stringContaining('a bit')});
  expect(machine.isDamaged).toBe(true);
  expect(faults).toEqual([]);
});

test('a compaction that is ordered twice is carried out once', async () => {
  const {storage, machine} = openMachine();
  machine.beginCompaction(OPERATION);
  machine.beginCompaction(OPERATION);
  expect(machine.work).toMatchObject({operation: OPERATION, work: 'compact', state: 'running'});
  expect(storage.flushes).toHaveLength(1);
  storage.flushes.shift()!();
  await settled();
  expect(storage.compactedAll).toBe(1);
  expect(machine.work).toMatchObject({state: 'done'});
  machine.beginCompaction(OPERATION);
  expect(machine.work).toMatchObject({state: 'done'});
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
