import type {DatabaseId, NodeId} from '@flotilla/base';
import {CatalogMachine, type Command} from '@flotilla/catalog';
import {beforeEach, expect, test} from 'vitest';
import {expiringBy} from './shorter-ttl.ts';

const PUBLIC = 1 as DatabaseId;
const HOUR_MS = 3_600_000;
const NOW_MS = 10 * HOUR_MS;

let machine: CatalogMachine;

function apply(command: Command): void {
  const {result} = machine.apply(command, machine.catalog.version + 1);
  if (!result.ok) throw new Error(result.error.message);
}

/** Of public: buckets of an hour from 1, 2, 3 and 9 o'clock. */
beforeEach(() => {
  machine = new CatalogMachine();
  const node = {incarnation: 'i', address: 'a', engineThreads: 1, version: '1'};
  apply({type: 'found-cluster', clusterId: 'c', node, atMs: 0});
  for (const hour of [1, 2, 3, 9]) {
    const startMs = hour * HOUR_MS;
    const placements = [[{node: 1 as NodeId, role: 'voter' as const}]];
    const range = {timeMs: startMs, startMs, endMs: startMs + HOUR_MS};
    apply({type: 'ensure-bucket', database: PUBLIC, ...range, placements});
  }
});

function expiring(hours: number) {
  const database = machine.catalog.database(PUBLIC)!;
  return expiringBy(machine.catalog, database, {ttlMs: hours * HOUR_MS, nowMs: NOW_MS});
}

function alter(hours: number): void {
  const options = {ttlMs: hours * HOUR_MS};
  apply({type: 'alter-database', tenant: 'default', name: 'public', options});
}

test('a shorter ttl takes whole buckets, and parts of them', () => {
  expect(expiring(9)).toBeUndefined();
  expect(expiring(8)).toEqual({before: '1970-01-01T02:00:00.000Z', buckets: 1, cutBuckets: 0});
  expect(expiring(7.5)).toEqual({before: '1970-01-01T02:30:00.000Z', buckets: 1, cutBuckets: 1});
  expect(expiring(2)).toMatchObject({buckets: 3, cutBuckets: 0});
});

test('one that is no shorter takes nothing, whatever is about to expire', () => {
  alter(8);
  expect(expiring(8)).toBeUndefined();
  expect(expiring(9.5)).toBeUndefined();
  expect(expiring(7)).toMatchObject({buckets: 2});
});

test('what has expired before goes no more', () => {
  const expiredBeforeMs = 2.5 * HOUR_MS;
  apply({type: 'raise-expired-before', database: PUBLIC, expiredBeforeMs, atMs: NOW_MS});
  expect(expiring(8)).toBeUndefined();
  expect(expiring(6)).toMatchObject({buckets: 2, cutBuckets: 0});
});

test('times that no date tells are older than every bucket', () => {
  expect(expiring(1e15)).toBeUndefined();
});
