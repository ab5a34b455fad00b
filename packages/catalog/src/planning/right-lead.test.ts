// Who leads a set while a replica is made anew from its leader's rows.

import type {ReplicaId} from '@flotilla/base';
import {expect, test} from 'vitest';
import type {Operation} from '../model.ts';
import {planRightLead, wrongCopyFault} from './repairs.ts';
import {type Situation, view} from './situation.fixture.ts';

const led = {voters: [1, 2, 3], leader: 1};
const to = (replica: number) => ({type: 'act', action: {type: 'transfer-leader', to: replica}});
const waitsFor = (replica: number) => ({type: 'wait', for: `replica ${replica} to catch up`});

test.each<[string, Situation, number[], object | undefined]>([
  ['one that is right leads', led, [2], undefined],
  ['one that differs gives the lead away', led, [1], to(2)],
  ['so does a damaged one', {...led, damaged: [1]}, [], to(2)],
  ['not to another that differs', led, [1, 2], to(3)],
  // It has just been elected, and has heard of nobody yet.
  ['it sends nothing before somebody can take it', {...led, lagging: [2, 3]}, [1], waitsFor(2)],
  ['nobody is waited for who does not answer', {...led, dead: [2, 3]}, [1], undefined],
  ['nor who differs too', {...led, lagging: [2, 3]}, [1, 2, 3], undefined],
])('%s', (_, situation, differing, decision) => {
  const decided = planRightLead(view(situation), new Set(differing as ReplicaId[]));
  if (decision === undefined) expect(decided).toBeUndefined();
  else expect(decided).toMatchObject(decision);
});

const copied = {voters: [1, 2, 3], learners: [4], leader: 2};

test.each<[string, number | undefined, string | undefined]>([
  [
    'the one that differs',
    1,
    'replica 4 got its rows from replica 1, which differs from the others',
  ],
  ['one that is right', 2, undefined],
  ['nobody knows', undefined, undefined],
])('a copy that came from %s', (_, sender, fault) => {
  const receivedFrom: Record<number, number> = sender === undefined ? {} : {4: sender};
  const operation = {target: 4 as ReplicaId} as Operation;
  const found = wrongCopyFault(
    operation,
    view({...copied, receivedFrom}),
    new Set([1 as ReplicaId]),
  );
  expect(found).toBe(fault);
});
