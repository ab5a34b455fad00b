import type {ReplicaSetId} from '@flotilla/base';
import type {Expired} from '@flotilla/storage';
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
  const versions = new Set<number>();
  const hide = (i: number, {beforeOffset, catalogVersion}: Expired) => {
    offsets[i] = beforeOffset;
    versions.add(catalogVersion);
  };
  const storages = offsets.map((_, i) => {
    const storage = {hideExpired: (expired: Expired) => hide(i, expired)};
    return [(i + 1) as ReplicaSetId, storage] as const;
  });
  return {catalog, apply, offsets, versions, storages};
}

test('the offset counts units from the bucket on, and is never negative', () => {
  const options = {precision: 'us'} as never;
  expect(expiredOffset({startMs: 1_000}, {options})).toBe(0);
  expect(expiredOffset({startMs: 1_000}, {options, expiredBeforeMs: 500})).toBe(0);
  expect(expiredOffset({startMs: 1_000}, {options, expiredBeforeMs: 1_500})).toBe(500_000);
});

test('replicas are told at open and when their database changes, and at no other change', () => {
  const {catalog, apply, offsets, versions, storages} = world();
  hideExpired(catalog, storages);
  expect(offsets).toEqual([0, 0]);
  expect([...versions]).toEqual([catalog.version]);
  const raised = apply({
    type: 'raise-expired-before',
    database: DATABASE,
    expiredBeforeMs: 1_200,
    atMs: 1,
  });
  hideExpired(catalog, storages, raised);
  expect(offsets).toEqual([1_200e6, 200e6]);
  expect([...versions].at(-1)).toBe(catalog.version);
  offsets.fill(-1);
  hideExpired(catalog, storages, apply({type: 'set-cluster', automation: 'paused'}));
  expect(offsets).toEqual([-1, -1]);
  const longer = {tenant: 'default', name: 'public', options: {ttlMs: null}, atMs: 1} as const;
  hideExpired(catalog, storages, apply({type: 'alter-database', ...longer}));
  expect(offsets).toEqual([0, 0]);
});
