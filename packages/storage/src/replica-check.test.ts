// Files of a replica that does not run: whole ones are whole, and no byte changes without being named.

import type {FileFault} from '@flotilla/base';
import type {MemoryDisk} from '@flotilla/testkit';
import {beforeAll, expect, test} from 'vitest';
import {verifyRows} from './manifest.ts';
import {checkReplicaFiles, readStagedState, replicasIn} from './replica-check.ts';
import {series} from './replica-model.fixture.ts';
import {encodeStateFile, type ReplicaState} from './replica-state.ts';
import {Trial} from './replica-trial.fixture.ts';

const DIRECTORY = 'replicas/1-1';

let disk: MemoryDisk;
let state: ReplicaState;
let files: string[];

beforeAll(async () => {
  const trial = new Trial([1, 2, 4]);
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 60, step: 1_000}, 1, [0, 1, 2, 4]));
  trial.write(series(2, {count: 3, step: 1_000}, 1, [4]).map((point) => ({...point, table: 2})));
  await trial.step({type: 'flush', isAwaited: true});
  trial.write(series(2, {count: 150, step: 7}, 2));
  await trial.step({type: 'flush', isAwaited: true});
  await trial.storage.close();
  ({disk} = trial.fixture);
  const {values, faults} = verifyRows(await trial.fixture.store.load());
  expect(faults).toEqual([]);
  const [stored] = replicasIn(values);
  state = stored!.state as ReplicaState;
  files = [...state.parts, ...state.keyFiles].map(({file}) => `${DIRECTORY}/${file}`);
});

async function faultsNow(changed: ReplicaState = state, of: MemoryDisk = disk) {
  const faults: FileFault[] = [];
  const unread: string[] = [];
  const read = new Map<string, number>();
  await checkReplicaFiles(
    of,
    {directory: DIRECTORY, state: changed},
    {
      fault: (fault) => faults.push(fault),
      read: (file, bytes) => read.set(file, (read.get(file) ?? 0) + bytes),
      unreadable: (file) => unread.push(file),
    },
  );
  return {faults, unread, read};
}

test('all of whole files is read, and nothing is wrong with it', async () => {
  const {faults, unread, read} = await faultsNow();
  expect([faults, unread]).toEqual([[], []]);
  expect(state.parts.length).toBe(2);
  expect(state.keyFiles.length).toBe(2);
  expect([...read].sort()).toEqual(
    files.map((file) => [file, disk.bytesOf(file).length] as const).sort(),
  );
});

test('whichever byte of a part or a key file changes, the file is named, with a place in it', async () => {
  let count = 0;
  for (const file of files) {
    const {length} = disk.bytesOf(file);
    for (let offset = 0; offset < length; offset++) {
      disk.flipBit(file, offset, offset % 8);
      const {faults, unread} = await faultsNow();
      disk.flipBit(file, offset, offset % 8);
      const named = faults.filter((fault) => fault.file === file);
      const place = `${file} at ${offset}`;
      expect(named.length, place).toBeGreaterThan(0);
      expect([faults.length, unread], place).toEqual([named.length, []]);
      expect(named[0]!.offset, place).toBeLessThanOrEqual(length - 1);
      count += 1;
    }
  }
  expect(count).toBeGreaterThan(500);
  expect((await faultsNow()).faults).toEqual([]);
});

test('compressed pages are looked into', async () => {
  const trial = new Trial([2]);
  trial.storage = await trial.fixture.open(1);
  for (const host of [1, 2]) {
    trial.write(series(host, {count: 1_000, step: 1_000}, host));
    await trial.step({type: 'flush', isAwaited: true});
  }
  await trial.step({type: 'compact', isAll: true});
  await trial.storage.close();
  const {values} = verifyRows(await trial.fixture.store.load());
  const [stored] = replicasIn(values);
  const merged = stored!.state as ReplicaState;
  const {disk: of} = trial.fixture;
  expect((await faultsNow(merged, of)).faults).toEqual([]);
  const file = `${DIRECTORY}/${merged.parts[0]!.file}`;
  of.flipBit(file, of.bytesOf(file).length >> 1);
  expect((await faultsNow(merged, of)).faults).toHaveLength(1);
});

test('a page is named by the place where it begins, and the others are looked at all the same', async () => {
  const [file = ''] = files;
  // In the first stripe, and in the trailer: only the second hides the rest.
  disk.flipBit(file, 9);
  const {length} = disk.bytesOf(file);
  const first = await faultsNow();
  expect(first.faults).toMatchObject([{file, offset: 8}]);
  expect(first.faults[0]!.message).toMatch(/^directory of \d+ rows of table 1: checksum mismatch/);
  disk.flipBit(file, length - 1);
  const both = await faultsNow();
  expect(both.faults).toMatchObject([{file, offset: length - 24}]);
  disk.flipBit(file, 9);
  disk.flipBit(file, length - 1);
});

