// One replica against a plain model of it: random writes, flushes, compactions, unloads, crashes, dropped
// tables and snapshots, and after each the scans of both must agree. A crash loses whatever was not durable;
// then the log is applied again from behind the durable point, as multiraft does.
import type {ColumnId} from '@flotilla/base';
import type {FieldType, TagPredicate} from '@flotilla/column';
import fc from 'fast-check';
import {expect, test, vi} from 'vitest';
import {
  HOST,
  linesOf,
  type Point,
  type Query,
  REGION,
  series,
  specOf,
  TYPES,
  type Value,
  WHOLE_TABLE,
} from './replica-model.fixture.ts';
import {type Command, Trial} from './replica-trial.fixture.ts';
import {LoadedStripe} from './stripe-reader.ts';

const table = fc.integer({min: 1, max: 2});
// Steps of a second around three hours, so that duplicates, late rows and several bins are common.
const offset = fc.oneof(
  fc.integer({min: 0, max: 20}).map((step) => step * 1_000),
  fc.integer({min: 0, max: 10_800_000}),
);
const value: Record<FieldType, fc.Arbitrary<Value>> = {
  float: fc.oneof(
    fc.double(),
    fc.integer({min: 0, max: 999}).map((cents) => cents / 100),
  ),
  integer: fc.oneof(
    {arbitrary: fc.integer().map(BigInt), weight: 3},
    fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  ),
  unsigned: fc.oneof({arbitrary: fc.nat().map(BigInt), weight: 3}, fc.bigInt(0n, 2n ** 64n - 1n)),
  boolean: fc.boolean(),
  string: fc.string({unit: 'binary', maxLength: 12}),
};
const point: fc.Arbitrary<Point> = fc.record({
  table,
  host: fc.integer({min: 0, max: 4}),
  region: fc.integer({min: 0, max: 2}),
  offset,
  values: fc.tuple(...TYPES.map((type) => fc.option(value[type], {nil: undefined}))),
});
// Enough rows for full blocks, which a compaction takes as they are where they meet no others.
const run: fc.Arbitrary<Command> = fc
  .record({
    host: fc.integer({min: 0, max: 1}),
    start: fc.integer({min: 0, max: 30}),
    count: fc.integer({min: 20, max: 250}),
    step: fc.constantFrom(1_000, 4_000),
    mark: fc.nat({max: 99}),
    fields: fc.constantFrom(undefined, [0], [1]),
  })
  .map(({host, start, count, step, mark, fields}) => ({
    type: 'write',
    points: series(host, {start: start * 100_000, count, step}, mark, fields),
  }));
const tagPredicate = fc.letrec<{any: TagPredicate}>((tie) => ({
  any: fc.oneof(
    {maxDepth: 2},
    fc.record({
      op: fc.constant('in' as const),
      column: fc.constantFrom(HOST, REGION, 9 as ColumnId),
      values: fc.array(fc.constantFrom('host_0', 'host_3', 'r1', 'x'), {maxLength: 3}),
    }),
    fc.record({
      op: fc.constant('compare' as const),
      column: fc.constantFrom(HOST, REGION),
      with: fc.constantFrom('<' as const, '<=' as const, '>' as const, '>=' as const),
      value: fc.constantFrom('host_2', 'r1', ''),
    }),
    fc.record({
      op: fc.constant('match' as const),
      column: fc.constantFrom(HOST, REGION),
      pattern: fc.constantFrom('[12]$', '^HOST', 'r'),
      ignoreCase: fc.boolean(),
    }),
    fc.record({op: fc.constant('null' as const), column: fc.constantFrom(HOST, REGION)}),
    fc.record({op: fc.constant('not' as const), of: tie('any')}),
    fc.record({
      op: fc.constantFrom('and' as const, 'or' as const),
      of: fc.array(tie('any'), {maxLength: 3}),
    }),
  ),
})).any;
const query: fc.Arbitrary<Query> = fc.record({
  table,
  start: offset,
  length: fc.integer({min: 0, max: 10_800_000}),
  fields: fc.uniqueArray(fc.integer({min: 0, max: 4})),
  tags: fc.option(tagPredicate, {nil: undefined}),
});
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('write' as const),
      points: fc.array(point, {minLength: 1, maxLength: 12}),
    }),
  },
  {weight: 3, arbitrary: run},
  {weight: 4, arbitrary: fc.record({type: fc.constant('flush' as const), isAwaited: fc.boolean()})},
  {weight: 2, arbitrary: fc.record({type: fc.constant('compact' as const), isAll: fc.boolean()})},
  {weight: 2, arbitrary: fc.constant({type: 'crash' as const})},
  {
    weight: 1,
    arbitrary: fc.record({type: fc.constantFrom('drop' as const, 'recover' as const), table}),
  },
  {weight: 4, arbitrary: fc.record({type: fc.constant('check' as const), query})},
  {weight: 3, arbitrary: fc.record({type: fc.constant('delete' as const), query})},
  {weight: 1, arbitrary: fc.constant({type: 'move' as const})},
  {
    weight: 3,
    arbitrary: fc.record({type: fc.constant('unload' as const), isFlushed: fc.boolean()}),
  },
);
const rareCommand: fc.Arbitrary<Command> = fc.oneof(
  fc.record({type: fc.constant('purge' as const), table}),
  fc.record({type: fc.constant('expire' as const), before: offset}),
);

