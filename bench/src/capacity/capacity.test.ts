import {describe, expect, it} from 'vitest';
import {compare, type Figures, planOf, SETS} from './capacity.ts';

const TEST_MS_MAX = 60_000;
const PLANNED: Figures = {
  cpuMicrosPerRow: 4.4,
  logBytesPerRow: 20,
  partBytesPerRow: 3.5,
  keyBytesPerHost: 150,
  memoryBytes: 3e8,
};

describe('bench plan', () => {
  it.each([
    [1, true],
    [0.82, true],
    [1.32, true],
    [0.79, false],
    [1.35, false],
  ])('figures that are %d times the plan are near enough: %s', (factor, isWithin) => {
    const measured = Object.fromEntries(
      Object.entries(PLANNED).map(([figure, planned]) => [figure, planned * factor]),
    ) as unknown as Figures;
    const found = compare(SETS[0]!, PLANNED, measured);
    expect(found.map(({figure, isWithin: is}) => [figure, is])).toEqual(
      Object.keys(PLANNED).map((figure) => [figure, isWithin]),
    );
    expect(found[0]).toMatchObject({set: 'integers', rows: 864_000, planned: 4.4});
  });

  it('asks the command that people type', {timeout: TEST_MS_MAX}, async () => {
    const reference = await planOf(SETS[0]!, 100_000);
    expect(reference.cpuMicrosPerRow).toBeCloseTo(10, 9);
    expect(Object.keys(reference)).toEqual(Object.keys(PLANNED));
    const replicated = await planOf(SETS.find(({nodes}) => nodes === 3)!, 100_000);
    for (const [figure, planned] of Object.entries(replicated))
      expect([figure, planned > 0]).toEqual([figure, true]);
  });
});
