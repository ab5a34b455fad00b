import fc from 'fast-check';
import {expect, test} from 'vitest';
import type {AggregateSpec} from '../plan/plan.ts';
import type {RunContext} from './accumulator.ts';
import {Runs} from './runs.ts';
import {SumAccumulator} from './sums.ts';
import {exactAt, type NumberVector} from './vector.ts';

const CONTEXT = {} as RunContext;

function specOf(type: 'float' | 'integer', name: 'sum' | 'avg' = 'sum'): AggregateSpec {
  const argument = {op: 'input', type, input: 0} as const;
  return {name, argument, type: name === 'avg' ? 'float' : type};
}

/** Adds each part where its data is, then merges the states. */
function sumOf(spec: AggregateSpec, parts: readonly NumberVector[]): NumberVector {
  const merged = new SumAccumulator(spec);
  for (const part of parts) {
    const accumulator = new SumAccumulator(spec);
    const runs = new Runs();
    // In two runs of the same group.
    for (const end of new Set([part.values.length >> 1, part.values.length])) {
      runs.push(end, 0);
      runs.setSlot(runs.count - 1, 0);
    }
    accumulator.update(runs, part, CONTEXT);
    merged.merge(0, accumulator.states(1), 0);
  }
  return merged.finish(1);
}

const integers = fc.array(
  fc.oneof(
    fc.bigInt({min: -(2n ** 53n) + 1n, max: 2n ** 53n - 1n}),
    fc.bigInt({min: -(2n ** 63n), max: 2n ** 63n - 1n}),
    fc.bigInt({min: 2n ** 52n - 2n, max: 2n ** 52n + 2n}),
  ),
  {minLength: 1},
);

test('sums of integers are exact, and an error only if the end does not fit', () => {
  fc.assert(
    fc.property(fc.array(integers, {minLength: 1, maxLength: 3}), (parts) => {
      const vectors = parts.map((part): NumberVector => {
        const values = Float64Array.from(part, Number);
        const wide = values.every(Number.isSafeInteger) ? undefined : BigInt64Array.from(part);
        return {type: 'integer', values, wide, constant: false};
      });
      const total = parts.flat().reduce((a, b) => a + b);
      const fits = BigInt.asIntN(64, total) === total;
      if (fits) expect(BigInt(exactAt(sumOf(specOf('integer'), vectors), 0))).toBe(total);
      else expect(() => sumOf(specOf('integer'), vectors)).toThrow(/out of range/);
      const mean = sumOf(specOf('integer', 'avg'), vectors).values[0]!;
      const expected = Number(total) / parts.flat().length;
      expect(Math.abs(mean - expected)).toBeLessThanOrEqual(1e-15 * Math.abs(expected) * 2);
    }),
    {numRuns: 300},
  );
});

test('sums of floats are within 1e-12 of the sum of absolute values, however they cancel', () => {
  const scaled = fc
    .tuple(fc.integer({min: -(2 ** 30), max: 2 ** 30}), fc.integer({min: -40, max: 40}))
    .map(([mantissa, exponent]) => mantissa * 2 ** exponent);
  const part = fc.array(scaled, {minLength: 1});
  fc.assert(
    fc.property(fc.array(part, {minLength: 1, maxLength: 3}), (parts) => {
      // Multiples of 2^-40: exact as bigint.
      const exact = parts.flat().reduce((sum, value) => sum + BigInt(value * 2 ** 40), 0n);
      const expected = Number(exact) / 2 ** 40;
      const absolute = parts.flat().reduce((sum, value) => sum + Math.abs(value), 0);
      const vectors = parts.map(
        (values): NumberVector => ({
          type: 'float',
          values: Float64Array.from(values),
          constant: false,
        }),
      );
      const actual = sumOf(specOf('float'), vectors).values[0]!;
      expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-12 * absolute);
    }),
    {numRuns: 300},
  );
});

test('infinities sum to infinity', () => {
  const values = Float64Array.of(1, Infinity, 2);
  expect(sumOf(specOf('float'), [{type: 'float', values, constant: false}]).values[0]).toBe(
    Infinity,
  );
});
