import {type ColumnId, FatalError, type TableId} from '@flotilla/base';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {ByteWriter} from '../bytes/byte-writer.ts';
import {ColumnArena} from '../codecs/column-arena.ts';
import type {ColumnValues} from '../column-values.ts';
import type {Share, ShareColumn, ShareTable} from './share.ts';
import {decodeShare, encodeShare, replaceSeriesKeys, shareHeader} from './share-codec.ts';

const encoder = new TextEncoder();

function texts(values: readonly string[]): ColumnValues {
  const parts = values.map((value) => encoder.encode(value));
  let end = 0;
  const ends = Uint32Array.from(parts, (part) => {
    end += part.length;
    return end;
  });
  return {type: 'string', ends, bytes: Uint8Array.from(parts.flatMap((part) => [...part]))};
}

function valuesOf(kind: number, seeds: readonly number[]): ColumnValues {
  switch (kind) {
    case 0:
      return {type: 'float', values: Float64Array.from(seeds, (n) => n / 10)};
    case 1:
      return {type: 'integer', values: Float64Array.from(seeds, (n) => n - 50)};
    case 2: {
      const wide = BigUint64Array.from(seeds, (n) => 2n ** 63n + BigInt(n));
      const values = Float64Array.from(wide, Number);
      return seeds.length === 0 ? {type: 'unsigned', values} : {type: 'unsigned', values, wide};
    }
    case 3:
      return {type: 'boolean', values: Uint8Array.from(seeds, (n) => n % 2)};
    default:
      return texts(seeds.map((n) => `text ${n % 7}`));
  }
}

const column = (rowCount: number): fc.Arbitrary<ShareColumn> =>
  fc
    .record({
      column: fc.integer({min: 1, max: 1000}),
      kind: fc.integer({min: 0, max: 4}),
      rows: fc.option(fc.subarray(Array.from({length: rowCount}, (_, row) => row))),
      seeds: fc.array(fc.integer({min: 0, max: 999}), {minLength: rowCount, maxLength: rowCount}),
    })
    .map(({column: id, kind, rows, seeds}) => {
      const count = rows === null ? rowCount : rows.length;
      return {
        column: id as ColumnId,
        count,
        rows: rows === null ? undefined : Int32Array.from(rows),
        values: valuesOf(kind, seeds.slice(0, count)),
      };
    });

const table: fc.Arbitrary<ShareTable> = fc.integer({min: 0, max: 20}).chain((rowCount) =>
  fc
    .record({
      table: fc.integer({min: 1, max: 100_000}),
      series: fc.array(
        fc.oneof(fc.uint8Array({maxLength: 20}), fc.integer({min: 0, max: 2 ** 40})),
        {minLength: 1, maxLength: 5},
      ),
      picks: fc.array(fc.nat(), {minLength: rowCount, maxLength: rowCount}),
      offsets: fc.array(fc.maxSafeNat(), {minLength: rowCount, maxLength: rowCount}),
      columns: fc.array(column(rowCount), {maxLength: 5}),
    })
    .map((parts) => ({
      table: parts.table as TableId,
      rowCount,
      series: parts.series,
      seriesOfRow: Int32Array.from(parts.picks, (pick) => pick % parts.series.length),
      offsets: Float64Array.from(parts.offsets),
      columns: parts.columns,
    })),
);

const share: fc.Arbitrary<Share> = fc.record({
  router: fc.record({incarnation: fc.maxSafeNat(), sequence: fc.maxSafeNat()}),
  idempotencyKey: fc.option(fc.string({minLength: 1, maxLength: 128}), {nil: undefined}),
  tables: fc.array(table, {maxLength: 4}),
});

const arena = new ColumnArena();

test('a share comes back as it was', () => {
  fc.assert(
    fc.property(share, share, (given, other) => {
      const bytes = encodeShare(given);
      expect(decodeShare(bytes)).toEqual(given);
      arena.clear();
      const first = decodeShare(bytes, arena);
      expect(decodeShare(encodeShare(other), arena)).toEqual(other);
      expect(first).toEqual(given);
      expect(shareHeader(bytes)).toEqual({
        ...given.router,
        idempotencyKey: given.idempotencyKey,
        rowCount: given.tables.reduce((sum, {rowCount}) => sum + rowCount, 0),
      });
    }),
  );
});

test('known keys become ids and nothing else changes', () => {
  fc.assert(
    fc.property(share, (given) => {
      const known = (id: TableId, key: Uint8Array) => (key.length % 2 === 1 ? id + 7 : undefined);
      const expected = given.tables.map((each) => ({
        ...each,
        series: each.series.map((entry) =>
          typeof entry === 'number' ? entry : (known(each.table, entry) ?? entry),
        ),
      }));
      const replaced = decodeShare(replaceSeriesKeys(encodeShare(given), known));
      expect(replaced).toEqual({...given, tables: expected});
    }),
  );
});

