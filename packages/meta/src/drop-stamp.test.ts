import type {DatabaseId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {stampDrop} from './drop-stamp.ts';

const DAY = 86_400_000;
const drop = {type: 'drop-database', tenant: 't', name: 'd', atMs: 5, purgeAtMs: 5 + DAY} as const;

const at = (nowMs: number, isCompared = true) => ({nowMs, isCompared});

test('a drop is counted from the time that it is given, and kept as long as asked for', () => {
  expect(stampDrop(drop, at(1_000.5))).toEqual({...drop, atMs: 1_000, purgeAtMs: 1_000 + DAY});
  const atOnce = {...drop, type: 'drop-table' as const, database: 1 as DatabaseId, purgeAtMs: 5};
  expect(stampDrop(atOnce, at(7))).toMatchObject({atMs: 7, purgeAtMs: 7});
});

test('a clock that was held against no other makes no drop older than it is', () => {
  const recent = {...drop, atMs: 400 * DAY, purgeAtMs: 401 * DAY};
  expect(stampDrop(recent, at(5, false))).toEqual(recent);
  expect(stampDrop(recent, at(5))).toMatchObject({atMs: 5, purgeAtMs: 5 + DAY});
  const later = {atMs: 800 * DAY, purgeAtMs: 801 * DAY};
  expect(stampDrop(recent, at(800 * DAY, false))).toMatchObject(later);
});

test('what has no such times stays as it is', () => {
  const tenant = {type: 'drop-tenant', name: 't'} as const;
  expect(stampDrop(tenant, at(7))).toBe(tenant);
  const purge = {type: 'purge-table', table: 1 as never, atMs: 5} as const;
  expect(stampDrop(purge, at(7))).toBe(purge);
});
