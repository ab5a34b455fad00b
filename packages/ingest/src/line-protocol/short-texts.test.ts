import fc from 'fast-check';
import {expect, test} from 'vitest';
import {readName} from './names.ts';
import {ShortTexts} from './short-texts.ts';

const anyText = fc.oneof(
  fc.stringMatching(/^[ab\\,= ]{0,6}$/),
  fc.string({unit: 'grapheme', maxLength: 4}),
  // One character of two bytes, and the two characters that these bytes would be in Latin-1.
  fc.constantFrom('é', 'Ã©', '', 'x'.repeat(256), 'x'.repeat(257)),
);

test('a text is what its bytes stand for, whatever was read before', () => {
  const texts = new ShortTexts();
  fc.assert(
    fc.property(fc.array(anyText, {minLength: 1, maxLength: 20}), (drawn) => {
      const bytes = Buffer.from(drawn.join(''));
      let start = 0;
      for (const text of drawn) {
        const end = start + Buffer.byteLength(text);
        expect(texts.read(bytes, start, end)).toBe(readName(bytes, start, end));
        start = end;
      }
    }),
    {numRuns: 500},
  );
});

test('an escape taken out is not one that was never there', () => {
  const texts = new ShortTexts();
  const read = (text: string): string => texts.read(Buffer.from(text), 0, Buffer.byteLength(text));
  // Pairs in one slot are one in thousands.
  for (let i = 0; i < 60_000; i++) {
    expect(read(`v${i}\\\\,b`)).toBe(`v${i}\\,b`);
    expect(read(`v${i}\\,b`)).toBe(`v${i},b`);
  }
});

test('many texts, of which each takes the place of others', () => {
  const texts = new ShortTexts();
  for (const round of [1, 2])
    for (let i = 0; i < 40_000; i++) {
      const bytes = Buffer.from(`host_${i}`);
      if (texts.read(bytes, 0, bytes.length) !== `host_${i}`) expect.fail(`${round}: host_${i}`);
    }
});
