import fs from 'node:fs';
import os from 'node:os';
import {join} from 'node:path';
import {FatalError} from '@flotilla/base';
import fc from 'fast-check';
import {afterEach, beforeEach, expect, test, vi} from 'vitest';
import {NodeDisk, systemErrorCode} from './node-disk.ts';

let root: string;
let disk: NodeDisk;

beforeEach(() => {
  root = fs.mkdtempSync(join(os.tmpdir(), 'flotilla-disk-'));
  disk = new NodeDisk(root);
});

afterEach(() => fs.rmSync(root, {recursive: true}));

test('what is written in chunks is read back, at any offset', async () => {
  const sizes = fc.array(fc.uint8Array({maxLength: 50}), {maxLength: 20});
  const file = await disk.open('file', 'create');
  await fc.assert(
    fc.asyncProperty(fc.nat(1000), sizes, async (offset, chunks) => {
      await file.writeAt(offset, chunks);
      const expected = Buffer.concat(chunks);
      expect(Buffer.from(await file.readAt(offset, expected.length))).toEqual(expected);
    }),
    {numRuns: 50},
  );
  await file.sync();
  await file.close();
});

test('more chunks than one system call takes are all written', async () => {
  const file = await disk.open('file', 'create');
  const chunks = Array.from({length: 5000}, (_, i) => Buffer.from([i & 0xff, (i >> 8) & 0xff]));
  await file.writeAt(3, chunks);
  expect(await file.size()).toBe(10_003);
  expect(Buffer.from(await file.readAt(3, 10_000))).toEqual(Buffer.concat(chunks));
  await file.truncate(5);
  expect(await file.size()).toBe(5);
  await file.close();
});

test('durable writes go to the same file, also once it has another name', async () => {
  const file = await disk.open('file.new', 'create');
  await file.writeAt(0, [Buffer.from('head')]);
  await disk.rename('file.new', 'file');
  await file.writeDurably!(4, [Buffer.from('er'), Buffer.from('')]);
  await Promise.all([
    file.writeDurably!(6, [Buffer.from(' and')]),
    file.writeDurably!(10, [Buffer.from(' body')]),
  ]);
  expect(Buffer.from(await file.readAt(0, 15)).toString()).toBe('header and body');
  expect(await disk.exists('file.new')).toBe(false);
  await file.close();
  await expect(file.writeDurably!(0, [Buffer.from('x')])).rejects.toThrow(/closed/);
});

test('a short read is fatal and names path and offset', async () => {
  const file = await disk.open('file', 'create');
  await file.writeAt(0, [Buffer.from('abc')]);
  const failure = await file.readAt(1, 4).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(FatalError);
  expect(String(failure)).toMatch(/want 4 bytes; have 2; file offset=1/);
  await file.close();
  await file.close();
  await expect(file.size()).rejects.toThrow(/closed/);
});

test('modes: create refuses an existing file, write a missing one; the code is kept', async () => {
  await (await disk.open('file', 'create')).close();
  const exists = await disk.open('file', 'create').catch((error: unknown) => error);
  expect(systemErrorCode(exists)).toBe('EEXIST');
  const missing = await disk.open('other', 'write').catch((error: unknown) => error);
  expect(missing).toBeInstanceOf(FatalError);
  expect(systemErrorCode(missing)).toBe('ENOENT');
});

test('a full disk keeps its code', async () => {
  const full = new NodeDisk('/dev');
  const file = await full.open('full', 'write');
  const failure = await file.writeAt(0, [Buffer.from('x')]).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(FatalError);
  expect(systemErrorCode(failure)).toBe('ENOSPC');
  const durably = await file.writeDurably!(0, [Buffer.from('x')]).catch((error: unknown) => error);
  expect(durably).toBeInstanceOf(FatalError);
  expect(systemErrorCode(durably)).toBe('ENOSPC');
  await file.close();
});

test.each([
  ['ENOSPC', true],
  ['EDQUOT', true],
  ['EIO', false],
])('a durable write that failed with %s may be made again: %s', async (code, mayBe) => {
  const file = await disk.open('file', 'create');
  const refusal = Object.assign(new Error(code), {code});
  const refuse = (...args: unknown[]): void => (args.at(-1) as (error: Error) => void)(refusal);
  const writes = vi.spyOn(fs, 'writev').mockImplementationOnce(refuse);
  const failure = await file.writeDurably!(0, [Buffer.from('x')]).catch((error: unknown) => error);
  expect(systemErrorCode(failure)).toBe(code);
  const again = file.writeDurably!(0, [Buffer.from('x')]);
  if (mayBe) await again;
  else expect(await again.catch((error: unknown) => error)).toBe(failure);
  writes.mockRestore();
  await file.close();
});

test('what is to be durable where no descriptor is left is written and synced by the one there is', async () => {
  const file = await disk.open('file', 'create');
  const refusal = Object.assign(new Error('EMFILE'), {code: 'EMFILE'});
  const refuse = (...args: unknown[]): void => (args.at(-1) as (error: Error) => void)(refusal);
  const opens = vi.spyOn(fs, 'open').mockImplementation(refuse as typeof fs.open);
  await file.writeDurably!(0, [Buffer.from('first')]);
  expect(opens).toHaveBeenCalledTimes(1);
  opens.mockRestore();
  await file.writeDurably!(5, [Buffer.from(' second')]);
  expect(Buffer.from(await file.readAt(0, 12)).toString()).toBe('first second');
  await file.close();
  await expect(file.size()).rejects.toThrow(/closed/);
});

test('a failed sync is not tried again', async () => {
  const file = await new NodeDisk('/dev').open('full', 'write'); // fdatasync of a device: EINVAL.
  const first = await file.sync().catch((error: unknown) => error);
  expect(first).toBeInstanceOf(FatalError);
  expect(await file.sync().catch((error: unknown) => error)).toBe(first);
  const durably = file.writeDurably!(0, [Buffer.from('x')]);
  expect(await durably.catch((error: unknown) => error)).toBe(first);
  await file.close();
});

test('directories: made with parents, listed in order, renamed, linked, removed', async () => {
  await disk.makeDirectory('a/b');
  await disk.makeDirectory('a/b');
  for (const name of ['z', 'B', 'a10']) await (await disk.open(`a/${name}`, 'create')).close();
  expect(await disk.list('a')).toEqual([
    {name: 'B', kind: 'file'},
    {name: 'a10', kind: 'file'},
    {name: 'b', kind: 'directory'},
    {name: 'z', kind: 'file'},
  ]);
  await disk.rename('a/z', 'a/y');
  await disk.link('a/y', 'a/b/y');
  await disk.syncDirectory('a/b');
  expect(await disk.exists('a/z')).toBe(false);
  await disk.remove('a/y');
  expect(await disk.exists('a/b/y')).toBe(true);
  await disk.remove('a');
  await disk.remove('a');
  expect(await disk.list('a')).toEqual([]);
});

test.each(['../x', 'a/../../x', '/etc/passwd', 'a//b', 'a\0b', './x'])(
  'a path that leaves the root is refused: %j',
  async (path) => {
    await expect(disk.open(path, 'read')).rejects.toThrow(/leaves the root/);
  },
);

test('the root itself is never removed', async () => {
  await expect(disk.remove('')).rejects.toThrow(/never removed/);
});

test('space is known', async () => {
  const {freeBytes, totalBytes} = await disk.space();
  expect(freeBytes).toBeGreaterThan(0);
  expect(totalBytes).toBeGreaterThanOrEqual(freeBytes);
});
