import type {DatabaseId, NodeId, ReplicaId} from '@flotilla/base';
import {beforeEach, expect, test} from 'vitest';
import type {Command} from '../commands.ts';
import {CatalogMachine} from '../machine/catalog-machine.ts';
import type {ReplicaSet} from '../model.ts';
import {EverySet} from './every-set.ts';
import {planBucket} from './placement.ts';
import type {NodeReport, ReplicaReport} from './reports.ts';
import {planUpkeep} from './upkeep.ts';

const DAY = 86_400_000;
const WEEK = 7 * DAY;
const database = 1 as DatabaseId;
let machine: CatalogMachine;

beforeEach(() => {
  machine = new CatalogMachine();
  const node = {incarnation: 'i', address: 'a', engineThreads: 1, version: '1'};
  propose({type: 'found-cluster', clusterId: 'c', node, atMs: 1});
});

function propose(command: Command): void {
  const {result} = machine.apply(command, machine.catalog.version + 1);
  if (!result.ok) throw new Error(result.error.message);
}

function makeBucket(timeMs: number): void {
  propose(planBucket(machine.catalog, database, timeMs)!);
}

function reports(options: {written?: boolean; clockOffsetMs?: number} = {}) {
  const replicas = new Map<ReplicaId, ReplicaReport>();
  for (const set of machine.catalog.replicaSets()) {
    if (set.state === 'dropping') continue;
    const {replica} = set.replicas[0]!;
    replicas.set(replica, {replica, written: options.written === true} as ReplicaReport);
  }
  const node = 1 as NodeId;
  const report: NodeReport = {
    node,
    live: true,
    clockOffsetMs: options.clockOffsetMs ?? 0,
    diskFree: 1,
    replicas,
  };
  return new Map([[node, report]]);
}

function plan(nowMs: number, options = {}): string[] {
  return planUpkeep(new EverySet(machine.catalog, reports(options)), nowMs).map(({type}) => type);
}

test('one bucket is ahead of the present one once that is written to, and no more', () => {
  makeBucket(WEEK);
  expect(plan(WEEK + 5)).toEqual([]);
  expect(plan(WEEK + 5, {written: true})).toEqual(['ensure-bucket']);
  for (const command of planUpkeep(
    new EverySet(machine.catalog, reports({written: true})),
    WEEK + 5,
  )) {
    propose(command);
  }
  expect(machine.catalog.bucketAt(database, 2 * WEEK)).toBeDefined();
  expect(plan(WEEK + 5, {written: true})).toEqual([]);
});

test('expiry hides first and drops the bucket after the retention of the trash', () => {
  makeBucket(0);
  makeBucket(3 * WEEK);
  const options = {ttlMs: WEEK};
  propose({type: 'alter-database', tenant: 'default', name: 'public', options});
  const nowMs = 2 * WEEK + DAY / 2;
  expect(plan(nowMs, {clockOffsetMs: 11_000})).toEqual([]);
  expect(plan(nowMs)).toEqual(['raise-expired-before']);
  for (const command of planUpkeep(new EverySet(machine.catalog, reports()), nowMs))
    propose(command);
  expect(machine.catalog.database(database)!.expiredBeforeMs).toBeGreaterThan(WEEK);
  expect(plan(nowMs)).toEqual([]);
  expect(plan(nowMs + DAY)).toEqual(['raise-expired-before', 'drop-bucket']);
  for (const command of planUpkeep(new EverySet(machine.catalog, reports()), nowMs + DAY))
    propose(command);
  expect(machine.catalog.buckets(database)).toHaveLength(1);
  // No live node holds a replica of it any more.
  expect(plan(nowMs + DAY)).toEqual(['forget-replica-sets']);
});

