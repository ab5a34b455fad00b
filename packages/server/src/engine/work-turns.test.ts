import {expect, test} from 'vitest';
import {NodeClock} from '../adapters/index.ts';
import {WorkTurns} from './work-turns.ts';

/** A clock whose turns the test takes, and whose time passes as work says. */
function handClock() {
  const deferred: (() => void)[] = [];
  const clock = {nowMs: 0, defer: (callback: () => void) => void deferred.push(callback)};
  const turns = new WorkTurns(
    Object.assign(new NodeClock(), {defer: clock.defer, monotonicMs: () => clock.nowMs}),
  );
  const turn = () => {
    for (const callback of deferred.splice(0)) callback();
  };
  return {clock, turns, turn, isIdle: () => deferred.length === 0};
}

test('long work gets a turn each, short work shares one, in the order of calls', async () => {
  const {clock, turns, turn, isIdle} = handClock();
  const ran: string[] = [];
  const work = (name: string, ms: number) =>
    turns.run(() => {
      ran.push(name);
      clock.nowMs += ms;
      return name;
    });
  const all = [work('a', 50), work('b', 50), work('c', 1), work('d', 1), work('e', 1)];
  expect(ran).toEqual([]);
  turn();
  expect(ran).toEqual(['a']);
  turn();
  expect(ran).toEqual(['a', 'b']);
  turn();
  expect(ran).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(isIdle()).toBe(true);
  expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd', 'e']);
});

test('work of many steps goes on turn by turn, and nothing overtakes it', async () => {
  const {clock, turns, turn} = handClock();
  const ran: string[] = [];
  let left = 5;
  const long = turns.run(() => {
    ran.push(`step ${left}`);
    clock.nowMs += 3;
    return --left === 0 ? 'end' : undefined;
  });
  const next = turns.run(() => {
    ran.push('next');
    return 'next';
  });
  turn();
  expect(ran).toEqual(['step 5', 'step 4']);
  turn();
  expect(ran).toEqual(['step 5', 'step 4', 'step 3', 'step 2']);
  turn();
  expect(ran.slice(4)).toEqual(['step 1', 'next']);
  expect(await Promise.all([long, next])).toEqual(['end', 'next']);
});

test('work that fails fails alone', async () => {
  const {turns, turn} = handClock();
  const failed = turns.run(() => {
    throw new Error('this one');
  });
  const next = turns.run(() => 'next');
  turn();
  await expect(failed).rejects.toThrow('this one');
  expect(await next).toBe('next');
  const later = turns.run(() => 'later');
  turn();
  expect(await later).toBe('later');
});
