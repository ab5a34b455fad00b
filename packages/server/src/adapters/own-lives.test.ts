import {expect, test} from 'vitest';
import {OWN_LIVES_MAX, OwnLives} from './own-lives.ts';

test('a life that was led here is known, one of another copy is not until it is settled', () => {
  const copied = new OwnLives([{epoch: 1, life: 11}]);
  const here = copied.with([{epoch: 2, life: 12}]);
  const elsewhere = {epoch: 2, life: 99};
  expect(here.has({epoch: 1, life: 11})).toBe(true);
  expect(here.has({epoch: 2, life: 12})).toBe(true);
  expect(here.has(elsewhere)).toBe(false);
  expect(here.with([elsewhere]).has(elsewhere)).toBe(true);
});

test('of many the last are kept; what began before them cannot be told', () => {
  const starts = Array.from({length: OWN_LIVES_MAX + 5}, (_, i) => ({epoch: i + 1, life: i + 100}));
  const lives = new OwnLives(starts);
  expect(lives.entries).toHaveLength(OWN_LIVES_MAX);
  expect(lives.has({epoch: 5, life: 7})).toBe(true);
  expect(lives.has({epoch: 6, life: 7})).toBe(false);
  expect(lives.has({epoch: 6, life: 105})).toBe(true);
});
