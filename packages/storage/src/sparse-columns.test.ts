// Fields that one row in a thousand has: what they add to a memtable, a flushed part and a merged one.

import {expect, test} from 'vitest';
import {type Point, series, WHOLE_TABLE} from './replica-model.fixture.ts';
import {Trial} from './replica-trial.fixture.ts';

const HOSTS = 2;
const ROWS = 5_000;
const FLUSH = {type: 'flush', isAwaited: true} as const;
const COMPACT = {type: 'compact', isAll: true} as const;
const SPARSE = 4;

/** Of each value: itself, its place, and of a part what names its block's column. */
const BYTES_MAX = {memtable: 24, flushed: 16, merged: 16};

interface Sizes {
  readonly memtable: number;
  readonly flushed: number;
  readonly merged: number;
}

async function sizesOf(isSparse: boolean): Promise<Sizes> {
  const trial = new Trial([2]);
  trial.storage = await trial.fixture.open(1);
  let memtable = 0;
  for (const half of [0, 1]) {
    for (let host = 1; host <= HOSTS; host++) trial.write(rowsOf(host, half, isSparse));
    memtable += trial.storage.memtableBytes();
    await trial.step(FLUSH);
  }
  const flushed = trial.storage.partBytes();
  await trial.step(COMPACT);
  await trial.check({...WHOLE_TABLE, fields: [0, 1, 2, 3, 4]});
  const merged = trial.storage.partBytes();
  await trial.storage.close();
  return {memtable, flushed, merged};
}

function rowsOf(host: number, half: number, isSparse: boolean): Point[] {
  const points = series(host, {start: half * ROWS * 1_000, count: ROWS, step: 1_000}, 1, [0]);
  return points.map((point, i) => {
    if (!isSparse || i % 1_000 !== 500) return point;
    return {...point, values: [point.values[0], BigInt(i), BigInt(i), true, `text ${i}`]};
  });
}

test('a field in one row of a thousand costs next to nothing', async () => {
  const [without, has] = [await sizesOf(false), await sizesOf(true)];
  const values = (2 * HOSTS * ROWS * SPARSE) / 1_000;
  for (const [where, bytesMax] of Object.entries(BYTES_MAX) as [keyof Sizes, number][])
    expect((has[where] - without[where]) / values, where).toBeLessThan(bytesMax);
});
