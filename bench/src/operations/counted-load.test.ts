import {expect, test} from 'vitest';
import {lostOf} from './counted-load.ts';

const sumOf = (rows: number): number => (rows * (rows - 1)) / 2;
const found = (count: number, sum = sumOf(count)) => ({count, sum});

test('a series that holds what was acknowledged has lost nothing', () => {
  expect(lostOf({acknowledged: 0, hasDoubt: false}, undefined)).toBe(0);
  expect(lostOf({acknowledged: 10, hasDoubt: false}, found(10))).toBe(0);
  expect(lostOf({acknowledged: 10, hasDoubt: true}, found(10))).toBe(0);
  expect(lostOf({acknowledged: 10, hasDoubt: true}, found(11))).toBe(0);
});

test('a row less is lost, also where the doubtful one took its place', () => {
  expect(lostOf({acknowledged: 10, hasDoubt: false}, found(7))).toBe(3);
  expect(lostOf({acknowledged: 10, hasDoubt: false}, undefined)).toBe(10);
  expect(lostOf({acknowledged: 10, hasDoubt: true}, found(10, sumOf(11) - 4))).toBe(1);
  expect(lostOf({acknowledged: 10, hasDoubt: false}, found(11))).toBe(1);
});
