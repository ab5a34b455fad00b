import fc from 'fast-check';
import {expect, test} from 'vitest';
import {compressPage, decompressPage} from './page-compression.ts';

test('what is compressed comes back, and is smaller by a sixteenth', () => {
  const piece = fc.tuple(
    fc.uint8Array({minLength: 1, maxLength: 300}),
    fc.integer({min: 1, max: 200}),
  );
  fc.assert(
    fc.property(fc.array(piece, {minLength: 1, maxLength: 8}), (pieces) => {
      const repeated = pieces.flatMap(([bytes, times]) => new Array<Uint8Array>(times).fill(bytes));
      const page = Buffer.concat(repeated);
      const compressed = compressPage(page);
      if (compressed === undefined) return;
      expect(compressed.length).toBeLessThanOrEqual(page.length * (15 / 16));
      expect(Buffer.compare(decompressPage(compressed, page.length), page)).toBe(0);
    }),
  );
});

test('small pages and noise stay as they are', () => {
  let state = 1;
  const noise = Uint8Array.from({length: 100_000}, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
  for (const length of [1_000, 100_000])
    expect(compressPage(noise.subarray(0, length))).toBeUndefined();
  expect(compressPage(new Uint8Array(511))).toBeUndefined();
  expect(compressPage(new Uint8Array(512))!.length).toBeLessThan(50);
  expect(compressPage(new Uint8Array(200_000))!.length).toBeLessThan(500);
});

test('more bytes than the page has are refused, not held', () => {
  const compressed = compressPage(new Uint8Array(5_000_000))!;
  expect(() => decompressPage(compressed, 1_000)).toThrow();
  expect(decompressPage(compressed, 5_000_000).length).toBe(5_000_000);
});
