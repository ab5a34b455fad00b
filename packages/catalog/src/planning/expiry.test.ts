// Goal: whatever ttl is given when, and whatever plan from before comes late, a bucket goes only after nobody has seen
// it for the trash's retention, and what the ttl keeps of what has not gone is shown.

import type {DatabaseId, NodeId} from '@flotilla/base';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import type {Catalog} from '../catalog.ts';
import {CLUSTER_VERSION, EXPIRED_RETURNS_SINCE} from '../cluster-version.ts';
import type {Command} from '../commands.ts';
import {CatalogMachine} from '../machine/catalog-machine.ts';
import type {Bucket, Database} from '../model.ts';
import {EverySet} from './every-set.ts';
import {planBucket} from './placement.ts';
import {planUpkeep} from './upkeep.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const BUCKETS = 12;
const PUBLIC = 1 as DatabaseId;
const NAMED = {tenant: 'default', name: 'public'} as const;

const ttlMs = fc.constantFrom(null, DAY, 36 * HOUR, 3 * DAY, 9 * DAY);
const step = fc.oneof(
  fc.record({type: fc.constant('wait' as const), hours: fc.integer({min: 1, max: 30})}),
  /** A plan, what people order before it is carried out, and then that. */
  fc.record({type: fc.constant('round' as const), ttls: fc.array(ttlMs, {maxLength: 2})}),
  fc.record({type: fc.constant('round' as const), ttls: fc.constant([])}),
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

class World {
  readonly machine = new CatalogMachine();
  nowMs = BUCKETS * DAY;
  /** When the bucket was seen last, of each that was ever made. */
  readonly #seenAtMs = new Map<Bucket, number>();

  constructor(clusterVersion: number) {
    const node = {incarnation: 'i', address: 'a', engineThreads: 1, version: '1'};
    this.apply({type: 'found-cluster', clusterId: 'c', node, clusterVersion, atMs: 1});
    const options = {bucketDurationMs: DAY, shards: 1};
    this.apply({type: 'alter-database', ...NAMED, options, atMs: 1});
    for (let day = 0; day < BUCKETS; day++)
      this.apply(planBucket(this.catalog, PUBLIC, day * DAY)!);
    for (const bucket of this.catalog.buckets(PUBLIC)) this.#seenAtMs.set(bucket, this.nowMs);
  }

  get catalog(): Catalog {
    return this.machine.catalog;
  }

  get database(): Database {
    return this.catalog.database(PUBLIC)!;
  }

  apply(command: Command): string {
    const {result} = this.machine.apply(command, this.catalog.version + 1);
    return result.ok ? 'ok' : result.error.code;
  }

  plan(): Command[] {
    const node = 1 as NodeId;
    const report = {node, live: true, clockOffsetMs: 0, diskFree: 1, replicas: new Map()};
    return planUpkeep(new EverySet(this.catalog, new Map([[node, report]])), this.nowMs);
  }

  alter(ttl: number | null): void {
    const command = {type: 'alter-database', ...NAMED, options: {ttlMs: ttl}} as const;
    expect(this.apply({...command, atMs: this.nowMs})).toBe('ok');
  }

  step(each: Step): void {
    if (each.type === 'wait') {
      this.look();
      this.nowMs += each.hours * HOUR;
      return;
    }
    const plan = this.plan();
    for (const ttl of each.ttls) {
      this.alter(ttl);
      this.look();
    }
    for (const command of plan) expect(['ok', 'CONFLICT']).toContain(this.apply(command));
    this.look();
  }

  look(): void {
    const {expiredBeforeMs = -Infinity, purgedBeforeMs = -Infinity, options} = this.database;
    const keptMs = this.nowMs - (options.ttlMs ?? Infinity);
    expect(expiredBeforeMs, 'what is kept is shown').toBeLessThanOrEqual(
      Math.max(keptMs, purgedBeforeMs),
    );
    for (const [bucket, seenAtMs] of this.#seenAtMs) {
      if (this.catalog.bucket(bucket.id) === undefined) {
        expect(this.nowMs - seenAtMs, `bucket ${bucket.id} goes`).toBeGreaterThanOrEqual(DAY);
        if (this.catalog.clusterVersion >= EXPIRED_RETURNS_SINCE)
          expect(bucket.endMs).toBeLessThanOrEqual(purgedBeforeMs);
      } else if (bucket.endMs > expiredBeforeMs) this.#seenAtMs.set(bucket, this.nowMs);
    }
  }
}

test('no bucket goes that was seen within the retention, and no ttl leaves hidden what it keeps', () => {
  const property = fc.property(fc.array(step, {maxLength: 30}), (steps) => {
    const world = new World(CLUSTER_VERSION);
    for (const each of steps) world.step(each);
  });
  fc.assert(property, {numRuns: 300});
});

/** By whatever is due, as often as there is something. */
function settle(world: World): void {
  for (let round = 0; round < 3; round++) world.step({type: 'round', ttls: []});
}

test('a ttl that was mistyped is undone within a day, also in part, and not after it', () => {
  const world = new World(CLUSTER_VERSION);
  world.alter(9 * DAY);
  settle(world);
  expect(world.database.expiredBeforeMs).toBe(3 * DAY);
  world.alter(36 * HOUR);
  settle(world);
  const hidden = () => world.catalog.buckets(PUBLIC).filter(({expiredAtMs}) => expiredAtMs).length;
  expect(hidden()).toBe(10);
  world.nowMs += DAY - 1;
  world.alter(3 * DAY);
  expect(world.database.expiredBeforeMs).toBe(world.nowMs - 3 * DAY);
  expect(hidden()).toBe(9);
  world.alter(9 * DAY);
  expect(world.database.expiredBeforeMs).toBe(world.nowMs - 9 * DAY);
  settle(world);
  world.alter(DAY);
  settle(world);
  world.nowMs += DAY;
  settle(world);
  world.alter(null);
  const {expiredBeforeMs, purgedBeforeMs} = world.database;
  expect(expiredBeforeMs).toBe(purgedBeforeMs);
  expect(world.catalog.buckets(PUBLIC)[0]!.startMs).toBe(purgedBeforeMs);
});

test('what was planned before the ttl was put right is not carried out after it', () => {
  const world = new World(CLUSTER_VERSION);
  const carryOut = (plan: readonly Command[]) => plan.map((command) => world.apply(command));
  world.alter(36 * HOUR);
  const hiding = world.plan();
  expect(hiding).toMatchObject([{type: 'raise-expired-before'}]);
  world.alter(9 * DAY);
  expect(carryOut(hiding)).toEqual(['CONFLICT']);
  world.alter(36 * HOUR);
  settle(world);
  world.nowMs += DAY;
  const dropping = world.plan().filter(({type}) => type === 'drop-bucket');
  expect(dropping).toHaveLength(10);
  world.alter(9 * DAY);
  expect(carryOut(dropping).filter((outcome) => outcome === 'ok')).toHaveLength(4);
  expect(world.catalog.buckets(PUBLIC)[0]!.startMs).toBe(4 * DAY);
});

test('where all that had expired is there, no ttl shows all of it again', () => {
  const world = new World(CLUSTER_VERSION);
  world.alter(DAY);
  settle(world);
  world.alter(null);
  expect(world.database.expiredBeforeMs).toBeUndefined();
  expect(world.catalog.buckets(PUBLIC).every(({expiredAtMs}) => expiredAtMs === undefined)).toBe(
    true,
  );
});

test('other options of a database bring nothing back, nor does a ttl by a build before', () => {
  const world = new World(CLUSTER_VERSION);
  world.alter(DAY);
  settle(world);
  const before = world.database.expiredBeforeMs;
  const command = {type: 'alter-database', ...NAMED} as const;
  expect(world.apply({...command, options: {replicas: 1}, atMs: world.nowMs})).toBe('ok');
  expect(world.apply({...command, options: {ttlMs: null}})).toBe('ok');
  expect(world.database.expiredBeforeMs).toBe(before);
});

test('what builds before may have dropped counts as gone once their upgrade is finalized', () => {
  const world = new World(EXPIRED_RETURNS_SINCE - 1);
  world.alter(9 * DAY);
  settle(world);
  world.nowMs += DAY;
  settle(world);
  expect(world.catalog.buckets(PUBLIC)[0]!.startMs).toBe(3 * DAY);
  expect(world.database.purgedBeforeMs).toBeUndefined();
  world.apply({type: 'finalize-upgrade', version: EXPIRED_RETURNS_SINCE, nodes: [1 as NodeId]});
  expect(world.database.purgedBeforeMs).toBe(3 * DAY);
  world.alter(null);
  expect(world.database.expiredBeforeMs).toBe(3 * DAY);
});

test('nothing is said to be gone of a database that has lost nothing', () => {
  const world = new World(EXPIRED_RETURNS_SINCE - 1);
  world.apply({type: 'finalize-upgrade', version: EXPIRED_RETURNS_SINCE, nodes: [1 as NodeId]});
  expect(world.database.purgedBeforeMs).toBeUndefined();
});
