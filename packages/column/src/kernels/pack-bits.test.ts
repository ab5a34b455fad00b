import fc from 'fast-check';
import {expect, test} from 'vitest';
import {packReference} from './pack-bits.reference.ts';
import {bitWidth, packedBytes, packHigh, packLow} from './pack-bits.ts';
import {addHigh, unpackLow} from './unpack-bits.ts';

const BASE = -7;

const packing = fc.integer({min: 1, max: 53}).chain((width) =>
  fc.record({
    width: fc.constant(width),
    residuals: fc.array(fc.bigInt({min: 0n, max: 2n ** BigInt(width) - 1n}), {maxLength: 70}),
  }),
);

test('packed bytes are those of the reference, and come back', () => {
  fc.assert(
    fc.property(packing, ({width, residuals}) => {
      // The sum with the base must be exact.
      const count = residuals.length;
      const base = width === 53 ? 0 : BASE;
      const values = Float64Array.from(residuals, (residual) => Number(residual) + base);
      const words = new Uint32Array(count + 1);
      const low = Math.min(width, 32);
      packLow(values, count, base, low, words);
      const bytes = new Uint8Array(words.buffer, 0, packedBytes(count, low));
      expect(bytes).toEqual(packReference(residuals, low));
      const out = new Float64Array(count);
      words[Math.ceil((count * low) / 32)] = 0xffff_ffff;
      unpackLow(words, count, low, base, out);
      if (width > 32) {
        const high = new Uint32Array(count + 1);
        packHigh(values, count, base, width, high);
        const upper = residuals.map((residual) => residual >> 32n);
        const highBytes = new Uint8Array(high.buffer, 0, packedBytes(count, width - 32));
        expect(highBytes).toEqual(packReference(upper, width - 32));
        addHigh(high, count, width, out);
      }
      expect(out).toEqual(values);
    }),
    {numRuns: 1000},
  );
});

test('a width holds its range and no less does', () => {
  for (let width = 1; width <= 53; width++) {
    expect(bitWidth(2 ** width - 1)).toBe(width);
    if (width < 53) expect(bitWidth(2 ** width)).toBe(width + 1);
  }
  expect(bitWidth(0)).toBe(0);
});
