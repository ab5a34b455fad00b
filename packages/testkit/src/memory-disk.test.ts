import {SeededRandom} from '@flotilla/base';
import {expect, test} from 'vitest';
import {MemoryDisk} from './memory-disk.ts';
import {VirtualClock} from './virtual-clock.ts';

const bytes = (...values: number[]) => Uint8Array.from(values);

async function makeFile(disk: MemoryDisk, path: string) {
  const file = await disk.open(path, 'create');
  await disk.syncDirectory('');
  return file;
}

test('a crash takes back what was not synced, and no more', async () => {
  const disk = new MemoryDisk();
  const file = await makeFile(disk, 'a');
  await file.writeAt(0, [bytes(1, 2), bytes(3)]);
  await file.sync();
  await file.writeAt(1, [bytes(9, 9, 9, 9)]);
  expect([...disk.bytesOf('a')]).toEqual([1, 9, 9, 9, 9]);
  disk.crash();
  expect([...disk.bytesOf('a')]).toEqual([1, 2, 3]);
});

test('names need the sync of their directory', async () => {
  const disk = new MemoryDisk();
  await makeFile(disk, 'kept');
  await disk.open('lost', 'create');
  await disk.rename('kept', 'renamed');
  disk.crash();
  expect((await disk.list('')).map((entry) => entry.name)).toEqual(['kept']);
  await disk.makeDirectory('d/e');
  await disk.syncDirectory('');
  disk.crash();
  expect(await disk.exists('d')).toBe(true);
  expect(await disk.exists('d/e')).toBe(false);
});

test('a truncation is taken back too', async () => {
  const disk = new MemoryDisk();
  const file = await makeFile(disk, 'a');
  await file.writeAt(0, [bytes(1, 2, 3)]);
  await file.sync();
  await file.truncate(1);
  await file.writeAt(1, [bytes(7)]);
  disk.crash();
  expect([...disk.bytesOf('a')]).toEqual([1, 2, 3]);
});

test('with chance, sectors of an unsynced write survive singly', async () => {
  const disk = new MemoryDisk();
  const file = await makeFile(disk, 'a');
  await file.writeAt(0, [new Uint8Array(8192).fill(1)]);
  disk.crash(new SeededRandom(4));
  const left = disk.bytesOf('a');
  expect(left.includes(1)).toBe(true);
  expect(left.includes(0)).toBe(true);
});

test('injected faults strike once and name the path; pending calls die with the process', async () => {
  const clock = new VirtualClock();
  const disk = new MemoryDisk({clock, latencyMs: {sync: 5}});
  const file = await disk.open('a', 'create');
  disk.fail({operation: 'sync', path: 'a'});
  await expect(clock.resolve(file.sync())).rejects.toThrow('cannot sync a: EIO');
  await clock.resolve(file.sync());
  let answered = false;
  void file.sync().then(() => {
    answered = true;
  });
  disk.crash();
  await clock.advance(100);
  expect(answered).toBe(false);
});

test('an image puts back what was durable when it was taken, and nothing after', async () => {
  const disk = new MemoryDisk();
  await disk.makeDirectory('a');
  const file = await disk.open('a/one', 'create');
  await file.writeAt(0, [new Uint8Array([1])]);
  await file.sync();
  await disk.syncDirectory('a');
  await disk.syncDirectory('');
  await file.writeAt(1, [new Uint8Array([2])]);
  const putBack = disk.image();
  await file.sync();
  await disk.open('a/two', 'create');
  expect(disk.files()).toEqual(['a/one', 'a/two']);
  for (let again = 0; again < 2; again++) {
    putBack();
    expect(disk.files()).toEqual(['a/one']);
    expect([...disk.bytesOf('a/one')]).toEqual([1]);
    disk.overwrite('a/one', new Uint8Array([9]));
  }
});

test('a failed sync may take its pages for clean: they are read, and a power cut takes them back', async () => {
  const disk = new MemoryDisk();
  const file = await makeFile(disk, 'a');
  await file.writeAt(0, [bytes(1, 2, 3)]);
  await file.sync();
  await file.writeAt(1, [bytes(8, 8)]);
  disk.fail({operation: 'sync', path: 'a', marksClean: true});
  await expect(file.sync()).rejects.toThrow('cannot sync a: EIO');
  disk.kill();
  const again = await disk.open('a', 'write');
  expect([...(await again.readAt(0, 3))]).toEqual([1, 8, 8]);
  await again.sync();
  await again.writeAt(2, [bytes(9)]);
  await again.sync();
  disk.crash(new SeededRandom(4));
  expect([...disk.bytesOf('a')]).toEqual([1, 2, 9]);
});

