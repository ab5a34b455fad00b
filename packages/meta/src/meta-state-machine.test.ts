import {FatalError, handledElsewhere} from '@flotilla/base';
import type {Command} from '@flotilla/catalog';
import type {Host} from '@flotilla/multiraft';
import {MemoryDisk} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {encodeCommand} from './command-codec.ts';
import {openMachine} from './fakes.fixture.ts';
import {ALL_AT_ONCE} from './in-slices.ts';
import {MetaFiles} from './meta-files.ts';
import type {MetaImage} from './meta-snapshot.ts';
import {MetaStateMachine} from './meta-state-machine.ts';
import type {MetaGroup} from './ports.ts';

/** Checked by the compiler: multiraft's host is what meta asks for. */
export const hostFits = (host: Host): MetaGroup => host;

const found: Command = {
  type: 'found-cluster',
  clusterId: 'c',
  node: {incarnation: 'i', address: 'a', engineThreads: 1, version: '1'},
  atMs: 1,
};

function emptyAt(index: number): MetaImage {
  const [counters, configuration] = [{} as never, {} as never];
  return {
    point: {index, term: 1, configuration},
    machine: {counters, catalog: {version: index, changes: []}},
  };
}

function filesIn(disk: MemoryDisk, directory: string): MetaFiles {
  return new MetaFiles(disk, directory, ALL_AT_ONCE);
}

function tenant(name: string): Uint8Array {
  return encodeCommand({type: 'create-tenant', name});
}

test('a founding replica begins at its bootstrap and reopens at its last flush', async () => {
  const disk = new MemoryDisk();
  const machine = await openMachine(disk);
  expect(machine.durablePoint().index).toBe(5);
  expect(machine.apply(6, 5, encodeCommand(found)).value).toMatchObject({ok: true});
  machine.applyNothing(7, 6);
  await machine.flush();
  machine.apply(8, 6, tenant('after'));
  expect(machine.durablePoint()).toMatchObject({index: 7, term: 6});
  disk.crash();
  const reopened = await openMachine(disk);
  expect(reopened.durablePoint()).toMatchObject({index: 7, term: 6});
  expect(reopened.catalog.tenantByName('after')).toBeUndefined();
  reopened.apply(8, 6, tenant('after'));
  expect(reopened.catalog.snapshot()).toEqual(machine.catalog.snapshot());
});

test('a configuration is part of the durable point', async () => {
  const disk = new MemoryDisk();
  const machine = await openMachine(disk);
  const configuration = {...machine.durablePoint().configuration, learners: [2]};
  machine.applyConfiguration(6, 5, configuration);
  await machine.flush();
  expect((await openMachine(disk)).durablePoint().configuration).toEqual(configuration);
});

test('a snapshot installs elsewhere, durably, and is announced', async () => {
  const from = await openMachine(new MemoryDisk());
  from.apply(6, 5, encodeCommand(found));
  const snapshot = await from.snapshot();
  from.apply(7, 5, tenant('later')); // The picture stays as it was.
  const disk = new MemoryDisk();
  await disk.makeDirectory('staging');
  const file = await disk.open(`staging/${snapshot.files[0]!.name}`, 'create');
  await file.writeAt(0, [await snapshot.files[0]!.read(0, snapshot.files[0]!.bytes)]);
  await file.close();
  const to = await openMachine(disk, false);
  const events: string[] = [];
  to.onUpdate((event) => events.push(event.type));
  await to.install({point: snapshot.point, directory: 'staging', fileNames: ['catalog.json']});
  disk.crash();
  expect(events).toEqual(['snapshot']);
  expect(to.durablePoint().index).toBe(6);
  const reopened = await openMachine(disk, false);
  expect(reopened.catalog.version).toBe(6);
  expect(reopened.catalog.tenantByName('default')).toBeDefined();
});

test('a crash at any operation of a flush leaves the state before or after it', async () => {
  // Some 60 answers of the disk and of its thread are waited for.
  for (let operations = 0; operations < 120; operations++) {
    const disk = new MemoryDisk();
    const machine = await openMachine(disk);
    machine.apply(6, 5, encodeCommand(found));
    await machine.flush();
    machine.apply(7, 5, tenant('x'));
    // Cut in the middle it fails or never settles: its process is gone.
    machine.flush().catch((error: unknown) => expect(error).toBeInstanceOf(FatalError));
    for (let i = 0; i < operations; i++) await Promise.resolve();
    disk.crash();
    const {index} = (await openMachine(disk)).durablePoint();
    expect([6, 7]).toContain(index);
  }
});

