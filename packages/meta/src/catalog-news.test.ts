// Goal: a snapshot is taken in parts, each in a turn of its own, and nobody sees any of it before all is here:
// not at the follower, nor in the copies that it tells, wherever one breaks off and however old it is.

import type {Clock, NodeId, Rpc} from '@flotilla/base';
import {Catalog, CatalogMachine, type CatalogUpdate, type Command} from '@flotilla/catalog';
import {VirtualClock} from '@flotilla/testkit';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {CatalogFollower} from './catalog-follower.ts';
import {CatalogIntake, type CatalogNews} from './catalog-news.ts';
import {encodeJson} from './command-codec.ts';
import {FakePresence, SILENT} from './fakes.fixture.ts';
import type {WatchFrame} from './watch.ts';

class Grown {
  readonly machine = new CatalogMachine();

  constructor(tenants = 0) {
    const node = {incarnation: 'i', address: 'a', engineThreads: 1, version: '1'};
    this.machine.apply({type: 'found-cluster', clusterId: 'c', node, atMs: 1}, 1);
    for (let i = 0; i < tenants; i++) this.grow();
  }

  get catalog() {
    return this.machine.catalog;
  }

  grow(): CatalogUpdate {
    return this.#apply({type: 'create-tenant', name: `t${this.catalog.version + 1}`});
  }

  /** The newest tenant goes without a trace. */
  shrink(): CatalogUpdate[] {
    const {id, name} = [...this.catalog.tenants()].at(-1)!;
    const dropped = this.#apply({type: 'drop-tenant', name, atMs: 1, purgeAtMs: 1});
    return [dropped, this.#apply({type: 'purge-tenant', tenant: id})];
  }

  #apply(command: Command): CatalogUpdate {
    const {update, result} = this.machine.apply(command, this.catalog.version + 1);
    expect(result.ok).toBe(true);
    return update;
  }
}

function* partsOf({changes}: CatalogUpdate, size: number): Generator<CatalogUpdate['changes']> {
  for (let at = 0; at < changes.length; at += size) yield changes.slice(at, at + size);
}

const telling = fc.record({
  /** Made before it. */
  tenants: fc.nat(3),
  goes: fc.boolean(),
  way: fc.constantFrom('updates', 'snapshot', 'broken off', 'old'),
  size: fc.integer({min: 1, max: 9}),
});

test('a copy takes any mixture of updates and snapshots, and is always what one of them was', () => {
  const property = fc.property(fc.array(telling, {maxLength: 20}), (tellings) => {
    const grown = new Grown();
    const old = grown.catalog.snapshot();
    const copy = Catalog.fromSnapshot(old);
    const intake = new CatalogIntake(copy);
    const missed: CatalogUpdate[] = [];
    for (const {tenants, goes, way, size} of tellings) {
      if (goes && grown.catalog.tenantCount > 1) missed.push(...grown.shrink());
      for (let i = 0; i < tenants; i++) missed.push(grown.grow());
      if (way === 'updates') {
        for (const update of missed) intake.take({type: 'update', update});
        expect(copy.snapshot()).toEqual(grown.catalog.snapshot());
        continue;
      }
      const before = copy.snapshot();
      const snapshot = way === 'old' ? old : grown.catalog.snapshot();
      let isFirst = true;
      for (const changes of partsOf(snapshot, size)) {
        expect(intake.take({type: 'snapshot-part', isFirst, changes})).toBeUndefined();
        expect(copy.snapshot()).toEqual(before);
        isFirst = false;
      }
      if (way === 'broken off') continue;
      const end = {type: 'snapshot', version: snapshot.version} as const;
      const isNews = snapshot.version > before.version;
      expect(intake.take(end)).toEqual(isNews ? end : undefined);
      expect(copy.snapshot()).toEqual(isNews ? snapshot : before);
    }
  });
  fc.assert(property, {numRuns: 200});
});

function framesOf(snapshot: CatalogUpdate): Uint8Array[] {
  const {version} = snapshot;
  const parts = [...partsOf(snapshot, 10)];
  const last = parts.pop()!;
  const frames: WatchFrame[] = parts.map((changes) => ({type: 'snapshot-part', changes}));
  return [...frames, {type: 'snapshot', update: {version, changes: last}} as const].map(encodeJson);
}

/** Each watch gives these at once; one that ends was cut, the last one stays. */
function watches(all: readonly (readonly Uint8Array[])[]): Rpc {
  const left = [...all];
  return {
    call: () => Promise.reject(new Error('nothing is called')),
    async *stream(_target, _method, _payload, {signal}) {
      yield* left.shift()!;
      if (left.length > 0) throw new Error('cut');
      await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
    },
  };
}

test('parts that come together have a turn each; a watch that is cut begins the snapshot anew', async () => {
  const virtual = new VirtualClock();
  let turn = 0;
  const clock: Clock = {
    wallMs: () => virtual.wallMs(),
    monotonicMs: () => virtual.monotonicMs(),
    setTimer: (delayMs, callback) => virtual.setTimer(delayMs, callback),
    defer: (callback) =>
      virtual.defer(() => {
        turn += 1;
        callback();
      }),
  };
  const {catalog} = new Grown(40);
  const older = framesOf(new Grown(30).catalog.snapshot());
  const whole = framesOf(catalog.snapshot());
  const follower = new CatalogFollower({
    rpc: watches([older.slice(0, 3), whole]),
    clock,
    log: SILENT,
    members: () => [1 as NodeId],
    presence: new FakePresence(),
  });
  const other = new Catalog();
  const intake = new CatalogIntake(other);
  const turnsOfParts: number[] = [];
  const seen: string[] = [];
  follower.onUpdate(({type}) => seen.push(type));
  follower.onNews((news: CatalogNews) => {
    if (news.type === 'snapshot-part') {
      turnsOfParts.push(turn);
      expect(follower.catalog.version).toBe(0);
    }
    intake.take(structuredClone(news));
  });
  follower.start();
  await virtual.until(() => other.version > 0);
  expect(turnsOfParts).toHaveLength(3 + whole.length);
  expect(new Set(turnsOfParts).size).toBe(turnsOfParts.length);
  expect(seen).toEqual(['snapshot']);
  for (const copy of [follower.catalog, other]) expect(copy.snapshot()).toEqual(catalog.snapshot());
  await virtual.resolve(follower.stop());
});
