// Goal: whatever order answers come in, so many sets count as restored as an earlier run may be told to leave out;
// no wait for a set's last answer keeps the next from being read; and a failure ends it once nothing is under way.

import {describe, expect, test} from 'vitest';
import {type RestoreProgress, restoreSets} from './restore-sets.ts';

interface Write {
  readonly set: number;
  readonly body: number;
  done(): Promise<void>;
  fail(error: Error): Promise<void>;
}

/** Of each set so many bodies, of ten rows each. */
function trial(bodiesOf: readonly number[], skipSets = 0) {
  const progress: RestoreProgress = {sets: 0, rows: 0, bytes: 0};
  const aborter = new AbortController();
  const writes: Write[] = [];
  const read: number[] = [];
  const restoration = {
    sets: bodiesOf.map(() => ({bytes: 100})),
    async *bodies(at: number) {
      read.push(at);
      for (let i = 0; i < bodiesOf[at]!; i++) yield {body: Uint8Array.of(at, i), rows: 10};
    },
  };
  const ended = restoreSets(restoration, {
    skipSets,
    write: (at, body) =>
      new Promise((resolve, reject) => {
        const settle = (how: () => void) => async () => {
          how();
          await settled();
        };
        writes.push({
          ...{set: at, body: body[1]!},
          done: settle(resolve),
          fail: (error) => settle(() => reject(error))(),
        });
      }),
    progress,
    show: () => undefined,
    signal: aborter.signal,
  });
  // Whether it fails is for each test to say.
  void Promise.allSettled([ended]);
  return {progress, aborter, writes, read, ended};
}

/** All promise reactions have run. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('restoreSets', () => {
  test('four bodies are on the way at once, of as many sets as there are', async () => {
    const {writes, read} = trial([1, 0, 2, 3]);
    await settled();
    expect(writes).toHaveLength(4);
    expect(new Set(writes.map(({set}) => set))).toEqual(new Set([0, 2, 3]));
    expect(read).toEqual([0, 1, 2, 3]);
    await writes[1]!.done();
    expect(writes).toHaveLength(5);
  });

  test('one set alone has all four, and each of its bodies is sent once', async () => {
    const {writes, progress, ended} = trial([9]);
    await settled();
    expect(writes.map(({body}) => body)).toEqual([0, 1, 2, 3]);
    for (let i = 0; i < 9; i++) await writes[i]!.done();
    await ended;
    expect(writes.map(({body}) => body)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(progress).toEqual({sets: 1, rows: 90, bytes: 100});
  });

  test('a set counts once it and those before it are acknowledged', async () => {
    const {writes, progress, ended} = trial([1, 1, 1]);
    await settled();
    await writes[1]!.done();
    expect(progress).toEqual({sets: 0, rows: 10, bytes: 0});
    await writes[0]!.done();
    expect(progress).toEqual({sets: 2, rows: 20, bytes: 200});
    await writes[2]!.done();
    await ended;
    expect(progress).toEqual({sets: 3, rows: 30, bytes: 300});
  });

  test('what an earlier run has restored is neither read nor written, and counts', async () => {
    const {writes, read, progress, ended} = trial([1, 1, 1], 2);
    await settled();
    expect([read, writes.map(({set}) => set)]).toEqual([[2], [2]]);
    await writes[0]!.done();
    await ended;
    expect(progress).toEqual({sets: 3, rows: 10, bytes: 300});
  });

  test('a failure ends it after the answers that are awaited, and the sets behind it do not count', async () => {
    const {writes, progress, ended} = trial([1, 1, 1, 9]);
    let isEnded = false;
    ended.catch(() => {
      isEnded = true;
    });
    await settled();
    await writes[0]!.done();
    await writes[1]!.fail(new Error('no disk'));
    const sent = writes.length;
    expect([isEnded, progress.sets]).toEqual([false, 1]);
    for (const write of writes.slice(2)) await write.done();
    await expect(ended).rejects.toThrow('no disk');
    expect([writes.length, progress.sets]).toEqual([sent, 1]);
  });

  test('of the last set, too', async () => {
    const {writes, progress, ended} = trial([1]);
    await settled();
    await writes[0]!.fail(new Error('no disk'));
    await expect(ended).rejects.toThrow('no disk');
    expect(progress.sets).toBe(0);
  });

  test('once it is interrupted no body is sent any more', async () => {
    const {writes, aborter, ended} = trial([9]);
    await settled();
    aborter.abort();
    for (const write of [...writes]) await write.done();
    await expect(ended).rejects.toThrow('aborted');
    expect(writes).toHaveLength(4);
  });
});