test('what expired stays as long as the operator has set', () => {
  makeBucket(0);
  makeBucket(3 * WEEK);
  const nowMs = 2 * WEEK;
  propose({type: 'alter-database', tenant: 'default', name: 'public', options: {ttlMs: WEEK / 7}});
  for (const command of planUpkeep(new EverySet(machine.catalog, reports()), nowMs))
    propose(command);
  propose({type: 'alter-database', tenant: 'default', name: 'public', options: {ttlMs: null}});
  const plannedAt = (atMs: number) =>
    planUpkeep(new EverySet(machine.catalog, reports()), atMs, {trashRetentionMs: 3 * DAY});
  expect(plannedAt(nowMs + 3 * DAY - 1)).toEqual([]);
  expect(plannedAt(nowMs + 3 * DAY)).toMatchObject([{type: 'drop-bucket'}]);
});

test('a ttl that is shortened hides at once and keeps the files for the retention', () => {
  makeBucket(0);
  makeBucket(30 * WEEK);
  const nowMs = 30 * WEEK + DAY;
  const options = {ttlMs: DAY};
  propose({type: 'alter-database', tenant: 'default', name: 'public', options});
  expect(plan(nowMs)).toEqual(['raise-expired-before']);
  for (const command of planUpkeep(new EverySet(machine.catalog, reports()), nowMs))
    propose(command);
  expect(plan(nowMs)).toEqual([]);
  propose({type: 'alter-database', tenant: 'default', name: 'public', options: {ttlMs: null}});
  expect(plan(nowMs + DAY - 1)).toEqual([]);
  expect(plan(nowMs + DAY)).toEqual(['drop-bucket']);
});

test('the trash is purged in its time', () => {
  const table = {name: 'cpu', tags: [], fields: []};
  propose({type: 'create-table', database, table});
  propose({type: 'drop-table', database, name: 'cpu', atMs: 0, purgeAtMs: DAY});
  expect(plan(DAY - 1)).toEqual([]);
  expect(plan(DAY)).toEqual(['purge-table']);
  propose({type: 'purge-table', table: 1 as never, atMs: DAY});
  expect(plan(DAY + 1)).toEqual([]);
  expect(plan(2 * DAY)).toEqual(['forget-table']);
  propose({type: 'drop-database', tenant: 'default', name: 'public', atMs: 0, purgeAtMs: 3 * DAY});
  expect(plan(3 * DAY)).toEqual(['purge-database']);
});

test('a database that is to be purged at once stays until its sets could refuse writes to it', () => {
  const dropped = {tenant: 'default', name: 'public', atMs: DAY, purgeAtMs: DAY};
  propose({type: 'drop-database', ...dropped});
  expect(plan(DAY + 14_999)).toEqual([]);
  expect(plan(DAY + 15_000)).toEqual(['purge-database']);
});

test('what was dropped by a clock that was ahead is hastened by one that is right', () => {
  const named = {type: 'drop-database', tenant: 'default', name: 'public'} as const;
  const ahead = {atMs: 365 * DAY, purgeAtMs: 366 * DAY};
  propose({type: 'create-table', database, table: {name: 'cpu', tags: [], fields: []}});
  propose({type: 'drop-table', database, name: 'cpu', ...ahead});
  propose({type: 'create-tenant', name: 'acme'});
  propose({type: 'drop-tenant', name: 'acme', ...ahead});
  const atOnce = {atMs: DAY, purgeAtMs: DAY, orTrash: true};
  propose({type: 'drop-table', database, name: 'cpu', ...atOnce});
  propose({type: 'drop-tenant', name: 'acme', ...atOnce});
  expect(plan(DAY)).toEqual(['purge-table', 'purge-tenant']);

  propose({...named, ...ahead});
  expect(plan(2 * DAY)).toEqual(['purge-tenant']);
  propose({...named, ...atOnce});
  expect(plan(DAY + 14_999)).toEqual(['purge-tenant']);
  expect(plan(DAY + 15_000)).toEqual(['purge-database', 'purge-tenant']);
});

test('a clock that is behind purges no sooner than the sets could refuse writes', () => {
  const named = {type: 'drop-database', tenant: 'default', name: 'public'} as const;
  propose({...named, atMs: DAY, purgeAtMs: 2 * DAY});
  propose({...named, atMs: 0, purgeAtMs: 0, orTrash: true});
  expect(plan(DAY + 14_999)).toEqual([]);
  expect(plan(DAY + 15_000)).toEqual(['purge-database']);
});

