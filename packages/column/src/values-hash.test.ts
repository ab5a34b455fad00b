import {expect, test} from 'vitest';
import type {ColumnValues} from './column-values.ts';
import {type HashedColumn, VALUES_HASH_VERSION, ValuesHash} from './values-hash.ts';

const SERIES = {table: 3, key: new TextEncoder().encode('cpu,host=a')};

interface Run {
  readonly offsets: readonly number[];
  readonly column: HashedColumn;
}

function digest(runs: readonly Run[], series = SERIES, id = 7): string {
  const hash = new ValuesHash();
  for (const {offsets, column} of runs)
    hash.add(series, {rowCount: offsets.length, offsets: Float64Array.from(offsets)}, [
      {id, column},
    ]);
  return `${hash.digest()} ${hash.count}`;
}

function floats(offsets: readonly number[], values: readonly number[]): Run {
  return {offsets, column: {values: {type: 'float', values: Float64Array.from(values)}}};
}

test('neither order nor blocks matter', () => {
  const whole = digest([floats([1, 2, 3], [0.5, 1.5, 2.5])]);
  expect(digest([floats([3], [2.5]), floats([1, 2], [0.5, 1.5])])).toBe(whole);
  // What a slot without a value holds is nothing.
  const {column} = floats([], [0.5, 9, 1.5, 2.5]);
  const present = Uint8Array.of(1, 0, 1, 1);
  expect(digest([{offsets: [1, 8, 2, 3], column: {...column, present}}])).toBe(whole);
});

test('a value, a time, a column, a series and a table matter', () => {
  const run = floats([1, 2 ** 40], [0.5, 1.5]);
  const key = new TextEncoder().encode('cpu,host=b');
  const others = [
    digest([floats([1, 2 ** 40], [0.5, 1.25])]),
    digest([floats([1, 2 ** 41], [0.5, 1.5])]),
    digest([floats([1, 2 ** 40], [1.5, 0.5])]),
    digest([run], SERIES, 8),
    digest([run], {...SERIES, key}),
    digest([run], {...SERIES, table: 4}),
    digest([floats([1], [0.5])]),
    digest([floats([1, 2 ** 40], [0.5, -1.5])]),
  ];
  expect(new Set([digest([run]), ...others]).size).toBe(others.length + 1);
});

test.each([0, 1, -1, 2 ** 32, -(2 ** 32) - 5, 2 ** 53 - 1, -(2 ** 53) + 1])(
  'the whole number %d is the same beside wide ones',
  (value) => {
    const values = Float64Array.of(value);
    const wide = BigInt64Array.of(BigInt(value));
    const narrow: ColumnValues = {type: 'integer', values};
    const run = (each: ColumnValues): Run => ({offsets: [5], column: {values: each}});
    expect(digest([run({type: 'integer', values, wide})])).toBe(digest([run(narrow)]));
  },
);

test('texts are hashed by their bytes', () => {
  const run = (ends: readonly number[], text: string): Run => {
    const bytes = new TextEncoder().encode(text);
    const values = {type: 'string', ends: Uint32Array.from(ends), bytes} as const;
    return {offsets: [1, 2], column: {values}};
  };
  expect(digest([run([1, 3], 'abc')])).toBe(digest([run([1, 3], 'abcd')]));
  expect(digest([run([2, 3], 'abc')])).not.toBe(digest([run([1, 3], 'abc')]));
});

// A sum that differs needs another version, or nodes of two builds call each other's rows wrong.
test('what this version makes of given values', () => {
  const bytes = new TextEncoder().encode('abc');
  const text = {type: 'string', ends: Uint32Array.of(1, 3), bytes} as const;
  const wide = BigInt64Array.of(2n ** 60n, -1n);
  const columns: ColumnValues[] = [
    {type: 'float', values: Float64Array.of(0.5, Number.NaN)},
    {type: 'integer', values: Float64Array.of(2 ** 60, -1), wide},
    {type: 'boolean', values: Uint8Array.of(1, 0)},
    text,
  ];
  const sums = columns.map((values) => digest([{offsets: [1, 2 ** 40], column: {values}}]));
  expect([VALUES_HASH_VERSION, ...sums]).toEqual([
    1,
    ...['332ac9069039dc23 2', 'cefc54c8ee1744db 2'],
    ...['394284ef8205c727 2', 'e1ef89833fb85491 2'],
  ]);
});
