import {expect, test} from 'vitest';
import {SeededRandom} from './random.ts';

test('the same seed gives the same numbers, another seed others', () => {
  const draw = (seed: number) => {
    const random = new SeededRandom(seed);
    return Array.from({length: 8}, () => random.uint32());
  };
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
});

test('below(n) reaches every value and none beyond', () => {
  const random = new SeededRandom(1);
  const seen = new Set<number>();
  for (let i = 0; i < 1000; i++) seen.add(random.below(10));
  expect([...seen].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});
