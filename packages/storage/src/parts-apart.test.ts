// Goal: parts that follow each other in time stay apart, and a scan pays for those of its time alone. Method: a
// replica's own parts, and files that cannot be read.

import {expect, test} from 'vitest';
import {series, WHOLE_TABLE} from './replica-model.fixture.ts';
import {Trial} from './replica-trial.fixture.ts';

const FLUSH = {type: 'flush', isAwaited: true} as const;
const STEP = 1_000;
const ROWS = 120;

async function begun(): Promise<Trial> {
  const trial = new Trial([2]);
  trial.storage = await trial.fixture.open(1);
  return trial;
}

async function flushed(trial: Trial, mark: number, start: number, step = STEP): Promise<void> {
  trial.write(series(1, {count: ROWS, step, start}, mark));
  await trial.step(FLUSH);
  while (trial.storage.needsCompaction()) await trial.step({type: 'compact', isAll: false});
}

const partRows = ({storage}: Trial) => storage.view().parts.map(({rowCount}) => rowCount);

test('flushes in the order of time are merged once; what overlaps them is merged with them', async () => {
  const trial = await begun();
  for (let i = 0; i < 16; i++) await flushed(trial, i, i * ROWS * STEP);
  expect(partRows(trial)).toEqual([480, 480, 480, 480]);
  for (let i = 0; i < 3; i++) await flushed(trial, 100 + i, i * STEP, 16 * STEP);
  expect(partRows(trial)).toEqual([1_920]);
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});

test('a scan opens no part of other times, nor one whose rows have expired', async () => {
  const trial = await begun();
  for (let i = 0; i < 3; i++) await flushed(trial, i, i * ROWS * STEP);
  const [first, , last] = trial.storage.view().parts;
  const broken = {code: 'EIO', times: Number.POSITIVE_INFINITY};
  for (const path of [first!.file, last!.file])
    for (const operation of ['open', 'read'] as const)
      trial.fixture.disk.fail({operation, path, ...broken});
  const length = ROWS * STEP;
  await trial.check({...WHOLE_TABLE, start: length, length});
  await expect(trial.check({...WHOLE_TABLE, start: length - STEP, length})).rejects.toThrow('EIO');
  await expect(trial.check({...WHOLE_TABLE, start: length, length: length + 1})).rejects.toThrow(
    'EIO',
  );
  await trial.step({type: 'expire', before: length});
  await trial.check({...WHOLE_TABLE, start: 0, length: 2 * length});
});
