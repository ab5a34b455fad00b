// Goal: a bucket tells when it was made, and when the last of its first replica sets had opened, wherever each of
// them opened; what older builds proposed has no times, and its bucket none.

import type {ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import type {Bucket} from '../model.ts';
import {DAY, founded, id, must} from './catalog-machine.fixture.ts';

function madeAt(atMs: number | undefined) {
  const {machine, run} = founded();
  const placements = [1, 2, 3].map((node) => [{node: id<never>(node), role: 'voter'} as const]);
  const range = {database: id<never>(1), timeMs: 0, startMs: 0, endMs: DAY};
  const {bucket} = must(run({type: 'ensure-bucket', ...range, placements, atMs}));
  const open = (sets: readonly number[], openedAtMs?: number) =>
    must(run({type: 'open-replica-sets', sets: sets as ReplicaSetId[], atMs: openedAtMs}));
  /** An empty set takes its place. */
  const destroy = (set: number) => {
    const subject = {replicaSet: set as ReplicaSetId, startedBy: 'ann', atMs: 1};
    const order = {type: 'create-operation', kind: 'destroy-replica-set', ...subject} as const;
    const {operation} = must(run(order));
    const fence = {set: set as ReplicaSetId, expectedEpoch: 1, operation};
    const placement = placements[0]!;
    return must(run({type: 'replace-replica-set', ...fence, placement})).set;
  };
  return {open, destroy, bucket: (): Bucket => machine.catalog.bucket(bucket)!};
}

test('it has opened with the last of its sets, and no later one counts', () => {
  const {open, bucket} = madeAt(1_000);
  expect(bucket()).toMatchObject({madeAtMs: 1_000});
  open([1, 3], 2_000);
  expect(bucket().openedAtMs).toBeUndefined();
  open([2, 3], 3_000);
  expect(bucket()).toMatchObject({madeAtMs: 1_000, openedAtMs: 3_000});
  open([1, 2, 3], 4_000);
  expect(bucket().openedAtMs).toBe(3_000);
});

test('all at once, and with a set that is not there', () => {
  const {open, bucket} = madeAt(1_000);
  open([1, 2, 3, 9], 2_000);
  expect(bucket().openedAtMs).toBe(2_000);
});

test('without times there are none', () => {
  const {open, bucket} = madeAt(undefined);
  open([1, 2, 3]);
  expect(bucket().madeAtMs).toBeUndefined();
  expect(bucket().openedAtMs).toBeUndefined();
});

test('a set in the place of a destroyed one neither keeps it from having opened nor opens it', () => {
  const early = madeAt(1_000);
  early.open([1, 2], 2_000);
  const next = early.destroy(1);
  early.open([3], 3_000);
  expect(early.bucket().openedAtMs).toBe(3_000);
  early.open([next], 4_000);
  expect(early.bucket().openedAtMs).toBe(3_000);
  const older = madeAt(undefined);
  older.open([1, 2, 3]);
  older.open([older.destroy(2)], 4_000);
  expect(older.bucket().openedAtMs).toBeUndefined();
});