test('what is written again after such a sync is durable', async () => {
  const disk = new MemoryDisk();
  const file = await makeFile(disk, 'a');
  await file.writeAt(0, [bytes(1, 2)]);
  disk.fail({operation: 'sync', path: 'a', marksClean: true});
  await expect(file.sync()).rejects.toThrow('cannot sync a: EIO');
  await file.writeAt(0, [await file.readAt(0, 2)]);
  await file.sync();
  disk.crash();
  expect([...disk.bytesOf('a')]).toEqual([1, 2]);
});

test('what a crash leaves of a write is what was written, though its buffer was used again', async () => {
  const disk = new MemoryDisk();
  const file = await makeFile(disk, 'a');
  const buffer = Buffer.alloc(8192, 1);
  await file.writeAt(0, [buffer]);
  buffer.fill(2);
  disk.crash(new SeededRandom(4));
  expect(disk.bytesOf('a').includes(1)).toBe(true);
  expect(disk.bytesOf('a').includes(2)).toBe(false);
});

const durable = (events: string[]) =>
  new MemoryDisk({writesDurably: true, onDurableWrite: (event) => events.push(event)});

test('a durable write is durable by itself, and makes nothing else so', async () => {
  const events: string[] = [];
  const disk = durable(events);
  const file = await makeFile(disk, 'a');
  await file.writeAt(0, [new Uint8Array(4)]);
  await file.sync();
  await file.writeAt(0, [bytes(7)]);
  await file.writeDurably!(1, [bytes(1), bytes(2)]);
  await file.writeDurably!(3, [bytes(3, 4)]);
  await file.writeDurably!(5, [bytes(5)]);
  expect([...disk.bytesOf('a')]).toEqual([7, 1, 2, 3, 4, 5]);
  disk.crash();
  expect([...disk.bytesOf('a')]).toEqual([0, 1, 2, 3, 4, 5]);
  expect(events).toEqual([
    'written over zeros',
    'written over zeros and past the end',
    'written past the end',
  ]);
  expect((await makeFile(new MemoryDisk(), 'b')).writeDurably).toBeUndefined();
});

test('power that is lost under a durable write leaves some of its sectors', async () => {
  const events: string[] = [];
  const disk = durable(events);
  const file = await makeFile(disk, 'a');
  await file.writeDurably!(0, [new Uint8Array(8192)]);
  disk.duringDurableWrite = () => disk.crash(new SeededRandom(4));
  void file.writeDurably!(0, [new Uint8Array(8192).fill(1)]);
  for (let turns = 0; turns < 10; turns++) await Promise.resolve();
  const left = disk.bytesOf('a');
  expect(new Set(left)).toEqual(new Set([0, 1]));
  for (let at = 0; at < 8192; at += 512)
    expect(new Set(left.subarray(at, at + 512)).size, `sector at ${at}`).toBe(1);
  expect(events.at(-1)).toBe('cut off, torn');
});

test('a full disk takes of a durable write what has its room already', async () => {
  const events: string[] = [];
  const disk = durable(events);
  const file = await makeFile(disk, 'a');
  await file.writeDurably!(0, [new Uint8Array(2)]);
  disk.freeBytes = 0;
  await file.writeDurably!(0, [bytes(1)]);
  await expect(file.writeDurably!(1, [bytes(2, 3)])).rejects.toThrow('ENOSPC');
  await expect(file.writeDurably!(2, [bytes(3)])).rejects.toThrow('ENOSPC');
  expect([...disk.bytesOf('a')]).toEqual([1, 2]);
  expect(events.slice(-2)).toEqual([
    'refused in part for want of room',
    'refused for want of room',
  ]);
});

test('a durable write fails with its sync, and where another sync took its pages for clean', async () => {
  const disk = durable([]);
  const file = await makeFile(disk, 'a');
  disk.fail({operation: 'sync', path: 'a', marksClean: true});
  await expect(file.writeDurably!(0, [bytes(1)])).rejects.toThrow('EIO');
  disk.fail({operation: 'sync', path: 'a', marksClean: true});
  const written = file.writeDurably!(1, [bytes(2)]);
  let synced: Promise<void> | undefined;
  disk.duringDurableWrite = () => {
    synced = file.sync();
  };
  // In this order: the other sync ends first.
  await Promise.all([
    expect(written).rejects.toThrow('EIO'),
    written.catch(() => expect(synced).rejects.toThrow('EIO')),
  ]);
  disk.crash(new SeededRandom(4));
  expect(disk.bytesOf('a')).toHaveLength(0);
});
