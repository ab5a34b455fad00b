import type {Clock} from '@flotilla/base';
import {expect, it} from 'vitest';
import {ThreadWatch} from './thread-watch.ts';

it('takes for late what comes after the tick was due, and nothing else', () => {
  let nowMs = 1_000;
  const watch = new ThreadWatch({monotonicMs: () => nowMs} as Clock, '0');
  for (const pauseMs of [7, 50, 49, 170]) {
    nowMs += pauseMs;
    watch.ticked(50);
  }
  const samples = watch.samples();
  const delay = samples.find(({metric}) => metric === 'flotilla_event_loop_delay_seconds')!.value;
  const {counts, sum} = delay as {counts: Float64Array; sum: number};
  expect(counts.reduce((all, count) => all + count)).toBe(4);
  expect(sum).toBeCloseTo(0.12, 3);
});
