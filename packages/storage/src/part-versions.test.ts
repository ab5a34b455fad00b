// Parts of each version: what is written without leave is what the first build wrote, and a writer takes of
// newer parts their rows alone.

import {crc32} from 'node:zlib';
import {expect, test} from 'vitest';
import type {PartVersion} from './part-format.ts';
import {ReadProgress} from './read-progress.ts';
import {type Point, series, WHOLE_TABLE} from './replica-model.fixture.ts';
import {Trial} from './replica-trial.fixture.ts';

const COMPACT = {type: 'compact', isAll: true} as const;
const FLUSH = {type: 'flush', isAwaited: true} as const;

/** Checksums of the three flushed parts and of the merged one, as the build before version 2 wrote them. */
const FIRST_BUILD = [3716722944, 1099226324, 2789555695, 2411779286];

/** Rows that every newer encoding would be chosen for. */
function rowsFor(host: number, start: number): Point[] {
  let noise = host;
  return series(host, {start, count: 600, step: 1_000}, host).map((point, i) => {
    noise = (Math.imul(noise, 1664525) + 1013904223) >>> 0;
    const [full, spike] = [Math.sqrt(noise), BigInt(i % 200 === 7 ? 10 ** 12 : i % 9)];
    const sparse = i % 300 === 5 ? BigInt(i) : undefined;
    return {...point, values: [full, spike, sparse, i % 7 === 0, `text ${i % 50}`]};
  });
}

async function partsOf(trial: Trial): Promise<Uint8Array[]> {
  const {disk} = trial.fixture;
  const names = (await disk.list('replicas/1-1')).map(({name}) => name);
  return names
    .filter((name) => name.endsWith('.part'))
    .map((name) => disk.bytesOf(`replicas/1-1/${name}`));
}

async function written(versions: readonly PartVersion[]): Promise<Trial> {
  const trial = new Trial(versions);
  trial.storage = await trial.fixture.open(1);
  for (const start of [0, 600_000, 1_200_000]) {
    trial.write([...rowsFor(1, start), ...rowsFor(2, start)]);
    await trial.step(FLUSH);
  }
  return trial;
}

/** Those before it go once nobody reads them. */
const newestOf = async (trial: Trial) => (await partsOf(trial)).at(-1)!;

const versionsOf = (part: Uint8Array) => [part[7], part.at(-1)];

test('without leave parts are the first build’s, byte by byte', async () => {
  const trial = await written([1]);
  const parts = await partsOf(trial);
  await trial.step(COMPACT);
  parts.push(await newestOf(trial));
  expect(parts.map(versionsOf)).toEqual(new Array(4).fill([1, 1]));
  expect(parts.map((part) => crc32(part))).toEqual(FIRST_BUILD);
  await trial.storage.close();
});

test('parts of the second version are smaller, most so once they are merged', async () => {
  const [first, second] = [await written([1]), await written([2])];
  const sizeOf = async (trial: Trial) =>
    (await partsOf(trial)).reduce((sum, part) => sum + part.length, 0);
  const flushed = [await sizeOf(first), await sizeOf(second)] as const;
  expect(flushed[1]).toBeLessThan(flushed[0] * 0.9);
  for (const trial of [first, second]) await trial.step(COMPACT);
  const merged = [(await newestOf(first)).length, (await newestOf(second)).length] as const;
  expect(versionsOf(await newestOf(second))).toEqual([2, 2]);
  expect(merged[1]).toBeLessThan(merged[0] * 0.85);
  expect(merged[1]).toBeLessThan(flushed[1] * 0.95);
  for (const trial of [first, second]) {
    await trial.check(WHOLE_TABLE);
    await trial.check({...WHOLE_TABLE, start: 500_000, length: 200_000, fields: [3, 1]});
    await trial.storage.close();
  }
});

test('of thin blocks a flush leaves the closer encodings to the compaction', async () => {
  const sizes = [];
  for (const version of [1, 2] as const) {
    const trial = new Trial([version]);
    trial.storage = await trial.fixture.open(1);
    for (const start of [0, 60_000, 120_000, 180_000]) {
      trial.write([1, 2, 3].flatMap((host) => rowsFor(host, start).slice(0, 60)));
      await trial.step(FLUSH);
    }
    const flushed = (await partsOf(trial)).reduce((sum, part) => sum + part.length, 0);
    await trial.step(COMPACT);
    sizes.push({flushed, merged: (await newestOf(trial)).length});
    await trial.check(WHOLE_TABLE);
    await trial.storage.close();
  }
  const [first, second] = sizes as [(typeof sizes)[0], (typeof sizes)[0]];
  // Each page of version 2 says whether it is compressed: in each part two and one for each field.
  const pages = 4 * (2 + 5);
  expect(second.flushed).toBe(first.flushed + pages);
  expect(second.merged).toBeLessThan(first.merged * 0.9);
});