test('damage is FatalError or another share, never anything else', () => {
  const flips = fc.array(fc.record({at: fc.nat(), to: fc.integer({min: 0, max: 255})}), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(share, flips, fc.nat(), (given, changes, cut) => {
      const bytes = encodeShare(given);
      for (const {at, to} of changes) bytes[at % bytes.length] = to;
      for (const candidate of [bytes, bytes.subarray(0, cut % bytes.length)]) {
        try {
          decodeShare(candidate);
          replaceSeriesKeys(candidate, () => 1);
        } catch (error) {
          expect(error).toBeInstanceOf(FatalError);
        }
      }
    }),
    {numRuns: 500},
  );
});

test('values whose rows do not ascend, or are beyond the table, are damage', () => {
  const withRows = (...rows: number[]): Share => ({
    router: {incarnation: 1, sequence: 1},
    idempotencyKey: undefined,
    tables: [
      {
        table: 1 as TableId,
        rowCount: 3,
        series: [Uint8Array.of(1)],
        seriesOfRow: new Int32Array(3),
        offsets: Float64Array.of(1, 2, 3),
        columns: [
          {
            column: 1 as ColumnId,
            count: 2,
            rows: Int32Array.from(rows),
            values: {type: 'float', values: Float64Array.of(1, 2)},
          },
        ],
      },
    ],
  });
  expect(decodeShare(encodeShare(withRows(0, 2)))).toEqual(withRows(0, 2));
  for (const rows of [
    [2, 0],
    [1, 1],
    [1, 3],
    [-1, 1],
  ])
    expect(() => decodeShare(encodeShare(withRows(...rows)))).toThrow(FatalError);
});

/** The first version as it was first written: entries of a log must be read for ever. */
test('version 1 keeps its bytes', () => {
  const given: Share = {
    router: {incarnation: 300, sequence: 5},
    idempotencyKey: 'key',
    tables: [
      {
        table: 9 as TableId,
        rowCount: 4,
        series: [Uint8Array.of(9, 1, 1, 97), 12],
        seriesOfRow: Int32Array.of(0, 1, 0, 1),
        offsets: Float64Array.of(10, 20, 30, 45),
        columns: [
          {column: 1 as ColumnId, count: 4, rows: undefined, values: valuesOf(1, [1, 5, 3, 2])},
          {
            column: 2 as ColumnId,
            count: 2,
            rows: Int32Array.of(1, 3),
            values: valuesOf(0, [1, 25]),
          },
          {column: 3 as ColumnId, count: 4, rows: undefined, values: valuesOf(2, [0, 1, 2, 3])},
          {column: 4 as ColumnId, count: 4, rows: undefined, values: valuesOf(3, [0, 1, 0, 0])},
          {column: 5 as ColumnId, count: 4, rows: undefined, values: valuesOf(4, [1, 1, 2, 1])},
        ],
      },
    ],
  };
  const bytes = encodeShare(given);
  expect(Buffer.from(bytes).toString('hex')).toMatchInlineSnapshot(
    `"01ac0205036b65790401090407020809010161194e0200010a020a0680428d05010904027103a0020200020201020804010201050003030a040b0000000000000080020002e4040b040602050c04090208000674657874203174657874203202000104"`,
  );
  expect(decodeShare(bytes)).toEqual(given);
});

test('what an arena has no room for gets memory of its own', () => {
  const rowCount = 30_000;
  const given: Share = {
    router: {incarnation: 1, sequence: 1},
    idempotencyKey: undefined,
    tables: [
      {
        table: 1 as TableId,
        rowCount,
        series: [7],
        seriesOfRow: new Int32Array(rowCount),
        offsets: Float64Array.from({length: rowCount}, (_, i) => i),
        columns: Array.from({length: 6}, (_, i) => ({
          column: (i + 1) as ColumnId,
          count: rowCount,
          rows: undefined,
          values: {type: 'integer' as const, values: new Float64Array(rowCount).fill(i)},
        })),
      },
    ],
  };
  arena.clear();
  const [table] = decodeShare(encodeShare(given), arena).tables;
  const isWhole = table!.columns.map(({values}, i) => {
    const numbers = (values as {values: Float64Array}).values;
    return numbers.length === rowCount && numbers.every((number) => number === i);
  });
  expect(isWhole).toEqual(new Array(6).fill(true));
});

test('a share of few bytes takes little memory: rows and values that it cannot hold are damage', () => {
  const writer = new ByteWriter();
  writer.u8(1);
  for (const number of [1, 1, 0, /* rows */ 1_000, /* tables */ 1, /* table */ 1])
    writer.varint(number);
  writer.varint(2 ** 23);
  const before = process.memoryUsage().arrayBuffers;
  expect(() => decodeShare(writer.copy())).toThrow('cannot decode count: want 1000');
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1e6);

  const rowCount = 1_000;
  const values = {type: 'integer' as const, values: new Float64Array(rowCount)};
  const columns = Array.from({length: 20_000}, (_, i): ShareColumn => {
    return {column: (i + 1) as ColumnId, count: rowCount, rows: undefined, values};
  });
  const table: ShareTable = {
    ...{table: 1 as TableId, rowCount, series: [7], columns},
    seriesOfRow: new Int32Array(rowCount),
    offsets: new Float64Array(rowCount),
  };
  const wide = encodeShare({router: {incarnation: 1, sequence: 1}, tables: [table]});
  expect(wide.length).toBeLessThan(200_000);
  expect(() => decodeShare(wide)).toThrow('cannot decode count');
});
