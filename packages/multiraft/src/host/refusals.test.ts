// What a host takes no more of, and how it says so: each limit, and proposals that nobody can commit or apply.

import {LIMITS, type ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {bytes, code, errorOf, SET, started} from './started.fixture.ts';

test('overload is refused before anything is proposed', async () => {
  const cluster = await started();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const host = cluster.host(cluster.leader(1));
  const large = new Uint8Array(8 * 1024 * 1024);
  const deadlineMs = cluster.clock.monotonicMs() + 30_000;
  const all = Array.from({length: 12}, () => code(host.propose(SET, large, {deadlineMs})));
  const codes = await cluster.clock.resolve(Promise.all(all), 60_000);
  expect(codes.filter((one) => one === 'OVERLOADED').length).toBeGreaterThan(2);
  expect(codes.filter((one) => one === 'ok').length).toBeGreaterThan(4);
});

test('proposals_in_flight_bytes_max: one group has half of it, all groups together the whole', async () => {
  const cluster = await started({nodes: 1});
  const sets = [1, 2, 3];
  for (const set of sets) await cluster.found(set, [1]);
  for (const set of sets) await cluster.write(set, 'a');
  const host = cluster.host(1);
  const max = LIMITS.proposals_in_flight_bytes_max.value;
  const large = new Uint8Array(max / 16 - 1_024);
  const deadlineMs = cluster.clock.monotonicMs() + 30_000;
  const propose = (set: number, count: number) =>
    Array.from({length: count}, () =>
      errorOf(host.propose(set as ReplicaSetId, large, {deadlineMs})),
    );
  // Nothing of it is written before time passes.
  const proposed = [propose(1, 9), propose(2, 9), propose(3, 1)].map((all) => Promise.all(all));
  const outcomes = await cluster.clock.resolve(Promise.all(proposed), 60_000);
  const refusals = outcomes.map((all) => all.filter((error) => error !== undefined));
  expect(refusals.map(({length}) => length)).toEqual([1, 1, 1]);
  for (const refusal of refusals.flat())
    expect(refusal).toMatchObject({
      code: 'OVERLOADED',
      details: {limit: 'proposals_in_flight_bytes_max'},
    });
  await cluster.write(3, 'room again');
});

test('raft_uncommitted_bytes_max: without a majority the tail ends there', async () => {
  const limits = {groupProposalsBytesMax: LIMITS.proposals_in_flight_bytes_max.value};
  const cluster = await started({limits});
  await cluster.found(1);
  await cluster.write(1, 'a');
  const leader = cluster.leader(1);
  for (const node of [1, 2, 3]) if (node !== leader) cluster.crash(node);
  const large = new Uint8Array(LIMITS.raft_uncommitted_bytes_max.value / 8 - 1_024);
  const propose = (payload: Uint8Array) => {
    const deadlineMs = cluster.clock.monotonicMs() + 20;
    return errorOf(cluster.host(leader).propose(SET, payload, {deadlineMs}));
  };
  for (let i = 0; i < 8; i++)
    expect(await cluster.clock.resolve(propose(large))).toMatchObject({code: 'OUTCOME_UNKNOWN'});
  expect(cluster.status(leader, 1)?.lastIndex).toBeGreaterThan(8);
  expect(await cluster.clock.resolve(propose(new Uint8Array(8_192)))).toMatchObject({
    code: 'OVERLOADED',
    details: {limit: 'raft_uncommitted_bytes_max'},
  });
});

test('what cannot be applied is refused before it is proposed', async () => {
  const cluster = await started({nodes: 1});
  await cluster.found(1, [1]);
  await cluster.write(1, 'a');
  const deadlineMs = cluster.clock.monotonicMs() + 1_000;
  cluster.machine(1, 1).isReady = false;
  const refused = cluster.host(1).propose(SET, bytes('b'), {deadlineMs});
  expect(await errorOf(refused)).toMatchObject({code: 'OVERLOADED'});
  cluster.machine(1, 1).isReady = true;
  await cluster.write(1, 'c');
});

test('a replica that takes no more still applies what was proposed, and is not wedged', async () => {
  const cluster = await started({nodes: 1});
  await cluster.found(1, [1]);
  await cluster.write(1, 'a');
  const deadlineMs = cluster.clock.monotonicMs() + 1_000;
  const taken = cluster.host(1).propose(SET, bytes('b'), {deadlineMs});
  cluster.machine(1, 1).isTaking = false;
  const refused = cluster.host(1).propose(SET, bytes('c'), {deadlineMs});
  expect(await errorOf(refused)).toMatchObject({code: 'OVERLOADED'});
  await cluster.clock.resolve(taken);
  expect(cluster.machine(1, 1).values).toEqual(['a', 'b']);
  await cluster.clock.advance(6_000);
  expect(cluster.status(1, 1)!.isWedged).toBe(false);
});

test('a majority that is lost ends every proposal in time, as unknown', async () => {
  const cluster = await started();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const leader = cluster.leader(1);
  for (const node of [1, 2, 3]) if (node !== leader) cluster.crash(node);
  const deadlineMs = cluster.clock.monotonicMs() + 400;
  const outcome = code(cluster.host(leader).propose(SET, bytes('b'), {deadlineMs}));
  expect(await cluster.clock.resolve(outcome, 1_000)).toBe('OUTCOME_UNKNOWN');
});

test('what became of a proposal is told once, when it is decided, not when its deadline passes', async () => {
  const cluster = await started();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const host = cluster.host(cluster.leader(1));
  let decided = 0;
  const propose = (value: string, ms: number): Promise<string> => {
    const deadlineMs = cluster.clock.monotonicMs() + ms;
    const onDecided = (): void => {
      decided += 1;
    };
    return cluster.clock.resolve(code(host.propose(SET, bytes(value), {deadlineMs, onDecided})));
  };
  expect([await propose('b', 1_000), decided]).toEqual(['ok', 1]);
  const others = [1, 2, 3].filter((node) => node !== cluster.leader(1));
  for (const node of others) cluster.crash(node);
  // Of the leader that it still is.
  expect([await propose('c', 60), decided]).toEqual(['OUTCOME_UNKNOWN', 1]);
  for (const node of others) await cluster.start(node);
  expect(await cluster.clock.until(() => decided === 2, 5_000)).toBe(true);
  await cluster.write(1, 'd');
  expect(decided).toBe(2);
});

test('of what was never proposed nothing is decided, of what a stop breaks off all is', async () => {
  const cluster = await started();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const leader = cluster.leader(1);
  let decided = 0;
  const deadlineMs = cluster.clock.monotonicMs() + 5_000;
  const onDecided = (): void => {
    decided += 1;
  };
  const propose = (node: number) => {
    const proposed = cluster.host(node).propose(SET, bytes('b'), {deadlineMs, onDecided});
    return cluster.clock.resolve(code(proposed));
  };
  expect([await propose(leader === 1 ? 2 : 1), decided]).toEqual(['NOT_LEADER', 0]);
  cluster.machine(leader, 1).apply = () => {
    throw new Error('broken here');
  };
  expect([await propose(leader), decided]).toEqual(['OUTCOME_UNKNOWN', 1]);
});
