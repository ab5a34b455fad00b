// When a replica flushes and compacts, and when it waits for that.

import {FatalError, LIMITS} from '@flotilla/base';
import {expect, test} from 'vitest';
import {FLUSH_AGE_MS, FlushSchedule} from './flush-schedule.ts';
import {IndexBudget} from './index-budget.ts';
import {FakeStorage, FOUNDING, openMachine} from './machine.fixture.ts';
import {MemtableBudget} from './memtable-budget.ts';
import type {ReplicaMachine} from './replica-machine.ts';

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

test('the thread counts the index of each replica that is here, from when it is opened', async () => {
  const indexes = new IndexBudget(500);
  const memtables = new MemtableBudget();
  const old = openMachine(memtables, {ofIndex: 300, indexes});
  expect(indexes.bytes).toBe(300);
  const fresh = openMachine(memtables, {indexes});
  fresh.storage.ofIndex = 200;
  expect(indexes.isFull).toBe(false);
  fresh.write(1);
  expect(indexes.isFull).toBe(true);
  // Nothing else waits for it.
  expect(fresh.machine.canTake()).toBe(true);
  const staged = {directory: 'd', fileNames: [], point: FOUNDING};
  const installing = fresh.machine.install(staged);
  fresh.storage.ofIndex = 50;
  fresh.storage.installs[0]!();
  await installing;
  expect(indexes.bytes).toBe(350);
  await old.machine.close();
  await fresh.machine.destroy();
  expect(indexes.bytes).toBe(0);
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

/** What a disk without descriptors says. */
const PASSING = new FatalError(
  'cannot open',
  Object.assign(new Error('EMFILE'), {code: 'EMFILE', syscall: 'open'}),
);

test('a flush that is refused for what passes is no fault: its owner asks again, and not each apply', async () => {
  const {storage, machine, faults, putOff, write} = openMachine();
  const flush = storage.flush.bind(storage);
  let refused = 0;
  storage.flush = () => {
    refused += 1;
    return Promise.reject(PASSING);
  };
  write(1);
  storage.bytes = 1e6;
  machine.afterApply();
  await expect.poll(() => machine.isFlushRefused).toBe(true);
  write(2);
  machine.afterApply();
  storage.bytes = 4e6;
  expect(machine.canApply()).toBe(false);
  expect([refused, faults, putOff]).toEqual([1, [], [PASSING]]);
  const schedule = new FlushSchedule(1e9);
  expect(schedule.due([machine], 0)).toEqual([machine]);
  await expect(machine.flush()).rejects.toBe(PASSING);
  expect(schedule.due([machine], 1_000), 'again, until it is there').toEqual([machine]);
  storage.flush = flush;
  const again = machine.flush();
  storage.bytes = 0;
  storage.flushes[0]!();
  await again;
  expect(machine.durablePoint().index).toBe(FOUNDING.index + 2);
  expect([machine.isFlushRefused, schedule.due([machine], 2_000), faults]).toEqual([false, [], []]);
});

test.each([
  ['for want of room', new FatalError('cannot write: ENOSPC')],
  ['for what passes', PASSING],
])(
  'a purge whose flush is refused %s is made durable later, though nothing is applied',
  async (_, failure) => {
    const {storage, machine, faults, control} = openMachine();
    storage.bytes = 0;
    const flush = storage.flush.bind(storage);
    storage.flush = () => Promise.reject(failure);
    control('purge-table');
    machine.afterApply();
    await expect.poll(() => machine.isFlushing).toBe(false);
    storage.flush = flush;
    machine.beginRefused();
    expect(storage.flushes).toHaveLength(1);
    storage.compactionsLeft = 1;
    storage.flushes[0]!();
    await expect.poll(() => storage.compactions).toBe(1);
    machine.beginRefused();
    expect([storage.flushes.length, faults]).toEqual([1, []]);
  },
);

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
  openMachine(undefined, {storage});
  await expect.poll(() => storage.compactions).toBe(2);
});
