// Replicas of one set agree: given one log, whatever each of them flushed, compacted, unloaded, lost in a crash
// or got by a snapshot in the middle, their answers to each entry, their rows to the last bit, their series
// ids, the fates of their tables and what they have seen of retries are the same.

import type {WorkSlices} from '@flotilla/base';
import fc from 'fast-check';
import {test} from 'vitest';
import {type Row, TYPES} from './agreement-rows.fixture.ts';
import {type Entry, type Step, Trial} from './agreement-trial.fixture.ts';

const SPECIAL_BITS = [
  0x8000000000000000n, // -0, and the least i64
  0x7ff8000000000001n, // NaN with a payload
  0x7ff0000000000000n, // Infinity
  0x0000000000000001n, // the least subnormal
  0x0020000000000001n, // 2^53 + 1
  0xffe0000000000000n, // -2^53
  0xffffffffffffffffn, // -1, the largest u64
];
const bits = fc.oneof(
  fc.bigInt({min: 0n, max: 2n ** 64n - 1n}),
  fc.constantFrom(...SPECIAL_BITS),
  fc.bigInt({min: 0n, max: 50n}),
);
// Times to the nanosecond over a bucket of 90 days, and a few that are hit again and again.
const offset = fc.oneof(
  fc.integer({min: 0, max: 7}).map((step) => step * 1e9),
  fc.integer({min: 0, max: 90 * 86_400e9 - 1}),
);
const row: fc.Arbitrary<Row> = fc.record({
  table: fc.integer({min: 1, max: 2}),
  host: fc.nat({max: 5}),
  offset,
  bits: fc.tuple(...TYPES.map(() => fc.option(bits, {nil: undefined}))),
});
const entry: fc.Arbitrary<Entry> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      type: fc.constant('write' as const),
      router: fc.nat({max: 1}),
      sequence: fc.nat({max: 30}),
      key: fc.option(fc.constantFrom('a', 'b', 'c'), {nil: undefined, freq: 5}),
      rows: fc.array(row, {minLength: 1, maxLength: 6}),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('delete' as const),
      router: fc.nat({max: 1}),
      sequence: fc.nat({max: 30}),
      deletion: fc.record({
        table: fc.integer({min: 1, max: 2}),
        startOffset: offset,
        endOffset: offset,
        hosts: fc.option(fc.array(fc.nat({max: 6}), {maxLength: 3}), {nil: undefined}),
      }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constantFrom('drop-table' as const, 'recover-table' as const),
      table: fc.integer({min: 1, max: 2}),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({type: fc.constant('purge-table' as const), table: fc.constant(2)}),
  },
  {weight: 1, arbitrary: fc.constant({type: 'noop' as const})},
  {
    weight: 1,
    arbitrary: fc.record({type: fc.constant('configuration' as const), voter: fc.nat({max: 9})}),
  },
);
const replica = fc.nat({max: 2});
const step: fc.Arbitrary<Step> = fc.oneof(
  {weight: 10, arbitrary: fc.record({type: fc.constant('propose' as const), by: replica, entry})},
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('apply' as const),
      replica,
      count: fc.integer({min: 1, max: 8}),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('flush' as const),
      replica,
      isAwaited: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom('compact' as const, 'crash' as const, 'replace' as const),
      replica,
    }),
  },
  {weight: 3, arbitrary: fc.record({type: fc.constant('unload' as const), replica})},
);

const EACH_PIECE_WAITS: WorkSlices = {
  due: () => new Promise((resolve) => setImmediate(resolve)),
};

test('replicas agree to the last bit, whatever each of them flushed, lost or got by a snapshot', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, {maxLength: 60, size: 'max'}), (steps) =>
      new Trial(EACH_PIECE_WAITS).run(steps),
    ),
    {numRuns: Number(process.env['FUZZ_RUNS'] ?? 80)},
  );
}, 600_000);
