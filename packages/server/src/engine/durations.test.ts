import fc from 'fast-check';
import {expect, test} from 'vitest';
import {durationText, parseDuration} from './durations.ts';

test.each([
  ['30d', 2_592_000_000],
  ['12h', 43_200_000],
  ['90m', 5_400_000],
  ['10s', 10_000],
  ['500ms', 500],
  ['1d12h', 129_600_000],
  ['2w', 1_209_600_000],
  ['0s', 0],
])('%s is %i ms', (text, ms) => {
  expect(parseDuration(text, 'ttl')).toBe(ms);
});

test.each(['', ' ', '1', 'd', '1 d', '1d ', '-1d', '1.5h', '1D', '1y', '1d,2h', '99999999999999d'])(
  '"%s" is none, and what it was for is named',
  (text) => {
    expect(() => parseDuration(text, 'ttl')).toThrow(
      expect.objectContaining({code: 'INVALID_ARGUMENT', message: expect.stringContaining('ttl')}),
    );
  },
);

test('what is written is read back', () => {
  fc.assert(
    fc.property(fc.nat({max: 10 ** 13}), (ms) => {
      expect(parseDuration(durationText(ms), 'ttl')).toBe(ms);
    }),
  );
});

test('days, not weeks, and no empty units', () => {
  expect(durationText(604_800_000)).toBe('7d');
  expect(durationText(129_600_000)).toBe('1d12h');
  expect(durationText(0)).toBe('0s');
});