test('a file that is missing, short, or not the one that is meant is named', async () => {
  const [part = '', , keys = ''] = files;
  const [partBytes, keyBytes] = [disk.bytesOf(part), disk.bytesOf(keys)];
  await disk.remove(keys);
  disk.overwrite(part, partBytes.subarray(0, 100));
  const {faults} = await faultsNow();
  expect(faults).toEqual([
    {file: keys, message: 'it is missing'},
    {file: part, offset: 100, message: `want ${partBytes.length} bytes; have 100`},
  ]);
  await (await disk.open(keys, 'create')).close();
  disk.overwrite(keys, keyBytes);
  disk.overwrite(part, partBytes);
  const [first, second] = state.keyFiles;
  const swapped = {...state, keyFiles: [second!, first!]};
  expect((await faultsNow(swapped)).faults.map(({message}) => message)).toContainEqual(
    expect.stringMatching(/^it begins with series \d+; those before it end with -1$/),
  );
  const [one, ...others] = state.parts;
  const wrong = {...one!, tables: one!.tables.map((table) => ({...table, rowCount: 1}))};
  expect((await faultsNow({...state, parts: [wrong, ...others]})).faults).toMatchObject([
    {file: part, message: 'its tables are not those that the manifest names'},
  ]);
  // By these a scan leaves it out.
  for (const change of [{minOffset: 1}, {maxOffset: 2_000}]) {
    const untrue = {...one!, tables: one!.tables.map((table) => ({...table, ...change}))};
    const found = await faultsNow({...state, parts: [untrue, ...others]});
    expect(found.faults.map(({message}) => message)).toContainEqual(
      expect.stringMatching(/^the times of table 1 are not those that the manifest names: want /),
    );
  }
  const untold = {minOffset: undefined, maxOffset: undefined};
  const early = {...one!, tables: one!.tables.map((table) => ({...table, ...untold}))};
  expect((await faultsNow({...state, parts: [early, ...others]})).faults).toEqual([]);
  const fewer = {...state, keyFiles: []};
  expect((await faultsNow(fewer)).faults[0]!.message).toMatch(
    /names series \d+; the key files have 0/,
  );
});

test('a disk that does not answer is told apart from damage, and the others are looked at', async () => {
  disk.fail({operation: 'read', path: '.part', code: 'EIO'});
  const {faults, unread} = await faultsNow();
  expect([faults, unread]).toEqual([[], [files[0]]]);
});

test('of the state of a staged snapshot each byte counts', async () => {
  const bytes = encodeStateFile(state);
  await disk.makeDirectory('staging');
  await (await disk.open('staging/state', 'create')).close();
  disk.overwrite('staging/state', bytes);
  expect(await readStagedState(disk, 'staging')).toMatchObject({parts: state.parts});
  for (let offset = 0; offset < bytes.length; offset += 3) {
    disk.overwrite('staging/state', bytes);
    disk.flipBit('staging/state', offset);
    expect(await readStagedState(disk, 'staging')).toMatch(/checksum mismatch/);
  }
  expect(await readStagedState(disk, 'nowhere')).toBe('it is missing');
});

test('each row of a manifest that is not as it was committed is named, and the others are kept', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 3, step: 1_000}, 1));
  await trial.step({type: 'flush', isAwaited: true});
  await trial.storage.close();
  const rows = await trial.fixture.store.load();
  const [key = ''] = rows.map(([each]) => each).filter((each) => each.endsWith('/extra'));
  const changed = rows.map(([name, value]) => {
    const copy = value.slice();
    if (name === key) copy[5] = copy[5]! ^ 1;
    return [name, copy] as const;
  });
  const {values, faults} = verifyRows(changed);
  expect(faults).toMatchObject([{key, message: expect.stringContaining('checksum mismatch')}]);
  expect([...replicasIn(values)]).toHaveLength(1);
  const without = rows.filter(([name]) => name !== key);
  expect(verifyRows(without).faults[0]!.message).toMatch(/do not add up/);
  const newer = new Map([['replica/4/9/state', Buffer.from('{"version":99}')]]);
  expect([...replicasIn(newer)]).toEqual([
    {set: 4, replica: 9, state: expect.stringContaining('have 99')},
  ]);
});
