// Goal: what another node remembers decides, in this order, what the threads are told and who may hear of newer
// records; and a directory that shows itself an old image is another life before the node has ended.

import type {NodeId} from '@flotilla/base';
import {VirtualClock} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {Remembrance} from './remembrance.ts';
import {VOUCHING_MS_MAX} from './vouching.ts';

const [TWO, THREE] = [2, 3] as [NodeId, NodeId];
const LIFE = {own: 1, foreign: 2};

function remembrance() {
  const clock = new VirtualClock();
  const said: string[] = [];
  const one = new Remembrance({
    directory: {
      bootEpoch: 5,
      hasLife: ({life}) => life === LIFE.own,
      raiseBootEpoch: async (epoch) => void said.push(`epoch ${epoch}`),
      settleLives: async (lives) => void said.push(`settled ${lives.length}`),
    },
    others: () => [TWO, THREE],
    clock,
    log: {warn: ({nodes}) => said.push(`unheard ${nodes}`)},
    threads: () => 2,
    tellThreads: ({type}) => said.push(type),
    onVetted: (node) => said.push(`vetted ${node}`),
    onEnd: (_code, reason) => said.push(reason),
  });
  return {one, clock, said};
}

test('once the last of the others has no more to say than is here, single voters may lead', () => {
  const {one, said} = remembrance();
  one.start();
  one.greeted(TWO, undefined);
  expect(one.isVetted(TWO)).toBe(true);
  one.greeted(THREE, {bootEpoch: 4, life: LIFE.own, records: []});
  one.answered(THREE);
  expect(one.isVetted(THREE)).toBe(false);
  expect(said).toEqual(['vetted 2', 'remembered']);
  one.answered(THREE);
  expect(said).toEqual(['vetted 2', 'remembered', 'vetted 3', 'vouched']);
});

test('who says nothing in time is named', async () => {
  const {one, clock, said} = remembrance();
  one.start();
  one.greeted(TWO, undefined);
  await clock.advance(VOUCHING_MS_MAX);
  expect(said).toEqual(['vetted 2', 'vouched', 'unheard 3']);
});

test('an old image ends as such, above the start that others know and with the lives of its copies', async () => {
  const {one, said} = remembrance();
  one.greeted(TWO, {bootEpoch: 9, life: LIFE.foreign, records: []});
  one.disowned();
  expect(said).toEqual(['disown']);
  one.disowned();
  await expect
    .poll(() => said.slice(1))
    .toEqual([
      'epoch 9',
      'settled 1',
      expect.stringContaining('an older image of itself: another copy of it'),
    ]);
});
