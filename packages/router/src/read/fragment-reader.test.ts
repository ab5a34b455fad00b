import type {NodeId, ReplicaSetId} from '@flotilla/base';
import type {Fragment} from '@flotilla/query';
import {beforeEach, expect, test} from 'vitest';
import {errorOf, FakeCluster, fails, NODES, OK} from '../fakes.fixture.ts';
import {FragmentReader} from './fragment-reader.ts';

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
