import type {Clock} from '@flotilla/base';
import {expect, it} from 'vitest';
import {ThreadWatch} from './thread-watch.ts';

function delaysOf(watch: ThreadWatch): {count: number; sum: number} {
  const delay = watch
    .samples()
    .find(({metric}) => metric === 'flotilla_event_loop_delay_seconds')!.value;
  const {counts, sum} = delay as {counts: Float64Array; sum: number};
  return {count: counts.reduce((all, count) => all + count), sum};
}

it('takes for late what the ticks say, and nothing else', () => {
  const watch = new ThreadWatch({} as Clock, '0');
  for (const lateMs of [0, -0.5, 0.5, 119.5]) watch.ticked(lateMs);
  const {count, sum} = delaysOf(watch);
  expect(count).toBe(4);
  expect(sum).toBeCloseTo(0.12, 3);
});

it('looks by itself until something in the thread ticks anyway', () => {
  const timers = new Set<() => void>();
  const clock = {
    monotonicMs: () => 0,
    setTimer: (_delayMs: number, callback: () => void) => {
      timers.add(callback);
      return {cancel: () => timers.delete(callback)};
    },
  };
  const watch = new ThreadWatch(clock as Partial<Clock> as Clock, 'main');
  watch.start();
  expect(timers.size).toBe(1);
  watch.ticked(0);
  expect(timers.size).toBe(0);
  expect(delaysOf(watch).count).toBe(1);
  watch.stop();
});
