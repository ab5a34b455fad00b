// What may happen to a table, and what may be asked of it then: series whose blocks lie whole in bins, rows that
// are late, double or deleted, values that statistics must not be trusted with.

import fc from 'fast-check';
import {
  deleteOf,
  type Point,
  type Value,
} from '../../packages/storage/src/replica-model.fixture.ts';
import type {Command} from '../../packages/storage/src/replica-trial.fixture.ts';

const HALF_HOUR = 1_800_000;
const SPAN = 12 * HALF_HOUR;

/** By kind the values of row i: [float, integer, unsigned, boolean, string]. */
export const KINDS: Readonly<Record<string, (i: number, mark: number) => (Value | undefined)[]>> = {
  plain: (i, mark) => [(i % 50) / 4, BigInt((i % 7) - mark), BigInt(i), i % 2 === 0, `s${i % 3}`],
  // Enough bytes for statistics of their own.
  long: (i, mark) => [Math.sin(i + mark), BigInt(i * i * mark), BigInt(i ^ 0x5555), true, 'x'],
  constant: (_, mark) => [mark, BigInt(mark), 7n, undefined, undefined],
  sparse: (i, mark) => [
    i % 40 === 3 ? mark : undefined,
    i % 3 === 0 ? undefined : BigInt(i),
    i % 9 === 0 ? BigInt(mark) : undefined,
    undefined,
    i % 2 === 0 ? 's' : undefined,
  ],
  zeros: (i) => [i % 3 === 1 ? 0 : -0, 0n, 0n, false, ''],
  negative: (i) => [-(i % 5) - 1, BigInt(-i - 1), 1n, false, ''],
  minusZero: () => [-0, -1n, undefined, undefined, undefined],
  odd: (i, mark) => [i === 5 + mark ? Number.NaN : Math.cos(i), BigInt(i), 1n, true, 'n'],
  nan: () => [Number.NaN, undefined, 3n, true, undefined],
  infinite: (i) => [i % 90 === 8 ? Number.POSITIVE_INFINITY : i / 8, BigInt(i), 2n, true, 'i'],
  // Their sums pass the range of doubles on the way, and come back.
  huge: (i) => [(i % 4 < 2 ? 1 : -1) * 1.5e308 * Math.abs(Math.sin(i)), BigInt(i), 2n, true, 'h'],
  wide: (i, mark) => [i, 2n ** 60n + BigInt(i - mark), 2n ** 55n + BigInt(i), true, 'w'],
  large: (i) => [i, 2n ** 52n - BigInt(i), 2n ** 53n - BigInt(1 + i), true, 'l'],
  firstAbsent: (i) => (i % 11 === 0 ? [] : [Math.tan(i), BigInt(i), BigInt(i), true, 'e']),
  lastAbsent: (i) => (i % 10 === 9 ? [] : [Math.tan(i), BigInt(i), BigInt(i), true, 'e']),
};

interface SomeRows {
  readonly host: number;
  readonly region: number;
  readonly kind: string;
  readonly start: number;
  readonly step: number;
  readonly count: number;
  readonly mark: number;
}

export function rowsOfKind({host, region, kind, start, step, count, mark}: SomeRows): Command {
  const points = Array.from({length: count}, (_, i): Point => {
    const values = KINDS[kind]!(i, mark);
    return {table: 1, host, region, offset: start + i * step, values};
  });
  return {type: 'write', points};
}

const rows: fc.Arbitrary<Command> = fc
  .record({
    host: fc.integer({min: 0, max: 2}),
    region: fc.integer({min: 0, max: 1}),
    kind: fc.constantFrom(...Object.keys(KINDS)),
    // The bucket begins at half past: odd ones are at full hours.
    start: fc.integer({min: 0, max: 9}),
    shift: fc.constantFrom(0, 0, 0, 5_000, 1_234_567),
    step: fc.constantFrom(1_000, 10_000, 10_000, 60_000, 7_001),
    count: fc.oneof(fc.constantFrom(180, 360), fc.integer({min: 1, max: 400})),
    mark: fc.integer({min: 0, max: 9}),
  })
  .map(({start, shift, ...some}) => rowsOfKind({...some, start: start * HALF_HOUR + shift}));

const offset = fc.oneof(
  fc.integer({min: 0, max: 12}).map((n) => n * HALF_HOUR),
  fc.integer({min: 0, max: SPAN}),
  fc.integer({min: 0, max: SPAN / 10_000}).map((n) => n * 10_000),
  // The last rows of blocks.
  fc
    .tuple(fc.integer({min: 1, max: 12}), fc.constantFrom(1_000, 10_000, 60_000))
    .map(([n, step]) => n * HALF_HOUR - step),
);

