import fc from 'fast-check';
import {expect, test} from 'vitest';
import {civilOfDay, dayOfCivil, dayOfMonth, daysInMonth, monthOfDay} from './civil.ts';
import {parseDurationMs, parseInterval} from './duration-text.ts';
import {formatTimeNs, parseTime, TIME_NS_MAX, TIME_NS_MIN} from './time-text.ts';

test('every time reads back from its text', () => {
  fc.assert(
    fc.property(fc.bigInt({min: TIME_NS_MIN, max: TIME_NS_MAX}), (ns) => {
      expect(parseTime(formatTimeNs(ns))).toBe(ns);
    }),
  );
});

test('the calendar is that of Date', () => {
  fc.assert(
    fc.property(fc.integer({min: -120_000, max: 120_000}), (day) => {
      const date = new Date(day * 86_400_000);
      const civil = {
        year: date.getUTCFullYear(),
        month: date.getUTCMonth() + 1,
        day: date.getUTCDate(),
      };
      expect(civilOfDay(day)).toEqual(civil);
      expect(dayOfCivil(civil.year, civil.month, civil.day)).toBe(day);
      expect(dayOfMonth(monthOfDay(day))).toBe(day - civil.day + 1);
      const last = new Date(Date.UTC(civil.year, civil.month, 0));
      if (civil.year > 99) expect(daysInMonth(civil.year, civil.month)).toBe(last.getUTCDate());
    }),
  );
});

test.each([
  ['2024-01-01', '2024-01-01T00:00:00Z'],
  ['2024-01-01 10:20', '2024-01-01T10:20:00Z'],
  ['2024-01-01 10:20:30.5 +0000', '2024-01-01T10:20:30.5Z'],
  ['2024-01-01T00:30:00+01:00', '2023-12-31T23:30:00Z'],
  ['2024-01-01T00:30:00-0130', '2024-01-01T02:00:00Z'],
  ['2024-01-01t00:00:00.123456789z', '2024-01-01T00:00:00.123456789Z'],
  ['2024-02-29 24:00:00 UTC', '2024-03-01T00:00:00Z'],
  ['1969-12-31T23:59:59.999999999Z', '1969-12-31T23:59:59.999999999Z'],
])('%s is %s', (text, expected) => {
  expect(formatTimeNs(parseTime(text)!)).toBe(expected);
});

test.each([
  ...['2024-13-01', '2023-02-29', '2024-01-01T25:00:00', '2024-01-01T24:00:01', 'now', '', '2024'],
  ...['2024-01-01T10:20:30.1234567890Z', '1500-01-01', '2024-01-01Z'],
])('%j is no time', (text) => {
  expect(parseTime(text)).toBeUndefined();
});

test.each([
  ['1 minute', 0, 60_000_000_000n],
  ['1h30m', 0, 5_400_000_000_000n],
  ['2 days 01:30:00.5', 0, 178_200_500_000_000n],
  ['1 year 2 months', 14, 0n],
  ['-1 week', 0, -604_800_000_000_000n],
  ['1.5 hours', 0, 5_400_000_000_000n],
  ['60', 0, 60_000_000_000n],
  ['5 ms', 0, 5_000_000n],
])('the interval %s', (text, months, ns) => {
  expect(parseInterval(text)).toEqual({months, ns});
});

test('durations of options are fixed, positive and whole milliseconds', () => {
  expect(parseDurationMs('7d')).toBe(604_800_000);
  expect(parseDurationMs('7')).toBe(604_800_000);
  expect(parseDurationMs('0s')).toBe(0);
  for (const text of ['1 month', '-1d', '1us', 'soon', '']) {
    expect(parseDurationMs(text), text).toBeUndefined();
  }
});
