import {META_SET, type NodeId, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {code, DAY, founded, id, must} from './catalog-machine.fixture.ts';

const voter = (node: number) => ({node: id<NodeId>(node), role: 'voter' as const});

/** One set on nodes 2, 3 and 4, and one that node 3 alone has. */
function placed() {
  const {machine, run} = founded();
  const bucket = must(
    run({
      type: 'ensure-bucket',
      database: id(1),
      timeMs: 5,
      startMs: 0,
      endMs: DAY,
      placements: [[voter(2), voter(3), voter(4)], [voter(3)]],
    }),
  );
  const sets = machine.catalog.bucket(bucket.bucket)!.replicaSets;
  must(run({type: 'open-replica-sets', sets}));
  return {machine, run, sets};
}

test('a lost node is let in no more, and loses its place where a majority is left', () => {
  const {machine, run, sets} = placed();
  must(run({type: 'declare-lost', nodes: [id<NodeId>(3)], atMs: 9}));
  expect(machine.catalog.node(id(3))?.state).toBe('decommissioned');
  const [kept, lost] = sets.map((set) => machine.catalog.replicaSet(set)!);
  expect(kept!.replicas.map(({node}) => node)).toEqual([2, 4]);
  // What is left of it decides somebody else.
  expect(lost!.replicas.map(({node}) => node)).toEqual([3]);
  must(run({type: 'declare-lost', nodes: [id<NodeId>(3)], atMs: 10}));
  expect(machine.catalog.replicaSet(kept!.id)?.epoch).toBe(kept!.epoch);
  expect(code(run({type: 'declare-lost', nodes: [id<NodeId>(9)], atMs: 9}))).toBe('NOT_FOUND');
});

test('what is left of a set goes on under a new id, alone; operations on it have failed', () => {
  const {machine, run, sets} = placed();
  const set = machine.catalog.replicaSet(sets[0]!)!;
  must(run({type: 'skip-entry', set: set.id, index: 7, by: 'ann', atMs: 3}));
  must(run({type: 'skip-entry', set: set.id, index: 70, by: 'ann', atMs: 3}));
  const operation = must(
    run({
      type: 'create-operation',
      kind: 'add-replica',
      replicaSet: set.id,
      targetNode: id<NodeId>(1),
      startedBy: 'ann',
      atMs: 4,
    }),
  ).operation;
  must(run({type: 'declare-lost', nodes: [id<NodeId>(2), id<NodeId>(3)], atMs: 9}));
  const survivor = set.replicas.find(({node}) => node === 4)!;
  const order = {type: 'recover-replica-set', set: set.id, node: survivor.node, atMs: 9} as const;
  const fenced = {...order, replica: survivor.replica, lastIndex: 50};
  const {epoch} = machine.catalog.replicaSet(set.id)!;
  expect(code(run({...fenced, expectedEpoch: epoch + 1}))).toBe('CONFLICT');
  expect(code(run({...fenced, expectedEpoch: epoch, node: id<NodeId>(2)}))).toBe('CONFLICT');
  const {replica} = must(run({...fenced, expectedEpoch: epoch}));
  expect(machine.catalog.replicaSet(set.id)).toMatchObject({
    epoch: epoch + 1,
    state: 'open',
    replicas: [{replica, node: 4, role: 'voter', from: survivor.replica}],
    skippedEntries: [{index: 7}],
  });
  expect(replica).toBeGreaterThan(Math.max(...set.founders));
  expect(machine.catalog.operation(operation)).toMatchObject({state: 'failed'});
  expect(machine.catalog.operationOf(set.id)).toBeUndefined();
});

test('a set of which nothing is left is founded anew', () => {
  const {machine, run, sets} = placed();
  must(run({type: 'declare-lost', nodes: [id<NodeId>(3)], atMs: 9}));
  const {id: set, epoch} = machine.catalog.replicaSet(sets[1]!)!;
  const order = {set, expectedEpoch: epoch, node: id<NodeId>(1), atMs: 9};
  const {replica} = must(run({type: 'recover-replica-set', ...order}));
  expect(machine.catalog.replicaSet(set)).toMatchObject({
    state: 'creating',
    founders: [replica],
    replicas: [{replica, node: 1, role: 'voter'}],
  });
});

test('the meta group goes on at one node', () => {
  const {machine, run} = placed();
  const lost = [id<NodeId>(1)];
  expect(code(run({type: 'recover-meta', node: id<NodeId>(1), lost, atMs: 9}))).toBe('CONFLICT');
  const {replica} = must(run({type: 'recover-meta', node: id<NodeId>(2), lost, atMs: 9}));
  expect(machine.catalog.metaSet()).toMatchObject({
    id: META_SET,
    epoch: 2,
    replicas: [{replica: replica satisfies ReplicaId, node: 2, role: 'voter'}],
  });
  expect(machine.catalog.node(id(1))?.state).toBe('decommissioned');
  const set = META_SET satisfies ReplicaSetId;
  const order = {set, expectedEpoch: 2, node: id<NodeId>(2), atMs: 9};
  expect(code(run({type: 'recover-replica-set', ...order}))).toBe('NOT_FOUND');
});
