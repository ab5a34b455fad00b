import {DbError, type NodeId, type ReplicaSetId} from '@flotilla/base';
import type {Fragment} from '@flotilla/query';
import {beforeEach, describe, expect, test} from 'vitest';
import {errorOf, FakeCluster, fails, NODES, OK} from '../fakes.fixture.ts';
import {FragmentReader, isMissingSet} from './fragment-reader.ts';

let cluster: FakeCluster;
let reader: FragmentReader;
let fragment: Fragment;

beforeEach(() => {
  cluster = new FakeCluster();
  reader = new FragmentReader({node: NODES[0]!, ...cluster.callerPorts()});
  fragment = {set: cluster.addBucket()[0] as ReplicaSetId} as Fragment;
});

function read(signal = new AbortController().signal): Promise<void> {
  const options = {consistency: 'linearizable', deadlineMs: 30_000, signal} as const;
  const drain = async (): Promise<void> => {
    for await (const chunk of reader.read(fragment, options)) expect(chunk).toBeDefined();
  };
  return cluster.clock.resolve(drain());
}

test('a replica that does not begin to answer is passed over', async () => {
  cluster.rpc.behave = (node) => (node === 1 ? () => 'silent' : OK);
  await read();
  expect(cluster.rpc.asked).toEqual([1, 2]);
  expect(cluster.clock.monotonicMs()).toBe(5_250);
});

test('one whose node goes away is passed over at once', async () => {
  cluster.rpc.behave = (node) => (node === 1 ? () => 'silent' : OK);
  cluster.clock.setTimer(600, () => cluster.nodes.changed(1 as NodeId, false));
  await read();
  expect(cluster.clock.monotonicMs()).toBe(600);
});

test('so is one that goes away in the very turn in which it begins', async () => {
  cluster.rpc.behave = () => OK;
  const stream = cluster.rpc.stream.bind(cluster.rpc);
  cluster.rpc.stream = (target, method, payload, options) => {
    const chunks = stream(target, method, payload, options);
    const begin = chunks.next.bind(chunks);
    // Its first frame and the news of its node are taken up one behind the other; who reads runs after both.
    if (target.node === 1)
      chunks.next = async () => {
        if (options.signal?.aborted) throw new DbError('CANCELLED', 'broken off');
        const first = await begin();
        cluster.nodes.changed(1 as NodeId, false);
        return first;
      };
    return chunks;
  };
  await read();
  expect(cluster.rpc.asked).toEqual([1, 2]);
});

test('a frozen leader that the others still name is not asked', async () => {
  const named = fails('NOT_LEADER', 'node 1 leads', {leader: 1});
  cluster.nodes.changed(1 as NodeId, false);
  cluster.rpc.behave = (node) => {
    if (node === 1) return () => 'silent';
    return cluster.clock.monotonicMs() < 100 ? named : OK;
  };
  await read();
  expect(cluster.rpc.asked).not.toContain(1);
  expect(cluster.clock.monotonicMs()).toBeLessThan(400);
});

test('a client that goes away cancels, and nobody else is asked', async () => {
  const client = new AbortController();
  cluster.clock.setTimer(600, () => client.abort());
  expect((await errorOf(read(client.signal))).code).toBe('CANCELLED');
  expect(cluster.rpc.asked).toEqual([1]);
});

test('a dropped set fails the query at once, and by name', async () => {
  cluster.apply({type: 'drop-bucket', bucket: cluster.catalog.replicaSet(fragment.set)!.bucket});
  const error = await errorOf(read());
  expect(error.details['replicaSet']).toBe(fragment.set);
  expect(cluster.clock.monotonicMs()).toBe(0);
});

test('what no other replica would answer otherwise is the answer', async () => {
  cluster.rpc.behave = () => fails('QUERY_ERROR', 'overflow');
  expect((await errorOf(read())).code).toBe('QUERY_ERROR');
  expect(cluster.rpc.asked).toEqual([1]);
});

describe('stale', () => {
  const tooOld = fails('STALE_TOO_OLD', 'the replica is of unknown age');
  const stale = {consistency: 'stale', maxStalenessMs: 50, deadlineMs: 30_000} as const;
  const begin = () => {
    const {signal} = new AbortController();
    return cluster.clock.resolve(reader.begin(fragment, {...stale, beginDeadlineMs: 500, signal}));
  };

  test('the own replica is asked first, whoever leads, and is named', async () => {
    cluster.leaders.learn(fragment.set, NODES[1]!);
    cluster.rpc.behave = () => OK;
    const {node, set, origin} = await begin();
    expect({node, set, origin}).toEqual({
      node: 1,
      set: fragment.set,
      origin: {replica: 1, appliedIndex: 7, ageMs: 0},
    });
    expect(cluster.rpc.asked).toEqual([1]);
  });

  test('another replica answers where the own one is too old', async () => {
    cluster.rpc.behave = (node) => (node === 3 ? OK : tooOld);
    expect((await begin()).node).toBe(3);
    expect(cluster.leaders.candidates(fragment.set, cluster.catalog)).toEqual(NODES);
  });

  test('where all are too old or dead the refusal says so, by name and early', async () => {
    const dead = fails('UNAVAILABLE', 'not connected');
    cluster.rpc.behave = (node) => (node === 1 ? tooOld : dead);
    const error = await errorOf(begin());
    expect(error).toMatchObject({code: 'STALE_TOO_OLD', details: {replicaSet: fragment.set}});
    expect(cluster.clock.monotonicMs()).toBeLessThanOrEqual(500);
    expect(isMissingSet(error)).toBe(true);
  });
});

test('what begins too late for the query counts as missing; other failures do not', async () => {
  const {signal} = new AbortController();
  const options = {consistency: 'linearizable', deadlineMs: 30_000, signal} as const;
  const begin = () =>
    cluster.clock.resolve(
      reader.begin(fragment, {...options, beginDeadlineMs: cluster.clock.monotonicMs() + 900}),
    );
  const error = await errorOf(begin());
  expect(error).toMatchObject({code: 'UNAVAILABLE', details: {replicaSet: fragment.set}});
  expect(cluster.clock.monotonicMs()).toBeLessThanOrEqual(900 + 250);
  expect(isMissingSet(error)).toBe(true);
  cluster.rpc.behave = () => fails('QUERY_ERROR', 'overflow');
  expect(isMissingSet(await errorOf(begin()))).toBe(false);
});
