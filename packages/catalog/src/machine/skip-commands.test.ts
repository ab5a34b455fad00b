import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {code, DAY, founded, id, must} from './catalog-machine.fixture.ts';

const voter = (node: number) => ({node: id<NodeId>(node), role: 'voter' as const});

function placed() {
  const {machine, run} = founded();
  const range = {timeMs: 5, startMs: 0, endMs: DAY};
  const placements = [[voter(1), voter(2), voter(3)]];
  const made = must(run({type: 'ensure-bucket', database: id(1), ...range, placements}));
  const set = machine.catalog.bucket(made.bucket)!.replicaSets[0]!;
  must(run({type: 'open-replica-sets', sets: [set]}));
  const begin = (index: number) => run({type: 'begin-skip', set, index, by: 'ann', atMs: 7});
  const end = (order: number, promised?: readonly ReplicaId[]) =>
    run({type: 'end-skip', set, order, promised});
  const entity = () => machine.catalog.replicaSet(set)!;
  const all = () => entity().replicas.map(({replica}) => replica);
  return {machine, run, set, begin, end, entity, all};
}

test('an entry is skipped once every replica that is placed has promised, and by whom is kept', () => {
  const {begin, end, entity, all} = placed();
  const {order} = must(begin(17));
  expect(entity()).toMatchObject({skipOrder: {order, index: 17, by: 'ann', atMs: 7}});
  expect(entity().skippedEntries).toBeUndefined();
  expect(code(end(order, all().slice(1)))).toBe('CONFLICT');
  must(end(order, all()));
  expect(entity().skippedEntries).toEqual([{order, index: 17, by: 'ann', atMs: 7}]);
  expect(entity().skipOrder).toBeUndefined();
  // An answer that was lost is asked for again; and what is decided is withdrawn by nobody.
  must(end(order, all()));
  must(end(order));
  expect(entity().skippedEntries).toHaveLength(1);
  expect(code(begin(17))).toBe('CONFLICT');
});

test('a replica that was placed after the others had promised keeps the entry from being skipped', () => {
  const {run, set, begin, end, entity, all} = placed();
  const {order} = must(begin(17));
  const promised = all();
  const added = [{node: id<NodeId>(4), role: 'learner' as const}];
  const change = {expectedEpoch: entity().epoch, add: added, remove: [], roles: []};
  must(run({type: 'set-placement', set, ...change}));
  expect(code(end(order, promised))).toBe('CONFLICT');
  must(end(order, all()));
  expect(entity().skippedEntries).toHaveLength(1);
});

test('promises for an order that was withdrawn count for none that comes after it', () => {
  const {begin, end, entity, all} = placed();
  const first = must(begin(17)).order;
  must(end(first));
  expect(entity()).toMatchObject({skipOrder: undefined, skipWithdrawn: first});
  expect(code(end(first, all()))).toBe('CONFLICT');
  const second = must(begin(17)).order;
  expect(second).toBeGreaterThan(first);
  expect(code(end(first, all()))).toBe('CONFLICT');
  must(end(first));
  expect(entity().skipOrder?.order).toBe(second);
  must(end(second, all()));
});

test('one entry at a time: the order for it is the same for all who ask', () => {
  const {run, begin} = placed();
  const {order} = must(begin(17));
  expect(must(begin(17)).order).toBe(order);
  expect(code(begin(18))).toBe('CONFLICT');
  const elsewhere = {index: 1, by: 'ann', atMs: 7};
  expect(code(run({type: 'begin-skip', set: id<ReplicaSetId>(0), ...elsewhere}))).toBe('CONFLICT');
  expect(code(run({type: 'begin-skip', set: id<ReplicaSetId>(99), ...elsewhere}))).toBe(
    'NOT_FOUND',
  );
  expect(code(run({type: 'end-skip', set: id<ReplicaSetId>(99), order}))).toBe('NOT_FOUND');
});

test('skipped_entries_per_replica_set_max counts those of both kinds', () => {
  const {run, set, begin, end, entity, all} = placed();
  for (let index = 1; index < 100; index++)
    must(run({type: 'skip-entry', set, index, by: 'ann', atMs: 7}));
  must(end(must(begin(100)).order, all()));
  expect(entity().skippedEntries).toHaveLength(100);
  expect(code(begin(101))).toBe('CONFLICT');
});

test('what is left of a set that lost its majority has no order open', () => {
  const {run, set, begin, end, entity, all} = placed();
  const {order} = must(begin(17));
  must(run({type: 'declare-lost', nodes: [id<NodeId>(2), id<NodeId>(3)], atMs: 9}));
  const survivor = entity().replicas.find(({node}) => node === 1);
  const from = {node: survivor!.node, replica: survivor!.replica, lastIndex: 50, atMs: 9};
  const expectedEpoch = entity().epoch;
  must(run({type: 'recover-replica-set', set, expectedEpoch, ...from}));
  expect(entity().skipOrder).toBeUndefined();
  expect(code(end(order, all()))).toBe('CONFLICT');
});
