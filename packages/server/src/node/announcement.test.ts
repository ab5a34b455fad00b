// A node asks the others who they are, and tells who it is, until it is known; one that hears nothing of the meta
// group any more asks again, and is told if it is a member no more.

import {DbError, type NodeId} from '@flotilla/base';
import {VirtualClock} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {announce} from './announcement.ts';

const SELF = {clusterId: 'c', node: 2 as NodeId, address: 'n2'};

/** Three addresses, of which the second is its own; `answer` is that of each other. */
function announced(answer: (address: string) => object | undefined) {
  const clock = new VirtualClock();
  const asked: string[] = [];
  const heard: string[] = [];
  const state = {isKnown: false, isStopping: false, removed: 0, unmet: [] as string[]};
  // It ends with its clock; a failure of it fails the run.
  void announce({
    self: SELF,
    clock,
    log: {warn: () => undefined},
    identify: async (address) => {
      asked.push(address);
      const said = answer(address);
      if (said === undefined) throw new DbError('UNAVAILABLE', 'nobody there');
      return said;
    },
    addresses: () => ['n1', 'n2', 'n3', 'n3'],
    unmet: () => state.unmet,
    isKnown: () => state.isKnown,
    isStopping: () => state.isStopping,
    onHeard: (node, address) => heard.push(`${node} at ${address}`),
    onRemoved: () => {
      state.removed += 1;
    },
  });
  return {clock, asked, heard, state};
}

test('it asks each other address once a second until it is known', async () => {
  const {clock, asked, heard, state} = announced((address) =>
    address === 'n3' ? {clusterId: 'c', node: 3} : undefined,
  );
  await clock.advance(1_500);
  expect(asked).toEqual(['n1', 'n3', 'n1', 'n3']);
  expect(heard).toEqual(['3 at n3', '3 at n3']);
  state.isKnown = true;
  await clock.advance(60_000);
  expect(asked).toHaveLength(4);
});

test('once it was known it asks every ten seconds, as long as it is not', async () => {
  const {clock, asked, state} = announced(() => undefined);
  state.isKnown = true;
  await clock.advance(60_500);
  state.isKnown = false;
  asked.length = 0;
  await clock.advance(20_000);
  expect(asked).toHaveLength(4);
  state.isKnown = true;
  await clock.advance(60_000);
  expect(asked).toHaveLength(4);
});

test('a member that does not dial it is told of it each second, though all else is well', async () => {
  const {clock, asked, heard, state} = announced(() => ({clusterId: 'c', node: 1}));
  state.isKnown = true;
  await clock.advance(10_500);
  asked.length = 0;
  state.unmet = ['n1'];
  await clock.advance(3_000);
  expect(asked).toEqual(['n1', 'n1', 'n1']);
  expect(heard).toContain('1 at n1');
  state.unmet = [];
  await clock.advance(60_000);
  expect(asked).toHaveLength(3);
});

test('a member no more is told so, also long after its start', async () => {
  let removed = [1];
  const {clock, heard, state} = announced(() => ({clusterId: 'c', node: 3, removed}));
  state.isKnown = true;
  await clock.advance(60_000);
  state.isKnown = false;
  await clock.advance(11_000);
  expect(state.removed).toBe(0);
  expect(heard.length).toBeGreaterThan(0);
  removed = [1, 2];
  heard.length = 0;
  await clock.advance(10_000);
  expect(state.removed).toBeGreaterThan(0);
  expect(heard).toEqual([]);
});

test('another cluster says nothing of this one, and a node that stops hears nothing more', async () => {
  const other = announced(() => ({clusterId: 'd', node: 3, removed: [2]}));
  await other.clock.advance(5_000);
  expect(other.state.removed).toBe(0);
  expect(other.heard).toEqual([]);
  const stopping = announced(() => ({clusterId: 'c', node: 3}));
  await stopping.clock.advance(1_500);
  stopping.state.isStopping = true;
  stopping.asked.length = 0;
  await stopping.clock.advance(60_000);
  expect(stopping.asked).toEqual([]);
});
