import {expect, test} from 'vitest';
import {type AddressAnswer, decideFounding} from './founding.ts';

const OWN = 'a:8902';
const JOIN = ['a:8902', 'b:8902', 'c:8902'];
const member = (clusterId: string): AddressAnswer => ({clusterId});
const NONE: AddressAnswer = {};

test.each([
  // Its directory belongs to a cluster: both flags are ignored.
  ['resume', {clusterId: 'x', join: JOIN, bootstrap: true}, {}],
  // (a) no --join, on loopback.
  ['found', {}, {}],
  ['wait beyond loopback', {loopback: false}, {}],
  // (b) --bootstrap, alone and beside --join.
  ['found', {loopback: false, bootstrap: true}, {}],
  ['found', {join: [OWN], bootstrap: true}, {}],
  ['wait --join names only', {join: [OWN]}, {}],
  ['found', {join: JOIN, bootstrap: true}, {'b:8902': NONE, 'c:8902': NONE}],
  ['wait to found', {join: JOIN, bootstrap: true}, {'b:8902': NONE}],
  [
    'wait to found a cluster, c:8902 must answer first; other secret',
    {join: JOIN, bootstrap: true},
    {'b:8902': NONE, 'c:8902': {refusal: 'other secret'}},
  ],
  ['join c:8902', {join: JOIN, bootstrap: true}, {'c:8902': member('x')}],
  // Without --bootstrap it never founds.
  ['wait none of', {join: JOIN}, {'b:8902': NONE, 'c:8902': NONE}],
  ['wait none of', {join: JOIN, loopback: true}, {}],
  ['join b:8902', {join: JOIN}, {'b:8902': member('x'), 'c:8902': member('x')}],
  ['wait the addresses', {join: JOIN}, {'b:8902': member('x'), 'c:8902': member('y')}],
] as const)('%s: %j with answers %j', (expected, facts, answers) => {
  const decision = decideFounding({
    join: [],
    bootstrap: false,
    loopback: true,
    ownAddress: OWN,
    ...facts,
    answers: new Map(Object.entries(answers)),
  });
  const text =
    decision.type === 'join'
      ? `join ${decision.address}`
      : decision.type === 'wait'
        ? `wait ${decision.reason}`
        : decision.type;
  expect(text.startsWith(expected), text).toBe(true);
});
