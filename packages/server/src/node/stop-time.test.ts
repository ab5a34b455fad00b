import type {Log} from '@flotilla/base';
import {VirtualClock} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {EXIT_CODES} from './exit-codes.ts';
import {stopInTime} from './stop-time.ts';

function watch() {
  const lines: unknown[] = [];
  const none = (): void => undefined;
  const log: Log = {info: none, warn: (fields) => lines.push(fields), error: none};
  const clock = new VirtualClock();
  return {lines, clock, log, at: () => 'engine threads'};
}

test('a stop that ends in time is clean, and no clock cuts it off later', async () => {
  const {lines, ...watched} = watch();
  const {clock} = watched;
  const stopping = new Promise<void>((resolve) => clock.setTimer(9_900, resolve));
  expect(await clock.resolve(stopInTime(stopping, watched))).toBe(EXIT_CODES.stopped);
  await clock.advance(20_000);
  expect(lines).toEqual([]);
});

test('one that hangs is cut off after ten seconds, and the log says where it was', async () => {
  const {lines, ...watched} = watch();
  const {clock} = watched;
  const code = await clock.resolve(stopInTime(new Promise(() => undefined), watched));
  expect(code).toBe(EXIT_CODES.stopTimedOut);
  expect(clock.monotonicMs()).toBe(10_000);
  expect(lines).toEqual([{at: 'engine threads'}]);
});

test('what fails is told to who stops the node', async () => {
  const {lines, ...watched} = watch();
  const stopping = Promise.reject(new Error('no such file'));
  await expect(stopInTime(stopping, watched)).rejects.toThrow('no such file');
  expect(lines).toEqual([]);
});
