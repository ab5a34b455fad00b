import type {WorkClass} from '@flotilla/base';
import {expect, test} from 'vitest';
import {NodeClock} from '../adapters/index.ts';
import {WorkTurns} from './work-turns.ts';

/** A thread whose turns the test takes, and whose time passes as work says. */
function handThread() {
  let deferred: (() => void)[] = [];
  const clock = {nowMs: 0, defer: (callback: () => void) => void deferred.push(callback)};
  const turns = new WorkTurns(
    Object.assign(new NodeClock(), {defer: clock.defer, monotonicMs: () => clock.nowMs}),
  );
  /** One look at sockets and timers, which takes so long, then what was deferred by then. */
  const turn = async (restMs = 0): Promise<void> => {
    clock.nowMs += restMs;
    const batch = deferred;
    deferred = [];
    for (const callback of batch) {
      callback();
      // What a callback resolves goes on before the next one, as in Node.
      await settled();
    }
  };
  return {clock, turns, turn, isIdle: () => deferred.length === 0};
}

type Thread = ReturnType<typeof handThread>;

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Pieces of 0.5 ms, until the test has seen enough. */
function worker(thread: Thread, work: WorkClass, urgency?: () => number) {
  const job = {work, urgency};
  const {clock, turns} = thread;
  const worker = {spentMs: 0, isStopped: false};
  const run = async (): Promise<void> => {
    while (!worker.isStopped) {
      const due = turns.due(job);
      if (due !== undefined) await due;
      clock.nowMs += 0.5;
      worker.spentMs += 0.5;
    }
  };
  void run();
  return worker;
}

test('long bodies get a turn each, short ones share one, in the order of calls', async () => {
  const {clock, turns, turn, isIdle} = handThread();
  const ran: string[] = [];
  const work = (name: string, ms: number) =>
    turns.run(() => {
      ran.push(name);
      clock.nowMs += ms;
      return name;
    });
  const all = [work('a', 50), work('b', 50), work('c', 1), work('d', 1), work('e', 1)];
  expect(ran).toEqual([]);
  await turn();
  expect(ran).toEqual(['a']);
  await turn();
  expect(ran).toEqual(['a', 'b']);
  await turn();
  expect(ran).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(isIdle()).toBe(true);
  expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd', 'e']);
});

test('a body of many steps goes on turn by turn, and nothing overtakes it', async () => {
  const {clock, turns, turn} = handThread();
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
  await turn();
  expect(ran).toEqual(['step 5', 'step 4']);
  await turn();
  expect(ran).toEqual(['step 5', 'step 4', 'step 3', 'step 2']);
  await turn();
  expect(ran.slice(4)).toEqual(['step 1', 'next']);
  expect(await Promise.all([long, next])).toEqual(['end', 'next']);
});

test('a body that fails fails alone', async () => {
  const {turns, turn} = handThread();
  const failed = turns.run(() => {
    throw new Error('this one');
  });
  const next = turns.run(() => 'next');
  await Promise.all([turn(), expect(failed).rejects.toThrow('this one')]);
  expect(await next).toBe('next');
  const later = turns.run(() => 'later');
  await turn();
  expect(await later).toBe('later');
});

test('however many queries and flushes there are, one slice of them runs in a turn', async () => {
  const thread = handThread();
  const {clock, turn, turns} = thread;
  const workers = [
    ...Array.from({length: 20}, () => worker(thread, 'query')),
    ...Array.from({length: 5}, () => worker(thread, 'flush')),
  ];
  for (let i = 0; i < 200; i++) {
    const beganMs = clock.nowMs;
    await turn(1);
    // The shortest slice, and the piece in which it ended.
    expect(clock.nowMs - beganMs).toBeLessThanOrEqual(1 + 2.5);
  }
  // Round robin: nobody has had a slice more than another of the class.
  const ofQueries = workers.slice(0, 20).map(({spentMs}) => spentMs);
  expect(Math.max(...ofQueries) - Math.min(...ofQueries)).toBeLessThanOrEqual(2.5);
  expect(Math.min(...ofQueries)).toBeGreaterThan(0);
  // Flushes in their order: who comes later waits for the end of those before.
  expect(workers.slice(20).map(({spentMs}) => spentMs > 0)).toEqual([
    true,
    ...Array(4).fill(false),
  ]);
  // Bodies come first in a turn, and wait for one slice at most.
  const beganMs = clock.nowMs;
  const body = turns.run(() => clock.nowMs);
  await turn(1);
  expect((await body) - beganMs).toBeLessThanOrEqual(1);
  for (const each of workers) each.isStopped = true;
});

test('a thread that is full of writes leaves a share to long work, and a slice stays short', async () => {
  const thread = handThread();
  const {clock, turn} = thread;
  const query = worker(thread, 'query');
  const turnsTaken = 500;
  let longestMs = 0;
  for (let i = 0; i < turnsTaken; i++) {
    const beganMs = clock.nowMs;
    await turn(12);
    longestMs = Math.max(longestMs, clock.nowMs - beganMs - 12);
  }
  query.isStopped = true;
  expect(longestMs).toBeLessThanOrEqual(6.5);
  expect(query.spentMs / clock.nowMs).toBeGreaterThan(0.3);
});

