// What may happen to a replica, for trials of it against its model.

import type {ColumnId} from '@flotilla/base';
import type {FieldType, TagPredicate} from '@flotilla/column';
import fc from 'fast-check';
import {
  HOST,
  type Point,
  type Query,
  REGION,
  series,
  TYPES,
  type Value,
} from './replica-model.fixture.ts';
import type {Command, Trial} from './replica-trial.fixture.ts';

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
  {weight: 1, arbitrary: fc.constantFrom({type: 'move' as const}, {type: 'restart' as const})},
  {
    weight: 2,
    arbitrary: fc.constantFrom({type: 'snapshot' as const}, {type: 'restore' as const}),
  },
  {weight: 2, arbitrary: fc.record({type: fc.constant('hold' as const), query})},
  {weight: 2, arbitrary: fc.constant({type: 'read' as const})},
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('die' as const),
      calls: fc.integer({min: 0, max: 40}),
      during: fc.constantFrom('flush' as const, 'compact' as const, 'move' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({type: fc.constant('unload' as const), isFlushed: fc.boolean()}),
  },
);
const rareCommand: fc.Arbitrary<Command> = fc.oneof(
  fc.record({type: fc.constant('purge' as const), table}),
  fc.record({type: fc.constant('expire' as const), before: offset}),
);

const commands: fc.Arbitrary<Command[]> = fc.array(
  fc.oneof({weight: 40, arbitrary: command}, {weight: 1, arbitrary: rareCommand}),
  {maxLength: 40, size: 'max'},
);

/** FLOTILLA_LONGER=1: thousands. FLOTILLA_SEED: the same ones again. */
const TIMES = process.env['FLOTILLA_LONGER'] === '1' ? 15 : 1;
const SEED = process.env['FLOTILLA_SEED'];

/** Each trial with its model, whatever happens to it. */
export async function expectAgreement(newTrial: () => Trial, numRuns: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(commands, (all) => newTrial().run(all)),
    {numRuns: numRuns * TIMES, ...(SEED !== undefined && {seed: Number(SEED)})},
  );
}
