import {type ChildProcess, spawn} from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import {join} from 'node:path';
import {FatalError, type NodeId} from '@flotilla/base';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {DirectoryLockedError, openNodeDirectory} from './node-directory.ts';

let path: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  path = join(fs.mkdtempSync(join(os.tmpdir(), 'flotilla-directory-')), 'node');
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  fs.rmSync(join(path, '..'), {recursive: true});
});

test.skipIf(!fs.existsSync('/proc/self'))('a directory that takes no lock is named', async () => {
  const opening = openNodeDirectory({path: '/proc/self', stores: 1});
  await expect(opening).rejects.toThrow('/proc/self');
});

test.skipIf(!fs.existsSync('/proc/self'))(
  'a place where no directory can be made is refused, not tried for ever',
  async () => {
    const opening = openNodeDirectory({path: '/proc/flotilla/node', stores: 1});
    await expect(opening).rejects.toMatchObject({code: 'ENOENT'});
  },
);

test('a file is no place for it', async () => {
  fs.writeFileSync(path, '');
  await expect(openNodeDirectory({path, stores: 1})).rejects.toMatchObject({code: 'EEXIST'});
});

/** A process that opens the directory, prints its boot epoch and stays. */
async function holdInChild(): Promise<{child: ChildProcess; line: string}> {
  const script = `
    const {openNodeDirectory} = await import(${JSON.stringify(new URL('./node-directory.ts', import.meta.url).href)});
    try {
      const directory = await openNodeDirectory({path: ${JSON.stringify(path)}, stores: 2});
      console.log('epoch', directory.bootEpoch);
      setInterval(() => directory.path, 1000);
    } catch (error) {
      console.log(error.name);
    }`;
  const child = spawn(process.execPath, ['-e', `(async () => {${script}})()`]);
  children.push(child);
  const line = await new Promise<string>((resolve) => {
    child.stdout.once('data', (text: Buffer) => resolve(String(text).trim()));
    child.stderr.once('data', (text: Buffer) => resolve(String(text).trim()));
  });
  return {child, line};
}

function exited(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

test('a new directory has stores and no identity; it keeps both what it is given and its stores', async () => {
  const first = await openNodeDirectory({path, stores: 3});
  expect(first.identity).toBeUndefined();
  expect(first.bootEpoch).toBe(1);
  expect((await first.disk.list('stores')).map(({name}) => name)).toEqual(['0', '1', '2']);
  await first.adopt({cluster: 'c-1', node: 4 as NodeId});
  await expect(first.adopt({cluster: 'c-2', node: 5 as NodeId})).rejects.toThrow(/already/);
  first.close();

  const second = await openNodeDirectory({path, stores: 2});
  expect(second.identity).toEqual({cluster: 'c-1', node: 4});
  expect(second.stores).toBe(3);
  expect(second.bootEpoch).toBe(2);
  second.close();

  const third = await openNodeDirectory({path, stores: 5});
  expect((await third.disk.list('stores')).map(({name}) => name).sort()).toHaveLength(5);
  third.close();
  const fourth = await openNodeDirectory({path, stores: 1});
  expect(fourth.identity).toEqual({cluster: 'c-1', node: 4});
  expect(fourth.stores).toBe(5);
  fourth.close();
});

test('the second opener is refused, in this process too, and told who has it', async () => {
  const first = await openNodeDirectory({path, stores: 1});
  const refusal = await openNodeDirectory({path, stores: 1}).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(DirectoryLockedError);
  expect(String(refusal)).toContain(`pid ${process.pid}`);
  // The refused opening has closed the lock's file, which must not have freed it for others.
  expect((await holdInChild()).line).toBe('DirectoryLockedError');
  first.close();
  (await openNodeDirectory({path, stores: 1})).close();
});

test('another process is refused while it lives; after kill -9 the next one gets in', async () => {
  const first = await holdInChild();
  expect(first.line).toBe('epoch 1');
  expect((await holdInChild()).line).toBe('DirectoryLockedError');
  await expect(openNodeDirectory({path, stores: 2})).rejects.toBeInstanceOf(DirectoryLockedError);
  const gone = exited(first.child);
  first.child.kill('SIGKILL');
  await gone;
  const next = await openNodeDirectory({path, stores: 2});
  expect(next.bootEpoch).toBe(2);
  next.close();
});

test('stores without node.json are never founded again', async () => {
  (await openNodeDirectory({path, stores: 1})).close();
  fs.rmSync(join(path, 'node.json'));
  await expect(openNodeDirectory({path, stores: 1})).rejects.toThrow(/has stores but no node.json/);
});

test.each(['node.json', 'boot-epoch'])('a flipped bit in %s is fatal', async (name) => {
  (await openNodeDirectory({path, stores: 1})).close();
  const bytes = fs.readFileSync(join(path, name));
  bytes[bytes.indexOf(0x3a) + 1]! ^= 1; // The first value after a colon.
  fs.writeFileSync(join(path, name), bytes);
  await expect(openNodeDirectory({path, stores: 1})).rejects.toBeInstanceOf(FatalError);
});

test('each start is a life of its own, which its directory knows; those of a copy it learns', async () => {
  const first = await openNodeDirectory({path, stores: 1});
  const lifeOf = ({bootEpoch: epoch, life}: typeof first) => ({epoch, life});
  expect(first.hasLife(lifeOf(first))).toBe(true);
  first.close();
  const copied = `${path}.copy`;
  fs.cpSync(path, copied, {recursive: true});
  const [here, there] = [
    await openNodeDirectory({path, stores: 1}),
    await openNodeDirectory({path: copied, stores: 1}),
  ];
  // All that they count is the same.
  expect(there.bootEpoch).toBe(here.bootEpoch);
  expect(here.hasLife(lifeOf(first))).toBe(true);
  expect(here.hasLife(lifeOf(there))).toBe(false);
  await here.settleLives([lifeOf(there)]);
  here.close();
  there.close();
  const again = await openNodeDirectory({path, stores: 1});
  expect([here, there, again].map((each) => again.hasLife(lifeOf(each)))).toEqual([
    ...[true, true, true],
  ]);
  again.close();
  fs.rmSync(copied, {recursive: true});
});