test('finished operations are forgotten after a week', () => {
  const subject = {kind: 'rebalance', startedBy: 't'} as const;
  propose({type: 'create-operation', ...subject, atMs: 0});
  expect(plan(9 * DAY)).toEqual([]);
  const id = 1 as never;
  propose({type: 'update-operation', operation: id, expectedStep: 'run', state: 'done', atMs: DAY});
  expect(plan(8 * DAY)).toEqual([]);
  expect(plan(9 * DAY)).toEqual(['expire-operations']);
});

test('a dropped tenant is purged in its time, after its databases; by a clock that is wrong nothing is', () => {
  const drop = {atMs: 0, purgeAtMs: DAY};
  propose({type: 'create-tenant', name: 'acme'});
  propose({type: 'create-database', tenant: 'acme', name: 'd', options: {}});
  propose({type: 'drop-database', tenant: 'acme', name: 'd', ...drop});
  propose({type: 'drop-tenant', name: 'acme', ...drop});
  expect(plan(DAY - 1)).toEqual([]);
  expect(plan(365 * DAY, {clockOffsetMs: -364 * DAY})).toEqual([]);
  expect(plan(DAY)).toEqual(['purge-database']);
  propose({type: 'purge-database', database: 2 as DatabaseId});
  expect(plan(DAY)).toEqual(['purge-tenant']);
});

test('what a checksum found differing is known as long as that is there', () => {
  makeBucket(WEEK);
  const [{id: replicaSet, bucket, replicas}] = [...machine.catalog.replicaSets()] as [ReplicaSet];
  const {replica} = replicas[0]!;
  const subject = {replicaSet, startedBy: 't', atMs: 0};
  propose({type: 'create-operation', kind: 'checksum', ...subject});
  const found = {operation: 1 as never, expectedStep: 'hash', state: 'done'} as const;
  propose({type: 'update-operation', ...found, differing: [replica], atMs: 0});
  expect(plan(2 * WEEK)).not.toContain('expire-operations');
  propose({type: 'expire-operations', finishedBeforeMs: WEEK});
  expect([...machine.catalog.operations()]).toHaveLength(1);
  propose({type: 'drop-bucket', bucket});
  propose({type: 'forget-replica-sets', sets: [replicaSet]});
  expect(plan(2 * WEEK)).toContain('expire-operations');
});

test('where a build may be that forgets findings with the rest, nothing is forgotten beside one', () => {
  makeBucket(WEEK);
  const [{id: replicaSet, replicas}] = [...machine.catalog.replicaSets()] as [ReplicaSet];
  const subject = {replicaSet, startedBy: 't', atMs: 0};
  const end = (operation: number, differing?: ReplicaId[]) => {
    propose({type: 'create-operation', kind: 'checksum', ...subject});
    const done = {operation: operation as never, expectedStep: 'hash', state: 'done'} as const;
    propose({type: 'update-operation', ...done, differing, atMs: 0});
  };
  end(1, [replicas[0]!.replica]);
  end(2);
  expect(plan(2 * WEEK)).not.toContain('expire-operations');
  propose({type: 'finalize-upgrade', version: 3, nodes: [1 as NodeId]});
  expect(plan(2 * WEEK)).toContain('expire-operations');
});

test('finished operations are history for a week, by a clock that is trusted', () => {
  const sourceNode = 1 as NodeId;
  propose({type: 'create-operation', kind: 'drain-node', sourceNode, startedBy: 't', atMs: 0});
  const cancel = {operation: 1 as never, expectedStep: 'evacuate', state: 'cancelled'} as const;
  propose({type: 'update-operation', ...cancel, atMs: 0});
  expect(plan(WEEK + 1, {clockOffsetMs: 11_000})).toEqual([]);
  expect(plan(WEEK + 1)).toEqual(['expire-operations']);
});
