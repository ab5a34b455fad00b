// Against the merge of sources that happen not to meet.

import type {ChunkColumn, ColumnValues, FieldType} from '@flotilla/column';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {concatRows, mergeRows, type SeriesRows} from './series-rows.ts';

/** Spare slots behind the rows, as views of larger arrays have. */
const SPARE = 2;
const encoder = new TextEncoder();

function valuesOf(type: FieldType, seeds: readonly bigint[], isWide: boolean): ColumnValues {
  const numbers = Float64Array.from([...seeds.map(Number), ...new Array(SPARE).fill(7)]);
  const filled = [...seeds, ...new Array(SPARE).fill(7n)];
  switch (type) {
    case 'float':
      return {type, values: numbers};
    case 'integer':
      return isWide
        ? {type, values: numbers, wide: BigInt64Array.from(filled)}
        : {type, values: numbers};
    case 'unsigned':
      return isWide
        ? {type, values: numbers, wide: BigUint64Array.from(filled)}
        : {type, values: numbers};
    case 'boolean':
      return {type, values: Uint8Array.from(filled, (seed) => Number(BigInt(seed) & 1n))};
    case 'string': {
      const texts = filled.map((seed) => encoder.encode('é'.repeat(Number(BigInt(seed) % 4n))));
      const ends = new Uint32Array(texts.length);
      let end = 0;
      texts.forEach((text, i) => {
        end += text.length;
        ends[i] = end;
      });
      return {type, ends, bytes: Buffer.concat(texts)};
    }
  }
}

const TYPES: readonly FieldType[] = ['float', 'integer', 'unsigned', 'boolean', 'string'];
const cell = fc.record({isPresent: fc.boolean(), seed: fc.bigInt(0n, 2n ** 53n)});
const piece = fc.record({
  rows: fc.array(fc.array(cell, {minLength: 5, maxLength: 5}), {minLength: 1, maxLength: 5}),
  isSparse: fc.boolean(),
  isMissing: fc.array(fc.boolean(), {minLength: 5, maxLength: 5}),
  isWide: fc.boolean(),
});

function toRows(
  {rows, isSparse, isMissing, isWide}: typeof piece extends fc.Arbitrary<infer T> ? T : never,
  start: number,
): SeriesRows {
  const columns = TYPES.map((type, i): ChunkColumn | undefined => {
    if (isMissing[i]!) return undefined;
    const cells = rows.map((row) => row[i]!);
    const seeds = cells.map(({seed, isPresent}) => (isSparse && !isPresent ? 0n : seed));
    const values = valuesOf(type, seeds, isWide);
    if (!isSparse) return {values};
    if (cells.every(({isPresent}) => !isPresent)) return undefined;
    const present = [...cells.map(({isPresent}) => Number(isPresent)), 1, 1];
    return {values, present: Uint8Array.from(present)};
  });
  const offsets = Float64Array.from([...rows.map((_, i) => start + i), -1, -1]);
  return {rowCount: rows.length, offsets, columns};
}

/** Of each row its time and values, absent ones left out; wide or not, as exact numbers. */
function tell({rowCount, offsets, columns}: SeriesRows): unknown[] {
  return Array.from({length: rowCount}, (_, row) => [
    offsets[row],
    ...columns.map((column) => {
      if (column === undefined || column.present?.[row] === 0) return undefined;
      const {values} = column;
      if (values.type === 'string')
        return Buffer.from(
          values.bytes.subarray(values.ends[row - 1] ?? 0, values.ends[row]),
        ).toString();
      if (values.type === 'integer' || values.type === 'unsigned')
        return values.wide?.[row] ?? BigInt(values.values[row]!);
      return values.values[row];
    }),
  ]);
}

test('pieces one after another are what merging them gives', () => {
  fc.assert(
    fc.property(fc.array(piece, {minLength: 1, maxLength: 5}), (given) => {
      const pieces = given.map((each, i) => toRows(each, i * 100));
      const want = pieces.reduce((older, newer) => mergeRows(older, newer));
      const have = concatRows(pieces);
      expect(tell(have)).toEqual(tell(want));
      expect(have.columns.map((column) => column === undefined)).toEqual(
        want.columns.map((column) => column === undefined),
      );
    }),
    {numRuns: 500},
  );
});
