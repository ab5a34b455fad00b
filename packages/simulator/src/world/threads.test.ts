import type {StoreId} from '@flotilla/base';
import {MemoryDisk} from '@flotilla/testkit';
import {beforeEach, expect, test} from 'vitest';
import {Chance} from '../kernel/chance.ts';
import {Kernel} from '../kernel/kernel.ts';
import {Process} from '../kernel/process.ts';
import {Trace} from '../kernel/trace.ts';
import {Threads} from './threads.ts';

const STORES = [0, 1, 2] as StoreId[];

let kernel: Kernel;
let disk: MemoryDisk;

function threadsOf(count: number): Threads {
  const newProcess = (name: string) =>
    new Process(kernel, {name, wall: {skewMs: 0}, rate: 1, startMs: 0});
  return new Threads({kernel, chance: new Chance(1), count, stores: STORES, disk, newProcess});
}

const advance = (ms: number): Promise<void> => kernel.run(() => false, kernel.nowMs + ms);

beforeEach(() => {
  kernel = new Kernel(new Trace(false));
  disk = new MemoryDisk();
});

test('store i is on thread i mod N', () => {
  const storesOf = (count: number) => threadsOf(count).engines.map(({stores}) => stores);
  expect(storesOf(1)).toEqual([[0, 1, 2]]);
  expect(storesOf(2)).toEqual([[0, 2], [1]]);
  expect(storesOf(3)).toEqual([[0], [1], [2]]);
});

test('what a thread is told while it stands still it hears in order, and the others go on', async () => {
  const {engines} = threadsOf(2);
  const heard: string[] = [];
  const [first, second] = engines;
  first!.process.pause();
  for (const word of ['a', 'b']) first!.post(() => heard.push(word));
  second!.post(() => heard.push('other'));
  await advance(10);
  expect(heard).toEqual(['other']);
  first!.process.resume();
  first!.post(() => heard.push('c'));
  await advance(10);
  expect(heard).toEqual(['other', 'a', 'b', 'c']);
});

test('what the disk answers waits for the thread that asked, of a file too', async () => {
  const {engines} = threadsOf(2);
  const answered: number[] = [];
  for (const {index, disk: own, post} of engines)
    post(() => {
      const written = own.open(`f${index}`, 'create').then(async (file) => {
        await file.writeAt(0, [new Uint8Array(3)]);
        expect(await file.size()).toBe(3);
        if (index === 0) engines[0]!.process.pause();
        await file.sync();
        answered.push(index);
      });
      written.catch((error: unknown) => expect(error).toBeUndefined());
    });
  await advance(10);
  expect(answered).toEqual([1]);
  engines[0]!.process.resume();
  await advance(10);
  expect(answered).toEqual([1, 0]);
});

test('a question is asked in the thread and answered in the main one, a refusal too', async () => {
  const threads = threadsOf(2);
  const thread = threads.engines[1]!;
  let answer = '';
  const ask = (question: () => Promise<string>): void => {
    threads.ask(thread, question).then(
      (value) => (answer = value),
      (error: unknown) => (answer = String(error)),
    );
  };
  ask(async () => 'yes');
  threads.main.pause();
  await advance(10);
  expect(answer).toBe('');
  threads.main.resume();
  await advance(10);
  expect(answer).toBe('yes');
  ask(() => {
    throw new Error('no');
  });
  await advance(10);
  expect(answer).toBe('Error: no');
});

test('all threads of a process die with it', async () => {
  const threads = threadsOf(2);
  const heard: number[] = [];
  for (const {index, post} of threads.engines) post(() => heard.push(index));
  threads.die();
  await advance(10);
  expect(heard).toEqual([]);
});
