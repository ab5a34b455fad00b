// What is left of a replica whose process dies at any call to disk or manifest, or whose files are damaged.

import {FatalError} from '@flotilla/base';
import {expect, test, vi} from 'vitest';
import {PartDamage} from './part-format.ts';
import {
  deleteOf,
  EVERYTHING,
  linesOf,
  series,
  specOf,
  WHOLE_TABLE,
} from './replica-model.fixture.ts';
import {dead, Trial} from './replica-trial.fixture.ts';

/** Dies at each call to disk or manifest in turn, until `work` gets through. */
async function dieAtEachCall(work: (trial: Trial) => Promise<void>): Promise<number> {
  for (let calls = 0; ; calls++) {
    const trial = new Trial();
    trial.storage = await trial.fixture.open(1);
    trial.write(series(1, {count: 40, step: 1_000}, 1));
    await trial.step({type: 'flush', isAwaited: true});
    trial.write(series(2, {count: 40, step: 500}, 2));
    await trial.step({type: 'flush', isAwaited: true});
    trial.write(series(1, {start: 3_000, count: 40, step: 500}, 3));
    const {life} = trial.fixture;
    life.callsLeft = calls;
    const done = await Promise.race([work(trial).then(() => true), dead(life)]);
    await trial.step({type: 'crash'});
    for (const query of EVERYTHING) await trial.check(query);
    await trial.storage.close();
    if (done) return calls;
  }
}

test('a flush may die at any call: what was durable stays, the rest comes from the log', async () => {
  const calls = await dieAtEachCall((trial) => trial.storage.flush(trial.point()));
  expect(calls).toBeGreaterThan(8);
});

test('so may a compaction', async () => {
  const calls = await dieAtEachCall((trial) => trial.step({type: 'compact', isAll: true}));
  expect(calls).toBeGreaterThan(8);
});

test('so may an unload and what loads again', async () => {
  const calls = await dieAtEachCall(async (trial) => {
    await trial.step({type: 'unload', isFlushed: true});
    await trial.storage.load();
  });
  expect(calls).toBeGreaterThan(8);
});

test.each([
  ['some rows', deleteOf(1, 2_000, 4_000)],
  ['every row', deleteOf(1, 0, 2 ** 40)],
])('so may what carries out a delete of %s', async (_, query) => {
  const calls = await dieAtEachCall(async (trial) => {
    trial.delete(query);
    await trial.storage.flush(trial.point());
    trial.write(series(1, {start: 3_000, count: 2, step: 500}, 4));
    await trial.storage.compactAll();
    expect(trial.storage.tombstoneCount).toBe(0);
    await trial.storage.flush(trial.point());
  });
  expect(calls).toBeGreaterThan(16);
});

test('a destroy may die at any call: the replica is whole or gone, and never half', async () => {
  for (let calls = 0, isDone = false; !isDone; calls++) {
    const trial = new Trial();
    trial.storage = await trial.fixture.open(1);
    trial.write(series(1, {count: 4, step: 1_000}, 1));
    await trial.step({type: 'flush', isAwaited: true});
    trial.fixture.life.callsLeft = calls;
    const destroy = trial.storage.destroy().then(() => true);
    isDone = await Promise.race([destroy, dead(trial.fixture.life)]);
    trial.fixture.crash();
    trial.storage = await trial.fixture.open(1);
    const isGone = trial.storage.durablePoint() === undefined;
    expect(isGone || !isDone).toBe(true);
    if (isGone) expect(trial.storage.seriesCount).toBe(0);
    else await trial.check(WHOLE_TABLE);
    await trial.storage.close();
  }
});

test('closing breaks a compaction off; its file is a stranger to the next open', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  for (const mark of [1, 2]) {
    trial.write(series(1, {count: 20_000, step: 1_000}, mark));
    await trial.step({type: 'flush', isAwaited: true});
  }
  const compaction = expect(trial.storage.compactAll()).rejects.toMatchObject({code: 'CANCELLED'});
  await trial.storage.close();
  await compaction;
  await trial.step({type: 'crash'});
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});

test('a failed write to disk fails this flush and every later one', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 3, step: 1_000}, 1));
  trial.fixture.disk.fail({operation: 'sync', path: '.part'});
  await expect(trial.storage.flush(trial.point())).rejects.toThrow(FatalError);
  await expect(trial.storage.flush(trial.point())).rejects.toThrow(FatalError);
  await trial.check(WHOLE_TABLE);
  expect(trial.storage.durablePoint()).toBeUndefined();
  await trial.storage.close();
});

