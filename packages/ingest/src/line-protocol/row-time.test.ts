import fc from 'fast-check';
import {expect, test} from 'vitest';
import {toBody} from './body.ts';
import {type Precision, parsePrecision, TimeReader} from './row-time.ts';

const UNIT_NS: Readonly<Record<Precision, bigint>> = {
  ns: 1n,
  us: 1000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const MAX = 9_223_372_036_854_775_806n;

test('times are exact in every precision, and refused outside the range', () => {
  const precision = fc.constantFrom<Precision>('ns', 'us', 'ms', 's', 'm', 'h');
  const sample = fc
    .tuple(
      precision,
      fc.oneof(fc.bigInt({min: -MAX - 3n, max: MAX + 3n}), fc.bigInt({min: -5n, max: 5n})),
      fc.constantFrom(-1n, 0n, 1n),
    )
    .map(([unit, ns, around]) => ({unit, units: ns / UNIT_NS[unit] + around}));
  fc.assert(
    fc.property(sample, ({unit, units}) => {
      const text = String(units);
      const reader = new TimeReader(toBody(Buffer.from(text)), unit, 0);
      const end = reader.read(0);
      const expected = units * UNIT_NS[unit];
      if (expected > MAX || expected < -MAX) {
        expect(end).toBe(-1);
        expect(reader.fault).toBe('timestamp out of range');
        return;
      }
      expect(end).toBe(text.length);
      expect(BigInt(reader.ms) * 1_000_000n + BigInt(reader.ns)).toBe(expected);
      expect(reader.ns).toBeGreaterThanOrEqual(0);
      expect(reader.ns).toBeLessThan(1_000_000);
    }),
    {numRuns: 2000},
  );
});

test('precisions by all their spellings, and nothing else', () => {
  const spellings = ['n', 'ns', 'u', 'us', 'µ', '\u03bc', 'ms', 's', 'm', 'h'];
  const expected = ['ns', 'ns', 'us', 'us', 'us', 'us', 'ms', 's', 'm', 'h'];
  expect(spellings.map(parsePrecision)).toEqual(expected);
  for (const text of ['', 'NS', 'sec', 'd', 'auto', 'toString']) {
    expect(parsePrecision(text)).toBeUndefined();
  }
});
