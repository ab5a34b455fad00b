import type {BucketId, NodeId, ReplicaSetId} from '@flotilla/base';
import {CatalogMachine, CLUSTER_VERSION, type Command} from '@flotilla/catalog';
import {describe, expect, test} from 'vitest';
import {
  bucketOfId,
  creationsAmong,
  describeCreation,
  slowCreations,
  unopenedSets,
} from './bucket-creations.ts';
import type {ReplicaSetView, ReplicaView} from './cluster-view.ts';
import {replicaView, setView, unreachable} from './set-view.fixture.ts';

const DAY_MS = 86_400_000;

/** Of database `public`; each bucket has three sets, of which the first has the id `3 * i + 1`. */
function clusterWith(buckets: number, atMs?: number) {
  const machine = new CatalogMachine();
  const run = (command: Command) => {
    const {result} = machine.apply(command, machine.catalog.version + 1);
    if (!result.ok) throw new Error(result.error.message);
  };
  for (const i of [1, 2, 3]) {
    const node = {incarnation: `i${i}`, address: `n${i}`, engineThreads: 1, version: '1'};
    const founding = {clusterId: 'c', clusterVersion: CLUSTER_VERSION, atMs: 1};
    if (i === 1) run({type: 'found-cluster', node, ...founding});
    else run({type: 'register-node', node, atMs: 1});
  }
  const voters = [1, 2, 3].map((node) => ({node: node as NodeId, role: 'voter'}) as const);
  const placements = [voters, voters, voters];
  for (let i = 0; i < buckets; i++) {
    const range = {timeMs: i * DAY_MS, startMs: i * DAY_MS, endMs: (i + 1) * DAY_MS};
    run({type: 'ensure-bucket', database: 1 as never, ...range, placements, atMs});
  }
  const open = (sets: readonly number[], openedAtMs?: number) =>
    run({type: 'open-replica-sets', sets: sets as ReplicaSetId[], atMs: openedAtMs});
  return {catalog: machine.catalog, run, open};
}

function creating(id: number, bucket: number, replicas: readonly ReplicaView[]): ReplicaSetView {
  const of = {id: bucket, start: '', end: ''};
  return {...setView(replicas, id), state: 'creating', bucket: of};
}

test('of each bucket that is not open it says how many of its sets are, and what the next waits for', () => {
  const {catalog, open} = clusterWith(2, Date.UTC(2026, 0, 1));
  open([1, 3, 4, 5, 6], Date.UTC(2026, 0, 2));
  const waiting = creating(2, 1, [replicaView(1), unreachable(2), unreachable(3)]);
  expect(creationsAmong(catalog, [setView([], 1), waiting])).toEqual([
    {
      id: 'bucket-1',
      kind: 'create-bucket',
      state: 'running',
      step: 'create',
      percent: 66,
      database: 'public',
      tenant: 'default',
      bucket: {id: 1, start: '1970-01-01T00:00:00.000Z', end: '1970-01-02T00:00:00.000Z'},
      setsOpen: 2,
      setsTotal: 3,
      startedAt: '2026-01-01T00:00:00.000Z',
      endedAt: undefined,
      waitingFor:
        '1 more of the 3 voters of replica set 2: node 2 (n2:8902) does not answer, node 3 (n3:8902) does not answer',
      result: undefined,
      history: [{step: 'create', at: '2026-01-01T00:00:00.000Z'}],
    },
  ]);
});

describe('what a set waits for', () => {
  const reason = (...replicas: ReplicaView[]) => {
    const {catalog} = clusterWith(1);
    return creationsAmong(catalog, [creating(1, 1, replicas)])[0]!.waitingFor;
  };
  const missing = replicaView(3, {state: 'missing'});

  test.each([
    [
      'nobody made it',
      [unreachable(1), unreachable(2), missing],
      /^2 more .* node 3 .* has not made/,
    ],
    [
      'a disk is full',
      [replicaView(1), unreachable(2), replicaView(3, {state: 'stopped', stopped: 'no room'})],
      /^1 more .*, the replica on node 3 \(n3:8902\) has stopped: no room$/,
    ],
    ['a majority is there', [replicaView(1), replicaView(2), missing], /^the meta group to open/],
    [
      'a learner is away',
      [replicaView(1), {...unreachable(2), role: 'learner' as const}],
      /^the meta group to open/,
    ],
  ])('%s', (_name, replicas, says) => {
    expect(reason(...replicas)).toMatch(says);
  });
});

test("what took another set's place is the business of that operation", () => {
  const {catalog, run, open} = clusterWith(1);
  open([1, 2, 3]);
  const set = {replicaSet: 2 as ReplicaSetId, startedBy: 'ann', atMs: 1};
  run({type: 'create-operation', kind: 'destroy-replica-set', ...set});
  const placement = [{node: 1 as NodeId, role: 'voter'} as const];
  const fence = {set: 2 as ReplicaSetId, expectedEpoch: 1, operation: 1 as never};
  run({type: 'replace-replica-set', ...fence, placement});
  expect(catalog.replicaSet(4 as ReplicaSetId)).toMatchObject({state: 'creating'});
  expect(unopenedSets(catalog)).toEqual([]);
});

test('one set of each bucket is asked for, and none of a dropped database', () => {
  const {catalog, run, open} = clusterWith(3);
  open([1, 4, 5, 6]);
  expect(unopenedSets(catalog).map(({id}) => id)).toEqual([2, 7]);
  const named = {tenant: 'default', name: 'public', ifExists: false};
  run({type: 'drop-database', ...named, atMs: 1, purgeAtMs: DAY_MS});
  expect(unopenedSets(catalog)).toEqual([]);
});

test('those that took long are told for a week, the last ones; one by its id for ever', () => {
  const {catalog, open} = clusterWith(30, 0);
  const sets = (bucket: number) => [3 * bucket - 2, 3 * bucket - 1, 3 * bucket];
  open(sets(1), 29_999);
  for (let bucket = 2; bucket <= 25; bucket++) open(sets(bucket), 30_000 + bucket);
  const told = (nowMs: number) => slowCreations(catalog, nowMs).map(({id}) => id);
  expect(told(DAY_MS)).toEqual(Array.from({length: 20}, (_, i) => `bucket-${i + 6}`));
  expect(told(7 * DAY_MS + 30_024)).toEqual(['bucket-25']);
  const quick = describeCreation(catalog, catalog.bucket(1 as BucketId)!, undefined);
  expect(quick).toMatchObject({
    ...{state: 'done', percent: 100, endedAt: '1970-01-01T00:00:29.999Z'},
    result: 'its 3 replica sets opened in 30 s',
    history: [{step: 'create'}, {step: 'done'}],
  });
});

test.each([
  ['bucket-7', 7],
  ['bucket-07', undefined],
  ['bucket-', undefined],
  [7, undefined],
])('the id %j is of bucket %j', (id, bucket) => {
  expect(bucketOfId(id)).toBe(bucket);
});
