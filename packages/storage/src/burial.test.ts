// A replica is destroyed whatever has become of its files, and whoever still reads them.

import {FatalError, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import type {MemoryDisk} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {Manifest} from './manifest.ts';
import {linesOf, series, specOf, WHOLE_TABLE} from './replica-model.fixture.ts';
import {stateKeys} from './replica-state.ts';
import {Trial} from './replica-trial.fixture.ts';

const NEWER = Buffer.from(JSON.stringify({version: 99}));
const ROW = stateKeys(1 as ReplicaSetId, 1 as ReplicaId).state;

/** What a closed replica left, to be damaged. */
interface Kept {
  readonly disk: MemoryDisk;
  /** Path of its only key file. */
  readonly keys: string;
  readonly manifest: Manifest;
}

const DAMAGES: [string, (kept: Kept) => unknown][] = [
  ['a flipped bit in its keys', ({disk, keys}) => disk.flipBit(keys, 12)],
  ['a missing file', ({disk, keys}) => disk.remove(keys)],
  ['a state of a newer version', ({manifest}) => manifest.commit({put: [[ROW, NEWER]]})],
];

async function flushed(): Promise<Trial> {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 3, step: 1_000}, 1));
  await trial.step({type: 'flush', isAwaited: true});
  return trial;
}

test.each(DAMAGES)('a replica with %s is destroyed like any other', async (_, damage) => {
  const {fixture, storage} = await flushed();
  const {disk, store} = fixture;
  await storage.close();
  const keys = disk.files().find((path) => path.endsWith('.keys'))!;
  await damage({disk, keys, manifest: await Manifest.open(store)});
  await expect(fixture.open(1)).rejects.toThrow(FatalError);
  const buried = await fixture.open(1, {isBuried: true});
  await buried.destroy();
  expect(disk.files()).toEqual([]);
  expect((await Manifest.open(store)).rows('replica/')).toEqual([]);
});

test('a scan that has not read yet is read to its end beside the destruction of its replica', async () => {
  const trial = await flushed();
  const want = trial.model.scan(WHOLE_TABLE);
  const scan = trial.storage.scan(specOf(WHOLE_TABLE));
  await trial.storage.destroy();
  expect(trial.fixture.disk.files()).toEqual([]);
  expect(await linesOf(scan)).toEqual(want);
  scan.close();
});
