// That replicas which differ have different checksums; that those which agree have the same, whatever they
// flushed, compacted and lost, is checked by every trial (`replica-trial.fixture.ts`).

import {type ColumnId, DbError, type TableId} from '@flotilla/base';
import {expect, test} from 'vitest';
import type {Point, Query} from './replica-model.fixture.ts';
import {type Command, Trial} from './replica-trial.fixture.ts';

const write = (host: number, offset: number, value: number, table = 1): Command => {
  const point: Point = {table, host, region: 1, offset, values: [value, 7n, undefined, true, 'x']};
  return {type: 'write', points: [point]};
};
const everything: Query = {table: 1, start: 0, length: 2_000, fields: [0], tags: undefined};
const flush: Command = {type: 'flush', isAwaited: true};

async function checksumOf(commands: readonly Command[]): Promise<object> {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  for (const command of commands) await trial.step(command);
  const checksum = await trial.checksum(trial.storage);
  await trial.storage.close();
  return checksum;
}

const base = [write(1, 1_000, 0.5), write(2, 1_000, 1.5), write(1, 5_000, 2.5)];

test.each<[string, readonly Command[], number]>([
  ['a value', [write(1, 1_000, 0.5), write(2, 1_000, 1.25), write(1, 5_000, 2.5)], 12],
  ['a time', [write(1, 1_000, 0.5), write(2, 1_000, 1.5), write(1, 5_001, 2.5)], 12],
  ['a series', [write(1, 1_000, 0.5), write(3, 1_000, 1.5), write(1, 5_000, 2.5)], 12],
  ['a row less', base.slice(0, 2), 8],
  ['a table more', [...base, write(1, 1_000, 0.5, 2)], 16],
  ['a delete', [...base, {type: 'delete', query: everything}], 4],
  ['a dropped table', [...base, {type: 'drop', table: 1}], 0],
])('replicas differ by %s', async (_what, commands, values) => {
  const checksum = await checksumOf(commands);
  expect(checksum).toMatchObject({values});
  expect(await checksumOf(base)).toMatchObject({values: 12});
  expect(checksum).not.toEqual(await checksumOf(base));
});

test('neither flushes nor values that were overwritten count, nor what is expired here', async () => {
  const expected = await checksumOf(base);
  const flushed = [write(1, 1_000, 9), flush, base[0]!, flush, base[1]!, base[2]!];
  expect(await checksumOf(flushed)).toEqual(expected);
  expect(await checksumOf([...flushed, {type: 'compact', isAll: true}])).toEqual(expected);
  expect(await checksumOf([...base, {type: 'expire', before: 3_000}])).toEqual(expected);
});

test('a dead column is not read', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  for (const command of base) await trial.step(command);
  trial.append((storage, index) => storage.applyDropColumn(index, 1 as TableId, 3 as ColumnId));
  expect(await trial.checksum(trial.storage)).toMatchObject({values: 9});
  await trial.storage.close();
});

test('what is written while it reads is not read, and closing breaks it off', async () => {
  const trial = new Trial();
  let paused: (() => void) | undefined;
  const due = () =>
    new Promise<void>((resolve) => {
      paused = resolve;
    });
  let isPausing = false;
  const slices = {due: () => (isPausing ? due() : undefined)};
  trial.storage = await trial.fixture.open(1, {slices});
  for (const command of base) await trial.step(command);
  const pinned = (await trial.storage.flushAndPin(trial.point()))!;
  for (const command of [write(1, 1_000, 9), flush, {type: 'compact', isAll: true} as const])
    await trial.step(command);
  isPausing = true;
  const reading = trial.storage.checksum(pinned).catch((error: unknown) => error);
  while (paused === undefined) await Promise.resolve();
  const closing = trial.storage.close();
  paused();
  expect(await reading).toMatchObject(new DbError('CANCELLED', 'the replica is closing'));
  await closing;
});