test('a long series of many stripes, with late and partial rows over it, reads as written', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  const flush = {type: 'flush', isAwaited: true} as const;
  for (let half = 0; half < 2; half++)
    trial.write(series(1, {start: half * 35_000_000, count: 35_000, step: 1_000}, half));
  await trial.step(flush);
  trial.write(series(1, {start: 500, count: 600, step: 90_000}, 7, [0]));
  trial.write(series(2, {count: 50, step: 3_000}, 8));
  await trial.step(flush);
  trial.write(series(1, {start: 30_000_000, count: 9_000, step: 1_000}, 9, [1]));
  await trial.check(WHOLE_TABLE);
  await trial.check({...WHOLE_TABLE, start: 29_999_500, length: 120_000, fields: [1, 0]});
  await trial.step(flush);
  await trial.check(WHOLE_TABLE);
  // The first and the last row of a part alone.
  await trial.check({...WHOLE_TABLE, start: 0, length: 1});
  await trial.check({...WHOLE_TABLE, start: 69_999_000, length: 1});
  await trial.step({type: 'compact', isAll: true});
  await trial.check(WHOLE_TABLE);
  expect(trial.storage.tables()).toEqual([
    {table: 1, rowCount: 70_650, seriesCount: 2, isDropped: false},
  ]);
  await trial.storage.close();
}, 60_000);

test('thousands of series with few rows each fill stripes by blocks', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  for (const [mark, hosts] of [
    [1, 3_000],
    [2, 1_500],
  ] as const) {
    const points = Array.from({length: hosts}, (_, host) =>
      series(host, {start: mark * 500, count: 2, step: 1_000}, mark),
    );
    trial.write(points.flat());
    await trial.step({type: 'flush', isAwaited: true});
  }
  await trial.check(WHOLE_TABLE);
  const tags = {op: 'in', column: HOST, values: ['host_7', 'host_2999', 'host_9999']} as const;
  await trial.check({...WHOLE_TABLE, tags});
  await trial.step({type: 'crash'});
  await trial.step({type: 'compact', isAll: true});
  await trial.check({...WHOLE_TABLE, tags});
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
}, 60_000);

test('writes and scans go on while a flush and a compaction run, and a scan keeps what it pinned', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 3_000, step: 1_000}, 1));
  const wantBefore = trial.model.scan(WHOLE_TABLE);
  const before = trial.storage.scan(specOf(WHOLE_TABLE));
  const flush = trial.step({type: 'flush', isAwaited: true});
  trial.write(series(1, {start: 500, count: 3_000, step: 1_000}, 2));
  await trial.check(WHOLE_TABLE);
  await flush;
  const wantBetween = trial.model.scan(WHOLE_TABLE);
  const between = trial.storage.scan(specOf(WHOLE_TABLE));
  await trial.step({type: 'flush', isAwaited: true});
  const compaction = trial.step({type: 'compact', isAll: true});
  trial.write(series(1, {count: 3_000, step: 1_000}, 3, [1]));
  await compaction;
  await trial.check(WHOLE_TABLE);
  expect(await linesOf(between)).toEqual(wantBetween);
  expect(await linesOf(before)).toEqual(wantBefore);
  await trial.storage.close();
  // The parts that the scans pinned are gone with them.
  const names = (await trial.fixture.disk.list('replicas/1-1')).map(({name}) => name);
  expect(names.filter((name) => name.endsWith('.part'))).toHaveLength(1);
}, 60_000);

