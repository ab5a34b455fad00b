import {Worker} from 'node:worker_threads';
import type {StoreId} from '@flotilla/base';
import {expect, it} from 'vitest';
import {ThreadVitals} from './thread-vitals.ts';

const STORES = [0, 2] as StoreId[];

it('says nothing of stores before it was told, and takes the thread for alive at its start', () => {
  const vitals = new ThreadVitals(STORES);
  expect(vitals.stores()).toEqual([]);
  expect(vitals.ages(1_700, 1_000)).toEqual({turnAgeMs: 700, writeAgeMs: 0});
});

it('ages from what was told last, whole and never below zero', () => {
  const vitals = new ThreadVitals(STORES);
  const stores = [
    {store: 0, durableRecord: 0, isFull: false},
    {store: 2, durableRecord: 2 ** 53 - 1, isFull: true},
  ];
  vitals.tell({tickMs: 5_000.25, writingSinceMs: 4_000.5, stores});
  expect(vitals.stores()).toEqual(stores);
  expect(vitals.ages(5_100, 0)).toEqual({turnAgeMs: 100, writeAgeMs: 1_000});
  expect(vitals.ages(4_999, 0)).toEqual({turnAgeMs: 0, writeAgeMs: 1_000});
  vitals.tell({tickMs: 5_100, writingSinceMs: undefined, stores});
  expect(vitals.ages(5_650, 0)).toEqual({turnAgeMs: 550, writeAgeMs: 0});
});

it('is one memory in two threads', async () => {
  const vitals = new ThreadVitals(STORES);
  const url = new URL('./thread-vitals.ts', import.meta.url).href;
  const source = `
    const {workerData} = require('node:worker_threads');
    import(${JSON.stringify(url)}).then(({ThreadVitals}) => {
      const stores = [0, 2].map((store) => ({store, durableRecord: 7 + store, isFull: store === 0}));
      new ThreadVitals([0, 2], workerData).tell({tickMs: 10, writingSinceMs: 4, stores});
    });`;
  const worker = new Worker(source, {eval: true, workerData: vitals.memory});
  await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
  expect(vitals.ages(20, 0)).toEqual({turnAgeMs: 10, writeAgeMs: 6});
  expect(vitals.stores()).toEqual([
    {store: 0, durableRecord: 7, isFull: true},
    {store: 2, durableRecord: 9, isFull: false},
  ]);
});
