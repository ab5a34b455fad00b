import {MessageChannel} from 'node:worker_threads';
import {expect, it} from 'vitest';
import {type FlushAt, TurnBatch} from './turn-batch.ts';

function batches(flushAt?: FlushAt) {
  const posted: (readonly number[])[] = [];
  const post = (messages: readonly number[]) => posted.push(messages);
  return {posted, batch: new TurnBatch<number, never>(post, flushAt)};
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

it('posts what one turn and its promises give as one, in order', async () => {
  const {posted, batch} = batches();
  setImmediate(() => {
    batch.add(1);
    void Promise.resolve()
      .then(() => batch.add(3))
      .then(() => batch.add(4));
    batch.add(2);
  });
  await turn();
  await turn();
  expect(posted).toEqual([[1, 2, 3, 4]]);
});

it('keeps nothing for the next turn', async () => {
  const {posted, batch} = batches();
  for (const value of [1, 2, 3]) {
    setImmediate(() => batch.add(value));
    await turn();
    await turn();
    expect(posted.length).toBe(value);
  }
  expect(posted).toEqual([[1], [2], [3]]);
});

it.each([
  ['poll-end', [[1, 2, 3]]],
  ['callback-end', [[1, 2], [3]]],
] as const)(
  'until %s waits for callbacks of the same round of the loop',
  async (flushAt, wanted) => {
    const {posted, batch} = batches(flushAt);
    // Timers of one time run in one phase of the loop, as callbacks of sockets that are ready do.
    setTimeout(() => {
      batch.add(1);
      void Promise.resolve().then(() => batch.add(2));
    }, 1);
    setTimeout(() => batch.add(3), 1);
    await expect.poll(() => posted.flat()).toEqual([1, 2, 3]);
    expect(posted).toEqual(wanted);
  },
);

it('transfers what each message gives', async () => {
  const {port1, port2} = new MessageChannel();
  const received = new Promise<Uint8Array[]>((resolve) => port2.once('message', resolve));
  const batch = new TurnBatch<Uint8Array, ArrayBuffer>((messages, transfer) =>
    port1.postMessage(messages, [...transfer]),
  );
  const frames = [Uint8Array.of(1, 2), Uint8Array.of(3)];
  for (const frame of frames) batch.add(frame, [frame.buffer as ArrayBuffer]);
  expect(await received).toEqual([Uint8Array.of(1, 2), Uint8Array.of(3)]);
  expect(frames.map(({byteLength}) => byteLength)).toEqual([0, 0]);
  port1.close();
});
