// Goal: a file that the disk does not remove when it should costs its room alone: the replica goes on, is closed and
// destroyed as any other, and the file goes as soon as it can.

import {expect, test} from 'vitest';
import {EVERYTHING, series} from './replica-model.fixture.ts';
import {Trial} from './replica-trial.fixture.ts';

const FLUSH = {type: 'flush', isAwaited: true} as const;

const partsOf = ({fixture}: Trial): string[] =>
  fixture.disk.files().filter((name) => name.endsWith('.part'));

async function write(trial: Trial, mark: number): Promise<void> {
  trial.write(series(1, {count: 40, step: 1_000, start: mark * 1_000_000}, mark));
  await trial.step(FLUSH);
}

/** Two parts were merged, and one of them is there still. */
async function withPartLeft(): Promise<Trial> {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  for (const mark of [1, 2]) await write(trial, mark);
  trial.fixture.disk.fail({operation: 'remove', path: '.part', code: 'EIO'});
  await trial.storage.compactAll();
  await expect.poll(() => partsOf(trial)).toHaveLength(2);
  return trial;
}

test('the next commit removes it', async () => {
  const trial = await withPartLeft();
  await write(trial, 3);
  await expect.poll(() => partsOf(trial)).toHaveLength(2);
  expect(trial.storage.view().parts.map(({file}) => `replicas/1-1/${file}`)).toEqual(
    partsOf(trial),
  );
  for (const query of EVERYTHING) await trial.check(query);
  await trial.storage.close();
});

test('it keeps no replica from being closed, and the next opening removes it', async () => {
  const trial = await withPartLeft();
  await trial.storage.close();
  trial.storage = await trial.fixture.open(1);
  expect(partsOf(trial)).toHaveLength(1);
  for (const query of EVERYTHING) await trial.check(query);
  await trial.storage.close();
});

test('nor from being destroyed, with all that is left', async () => {
  const trial = await withPartLeft();
  await trial.storage.destroy();
  expect(trial.fixture.disk.files()).toEqual([]);
});

test('one that cannot be removed for long stays until it can', async () => {
  const trial = await withPartLeft();
  const [left] = partsOf(trial);
  trial.fixture.disk.fail({operation: 'remove', path: left!, code: 'EIO', times: 2});
  for (const mark of [3, 4]) {
    await write(trial, mark);
    expect(partsOf(trial)).toContain(left);
  }
  await write(trial, 5);
  await expect.poll(() => partsOf(trial)).not.toContain(left);
  for (const query of EVERYTHING) await trial.check(query);
  await trial.storage.close();
});

test.each([
  ['flush', (trial: Trial) => trial.storage.flush(trial.point())],
  ['compaction', (trial: Trial) => trial.storage.compactAll()],
] as const)('nor is a %s that found no room worse for what it leaves', async (_, work) => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  for (const mark of [1, 2]) await write(trial, mark);
  const {disk} = trial.fixture;
  const before = partsOf(trial);
  trial.write(series(1, {count: 40, step: 1_000, start: 3_000_000}, 3));
  disk.freeBytes = 0;
  disk.fail({operation: 'remove', path: '.part', code: 'EIO'});
  await expect(work(trial)).rejects.toThrow('ENOSPC');
  expect(partsOf(trial)).toHaveLength(before.length + 1);
  disk.freeBytes = 2 ** 40;
  await trial.storage.flush(trial.point());
  await trial.storage.compactAll();
  await expect.poll(() => partsOf(trial)).toHaveLength(1);
  for (const query of EVERYTHING) await trial.check(query);
  await trial.storage.close();
});