test('a flush that is as far behind as can be has two thirds of a thread that is full of writes', async () => {
  const thread = handThread();
  const flush = worker(thread, 'flush', () => 1);
  for (let i = 0; i < 500; i++) await thread.turn(6);
  flush.isStopped = true;
  expect(flush.spentMs / thread.clock.nowMs).toBeCloseTo(2 / 3, 1);
});

test('each class gets on under the load of the other; a flush that is behind gets the most', async () => {
  const shares: number[] = [];
  for (const urgency of [0, 0.5, 1]) {
    const thread = handThread();
    const queries = Array.from({length: 10}, () => worker(thread, 'query'));
    const flush = worker(thread, 'flush', () => urgency);
    for (let i = 0; i < 500; i++) await thread.turn(10);
    const ofQueries = queries.reduce((sum, {spentMs}) => sum + spentMs, 0);
    shares.push(flush.spentMs / (flush.spentMs + ofQueries));
    for (const each of [...queries, flush]) each.isStopped = true;
  }
  expect(shares[0]).toBeCloseTo(1 / 4, 1);
  expect(shares[1]).toBeCloseTo(5 / 8, 1);
  expect(shares[2]).toBeCloseTo(9 / 12, 1);
});

test('flushes go one after the other, each with the urgency of whoever is behind', async () => {
  const thread = handThread();
  const sofar = (): number[] => flushes.map(({spentMs}) => spentMs);
  let behind = 0;
  const urgencies = [() => 0, () => behind, () => 0];
  const flushes = urgencies.map((urgency) => worker(thread, 'flush', urgency));
  const compaction = worker(thread, 'compaction');
  for (let i = 0; i < 100; i++) await thread.turn(6);
  const [first] = sofar();
  expect(first).toBeGreaterThan(0);
  expect(sofar()).toEqual([first, 0, 0]);
  expect(compaction.spentMs / (first! + compaction.spentMs)).toBeCloseTo(1 / 2, 1);
  behind = 1;
  const beganMs = thread.clock.nowMs;
  for (let i = 0; i < 100; i++) await thread.turn(6);
  expect((sofar()[0]! - first!) / (thread.clock.nowMs - beganMs)).toBeGreaterThan(0.5);
  flushes[0]!.isStopped = true;
  for (let i = 0; i < 100; i++) await thread.turn(6);
  expect(sofar().map((spentMs) => spentMs > 0)).toEqual([true, true, false]);
  for (const each of [...flushes, compaction]) each.isStopped = true;
});

test('a class that was idle has no claim on the time that it did not ask for', async () => {
  const thread = handThread();
  const flush = worker(thread, 'flush');
  for (let i = 0; i < 500; i++) await thread.turn(1);
  const query = worker(thread, 'query');
  const {spentMs} = flush;
  for (let i = 0; i < 100; i++) await thread.turn(1);
  expect((flush.spentMs - spentMs) / (flush.spentMs - spentMs + query.spentMs)).toBeCloseTo(
    0.25,
    1,
  );
  query.isStopped = true;
  flush.isStopped = true;
});

test('what waits for a disk in its slice leaves the rest of it to others, and ends by the clock', async () => {
  const {clock, turns, turn} = handThread();
  const first = turns.due({work: 'query'});
  await turn();
  await first;
  expect(turns.due({work: 'query'})).toBeUndefined();
  // It waits for its disk; another begins in the next look at sockets.
  clock.nowMs += 1;
  expect(turns.due({work: 'flush'})).toBeUndefined();
  clock.nowMs += 5;
  expect(turns.due({work: 'flush'})).toBeInstanceOf(Promise);
});

test('time in which nobody asked is charged to nobody', async () => {
  const thread = handThread();
  const {clock, turns, turn} = thread;
  const last = turns.due({work: 'flush'});
  await turn();
  await last;
  clock.nowMs += 600_000;
  const query = worker(thread, 'query');
  const flush = worker(thread, 'flush');
  for (let i = 0; i < 300; i++) await turn(6);
  for (const each of [query, flush]) each.isStopped = true;
  expect(flush.spentMs / (flush.spentMs + query.spentMs)).toBeCloseTo(1 / 4, 1);
  expect(turns.counts.flush.slices.sum).toBeLessThan(2);
});

test('alone in a thread, work gets all of its time but the turns', async () => {
  const thread = handThread();
  const query = worker(thread, 'query');
  for (let i = 0; i < 1_000; i++) await thread.turn(0.05);
  query.isStopped = true;
  expect(query.spentMs / thread.clock.nowMs).toBeGreaterThan(0.95);
  // What a class got is counted, but for a piece that nobody asked after.
  const {slices, waits} = thread.turns.counts.query;
  expect(slices.sum * 1_000).toBeGreaterThan(0.95 * query.spentMs);
  expect(waits.sum * 1_000).toBeCloseTo(1_000 * 0.05, 0);
  expect(thread.turns.counts.flush.slices.sum).toBe(0);
});
