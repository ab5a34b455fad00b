// A file that is whole, as large as the one that is meant, and of the same numbers, is told from it by the
// checksum in the manifest: by who reads it and by who looks at it.

import {FatalError, type FileFault} from '@flotilla/base';
import {expect, test} from 'vitest';
import {verifyRows} from './manifest.ts';
import {PartDamage, type PartVersion} from './part-format.ts';
import {checkReplicaFiles, replicasIn} from './replica-check.ts';
import {linesOf, series, specOf, WHOLE_TABLE} from './replica-model.fixture.ts';
import type {ReplicaState} from './replica-state.ts';
import {Trial} from './replica-trial.fixture.ts';

const DIRECTORY = 'replicas/1-1';
const PART = `${DIRECTORY}/00000001.part`;
const KEYS = `${DIRECTORY}/00000002.keys`;

/** One series; those of hosts 1 and 2 differ in one letter of each key and value. */
async function stored(host: number, version: PartVersion): Promise<Trial> {
  const trial = new Trial([version]);
  trial.storage = await trial.fixture.open(1);
  trial.write(series(host, {count: 20, step: 1_000}, host));
  await trial.step({type: 'flush', isAwaited: true});
  await trial.storage.close();
  return trial;
}

async function stateOf(trial: Trial): Promise<ReplicaState> {
  const {values} = verifyRows(await trial.fixture.store.load());
  const [replica] = replicasIn(values);
  return replica!.state as ReplicaState;
}

async function read(trial: Trial): Promise<string[]> {
  const storage = await trial.fixture.openUnloaded(1);
  try {
    await storage.load();
    return await linesOf(storage.scan(specOf(WHOLE_TABLE)));
  } finally {
    await storage.close();
  }
}

async function faultsOf(trial: Trial): Promise<FileFault[]> {
  const faults: FileFault[] = [];
  const check = {
    fault: (fault: FileFault) => void faults.push(fault),
    read: () => {},
    unreadable: (_file: string, error: FatalError) => {
      throw error;
    },
  };
  const place = {directory: DIRECTORY, state: await stateOf(trial)};
  await checkReplicaFiles(trial.fixture.disk, place, check);
  return faults;
}

test.each([
  [PART, PartDamage, /^another part than the manifest names: want checksum \d+; have \d+/],
  [KEYS, FatalError, /^other keys than the manifest names: want checksum \d+; have \d+/],
])('%s of another replica is not taken for this one’s', async (file, damage, message) => {
  const [own, other] = [await stored(1, 2), await stored(2, 2)];
  const {disk} = own.fixture;
  const [mine, theirs] = [disk.bytesOf(file), other.fixture.disk.bytesOf(file)];
  expect(theirs.length).toBe(mine.length);
  expect(theirs).not.toEqual(mine);
  disk.overwrite(file, theirs);
  const reading = read(own);
  await expect(reading).rejects.toThrow(damage);
  await expect(reading).rejects.toThrow(message);
  await expect(reading).rejects.toThrow(`file=${file}`);
  expect(await faultsOf(own)).toMatchObject([
    {file, offset: expect.any(Number), message: expect.stringMatching(message)},
  ]);
  disk.overwrite(file, mine);
  expect(await read(own)).toEqual(own.model.scan(WHOLE_TABLE));
  expect(await faultsOf(own)).toEqual([]);
});

test('a manifest tells no checksums while not every node writes parts of version 2, and they travel with snapshots', async () => {
  const old = await stateOf(await stored(1, 1));
  for (const record of [...old.parts, ...old.keyFiles])
    expect(record).not.toHaveProperty('checksum');
  const trial = new Trial([2]);
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 20, step: 1_000}, 1));
  await trial.step({type: 'flush', isAwaited: true});
  const before = await stateOf(trial);
  await trial.step({type: 'move'});
  await trial.storage.flush(trial.point());
  await trial.storage.close();
  const after = await stateOf(trial);
  const sums = ({parts, keyFiles}: ReplicaState) =>
    [...parts, ...keyFiles].map(({checksum}) => checksum);
  expect(sums(before)).toEqual([expect.any(Number), expect.any(Number)]);
  expect(sums(after)).toEqual(sums(before));
});
