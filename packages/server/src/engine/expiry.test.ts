import type {ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {expiredOffset, hideExpired} from './expiry.ts';
import {foundedCatalog} from './founded-catalog.fixture.ts';

const DATABASE = 1 as never;

function world() {
  const {catalog, apply} = foundedCatalog();
  const placements = [[{node: 1 as never, role: 'voter' as const}]];
  for (const startMs of [0, 1_000]) {
    const range = {timeMs: startMs, startMs, endMs: startMs + 1_000};
    apply({type: 'ensure-bucket', database: DATABASE, placements, ...range});
  }
  const offsets = [-1, -1];
  const storages = offsets.map(
    (_, i) =>
      [
        (i + 1) as ReplicaSetId,
        {setExpiredBefore: (offset: number) => void offsets.splice(i, 1, offset)},
      ] as const,
  );
  return {catalog, apply, offsets, storages};
}

test('the offset counts units from the bucket on, and is never negative', () => {
  const options = {precision: 'us'} as never;
  expect(expiredOffset({startMs: 1_000}, {options})).toBe(0);
  expect(expiredOffset({startMs: 1_000}, {options, expiredBeforeMs: 500})).toBe(0);
  expect(expiredOffset({startMs: 1_000}, {options, expiredBeforeMs: 1_500})).toBe(500_000);
});

test('replicas are told at open and when their database changes, and at no other change', () => {
  const {catalog, apply, offsets, storages} = world();
  hideExpired(catalog, storages);
  expect(offsets).toEqual([0, 0]);
  const raised = apply({
    type: 'raise-expired-before',
    database: DATABASE,
    expiredBeforeMs: 1_200,
    atMs: 1,
  });
  hideExpired(catalog, storages, raised);
  expect(offsets).toEqual([1_200e6, 200e6]);
  offsets.fill(-1);
  hideExpired(catalog, storages, apply({type: 'set-cluster', automation: 'paused'}));
  expect(offsets).toEqual([-1, -1]);
});
