import fc from 'fast-check';
import {expect, test} from 'vitest';
import {arithmetic, INTEGER_MAX, INTEGER_MIN} from './numbers.ts';
import {exactAt, isNull, type NumberVector} from './vector.ts';

const near = (value: bigint) => fc.bigInt({min: value - 3n, max: value + 3n});
const integer = fc.oneof(
  near(0n),
  near(2n ** 53n),
  near(-(2n ** 53n)),
  near(2n ** 26n),
  fc.bigInt({min: INTEGER_MIN, max: INTEGER_MAX}),
);
const slot = fc.option(integer, {freq: 6});

/** As storage gives it: wide only if one value is not safe. */
function vectorOf(slots: readonly (bigint | null)[], constant = false): NumberVector {
  const values = Float64Array.from(slots, (value) => Number(value ?? 5));
  const safe = slots.every((value) => value === null || Number.isSafeInteger(Number(value)));
  return {
    type: 'integer',
    values,
    wide: safe ? undefined : BigInt64Array.from(slots, (value) => value ?? 5n),
    present: slots.includes(null)
      ? Uint8Array.from(slots, (value) => (value === null ? 0 : 1))
      : undefined,
    constant,
  };
}

function reference(operator: string, a: bigint | null, b: bigint | null): bigint | null {
  if (a === null || b === null) return null;
  if ((operator === '/' || operator === '%') && b === 0n) return null;
  const value = {
    '+': () => a + b,
    '-': () => a - b,
    '*': () => a * b,
    '/': () => a / b,
    '%': () => a % b,
  }[operator]!();
  if (value < INTEGER_MIN || value > INTEGER_MAX) throw new Error('overflow');
  return value;
}

test('integers are exact over the whole of i64, and past it an error', () => {
  const operator = fc.constantFrom('+', '-', '*', '/', '%' as const);
  const pairs = fc.array(fc.tuple(slot, slot), {minLength: 1, maxLength: 5});
  fc.assert(
    fc.property(operator, pairs, fc.boolean(), (name, rows, constant) => {
      const left = vectorOf(rows.map(([a]) => a));
      const right = vectorOf(constant ? [rows[0]![1]] : rows.map(([, b]) => b), constant);
      const run = () => arithmetic(name as '+', 'integer', left, right, rows.length);
      let expected: (bigint | null)[];
      try {
        expected = rows.map(([a, b]) => reference(name, a, constant ? rows[0]![1] : b));
      } catch {
        expect(run).toThrow(/out of range/);
        return;
      }
      const result = run();
      const actual = rows.map((_, i) => (isNull(result, i) ? null : BigInt(exactAt(result, i))));
      expect(actual).toEqual(expected);
    }),
    {numRuns: 500},
  );
});
