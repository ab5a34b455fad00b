import type {Clock, Timer} from '@flotilla/base';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {type DeadlineOf, Deadlines} from './deadlines.ts';

class ManualClock implements Pick<Clock, 'monotonicMs' | 'setTimer'> {
  nowMs = 0;
  set = 0;
  readonly #timers = new Map<object, {readonly dueMs: number; readonly callback: () => void}>();

  get pending(): number {
    return this.#timers.size;
  }

  monotonicMs(): number {
    return this.nowMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = {cancel: () => void this.#timers.delete(timer)};
    this.set += 1;
    this.#timers.set(timer, {dueMs: this.nowMs + delayMs, callback});
    return timer;
  }

  advance(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const due = [...this.#timers].filter(([, {dueMs}]) => dueMs <= endMs);
      const next = due.sort(([, a], [, b]) => a.dueMs - b.dueMs)[0];
      if (next === undefined) break;
      this.#timers.delete(next[0]);
      this.nowMs = Math.max(this.nowMs, next[1].dueMs);
      next[1].callback();
    }
    this.nowMs = endMs;
  }
}

const step = fc.oneof(
  fc.record({add: fc.nat(100)}),
  fc.record({remove: fc.nat(20)}),
  fc.record({advance: fc.nat(60)}),
);

test('each is called once at its deadline, unless it was deleted before', () => {
  fc.assert(
    fc.property(fc.array(step, {maxLength: 60}), (steps) => {
      const clock = new ManualClock();
      const called: [id: number, atMs: number][] = [];
      const deadlines = new Deadlines<number>(clock as unknown as Clock, (id) =>
        called.push([id, clock.nowMs]),
      );
      const wanted = new Map<number, number>();
      const added = new Map<number, DeadlineOf<number>>();
      let last = 0;
      for (const now of steps) {
        if ('add' in now) {
          added.set(++last, deadlines.add(last, now.add));
          wanted.set(last, clock.nowMs + now.add);
        } else if ('remove' in now) {
          const deadline = added.get(now.remove);
          if (deadline !== undefined) deadlines.delete(deadline);
          if (wanted.get(now.remove)! > clock.nowMs) wanted.delete(now.remove);
        } else clock.advance(now.advance);
        // A deadline of now or before comes with the next look at the clock.
        clock.advance(0);
      }
      clock.advance(1_000);
      expect(called.sort(([a], [b]) => a - b)).toEqual([...wanted].sort(([a], [b]) => a - b));
      expect(clock.pending).toBe(0);
    }),
    {numRuns: 200},
  );
});

test('calls that end before their deadlines share one timer', () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines<number>(clock as unknown as Clock, () => undefined);
  const first = deadlines.add(0, 2_000);
  for (let id = 1; id <= 1_000; id++) {
    const deadline = deadlines.add(id, 2_000);
    clock.advance(1);
    deadlines.delete(deadline);
  }
  expect(clock.set).toBe(1);
  deadlines.delete(first);
  expect(clock.pending).toBe(0);
});

test('one that is due and ends the others leaves no timer', () => {
  const clock = new ManualClock();
  const deadlines: Deadlines<number> = new Deadlines(clock as unknown as Clock, () =>
    deadlines.delete(later),
  );
  const later = deadlines.add(1, 20);
  deadlines.add(2, 10);
  clock.advance(15);
  expect(clock.pending).toBe(0);
});