test('a failed flush stops applying; a flipped bit is damage, never an older state', async () => {
  const disk = new MemoryDisk();
  const machine = await openMachine(disk);
  await machine.flush();
  machine.apply(6, 5, encodeCommand(found));
  disk.fail({operation: 'sync', path: 'catalog-', code: 'EIO'});
  await expect(machine.flush()).rejects.toThrow(FatalError);
  expect(machine.canApply()).toBe(false);

  const other = new MemoryDisk();
  const whole = await openMachine(other);
  whole.apply(6, 5, encodeCommand(found));
  await whole.flush();
  const name = (await other.list('meta')).at(-1)!.name;
  other.flipBit(`meta/${name}`, 100);
  await expect(openMachine(other)).rejects.toThrow(/damaged/);
});

test('keeps two files, and none after its destruction', async () => {
  const disk = new MemoryDisk();
  const machine = await openMachine(disk);
  for (let index = 6; index < 10; index++) {
    machine.applyNothing(index, 5);
    await machine.flush();
  }
  expect((await disk.list('meta')).map(({name}) => name)).toHaveLength(2);
  await machine.destroy();
  expect(await disk.list('meta')).toEqual([]);
});

test('a full disk refuses a flush, and takes the next once it has room', async () => {
  const disk = new MemoryDisk();
  const machine = await openMachine(disk);
  machine.apply(6, 5, encodeCommand(found));
  await machine.flush();
  machine.apply(7, 5, tenant('late'));
  disk.freeBytes = 0;
  await expect(machine.flush()).rejects.toThrow('ENOSPC');
  expect(machine.canApply()).toBe(true);
  expect(machine.durablePoint().index).toBe(6);
  disk.freeBytes = 2 ** 40;
  await machine.flush();
  expect((await openMachine(disk)).durablePoint().index).toBe(7);
});

test('a damaged one is destroyed like any other', async () => {
  const disk = new MemoryDisk();
  const machine = await openMachine(disk);
  machine.apply(6, 5, encodeCommand(found));
  await machine.flush();
  for (const {name} of await disk.list('meta')) disk.flipBit(`meta/${name}`, 100);
  await expect(openMachine(disk)).rejects.toThrow(/damaged/);
  const onFatal = (error: FatalError) => {
    throw error;
  };
  const place = {disk, directory: 'meta', slices: ALL_AT_ONCE};
  const buried = await MetaStateMachine.open({...place, isBuried: true, onFatal});
  await buried.destroy();
  expect(disk.files()).toEqual([]);
});

test('is destroyed also where no replica of its store ever had a file', async () => {
  const disk = new MemoryDisk();
  const files = filesIn(disk, 'stores/0/replicas/1-11');
  await files.destroy();
  await files.write(emptyAt(6));
  await files.destroy();
  expect(disk.files()).toEqual([]);
});

test('what is written to a directory that a process before made, but not durably, is durable', async () => {
  const directory = 'stores/0/replicas/1-11';
  const file = `${directory}/catalog-0000000000000006.json`;
  for (let operations = 0; operations < 12; operations++) {
    const disk = new MemoryDisk();
    // Its process is dead: what it still does late may fail.
    void handledElsewhere(filesIn(disk, directory).write(emptyAt(5)));
    for (let i = 0; i < operations; i++) await Promise.resolve();
    disk.kill();
    await filesIn(disk, directory).write(emptyAt(6));
    disk.crash();
    expect(disk.files(), `ended after ${operations}`).toContain(file);
  }
});

test('what a full disk or a crash left of a file that was not whole goes before the next one', async () => {
  const disk = new MemoryDisk();
  const files = filesIn(disk, 'meta');
  disk.freeBytes = 0;
  for (const index of [5, 6]) await expect(files.write(emptyAt(index))).rejects.toThrow(/ENOSPC/);
  expect(disk.files()).toHaveLength(1);
  disk.freeBytes = 1_000;
  await filesIn(disk, 'meta').write(emptyAt(7));
  expect(disk.files()).toEqual(['meta/catalog-0000000000000007.json']);
});

test('a command of a newer version stops the replica', async () => {
  const machine = await openMachine(new MemoryDisk());
  expect(machine).toBeInstanceOf(MetaStateMachine);
  const newer = Buffer.from(JSON.stringify({v: 99, command: {}}));
  expect(() => machine.apply(6, 5, newer)).toThrow(/version 99/);
});