test('since version 4 thin blocks share what each had for itself', async () => {
  const sizes = [];
  for (const version of [2, 4] as const) {
    const trial = new Trial([version]);
    trial.storage = await trial.fixture.open(1);
    for (const start of [0, 6_000, 12_000]) {
      trial.write(Array.from({length: 40}, (_, host) => rowsFor(host, start).slice(0, 6)).flat());
      await trial.step(FLUSH);
    }
    const flushed = (await partsOf(trial)).reduce((sum, part) => sum + part.length, 0);
    await trial.step(COMPACT);
    const merged = await newestOf(trial);
    expect(versionsOf(merged)).toEqual([version, version]);
    sizes.push({flushed, merged: merged.length});
    await trial.check(WHOLE_TABLE);
    await trial.check({...WHOLE_TABLE, start: 5_000, length: 8_000, fields: [3, 1]});
    await trial.storage.close();
  }
  const [second, fourth] = sizes as [(typeof sizes)[0], (typeof sizes)[0]];
  expect(fourth.flushed).toBeLessThan(second.flushed * 0.7);
  expect(fourth.merged).toBeLessThan(second.merged * 0.9);
});

test('a single part is merged by order once, unless of version 1, of which a merge writes no other bytes', async () => {
  const version: {now: PartVersion} = {now: 1};
  const more = {partVersion: () => version.now};
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1, more);
  for (const start of [0, 60_000, 120_000]) trial.write(rowsFor(1, start).slice(0, 60));
  await trial.step(FLUSH);
  const sizes: number[] = [];
  const compacted = async () => {
    const progress = new ReadProgress();
    const bytes = trial.storage.partBytes();
    const isChanged = await trial.storage.compactAll(progress);
    expect(progress.read).toEqual(isChanged ? {bytes, bytesTotal: bytes} : undefined);
    sizes.push(trial.storage.partBytes());
    return isChanged;
  };
  expect(await compacted()).toBe(false);
  version.now = 2;
  expect([await compacted(), await compacted()]).toEqual([true, false]);
  expect(sizes[1]).toBeLessThan(sizes[0]! * 0.9);
  await trial.check(WHOLE_TABLE);
  trial.fixture.crash();
  trial.storage = await trial.fixture.open(1, more);
  expect(await compacted()).toBe(false);
  // A flush beside it makes it due, as does a delete.
  trial.replay();
  trial.write(rowsFor(1, 200_000).slice(0, 60));
  await trial.step(FLUSH);
  expect([await compacted(), await compacted()]).toEqual([true, false]);
  trial.delete({...WHOLE_TABLE, start: 0, length: 30_000});
  await trial.step(FLUSH);
  expect([await compacted(), await compacted()]).toEqual([true, false]);
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});

test('of version 2 a flushed part is merged by order, too', async () => {
  const trial = new Trial([2]);
  trial.storage = await trial.fixture.open(1);
  trial.write([1, 2, 3].flatMap((host) => rowsFor(host, 0)));
  await trial.step(FLUSH);
  const flushed = trial.storage.partBytes();
  expect(trial.storage.needsCompaction()).toBe(false);
  expect(await trial.storage.compactAll()).toBe(true);
  expect(trial.storage.partBytes()).toBeLessThan(flushed * 0.95);
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});

test.each([
  [2, 2, 2, 1],
  [1, 1, 1, 2],
  [1, 2, 1, 2],
  [4, 4, 4, 2],
  [1, 2, 4, 4],
] as const)(
  'parts of versions %i, %i, %i are merged into one of version %i',
  async (...versions) => {
    const trial = await written(versions);
    await trial.step(COMPACT);
    const merged = await newestOf(trial);
    expect(versionsOf(merged)).toEqual([versions[3], versions[3]]);
    // As if there had been nothing newer.
    if (versions[3] === 1) expect(crc32(merged)).toBe(FIRST_BUILD.at(-1));
    await trial.check(WHOLE_TABLE);
    await trial.step({type: 'crash'});
    await trial.check(WHOLE_TABLE);
    await trial.storage.close();
  },
);
