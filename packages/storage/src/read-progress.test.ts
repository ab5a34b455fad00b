// How far checksums and merges are, as whoever asked for them sees it. Of merges in a thread of their own:
// compaction-client.test.ts.

import type {TableId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {ReadProgress, RowsRead} from './read-progress.ts';
import {series} from './replica-model.fixture.ts';
import type {ReplicaStorage} from './replica-storage.ts';
import {Trial} from './replica-trial.fixture.ts';

const [ONE, TWO] = [1 as TableId, 2 as TableId];
const FLUSH = {type: 'flush', isAwaited: true} as const;

test('where rows hide others the end of their table counts those, too', () => {
  const part = (bytes: number, rows: readonly [number, number][]) => ({
    bytes,
    tables: rows.map(([table, rowCount]) => ({table: table as TableId, rowCount, seriesCount: 1})),
  });
  const ofBoth: [number, number] = [ONE, 40];
  // Table 3 is not read: it was purged, say.
  const parts = [part(600, [ofBoth, [TWO, 10]]), part(400, [ofBoth, [3, 99]])];
  const progress = new ReadProgress();
  expect(progress.read).toBeUndefined();
  const rows = new RowsRead(parts, [ONE, TWO], progress.begin(parts));
  expect(progress.read).toEqual({bytes: 0, bytesTotal: 1_000});
  rows.add(9);
  expect(progress.read!.bytes).toBe(100);
  rows.end(ONE);
  expect(progress.read!.bytes).toBe(888);
  rows.add(5);
  expect(progress.read!.bytes).toBe(944);
  rows.end(TWO);
  expect(progress.read).toEqual({bytes: 1_000, bytesTotal: 1_000});
});

test.each<[string, (storage: ReplicaStorage, trial: Trial, progress: ReadProgress) => unknown]>([
  ['a merge', (storage, _, progress) => storage.compactAll(progress)],
  [
    'a checksum',
    async (storage, trial, progress) =>
      storage.checksum((await storage.flushAndPin(trial.point()))!, progress),
  ],
])('%s goes series by series from nothing to all of its parts', async (_what, work) => {
  const progress = new ReadProgress();
  const seen: number[] = [];
  const due = (): undefined => {
    if (progress.read !== undefined) seen.push(progress.read.bytes);
  };
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1, {slices: {due}});
  for (const mark of [1, 2]) {
    for (const host of [1, 2, 3]) trial.write(series(host, {count: 40, step: 1_000}, mark));
    await trial.step(FLUSH);
  }
  const bytesTotal = trial.storage.view().parts.reduce((sum, {bytes}) => sum + bytes, 0);
  await work(trial.storage, trial, progress);
  expect(progress.read).toEqual({bytes: bytesTotal, bytesTotal});
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect(seen.some((bytes) => bytes > 0 && bytes < bytesTotal)).toBe(true);
  await trial.storage.close();
});
