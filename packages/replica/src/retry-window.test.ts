import fc from 'fast-check';
import {expect, test} from 'vitest';
import {RetryWindow, ROUTERS_MAX, SEQUENCES_PER_ROUTER} from './retry-window.ts';

/** What apply does with a write that nothing else refuses. */
function check(window: RetryWindow, incarnation: number, sequence: number): string {
  const seen = window.look(incarnation, sequence);
  if (seen === 'new') window.remember(incarnation, sequence);
  return seen;
}

test('a sequence is new once, then a duplicate', () => {
  const window = new RetryWindow();
  expect(check(window, 7, 1)).toBe('new');
  expect(check(window, 7, 1)).toBe('duplicate');
  expect(check(window, 8, 1)).toBe('new');
});

test('what fell out of the window is refused, and is never new again', () => {
  const window = new RetryWindow();
  for (let sequence = 0; sequence <= SEQUENCES_PER_ROUTER; sequence++) check(window, 1, sequence);
  expect(check(window, 1, 0)).toBe('forgotten');
  expect(check(window, 1, 1)).toBe('duplicate');
});

test('nothing is new twice, whatever the order, through records too', () => {
  const step = fc.record({router: fc.nat(3), sequence: fc.nat(3000), restart: fc.boolean()});
  fc.assert(
    fc.property(fc.array(step, {maxLength: 3000, size: 'max'}), (steps) => {
      let window = new RetryWindow();
      const applied = new Set<string>();
      for (const {router, sequence, restart} of steps) {
        if (restart) window = new RetryWindow(JSON.parse(JSON.stringify(window.record())));
        const key = `${router}/${sequence}`;
        const seen = check(window, router, sequence);
        if (seen === 'new') expect(applied.has(key)).toBe(false);
        if (seen === 'new') applied.add(key);
        if (seen === 'duplicate') expect(applied.has(key)).toBe(true);
      }
    }),
    {numRuns: 20},
  );
});

/** The law in plain sets: the last sequences of each router that applied last. */
class ReferenceWindow {
  readonly routers = new Map<number, {floor: number; seen: number[]}>();

  check(router: number, sequence: number): string {
    const window = this.routers.get(router) ?? {floor: -1, seen: []};
    if (window.seen.includes(sequence)) return 'duplicate';
    if (sequence <= window.floor) return 'forgotten';
    this.routers.delete(router);
    this.routers.set(router, window);
    window.seen.push(sequence);
    if (window.seen.length > SEQUENCES_PER_ROUTER)
      window.floor = Math.max(window.floor, window.seen.shift()!);
    if (this.routers.size > ROUTERS_MAX) this.routers.delete([...this.routers.keys()][0]!);
    return 'new';
  }
}

test('it answers what plain sets would, at and past its bounds', () => {
  const run = fc.record({
    router: fc.nat(2),
    start: fc.nat(4_000),
    count: fc.integer({min: 1, max: 700}),
    step: fc.constantFrom(1, 3, -1),
    restart: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(run, {maxLength: 25, size: 'max'}), (runs) => {
      let window = new RetryWindow();
      const reference = new ReferenceWindow();
      for (const {router, start, count, step, restart} of runs) {
        if (restart) window = new RetryWindow(JSON.parse(JSON.stringify(window.record())));
        for (let i = 0; i < count; i++) {
          const sequence = Math.max(0, start + i * step);
          expect(check(window, router, sequence)).toBe(reference.check(router, sequence));
        }
      }
      const want = [...reference.routers].map(([router, {floor, seen}]) => [router, floor, seen]);
      expect(window.record()).toEqual(want);
    }),
    {numRuns: 12},
  );
});

test('of more routers than are remembered the one that wrote longest ago is forgotten', () => {
  const window = new RetryWindow();
  for (let router = 0; router < ROUTERS_MAX; router++) check(window, router, 1);
  check(window, 0, 2);
  check(window, ROUTERS_MAX, 1);
  expect(window.record().length).toBe(ROUTERS_MAX);
  expect(window.look(0, 1)).toBe('duplicate');
  expect(window.look(1, 1)).toBe('new');
  expect(window.look(2, 1)).toBe('duplicate');
});

test('a write that was looked at and refused is still new', () => {
  const window = new RetryWindow();
  expect(window.look(1, 5)).toBe('new');
  expect(window.look(1, 5)).toBe('new');
  expect(window.record()).toEqual([]);
});
