// Where the system gives the process no more threads: jobs are refused for what passes, none waits for ever behind
// one that was not begun, and the next that finds a thread is carried out. So it is behind one whose thread is stuck.

import {once} from 'node:events';
import type {Worker} from 'node:worker_threads';
import {type Clock, DbError, FatalError, isPassing} from '@flotilla/base';
import {expect, test, vi} from 'vitest';
import {NodeClock} from '../node-clock.ts';
import {ThreadJobs} from './thread-jobs.ts';

const system = vi.hoisted(() => ({refused: 0, error: new Error('none')}));

vi.mock('node:worker_threads', async (original) => {
  const threads = await original<typeof import('node:worker_threads')>();
  class Refusable extends threads.Worker {
    constructor(...args: ConstructorParameters<typeof threads.Worker>) {
      if (system.refused > 0) {
        system.refused -= 1;
        throw system.error;
      }
      super(...args);
    }
  }
  return {...threads, Worker: Refusable};
});

/** Answers each job with itself, but for one that never ends. */
const ECHO = `
  import {parentPort} from 'node:worker_threads';
  parentPort.on('message', ({type, job}) => {
    while (job === 'spin') {}
    if (type === 'begin') parentPort.postMessage(job);
  });
`;

function jobs(clock: Clock = new NodeClock()): ThreadJobs<string, string> {
  return new ThreadJobs({
    entry: new URL(`data:text/javascript,${encodeURIComponent(ECHO)}`),
    work: 'echo',
    workerData: undefined,
    clock,
    log: {info: () => {}, warn: () => {}, error: () => {}},
  });
}

test('a thread that the system refuses passes, and holds up no job', async () => {
  system.error = Object.assign(new Error('EAGAIN'), {code: 'ERR_WORKER_INIT_FAILED'});
  system.refused = 2;
  const echo = jobs();
  for (const job of ['a', 'b']) {
    const refused: unknown = await echo.begin(job).answer.catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(FatalError);
    expect(isPassing(refused)).toBe(true);
    expect(String(refused)).toContain('cannot start the echo thread: EAGAIN; give the process');
  }
  expect(await echo.begin('c').answer).toBe('c');
  await echo.close();
});

test('so it is behind a thread that died', async () => {
  const started = once(process, 'worker');
  const echo = jobs();
  const first = echo.begin('a');
  const waiting = echo.begin('b');
  system.error = Object.assign(new Error('EAGAIN'), {code: 'ERR_WORKER_INIT_FAILED'});
  system.refused = 1;
  const [worker] = (await started) as [Worker];
  await worker.terminate();
  await expect(first.answer).rejects.toThrow('the echo thread died');
  await expect(waiting.answer).rejects.toThrow('cannot start the echo thread');
  expect(await echo.begin('c').answer).toBe('c');
  await echo.close();
});

test('any other reason is told as it is', async () => {
  system.error = new Error('BUG: no such entry');
  system.refused = 1;
  const echo = jobs();
  await expect(echo.begin('a').answer).rejects.toBe(system.error);
  expect(await echo.begin('b').answer).toBe('b');
  await echo.close();
});

test('a thread that hears no stop is ended, and its job with it', async () => {
  const hurried = new NodeClock();
  const waits: number[] = [];
  const setTimer = hurried.setTimer.bind(hurried);
  hurried.setTimer = (ms, call) => {
    waits.push(ms);
    return setTimer(Math.min(ms, 200), call);
  };
  const echo = jobs(hurried);
  const stuck = echo.begin('spin');
  const waiting = echo.begin('a');
  stuck.stop(new DbError('CANCELLED', 'closing'));
  await expect(stuck.answer).rejects.toMatchObject({code: 'UNAVAILABLE'});
  expect(waits[0]).toBe(5_000);
  expect(await waiting.answer).toBe('a');
  expect(echo.deaths).toBe(1);
  await echo.close();
});