/** A row or some, before, in and behind what there is. */
const late: fc.Arbitrary<Command> = fc
  .array(
    fc.record({
      table: fc.constant(1),
      host: fc.integer({min: 0, max: 2}),
      region: fc.integer({min: 0, max: 1}),
      offset,
      values: fc.constantFrom<(Value | undefined)[][]>(
        [99],
        [undefined, 99n],
        [],
        [Number.NaN, 1n, 1n, true, 'late'],
        [-0, undefined, 4n],
      ),
    }),
    {minLength: 1, maxLength: 4},
  )
  .map((points) => ({type: 'write', points}));

const deletion: fc.Arbitrary<Command> = fc
  .record({
    start: offset,
    length: fc.constantFrom(1, 10_000, HALF_HOUR, 2 * HALF_HOUR),
    host: fc.option(fc.integer({min: 0, max: 2}), {nil: undefined}),
  })
  .map(({start, length, host}) => ({type: 'delete', query: deleteOf(1, start, length, host)}));

const flush: Command = {type: 'flush', isAwaited: true};
const event: fc.Arbitrary<Command> = fc.oneof(
  {weight: 2, arbitrary: rows},
  {weight: 4, arbitrary: late},
  {weight: 3, arbitrary: deletion},
  {weight: 3, arbitrary: fc.constant(flush)},
  {weight: 2, arbitrary: fc.boolean().map((isAll): Command => ({type: 'compact', isAll}))},
  {weight: 1, arbitrary: offset.map((before): Command => ({type: 'expire', before: before / 4}))},
);

/** Rows that make whole blocks, and then what may befall these. */
export const history: fc.Arbitrary<Command[]> = fc
  .array(fc.tuple(fc.array(rows, {minLength: 1, maxLength: 4}), fc.array(event, {maxLength: 3})), {
    minLength: 1,
    maxLength: 3,
  })
  .map((stages) => stages.flatMap(([written, events]) => [...written, flush, ...events]));

export interface Asked {
  readonly bin?: string | undefined;
  readonly byHost: boolean;
  /** A group for each value of `b` as well. */
  readonly byFlag?: boolean | undefined;
  readonly aggregates: readonly (readonly [name: string, of: string])[];
  readonly start?: number | undefined;
  readonly end?: number | undefined;
  readonly where?: string | undefined;
  /** In place of names of aggregates: DISTINCT ON hosts, the first or last row of each. */
  readonly edge?: 'first' | 'last' | undefined;
}

const ofNumbers = fc.tuple(
  fc.constantFrom('count', 'sum', 'avg', 'min', 'max', 'first', 'last'),
  fc.constantFrom('f', 'i', 'u'),
);
const ofOthers = fc.constantFrom<(readonly [string, string])[]>(
  ...['count', 'min', 'max', 'first', 'last'].flatMap((name) =>
    ['b', 's', 'host', 'region', 'time'].map((of) => [name, of] as const),
  ),
);
const common: fc.Arbitrary<readonly [string, string]> = fc.oneof(
  {weight: 8, arbitrary: ofNumbers},
  {weight: 1, arbitrary: fc.constant(['count', '*'] as const)},
  {weight: 1, arbitrary: ofOthers.filter(([name, of]) => name === 'count' || of === 'time')},
);

const bound = fc.option(offset, {nil: undefined, freq: 1});

const grouped: fc.Arbitrary<Asked> = fc.record({
  bin: fc.option(
    fc.oneof(fc.constantFrom('1 second', '1 minute', '7 minutes', '10 minutes', '30 minutes'), {
      weight: 3,
      arbitrary: fc.constantFrom('1 hour', '6 hours', '1 day'),
    }),
    {nil: undefined, freq: 3},
  ),
  byHost: fc.boolean(),
  byFlag: fc.oneof({weight: 9, arbitrary: fc.constant(false)}, fc.constant(true)),
  aggregates: fc.oneof(
    {weight: 6, arbitrary: fc.array(common, {minLength: 1, maxLength: 4})},
    {weight: 1, arbitrary: fc.array(fc.oneof(common, ofOthers), {minLength: 1, maxLength: 4})},
    {weight: 1, arbitrary: fc.constantFrom('sum', 'max').map((name) => [[name, 'i + 1']] as const)},
  ),
  start: bound,
  end: bound,
  where: fc.option(fc.constantFrom("host = 'host_1'", 'region IS NULL', 'i > 3', 'f < 2'), {
    nil: undefined,
    freq: 1,
  }),
});

const edges: fc.Arbitrary<Asked> = fc.record({
  byHost: fc.constant(true),
  aggregates: fc
    .constantFrom(['f', 'i'], ['time', 'u', 'region'], ['i', 's'])
    .map((of) => of.map((each) => ['row', each] as const)),
  start: bound,
  end: bound,
  edge: fc.constantFrom('first', 'last'),
});

export const asked: fc.Arbitrary<Asked> = fc.oneof(
  {weight: 9, arbitrary: grouped},
  {weight: 1, arbitrary: edges},
);
