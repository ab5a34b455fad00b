// What a scan says of blocks without their rows: exact whatever it is read from, or damage.

import {FatalError} from '@flotilla/base';
import type {BlockChunk, BlockNeed, BlockRequest} from '@flotilla/column';
import {expect, test} from 'vitest';
import {MAGIC_BYTES, PartDamage, type PartVersion} from './part-format.ts';
import {series, specOf, WHOLE_TABLE} from './replica-model.fixture.ts';
import {Trial} from './replica-trial.fixture.ts';
import {StorageCounts} from './storage-counts.ts';

const NEEDS: readonly BlockNeed[] = ['count', 'min', 'max', 'sum', 'first', 'last'];
const FIELDS = [0, 1];
const SPEC = specOf({...WHOLE_TABLE, fields: FIELDS});
const REQUEST: BlockRequest = {
  needs: FIELDS.map(() => new Set(NEEDS)),
  isOneGroup: () => true,
};

/** One part, compacted, of two series; three blocks each. */
async function compacted(version: PartVersion, counts = new StorageCounts()): Promise<Trial> {
  const trial = new Trial([version]);
  trial.storage = await trial.fixture.open(1, {counts});
  for (const start of [0, 2_000_000]) {
    for (const host of [1, 2])
      trial.write(series(host, {start, count: 700, step: 1_000}, host, FIELDS));
    await trial.step({type: 'flush', isAwaited: true});
  }
  await trial.step({type: 'compact', isAll: true});
  return trial;
}

async function said(trial: Trial, request = REQUEST): Promise<BlockChunk[]> {
  const scan = trial.storage.scan(SPEC);
  const blocks = scan.withBlocks!(request);
  const all: BlockChunk[] = [];
  try {
    for (let some = await blocks.next(); some !== undefined; some = await blocks.next())
      for (const chunk of some) all.push(chunk as BlockChunk);
  } finally {
    scan.close();
  }
  return all;
}

async function partBytes(trial: Trial): Promise<{file: string; length: number}> {
  const [part] = trial.storage.view().parts;
  const file = `replicas/1-1/${part!.file}`;
  return {file, length: trial.fixture.disk.bytesOf(file).length};
}

test.each([1, 2, 4] as const)(
  'whichever byte of a part of version %i changes, blocks are told as they were, or the part is damaged',
  async (version) => {
    const trial = await compacted(version);
    const {disk} = trial.fixture;
    const good = await said(trial);
    const {file, length} = await partBytes(trial);
    const unread: number[] = [];
    for (let offset = 0; offset < length; offset++) {
      // What it knows of the part is read anew.
      expect(trial.storage.unload()).toBe(true);
      await trial.storage.load();
      disk.flipBit(file, offset, offset % 8);
      const answer = await said(trial).catch((error: unknown) => error);
      disk.flipBit(file, offset, offset % 8);
      // Of a newer version, as one bit makes of its version: no damage.
      if (answer instanceof FatalError) continue;
      expect(answer, `byte ${offset}`).toEqual(good);
      unread.push(offset);
    }
    expect(unread.length).toBeLessThan(length / 2);
    // But for the first bytes those are the times, which only rows need.
    const time = unread.find((offset) => offset >= MAGIC_BYTES)!;
    trial.storage.unload();
    await trial.storage.load();
    disk.flipBit(file, time);
    expect(await said(trial)).toEqual(good);
    await expect(said(trial, {...REQUEST, isOneGroup: () => false})).rejects.toThrow(PartDamage);
    await trial.storage.close();
  },
);

test('counts of rows need nothing but the directory', async () => {
  const counts = new StorageCounts();
  const trial = await compacted(1, counts);
  const scan = trial.storage.scan({...SPEC, fields: []});
  const blocks = scan.withBlocks!({...REQUEST, needs: []});
  let rows = 0;
  for (let some = await blocks.next(); some !== undefined; some = await blocks.next())
    for (const chunk of some as BlockChunk[])
      for (let block = 0; block < chunk.blockCount; block++) rows += chunk.rowCounts[block]!;
  scan.close();
  expect([rows, counts.decodedBlocks]).toEqual([2_800, 0]);
  await trial.storage.close();
});

test('a long series leaves in runs, and rows in memory between its blocks do not stop it', async () => {
  const counts = new StorageCounts();
  const trial = new Trial([1]);
  trial.storage = await trial.fixture.open(1, {counts});
  // A hundred rows a second, and so a block a second.
  trial.write(series(1, {count: 110_000, step: 10}, 1, FIELDS));
  await trial.step({type: 'flush', isAwaited: true});
  // Between two blocks, and in one.
  for (const start of [40_995, 60_005])
    trial.write(series(1, {start, count: 1, step: 1}, 7, FIELDS));
  const chunks = await said(trial);
  const runs = chunks.map((chunk) => ('blockCount' in chunk ? chunk.blockCount : 'row'));
  expect(runs).toEqual([41, 'row', 19, 'row', 1_024, 15]);
  expect([counts.summarisedBlocks, counts.decodedBlocks]).toEqual([1_099, 1]);
  await trial.storage.close();
});
