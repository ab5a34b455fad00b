import fc from 'fast-check';
import {expect, test} from 'vitest';
import {longDecimal} from './long-decimal.ts';

/** Of a text with a point in it, and something behind it. */
function read(text: string): number {
  const bytes = Buffer.from(`${text},5.0`);
  return longDecimal(bytes, 0, text.length, text.length - 1 - text.indexOf('.'));
}

/** The language's own reading, or that it cannot be told. */
function expectNearest(text: string): void {
  const value = read(text);
  if (!Number.isNaN(value)) expect(value, text).toBe(Number(text));
}

const digits = (min: number, max: number) =>
  fc
    .array(fc.integer({min: 0, max: 9}), {minLength: min, maxLength: max})
    .map((list) => list.join(''));

test('what is read is the double that the language reads', () => {
  fc.assert(
    fc.property(digits(1, 19), digits(0, 19), (whole, decimals) => {
      expectNearest(`${whole}.${decimals}`);
    }),
    {numRuns: 5000},
  );
});

test('doubles within a factor of a billion of 1 are read from their shortest text', () => {
  const double = fc.double({min: 1e-5, max: 1e9, noNaN: true});
  fc.assert(
    fc.property(double, (value) => {
      const text = String(value);
      if (text.includes('.')) expect(read(text), text).toBe(value);
    }),
    {numRuns: 5000},
  );
});

test('nothing near the middle of two doubles is read as the wrong one', () => {
  // Above 2^53 the middles are whole numbers; 2^k is where the doubles below it lie closer.
  const middle = fc
    .tuple(fc.integer({min: 53, max: 62}), fc.maxSafeInteger(), fc.boolean())
    .map(([bits, seed, isPower]) => {
      const gap = 1n << BigInt(bits - 52);
      const first = 1n << BigInt(bits);
      const near = isPower ? first : first + ((BigInt(seed) * gap) & (first - 1n) & -gap);
      return {near, gap};
    });
  fc.assert(
    fc.property(
      middle,
      fc.integer({min: -4, max: 4}),
      fc.integer({min: -2, max: 2}),
      fc.constantFrom('0', '1', '5', '9', '01', '99'),
      ({near, gap}, quarters, off, decimals) => {
        expectNearest(`${near + (gap * BigInt(quarters)) / 4n + BigInt(off)}.${decimals}`);
      },
    ),
    {numRuns: 5000},
  );
});

test('ties and what has too many digits are left to others', () => {
  for (const text of ['9007199254740993.0', '9007199254740995.00', '12345678901234567890.5'])
    expect(read(text), text).toBeNaN();
  expect(read('0.12345678901234567890')).toBeNaN();
  expect(read('0.00000000000000000000001')).toBeNaN();
});

test('zeros before the digits do not count', () => {
  for (const text of [
    '.0000123456789012345678',
    '000.1234567890123456789',
    '0000000000000000000.5',
  ])
    expect(read(text), text).toBe(Number(text));
  expect(read('0.0000000000000000')).toBe(0);
});
