import {expect, test} from 'vitest';
import {jointStreams} from './joint-streams.ts';

/** Waits for a node that never answers, until it is stopped. */
async function* frozen(signal: AbortSignal): AsyncGenerator<number, void> {
  await new Promise((_, reject) =>
    signal.addEventListener('abort', () => reject(new Error('stopped')), {once: true}),
  );
}

async function* counting(): AsyncGenerator<number, void> {
  yield 1;
  yield 2;
}

test('letting go of one stream ends those that wait for an answer', async () => {
  const stop = new AbortController();
  const streams = jointStreams([counting(), frozen(stop.signal)], stop);
  const [first, second] = streams.map((stream) => stream[Symbol.asyncIterator]());
  const waiting = expect(second!.next()).rejects.toThrow('stopped');
  expect(await first!.next()).toEqual({done: false, value: 1});
  await Promise.all([first!.return!(), second!.return!()]);
  await waiting;
  expect(await first!.next()).toEqual({done: true, value: undefined});
});
