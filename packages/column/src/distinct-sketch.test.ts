import {FatalError, SeededRandom} from '@flotilla/base';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {DistinctSketch, distinctHash} from './distinct-sketch.ts';

const hashOf = (i: number): number => distinctHash(Buffer.from(`host_${i}`));

function sketchOf(from: number, count: number): DistinctSketch {
  const sketch = new DistinctSketch();
  for (let i = from; i < from + count; i++) sketch.add(hashOf(i));
  return sketch;
}

test('few are counted exactly, however often they come and whoever has them', () => {
  const numbers = fc.array(fc.nat(150), {maxLength: 300});
  fc.assert(
    fc.property(fc.array(numbers, {maxLength: 4}), (lists) => {
      const union = new DistinctSketch();
      for (const list of lists) {
        const sketch = new DistinctSketch();
        for (const i of list) sketch.add(hashOf(i));
        expect(sketch.distinct()).toEqual({count: new Set(list).size, isEstimate: false});
        union.merge(DistinctSketch.decode(sketch.encode()));
      }
      const count = new Set(lists.flat()).size;
      expect(union.distinct()).toEqual({count, isEstimate: false});
    }),
  );
});

// Four standard errors, of numbers that are fixed: no run of this differs from another.
test.each([257, 1_000, 5_000, 20_000, 100_000, 1_000_000])(
  '%i are estimated within a tenth, as one set or as the union of overlapping ones',
  (count) => {
    const whole = sketchOf(0, count);
    const third = Math.floor(count / 3);
    const union = sketchOf(0, 2 * third);
    union.merge(DistinctSketch.decode(sketchOf(third, count - third).encode()));
    expect(union.distinct()).toEqual(whole.distinct());
    const {count: estimate, isEstimate} = whole.distinct();
    expect(isEstimate).toBe(true);
    expect(Math.abs(estimate / count - 1)).toBeLessThan(0.1);
  },
);

test('what is merged into few, or few into it, is the union of both', () => {
  const many = sketchOf(0, 3_000);
  const few = sketchOf(2_990, 20);
  const [one, other] = [sketchOf(0, 3_000), sketchOf(2_990, 20)];
  one.merge(few);
  other.merge(many);
  expect(one.encode()).toBe(other.encode());
  expect(one.encode()).toBe(sketchOf(0, 3_010).encode());
});

test('whatever is no sketch is refused', () => {
  const random = new SeededRandom(3);
  const whole = Buffer.from(sketchOf(0, 40).encode(), 'base64');
  for (let cut = 0; cut < whole.length; cut++)
    expect(() => DistinctSketch.decode(whole.subarray(0, cut).toString('base64'))).toThrow(
      FatalError,
    );
  for (let i = 0; i < 200; i++) {
    const bytes = Uint8Array.from({length: random.below(60)}, () => random.below(256));
    try {
      DistinctSketch.decode(Buffer.from(bytes).toString('base64'));
    } catch (error) {
      expect(error).toBeInstanceOf(FatalError);
    }
  }
});
