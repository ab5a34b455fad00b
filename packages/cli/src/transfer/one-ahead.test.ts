import {expect, test} from 'vitest';
import {oneAhead} from './one-ahead.ts';

/** What has been made of 0 to 4, of which `failing` cannot be. */
function making(failing?: number) {
  const made: number[] = [];
  let isClosed = false;
  async function* items(): AsyncGenerator<number> {
    try {
      for (let i = 0; i < 5; i++) {
        if (i === failing) throw new Error(`no ${i}`);
        made.push(i);
        yield i;
      }
    } finally {
      isClosed = true;
    }
  }
  return {items: items(), made, isClosed: () => isClosed};
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('one is made while the one before is used, and no more', async () => {
  const {items, made} = making();
  const used: number[] = [];
  for await (const item of oneAhead(items)) {
    await turn();
    expect(made).toHaveLength(Math.min(item + 2, 5));
    used.push(item);
  }
  expect(used).toEqual([0, 1, 2, 3, 4]);
});

test('a failure is told when it is its turn', async () => {
  const used: number[] = [];
  const use = async () => {
    for await (const item of oneAhead(making(2).items)) {
      await turn();
      used.push(item);
    }
  };
  await expect(use()).rejects.toThrow('no 2');
  expect(used).toEqual([0, 1]);
});

test('who leaves closes what makes them', async () => {
  const {items, isClosed} = making();
  for await (const _ of oneAhead(items)) break;
  await turn();
  expect(isClosed()).toBe(true);
});
