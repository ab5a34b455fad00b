import {expect, test} from 'vitest';
import {EVERYTHING, series, specOf} from './replica-model.fixture.ts';
import {Trial} from './replica-trial.fixture.ts';

test('what a newer catalog planned is not hidden by an older one', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 50, step: 10}, 1));
  await trial.step({type: 'flush', isAwaited: true});
  trial.write(series(1, {start: 500, count: 50, step: 10}, 2));
  const offsets = async (startOffset: number, plannedAt?: number) => {
    const scan = trial.storage.scan({...specOf(EVERYTHING[0]!), startOffset, plannedAt});
    const found: number[] = [];
    for (let chunks = await scan.next(); chunks !== undefined; chunks = await scan.next())
      for (const chunk of chunks) found.push(...chunk.offsets.subarray(0, chunk.rowCount));
    scan.close();
    return [found[0], found.length];
  };
  expect(await offsets(0)).toEqual([0, 100]);
  trial.storage.hideExpired({beforeOffset: 700, catalogVersion: 8});
  // The planner may be behind, or of a build that does not say.
  for (const plannedAt of [undefined, 3, 8]) expect(await offsets(0, plannedAt)).toEqual([700, 30]);
  expect(await offsets(0, 9)).toEqual([0, 100]);
  expect(await offsets(900, 9)).toEqual([900, 10]);
  trial.storage.hideExpired({beforeOffset: 300, catalogVersion: 9});
  expect(await offsets(0)).toEqual([300, 70]);
  await trial.storage.close();
});

test('compactions and restarts keep what is hidden', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  const flush = {type: 'flush', isAwaited: true} as const;
  for (const mark of [1, 2, 3]) {
    await trial.step({type: 'expire', before: 400 * mark});
    trial.write(series(mark, {count: 200, step: 10}, mark));
    await trial.step(flush);
  }
  await trial.step({type: 'compact', isAll: true});
  await trial.step({type: 'crash'});
  for (const before of [1_200, 800, 0]) {
    await trial.step({type: 'expire', before});
    for (const query of EVERYTHING) await trial.check(query);
  }
  await trial.storage.close();
});
