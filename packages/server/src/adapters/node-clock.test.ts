import {Worker} from 'node:worker_threads';
import {expect, test} from 'vitest';
import {NodeClock} from './node-clock.ts';
import {createNodeRandom} from './node-random.ts';

const clock = new NodeClock();

test('monotonic time is the same in all threads, so that deadlines may cross them', async () => {
  const script = `
    const {parentPort} = require('node:worker_threads');
    import(${JSON.stringify(new URL('./node-clock.ts', import.meta.url).href)}).then(({NodeClock}) =>
      parentPort.postMessage(new NodeClock().monotonicMs()));`;
  const beforeMs = clock.monotonicMs();
  const worker = new Worker(script, {eval: true});
  const thereMs = await new Promise<number>((resolve) => worker.once('message', resolve));
  expect(thereMs).toBeGreaterThanOrEqual(beforeMs);
  expect(thereMs).toBeLessThanOrEqual(clock.monotonicMs());
  await worker.terminate();
});

test('a cancelled timer never calls back; deferred work comes before timers', async () => {
  const calls: string[] = [];
  clock.setTimer(1, () => calls.push('cancelled')).cancel();
  await new Promise<void>((resolve) => {
    const never = clock.setTimer(Number.POSITIVE_INFINITY, () => calls.push('never'));
    setImmediate(() => {
      clock.setTimer(5, () => {
        calls.push('timer');
        never.cancel();
        resolve();
      });
      clock.defer(() => calls.push('deferred'));
    });
  });
  expect(calls).toEqual(['deferred', 'timer']);
});

test('two generators of one process draw different numbers', () => {
  expect(createNodeRandom().next()).not.toBe(createNodeRandom().next());
});
