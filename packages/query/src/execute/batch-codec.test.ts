import fc from 'fast-check';
import {expect, test} from 'vitest';
import {type Batch, decodeBatch, encodeBatch} from './batch-codec.ts';
import {scalarAt, timeNsAt, type Vector} from './vector.ts';

const bytes = (size: number) => fc.uint8Array({minLength: size, maxLength: size});
const flags = (size: number) => bytes(size).map((values) => values.map((value) => value & 1));

function vectorOf(rowCount: number): fc.Arbitrary<Vector> {
  return fc.boolean().chain((constant) => {
    const slots = constant ? 1 : rowCount;
    const list = <Value>(of: fc.Arbitrary<Value>) =>
      fc.array(of, {minLength: slots, maxLength: slots});
    const whole = fc.oneof(
      ...[7, 15, 31, 53].map((bits) =>
        fc.integer({min: Math.max(-(2 ** bits), -Number.MAX_SAFE_INTEGER), max: 2 ** bits - 1}),
      ),
    );
    const kinds: fc.Arbitrary<Vector>[] = [
      list(fc.double()).map((of) => ({type: 'float', values: Float64Array.from(of), constant})),
      list(whole).map((of) => ({type: 'integer', values: Float64Array.from(of), constant})),
      list(fc.bigInt({min: 0n, max: 2n ** 64n - 1n})).map((of) => ({
        type: 'unsigned',
        values: Float64Array.from(of, Number),
        wide: BigUint64Array.from(of),
        constant,
      })),
      list(whole).map((of) => ({
        type: 'time',
        values: Float64Array.from(of),
        startMs: -86_400_000,
        unitNs: 1_000,
        constant,
      })),
      flags(slots).map((values) => ({type: 'boolean', values, constant})),
      list(fc.oneof(fc.constantFrom('a', 'b', ''), fc.string({unit: 'grapheme'}))).map(
        (values) => ({
          type: 'string',
          values,
          constant,
        }),
      ),
    ];
    const present = fc.option(flags(slots), {nil: undefined});
    return fc
      .tuple(fc.oneof(...kinds), present)
      .map(([vector, some]) => ({...vector, present: some}));
  });
}

const batch: fc.Arbitrary<Batch> = fc
  .integer({min: 0, max: 400})
  .chain((rowCount) =>
    fc.array(vectorOf(rowCount), {maxLength: 5}).map((columns) => ({rowCount, columns})),
  );

function shown({rowCount, columns}: Batch): unknown[][] {
  return columns.map((column) =>
    Array.from({length: rowCount}, (_, row) => {
      const value = scalarAt(column, row);
      return value !== null && column.type === 'time' ? timeNsAt(column, row) : value;
    }),
  );
}

test('batches read back as they were', () => {
  fc.assert(
    fc.property(batch, (before) => {
      const after = decodeBatch(encodeBatch(before));
      expect(shown(after)).toEqual(shown(before));
      expect(after.columns.map(({constant}) => constant)).toEqual(
        before.columns.map(({constant}) => constant),
      );
    }),
  );
});

test('a cut batch is refused, not misread', () => {
  const whole = encodeBatch({
    rowCount: 3,
    columns: [{type: 'float', values: Float64Array.of(1, 2, 3), constant: false}],
  });
  for (let length = 0; length < whole.length; length++) {
    expect(() => decodeBatch(whole.subarray(0, length))).toThrow(/cannot decode query batch/);
  }
  expect(() => decodeBatch(Uint8Array.of(9, ...whole.subarray(1)))).toThrow(/version/);
});
