import {afterEach, beforeEach, expect, it, vi} from 'vitest';
import {duration, TransferPace} from './transfer-pace.ts';

beforeEach(() => vi.useFakeTimers({toFake: ['performance']}));
afterEach(() => vi.useRealTimers());

it('tells rate and rest once they can be told', () => {
  const pace = new TransferPace();
  pace.add(100);
  expect(pace.label('cpu', {fraction: 0.25})).toBe('cpu, 100 rows');
  vi.advanceTimersByTime(10_000);
  pace.add(400);
  pace.takeBack(100);
  expect(pace.label('cpu', {bytes: 5_000, fraction: 0.25})).toBe(
    'cpu, 400 rows, 5.0 kB, 40 rows/s, 30s left',
  );
  expect(pace.label('stdin', {})).toBe('stdin, 400 rows, 40 rows/s');
});

it.each([
  [45.4, '45s'],
  [190, '3m10s'],
  [7_505, '2h05m'],
])('%s seconds are %s', (seconds, text) => expect(duration(seconds)).toBe(text));
