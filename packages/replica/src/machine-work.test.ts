// What a replica does for an operation: checksums and compactions, and what it tells of them.

import {FatalError} from '@flotilla/base';
import {PartDamage} from '@flotilla/storage';
import {expect, test} from 'vitest';
import {OPERATION, openMachine} from './machine.fixture.ts';

async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

test('a checksum flushes at its entry and reads beside what comes after it', async () => {
  const {storage, machine, write, checksum} = openMachine();
  write(1);
  const index = checksum();
  expect(machine.workRead).toBeUndefined();
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
  storage.share![0] = 250_000;
  expect(machine.workRead).toEqual({bytes: 250, bytesTotal: 1_000});
  machine.beginCompaction(OPERATION);
  expect(machine.work).toMatchObject({state: 'done'});
});

test('a compaction that finds nothing to do says so', async () => {
  const {storage, machine} = openMachine();
  storage.isCompact = true;
  machine.beginCompaction(OPERATION);
  storage.flushes.shift()!();
  await settled();
  expect(machine.work).toEqual({
    operation: OPERATION,
    work: 'compact',
    state: 'done',
    isUnchanged: true,
  });
  expect(machine.workRead).toBeUndefined();
});

test('one that the disk refuses for what passes has failed, and nothing else', async () => {
  const {storage, machine, faults, putOff} = openMachine();
  const cause = Object.assign(new Error('EMFILE'), {code: 'EMFILE', syscall: 'open'});
  const passing = new FatalError('cannot open', cause);
  storage.compactAll = () => Promise.reject(passing);
  machine.beginCompaction(OPERATION);
  storage.flushes.shift()!();
  await settled();
  expect(machine.work).toMatchObject({state: 'failed', error: expect.stringContaining('open')});
  expect([faults, putOff]).toEqual([[], [passing]]);
  storage.compactAll = () => Promise.reject(new FatalError('cannot sync'));
  machine.beginCompaction(OPERATION);
  storage.flushes.shift()!();
  await settled();
  expect([faults, putOff]).toEqual([
    [expect.objectContaining({message: 'cannot sync'})],
    [passing],
  ]);
});
