import fc from 'fast-check';
import {expect, test} from 'vitest';
import {candidatesOf, nearestCandidate} from './candidates.ts';
import {replicaView, setView, unreachable} from './set-view.fixture.ts';

const whyOf = (replicas: Parameters<typeof setView>[0]) =>
  Object.fromEntries(candidatesOf(setView(replicas)).map(({node, why}) => [node, why]));

test('the log that ends in the later term is the more complete one, then the longer one', () => {
  const replicas = [
    replicaView(1, {lastTerm: 3, lastIndex: 99}),
    replicaView(2, {lastTerm: 4, lastIndex: 10}),
    replicaView(3, {lastTerm: 4, lastIndex: 12}),
  ];
  const candidates = candidatesOf(setView(replicas));
  expect(candidates.map(({node, votes, canWin}) => [node, votes, canWin])).toEqual([
    [3, 3, true],
    [2, 2, true],
    [1, 1, false],
  ]);
  expect(candidates[2]!.why).toBe(
    'its log ends at term and index (3, 99), and those of nodes 2 (4, 10), 3 (4, 12) hold more',
  );
  expect(candidates[1]!.lag).toBe(2);
});

test('who cannot lead is told why', () => {
  expect(whyOf([replicaView(1), unreachable(2), unreachable(3)])).toEqual({
    1: 'only 1 of 3 voters answer, and it takes 2',
    2: 'its node does not answer',
    3: 'its node does not answer',
  });
  const odd = [
    replicaView(1),
    replicaView(2, {stopped: 'checksum mismatch', state: 'stopped'}),
    replicaView(3),
    replicaView(4, {role: 'learner'}),
    {...unreachable(5), state: 'missing'},
  ];
  expect(whyOf(odd)).toEqual({
    1: 'only 2 of 4 voters answer, and it takes 3',
    2: 'it has stopped: checksum mismatch',
    3: 'only 2 of 4 voters answer, and it takes 3',
    4: 'a learner does not stand for election',
    5: 'its node has no such replica',
  });
});

test('one that answers beside two that do not is the nearest, though it cannot win', () => {
  expect(nearestCandidate(setView([unreachable(1), unreachable(2), replicaView(3)]))?.node).toBe(3);
  expect(nearestCandidate(setView([unreachable(1)]))).toBeUndefined();
});

const log = fc.record({lastTerm: fc.integer({min: 1, max: 3}), lastIndex: fc.nat(4)});
const voters = fc.array(fc.option(log, {nil: undefined}), {minLength: 1, maxLength: 7});

test('whoever can win holds all that any majority may have committed', () => {
  fc.assert(
    fc.property(voters, (logs) => {
      const replicas = logs.map((ends, i) =>
        ends ? replicaView(i + 1, ends) : unreachable(i + 1),
      );
      const majority = Math.floor(logs.length / 2) + 1;
      for (const {node, canWin} of candidatesOf(setView(replicas))) {
        const own = logs[node - 1];
        const grants = logs.filter(
          (other) =>
            own !== undefined &&
            other !== undefined &&
            (own.lastTerm > other.lastTerm ||
              (own.lastTerm === other.lastTerm && own.lastIndex >= other.lastIndex)),
        );
        expect(canWin).toBe(grants.length >= majority);
      }
    }),
  );
});