test.each([
  {version: 1, count: 30},
  // Enough for pages that are compressed.
  {version: 2, count: 1_000},
  // Thin, and not.
  {version: 4, count: 30},
  {version: 4, count: 1_000},
] as const)(
  'no flipped bit of a part of version $version or of a key file goes unnoticed',
  async ({version, count}) => {
    const trial = new Trial([version]);
    trial.storage = await trial.fixture.open(1);
    for (const host of [1, 2]) {
      trial.write(series(host, {count, step: 1_000}, host));
      await trial.step({type: 'flush', isAwaited: true});
    }
    await trial.step({type: 'compact', isAll: true});
    await trial.storage.close();
    const {disk} = trial.fixture;
    const want = trial.model.scan(WHOLE_TABLE);
    for (const {name} of await disk.list('replicas/1-1')) {
      const path = `replicas/1-1/${name}`;
      const {length} = disk.bytesOf(path);
      const damage = name.endsWith('.part') ? PartDamage : FatalError;
      // The first bytes of a part name its format; recovery does not need them.
      for (let at = name.endsWith('.part') ? 8 : 0; at < length; at++) {
        disk.flipBit(path, at, at % 8);
        await expect(readWhole(trial), `${name} at ${at}`).rejects.toThrow(damage);
        disk.flipBit(path, at, at % 8);
      }
    }
    expect(await readWhole(trial)).toEqual(want);
  },
);

test('a part of the next version is no damage: it waits for the build that knows it', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 3, step: 1_000}, 1));
  await trial.step({type: 'flush', isAwaited: true});
  await trial.storage.close();
  const {disk} = trial.fixture;
  const part = (await disk.list('replicas/1-1')).find(({name}) => name.endsWith('.part'))!;
  const path = `replicas/1-1/${part.name}`;
  const last = disk.bytesOf(path).length - 1;
  // From 1 to 7.
  for (const bit of [1, 2]) disk.flipBit(path, last, bit);
  const failure = await readWhole(trial).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(FatalError);
  expect(failure).not.toBeInstanceOf(PartDamage);
  expect(String(failure)).toContain('newer version');
});

async function readWhole(trial: Trial): Promise<string[]> {
  const storage = await trial.fixture.open(1);
  const scan = storage.scan(specOf(WHOLE_TABLE));
  try {
    return await linesOf(scan);
  } finally {
    scan.close();
    await storage.close();
  }
}

test('a replica without files is opened without a look at the disk, and removes strangers before its first', async () => {
  const trial = new Trial();
  const {fixture} = trial;
  const {disk} = fixture;
  trial.storage = await fixture.open(1);
  await trial.storage.flush(trial.point());
  await trial.storage.close();
  expect(await disk.exists('replicas')).toBe(false);
  await disk.makeDirectory('replicas/1-1');
  // As a flush leaves it that dies before its commit: under the names that are next.
  for (const name of ['00000001.part', '00000007.keys'])
    await (await disk.open(`replicas/1-1/${name}`, 'create')).sync();
  const asked = vi.spyOn(disk, 'list');
  const looked = vi.spyOn(disk, 'exists');
  trial.storage = await fixture.open(1);
  expect([asked, looked].map(({mock}) => mock.calls.length)).toEqual([0, 0]);
  trial.write(series(1, {count: 3, step: 1_000}, 1));
  await trial.step({type: 'flush', isAwaited: true});
  const names = (await disk.list('replicas/1-1')).map(({name}) => name);
  expect(names).toEqual(['00000001.part', '00000002.keys']);
  await trial.step({type: 'crash'});
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});

test('a replica that never had a file is destroyed without a trace', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  await trial.storage.destroy();
  expect(await trial.fixture.disk.list('')).toEqual([]);
});

test('a missing file is damage, a stranger is removed', async () => {
  const trial = new Trial();
  const {disk} = trial.fixture;
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 3, step: 1_000}, 1));
  await trial.step({type: 'flush', isAwaited: true});
  await trial.storage.close();
  await (await disk.open('replicas/1-1/00000099.part', 'create')).sync();
  const reopened = await trial.fixture.open(1);
  await reopened.close();
  const names = (await disk.list('replicas/1-1')).map(({name}) => name);
  expect(names).toEqual(['00000001.part', '00000002.keys']);
  await disk.remove('replicas/1-1/00000001.part');
  await expect(trial.fixture.open(1)).rejects.toThrow(/missing files: 00000001.part/);
});
