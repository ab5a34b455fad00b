import type {DatabaseId, NodeId} from '@flotilla/base';
import {CatalogMachine, CLUSTER_VERSION, type Command} from '@flotilla/catalog';
import {beforeEach, expect, test} from 'vitest';
import {type TtlChange, ttlChange, ttlChangeText} from './ttl-change.ts';

const PUBLIC = 1 as DatabaseId;
const HOUR_MS = 3_600_000;
const NOW_MS = 10 * HOUR_MS;
const terms = {nowMs: NOW_MS, trashRetentionMs: 2 * HOUR_MS};

let machine: CatalogMachine;

function apply(command: Command): void {
  const {result} = machine.apply(command, machine.catalog.version + 1);
  if (!result.ok) throw new Error(result.error.message);
}

/** Of public: buckets of an hour from 1, 2, 3 and 9 o'clock. */
function found(clusterVersion: number): void {
  machine = new CatalogMachine();
  const node = {incarnation: 'i', address: 'a', engineThreads: 1, version: '1'};
  apply({type: 'found-cluster', clusterId: 'c', node, clusterVersion, atMs: 0});
  for (const hour of [1, 2, 3, 9]) {
    const startMs = hour * HOUR_MS;
    const placements = [[{node: 1 as NodeId, role: 'voter' as const}]];
    const range = {timeMs: startMs, startMs, endMs: startMs + HOUR_MS};
    apply({type: 'ensure-bucket', database: PUBLIC, ...range, placements});
  }
}

beforeEach(() => found(CLUSTER_VERSION));

const database = () => machine.catalog.database(PUBLIC)!;

/** @param hours  of the ttl; null for none */
function alter(hours: number | null): TtlChange {
  const before = database();
  const options = {ttlMs: hours === null ? null : hours * HOUR_MS};
  const atMs = machine.catalog.clusterVersion < CLUSTER_VERSION ? undefined : NOW_MS;
  apply({type: 'alter-database', tenant: 'default', name: 'public', options, atMs});
  return ttlChange(machine.catalog, {before, after: database()}, terms);
}

function hide(beforeHour: number): void {
  const expiredBeforeMs = beforeHour * HOUR_MS;
  apply({type: 'raise-expired-before', database: PUBLIC, expiredBeforeMs, atMs: NOW_MS});
}

function drop(hour: number): void {
  const {id, expiredAtMs} = machine.catalog.bucketAt(PUBLIC, hour * HOUR_MS)!;
  apply({type: 'drop-bucket', bucket: id, expiredAtMs});
}

const recoverableUntil = '1970-01-01T12:00:00.000Z';

test('a shorter ttl takes whole buckets, and parts of them', () => {
  expect(alter(9)).toEqual({expires: undefined, returns: undefined});
  const before = '1970-01-01T02:00:00.000Z';
  const {expires} = alter(8);
  expect(expires).toEqual({before, buckets: 1, cutBuckets: 0, recoverableUntil});
  expect(ttlChangeText({expires})).toBe(`rows from before ${before} expire`);
  expect(alter(7.5).expires).toMatchObject({buckets: 1, cutBuckets: 1});
  expect(alter(2).expires).toMatchObject({buckets: 3, cutBuckets: 0});
});

test('one that is no shorter takes nothing, whatever is about to expire', () => {
  alter(8);
  expect(alter(8)).toEqual({expires: undefined, returns: undefined});
  expect(alter(9.5)).toEqual({expires: undefined, returns: undefined});
});

test('what has expired before goes no more', () => {
  hide(2.5);
  expect(alter(8).expires).toBeUndefined();
  hide(2.5);
  expect(alter(6).expires).toMatchObject({buckets: 2, cutBuckets: 0});
});

test('times that no date tells are older than every bucket', () => {
  expect(alter(2.5e9)).toEqual({expires: undefined, returns: undefined});
  alter(2);
  hide(4);
  expect(alter(2.5e9).returns).toMatchObject({from: undefined, buckets: 3});
});

test('a longer one brings back whole buckets, and parts of them', () => {
  alter(2);
  hide(8);
  const {returns, expires} = alter(7.5);
  expect(expires).toBeUndefined();
  const from = '1970-01-01T02:30:00.000Z';
  expect(returns).toEqual({from, buckets: 1, cutBuckets: 1, goneBefore: undefined});
  expect(ttlChangeText({returns})).toBe(`rows from ${from} on are back`);
  const all = alter(null);
  expect(all.returns).toMatchObject({from: undefined, buckets: 2, cutBuckets: 0});
  expect(ttlChangeText(all)).toBe('what had expired is back');
  expect(alter(null)).toEqual({expires: undefined, returns: undefined});
});

test('what is gone is said, also where nothing comes back', () => {
  alter(2);
  hide(4);
  drop(1);
  const goneBefore = '1970-01-01T02:00:00.000Z';
  expect(alter(7).returns).toMatchObject({goneBefore: undefined, buckets: 1});
  const {returns} = alter(9);
  expect(returns).toEqual({from: goneBefore, buckets: 1, cutBuckets: 0, goneBefore});
  expect(ttlChangeText({returns})).toBe(
    `rows from ${goneBefore} on are back, rows from before ${goneBefore} are gone`,
  );
  const none = alter(null);
  expect(none.returns).toEqual({from: undefined, buckets: 0, cutBuckets: 0, goneBefore});
  expect(ttlChangeText(none)).toBe(`rows from before ${goneBefore} are gone`);
  expect(alter(null)).toEqual({expires: undefined, returns: undefined});
});

test('below cluster version 5 nothing comes back, and nothing else is said', () => {
  found(4);
  expect(alter(2).expires).toMatchObject({buckets: 3, recoverableUntil: undefined});
  hide(4);
  expect(alter(null)).toEqual({expires: undefined, returns: undefined});
});
