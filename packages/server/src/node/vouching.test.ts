import type {NodeId} from '@flotilla/base';
import {VirtualClock} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {VOUCHING_MS_MAX, Vouching} from './vouching.ts';

const [TWO, THREE] = [2, 3] as NodeId[] as [NodeId, NodeId];

function vouching({others = [TWO, THREE], waitMs}: {others?: NodeId[]; waitMs?: number} = {}) {
  const clock = new VirtualClock();
  const vetted = new Set<NodeId>();
  const known = new Set(others);
  const ended: (readonly NodeId[])[] = [];
  const wait = new Vouching(
    {
      clock,
      others: () => known,
      isVetted: (node) => vetted.has(node),
      onVouched: (unheard) => ended.push(unheard),
    },
    waitMs,
  );
  return {wait, clock, vetted, known, ended};
}

test('a node that knows no other waits for nobody', () => {
  const {wait, ended} = vouching({others: []});
  wait.start();
  expect(ended).toEqual([[]]);
  wait.settle();
  expect(ended).toHaveLength(1);
});

test('each other node that is known is waited for, and once one is a member no more the rest', async () => {
  const {wait, clock, vetted, known, ended} = vouching();
  wait.start();
  vetted.add(TWO);
  wait.settle();
  expect(ended).toEqual([]);
  known.delete(THREE);
  wait.settle();
  await clock.advance(2 * VOUCHING_MS_MAX);
  expect(ended).toEqual([[]]);
});

test('one that stays away is not waited for for ever, and is named', async () => {
  const {wait, clock, vetted, ended} = vouching();
  wait.start();
  vetted.add(THREE);
  wait.settle();
  await clock.advance(VOUCHING_MS_MAX - 1);
  expect(ended).toEqual([]);
  await clock.advance(1);
  expect(ended).toEqual([[TWO]]);
  vetted.add(TWO);
  wait.settle();
  expect(ended).toHaveLength(1);
});

test('nobody is told after the end', async () => {
  const {wait, clock, known, ended} = vouching();
  wait.start();
  wait.stop();
  known.clear();
  wait.settle();
  await clock.advance(2 * VOUCHING_MS_MAX);
  expect(ended).toEqual([]);
});
