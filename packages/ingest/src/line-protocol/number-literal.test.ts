import fc from 'fast-check';
import {expect, test} from 'vitest';
import {NumberLiteral} from './number-literal.ts';

const literal = new NumberLiteral();

/** Reads `text` with a newline behind it, and expects all of it to be the number. */
function read(text: string): NumberLiteral {
  const end = literal.read(Buffer.from(`${text}\n`), 0);
  expect(end, text).toBe(text.length);
  return literal;
}

const digits = (max: number) =>
  fc
    .array(fc.integer({min: 0, max: 9}), {minLength: 1, maxLength: max})
    .map((list) => list.join(''));

const decimalText = fc
  .tuple(
    fc.constantFrom('', '-'),
    digits(24),
    fc.option(fc.oneof(digits(24), fc.constant('')), {nil: undefined}),
    fc.option(fc.tuple(fc.constantFrom('e', 'E', 'e+', 'e-'), digits(2)), {nil: undefined}),
  )
  .map(
    ([sign, whole, decimals, exponent]) =>
      `${sign}${whole}${decimals === undefined ? '' : `.${decimals}`}${exponent?.join('') ?? ''}`,
  );

test('every decimal text gives the double that the language gives', () => {
  fc.assert(
    fc.property(decimalText, (text) => {
      expect(read(text).type).toBe('float');
      expect(Object.is(literal.value, Number(text)), text).toBe(true);
    }),
    {numRuns: 3000},
  );
});

test('every double comes back from its shortest text', () => {
  fc.assert(
    fc.property(fc.double({noNaN: true, noDefaultInfinity: true}), (value) => {
      const text = Object.is(value, -0) ? '-0' : String(value);
      expect(Object.is(read(text).value, value), text).toBe(true);
    }),
    {numRuns: 2000},
  );
});

const INTEGERS = [
  {suffix: 'i', type: 'integer', min: -(2n ** 63n), max: 2n ** 63n - 1n},
  {suffix: 'u', type: 'unsigned', min: 0n, max: 2n ** 64n - 1n},
] as const;

test.each(INTEGERS)('integers with $suffix are exact in their range and refused beyond', (kind) => {
  const near = (center: bigint) => fc.bigInt({min: center - 300n, max: center + 300n});
  const value = fc.oneof(
    near(0n),
    near(2n ** 53n),
    near(-(2n ** 53n)),
    near(kind.min),
    near(kind.max),
    fc.bigInt({min: -(2n ** 70n), max: 2n ** 70n}),
  );
  fc.assert(
    fc.property(value, fc.nat({max: 5}), (exact, zeros) => {
      const sign = exact < 0n ? '-' : '';
      const text = `${sign}${'0'.repeat(zeros)}${exact < 0n ? -exact : exact}${kind.suffix}`;
      if (exact < kind.min || exact > kind.max) {
        const end = literal.read(Buffer.from(`${text}\n`), 0);
        // A negative `u` within 15 digits ends before its suffix, which its caller refuses.
        expect(end === -1 || end === text.length - 1, text).toBe(true);
        return;
      }
      const {type, value: double, wide} = read(text);
      expect(type).toBe(kind.type);
      expect(double).toBe(Number(exact));
      expect(wide).toBe(Number.isSafeInteger(Number(exact)) ? undefined : exact);
    }),
    {numRuns: 1000},
  );
});
