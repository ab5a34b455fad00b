import {type Clock, DbError} from '@flotilla/base';
import {expect, test} from 'vitest';
import type {Sample} from './sample.ts';
import {ThreadScrapes} from './thread-scrapes.ts';

const GROUPS = 'flotilla_raft_groups_awake';

/** Two threads; the second answers when told to. */
function twoThreads() {
  let lateMs: number | undefined;
  let onLate = (): void => undefined;
  const asked: number[] = [];
  let stuck: PromiseWithResolvers<readonly Sample[]> | undefined;
  const asker = {
    threads: 2,
    measure: async (thread: number): Promise<readonly Sample[]> => {
      asked.push(thread);
      if (thread === 1 && stuck !== undefined) return stuck.promise;
      return [{metric: GROUPS, value: asked.length}];
    },
  };
  const setTimer: Clock['setTimer'] = (delayMs, callback) => {
    onLate = () => {
      lateMs = delayMs;
      callback();
    };
    return {cancel: () => undefined};
  };
  const scrapes = new ThreadScrapes(asker, {setTimer});
  const gather = async (): Promise<{up: number[]; groups: number[]}> => {
    lateMs = undefined;
    const gathered = scrapes.gather();
    await new Promise(setImmediate);
    // What has not come by now comes after the deadline.
    if (stuck !== undefined) onLate();
    const samples = await gathered;
    const of = (name: string): number[] =>
      samples.filter(({metric}) => metric === name).map(({value}) => Number(value));
    return {up: of('flotilla_engine_thread_up'), groups: of(GROUPS)};
  };
  const stick = () => {
    stuck = Promise.withResolvers();
    return stuck;
  };
  return {gather, stick, asked, lateMs: () => lateMs};
}

test('all that answer are up', async () => {
  const {gather, lateMs} = twoThreads();
  expect(await gather()).toEqual({up: [1, 1], groups: [1, 2]});
  expect(lateMs()).toBeUndefined();
});

test('a stuck thread keeps its last numbers, is down, and is asked once', async () => {
  const {gather, stick, asked, lateMs} = twoThreads();
  await gather();
  const stuck = stick();
  expect(await gather()).toEqual({up: [1, 0], groups: [3, 2]});
  expect(lateMs()).toBe(2_000);
  expect(await gather()).toMatchObject({up: [1, 0]});
  expect(asked).toEqual([0, 1, 0, 1, 0]);
  stuck.resolve([{metric: GROUPS, value: 9}]);
  expect(await gather()).toMatchObject({up: [1, 1]});
});

test('a thread that refuses is down, and asked again', async () => {
  const {gather, stick, asked} = twoThreads();
  stick().reject(new DbError('DRAINING', 'stopping'));
  expect(await gather()).toEqual({up: [1, 0], groups: [1]});
  await gather();
  expect(asked).toEqual([0, 1, 0, 1]);
});
