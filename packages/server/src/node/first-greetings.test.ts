import type {NodeId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {FirstGreetings} from './first-greetings.ts';

const [TWO, THREE, FOUR] = [2, 3, 4] as NodeId[] as [NodeId, NodeId, NodeId];
const RECORDS = [{store: 0, record: 7}];

function greetings() {
  const said: string[] = [];
  const first = new FirstGreetings({
    bootEpoch: 5,
    hasLife: ({life}) => life < 100,
    disown: (records) => said.push(`disown ${records[0]!.record}`),
    threads: () => 2,
    ask: (node, records) => said.push(`ask ${node} ${records[0]!.record}`),
    onVetted: (node) => said.push(`vetted ${node}`),
    onOldImage: (reason) => said.push(reason),
  });
  return {first, said};
}

test('a node is vetted with the answer of the last thread, whatever others wait for', () => {
  const {first, said} = greetings();
  first.greeted(TWO, {bootEpoch: 4, records: RECORDS});
  first.greeted(THREE, {bootEpoch: 4, records: RECORDS});
  first.answered(TWO);
  first.answered(THREE);
  expect(said.splice(0)).toEqual(['ask 2 7', 'ask 3 7']);
  // One that never met this node remembers nothing.
  first.greeted(FOUR, undefined);
  first.answered(THREE);
  expect(said.splice(0)).toEqual(['vetted 4', 'vetted 3']);
  expect([TWO, THREE].map((node) => first.isVetted(node))).toEqual([false, true]);
  first.answered(TWO);
  expect(said).toEqual(['vetted 2']);
  expect(first.isVetted(TWO)).toBe(true);
  expect(() => first.answered(TWO)).toThrow('nobody was asked about node 2');
});

test('later greetings tell nothing: what they remember may be of this life', () => {
  const {first, said} = greetings();
  expect(first.hasMet(TWO)).toBe(false);
  first.greeted(TWO, undefined);
  expect(first.hasMet(TWO)).toBe(true);
  first.greeted(TWO, {bootEpoch: 9, records: RECORDS});
  expect(said).toEqual(['vetted 2']);
  expect(first.knownEpoch).toBe(0);
});

test('the node ends where a thread misses records, or another knows a later start', () => {
  const {first, said} = greetings();
  first.greeted(FOUR, undefined);
  expect(said.splice(0)).toEqual(['vetted 4']);
  first.greeted(TWO, {bootEpoch: 5, records: RECORDS});
  expect(said).toEqual(['ask 2 7']);
  expect(first.isVetted(FOUR)).toBe(true);
  first.foundOldImage();
  expect(first.isVetted(FOUR)).toBe(false);
  first.greeted(THREE, {bootEpoch: 6, records: RECORDS});
  expect(said.slice(1)).toEqual([
    'other nodes know records of its stores that are not there',
    'ask 3 7',
    'node 3 knows a later start of it',
  ]);
  expect(first.knownEpoch).toBe(6);
});

test('a life of another copy is found at any greeting, and settled when all threads have disowned', () => {
  const {first, said} = greetings();
  first.greeted(TWO, {bootEpoch: 5, life: 7, records: RECORDS});
  first.answered(TWO);
  first.answered(TWO);
  first.greeted(THREE, {bootEpoch: 5, records: RECORDS});
  expect(said.splice(0)).toEqual(['ask 2 7', 'vetted 2', 'ask 3 7']);
  // The records of both agree, and it has been greeted before.
  first.greeted(TWO, {bootEpoch: 6, life: 101, records: RECORDS});
  expect(said.splice(0)).toEqual(['disown 7']);
  expect(first.isVetted(TWO)).toBe(false);
  first.greeted(FOUR, {bootEpoch: 5, life: 102, records: RECORDS});
  // Nobody is to remember a life that ends.
  first.answered(THREE);
  first.answered(THREE);
  first.disowned();
  expect(said).toEqual([]);
  expect(first.foreignLives).toEqual([]);
  first.disowned();
  expect(said).toEqual(['another copy of it was started as this node, which others remember']);
  expect(first.foreignLives).toEqual([
    {epoch: 6, life: 101},
    {epoch: 5, life: 102},
  ]);
  expect(first.knownEpoch).toBe(6);
});