test('a part that is flushed while older ones are merged stays newer than they', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  for (const mark of [1, 2]) {
    trial.write(series(1, {count: 5_000, step: 1_000}, mark));
    await trial.step({type: 'flush', isAwaited: true});
  }
  const compaction = trial.step({type: 'compact', isAll: true});
  trial.write(series(1, {count: 50, step: 1_000}, 3));
  await trial.step({type: 'flush', isAwaited: true});
  await compaction;
  expect(trial.storage.tables()[0]!.rowCount).toBe(5_050);
  await trial.check(WHOLE_TABLE);
  await trial.step({type: 'crash'});
  await trial.check(WHOLE_TABLE);
  await trial.step({type: 'compact', isAll: true});
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
}, 60_000);

test('parts in the middle of the log are merged in their place', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  for (const [mark, count] of [10_000, 50, 50, 50, 50, 10_000].entries()) {
    trial.write(series(1, {start: mark * 7_000, count, step: 1_000}, mark));
    await trial.step({type: 'flush', isAwaited: true});
  }
  expect(await trial.storage.compact()).toBe(true);
  expect(trial.storage.needsCompaction()).toBe(false);
  await trial.check(WHOLE_TABLE);
  await trial.step({type: 'crash'});
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
}, 60_000);

test('a compaction decodes only blocks that meet others, are thin, or hold deleted rows', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  // From 00:30:00 on, one row a second: blocks of five minutes.
  for (const [mark, count] of [600, 150, 150, 40, 560, 300].entries()) {
    const start = [0, 600, 750, 900, 940, 1_500][mark]! * 1_000;
    trial.write(series(1, {start, count, step: 1_000}, mark));
    await trial.step({type: 'flush', isAwaited: true});
  }
  trial.delete({...WHOLE_TABLE, start: 1_600_000, length: 5_000});
  await trial.step({type: 'flush', isAwaited: true});
  const decoded = vi.spyOn(LoadedStripe.prototype, 'rows');
  await trial.step({type: 'compact', isAll: true});
  // The 40 rows, those of their five minutes behind them, and what was deleted from.
  expect(decoded).toHaveBeenCalledTimes(3);
  decoded.mockRestore();
  await trial.check(WHOLE_TABLE);
  await trial.check({...WHOLE_TABLE, start: 890_000, length: 100_000});
  await trial.storage.close();
});

test('a scan that is closed in the middle of a read lets it end, then lets go', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  for (const mark of [1, 2]) {
    trial.write(series(1, {count: 3_000, step: 1_000}, mark));
    await trial.step({type: 'flush', isAwaited: true});
  }
  const scan = trial.storage.scan(specOf(WHOLE_TABLE));
  await trial.storage.compactAll();
  const reading = scan.next();
  scan.close();
  await reading;
  await trial.storage.close();
  const names = (await trial.fixture.disk.list('replicas/1-1')).map(({name}) => name);
  expect(names.filter((name) => name.endsWith('.part'))).toHaveLength(1);
});

test('key files are gathered to one when they become many', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  for (let host = 0; host < 20; host++) {
    trial.write(series(host, {count: 2, step: 1_000}, host));
    await trial.step({type: 'flush', isAwaited: true});
    const names = (await trial.fixture.disk.list('replicas/1-1')).map(({name}) => name);
    expect(names.filter((name) => name.endsWith('.keys')).length).toBeLessThanOrEqual(9);
  }
  await trial.step({type: 'crash'});
  expect(trial.storage.seriesCount).toBe(20);
  expect(trial.storage.needsCompaction()).toBe(true);
  while (trial.storage.needsCompaction()) expect(await trial.storage.compact()).toBe(true);
  expect(await trial.storage.compact()).toBe(false);
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});

test.each([
  {partVersions: [1], numRuns: 200},
  // Now one node writes, then another: a compaction may meet newer parts than it may write.
  {partVersions: [2, 2, 1], numRuns: 100},
] as const)(
  'scans agree with the model, whatever was flushed, merged, lost or moved, with parts of $partVersions',
  async ({partVersions, numRuns}) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof({weight: 40, arbitrary: command}, {weight: 1, arbitrary: rareCommand}), {
          maxLength: 40,
          size: 'max',
        }),
        (commands) => new Trial(partVersions).run(commands),
      ),
      {numRuns},
    );
  },
  60_000,
);
