import {DbError, type ReplicaSetId, type TableId} from '@flotilla/base';
import {beforeEach, expect, test} from 'vitest';
import {FakeCluster} from '../fakes.fixture.ts';
import {SetCaller} from '../set-caller.ts';
import {MetaDdl} from './ddl.ts';
import {WriteRouter} from './write-router.ts';

const SHARDS = 64;

let cluster: FakeCluster;
let sets: readonly ReplicaSetId[];
let received: {readonly set: ReplicaSetId; readonly request: unknown}[];

beforeEach(() => {
  cluster = new FakeCluster();
  sets = [...cluster.addBucket(0, SHARDS), ...cluster.addBucket(3_600_000, SHARDS)];
  received = [];
});

function remove(targets: readonly ReplicaSetId[]) {
  const router = new WriteRouter({
    caller: new SetCaller(cluster.callerPorts()),
    catalog: () => cluster.catalog,
    meta: new MetaDdl(cluster.meta()),
    clock: cluster.clock,
    incarnation: 7,
  });
  const deletion = {table: 1 as TableId, startOffset: 0, endOffset: 9};
  return cluster.clock.resolve(
    router.delete(
      targets.map((set) => ({set, deletion})),
      4_000,
    ),
  );
}

test('each set gets its deletion under a number of its own, so many at a time', async () => {
  let underWay = 0;
  let most = 0;
  cluster.rpc.behave =
    () =>
    async (payload, {set}) => {
      underWay += 1;
      most = Math.max(most, underWay);
      await Promise.resolve();
      received.push({set, request: JSON.parse(new TextDecoder().decode(payload))});
      underWay -= 1;
      return new Uint8Array(0);
    };
  const outcomes = await remove(sets);
  expect(outcomes).toEqual(sets.map((set) => ({set, outcome: 'deleted'})));
  expect(most).toBeLessThanOrEqual(64);
  const requests = new Map(received.map(({set, request}) => [set, request]));
  expect(sets.map((set) => requests.get(set))).toEqual(
    sets.map((_, sequence) => ({
      router: {incarnation: 7, sequence},
      deletion: {table: 1, startOffset: 0, endOffset: 9},
    })),
  );
});

test('a retry goes under the same number, and what stays unsaid is unknown', async () => {
  const [first, second, third] = sets as [ReplicaSetId, ReplicaSetId, ReplicaSetId];
  cluster.rpc.behave =
    () =>
    async (payload, {set}) => {
      received.push({set, request: JSON.parse(new TextDecoder().decode(payload))});
      if (set === first && received.length < 3) throw new DbError('NOT_LEADER', 'elsewhere');
      if (set === second) throw new DbError('OUTCOME_UNKNOWN', 'forgotten');
      if (set === third) throw new DbError('TABLE_NOT_FOUND', 'dropped');
      return new Uint8Array(0);
    };
  const outcomes = await remove([first, second, third]);
  expect(outcomes.map(({outcome}) => outcome)).toEqual(['deleted', 'unknown', 'refused']);
  const numbers = received.filter(({set}) => set === first).map(({request}) => request);
  expect(numbers.length).toBeGreaterThan(1);
  expect(new Set(numbers.map((each) => JSON.stringify(each))).size).toBe(1);
});
