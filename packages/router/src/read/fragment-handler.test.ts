import {DbError, type NodeId, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import type {Fragment} from '@flotilla/query';
import {ReplicaMachine} from '@flotilla/replica';
import {beforeEach, expect, test} from 'vitest';
import {errorOf} from '../fakes.fixture.ts';
import {type FragmentHost, type FragmentRequest, fragmentHandler} from './fragment-handler.ts';

const SET = 5 as ReplicaSetId;
const FRAGMENT = {set: SET, scan: {}} as Fragment;
const NO_MAJORITY = new DbError('NO_LEADER', 'no majority confirmed the read');

/** A replica that says what the test says, and counts how often a majority was asked. */
class FakeHost implements FragmentHost {
  age: number | undefined = 800;
  /** Undefined: it confirms. */
  failure: DbError | undefined;
  readonly reads: number[] = [];
  voters = [2, 3, 4];
  closed = 0;
  readonly storage = {isLoaded: true};
  readonly order: string[] = [];

  async readIndex(_set: ReplicaSetId, {deadlineMs}: {deadlineMs: number}): Promise<number> {
    this.order.push('read index');
    this.reads.push(deadlineMs);
    if (this.failure !== undefined) throw this.failure;
    return 7;
  }
  ageMs(): number | undefined {
    this.order.push('age');
    return this.age;
  }
  status() {
    return {replica: 3 as ReplicaId, appliedIndex: 7, configuration: {voters: this.voters}};
  }
  stateMachine(): unknown {
    const close = (): void => {
      this.closed += 1;
    };
    const scan = (): unknown => ({close});
    const {storage} = this;
    const load = (): Promise<void> | undefined => {
      if (storage.isLoaded) return undefined;
      return Promise.resolve().then(() => {
        this.order.push('series');
        storage.isLoaded = true;
      });
    };
    const own = {scan, storage, load};
    return Object.assign(Object.create(ReplicaMachine.prototype) as ReplicaMachine, own);
  }
}

let host: FakeHost;
beforeEach(() => {
  host = new FakeHost();
});

/** The first chunk; the reader goes away after it. */
async function origin(request: Partial<FragmentRequest>): Promise<unknown> {
  const handle = fragmentHandler({host, monotonicMs: () => 1_000, slices: {due: () => undefined}});
  const whole = {fragment: FRAGMENT, consistency: 'stale', timeoutMs: 4_000, ...request};
  const payload = new TextEncoder().encode(JSON.stringify(whole));
  const {signal} = new AbortController();
  for await (const chunk of handle(payload, {from: 1 as NodeId, set: SET, signal})) {
    return JSON.parse(new TextDecoder().decode(chunk));
  }
  throw new Error('nothing came');
}

test('a linearizable read is confirmed by a majority, within its time', async () => {
  expect(await origin({consistency: 'linearizable'})).toEqual({
    replica: 3,
    appliedIndex: 7,
    ageMs: 0,
  });
  expect(host.reads).toEqual([5_000]);
  expect(host.closed).toBe(1);
  host.failure = NO_MAJORITY;
  expect((await errorOf(origin({consistency: 'linearizable'}))).code).toBe('NO_LEADER');
});

test('a stale read asks nobody and says how old it is, if that is known', async () => {
  host.failure = NO_MAJORITY;
  expect(await origin({})).toEqual({replica: 3, appliedIndex: 7, ageMs: 800});
  expect(await origin({maxStalenessMs: 800})).toMatchObject({ageMs: 800});
  host.age = undefined;
  expect(await origin({})).toEqual({replica: 3, appliedIndex: 7});
  expect(host.reads).toEqual([]);
});

test('a replica that is still being filled answers no stale read', async () => {
  host.voters = [2, 4];
  host.age = undefined;
  host.failure = NO_MAJORITY;
  const error = await errorOf(origin({}));
  expect(error).toMatchObject({code: 'STALE_TOO_OLD'});
  expect(error.message).toContain('not a voter yet');
  host.failure = undefined;
  expect(await origin({})).toMatchObject({ageMs: 0});
  host.age = 800;
  host.failure = NO_MAJORITY;
  expect(await origin({})).toMatchObject({ageMs: 800});
});

test.each([800, undefined])(
  'an age of %s ms that is too high is lowered by a majority',
  async (age) => {
    host.age = age;
    expect(await origin({maxStalenessMs: 799})).toMatchObject({ageMs: 0});
    expect(host.reads).toEqual([2_000]);
  },
);

test.each([
  [800, 'known to be current 800 ms ago'],
  [undefined, 'of unknown age'],
])('without one, an age of %s ms is refused', async (age, text) => {
  host.age = age;
  host.failure = NO_MAJORITY;
  const error = await errorOf(origin({maxStalenessMs: 799}));
  expect(error.code).toBe('STALE_TOO_OLD');
  expect(error.message).toContain(text);
});

test.each(['stale', 'linearizable'] as const)(
  'a replica that nobody used for long reads its series before a %s read is dated',
  async (consistency) => {
    host.storage.isLoaded = false;
    expect(await origin({consistency})).toMatchObject({replica: 3});
    expect(host.order).toEqual(['series', consistency === 'stale' ? 'age' : 'read index']);
  },
);

test('one that took the place of the replica meanwhile, and has read nothing, is not read', async () => {
  const readIndex = host.readIndex.bind(host);
  host.readIndex = async (set, options) => {
    host.storage.isLoaded = false;
    return readIndex(set, options);
  };
  expect((await errorOf(origin({consistency: 'linearizable'}))).code).toBe('REPLICA_GONE');
});

test('a replica that is gone is not called old', async () => {
  host.age = undefined;
  host.failure = new DbError('REPLICA_GONE', 'no replica of set 5 here');
  expect((await errorOf(origin({maxStalenessMs: 1}))).code).toBe('REPLICA_GONE');
});

test('a count is as fresh as a read, and comes in pieces behind its origin', async () => {
  const counted = {series: 'x'.repeat(100_000), tables: [], tags: [], values: []};
  const specs: unknown[] = [];
  host.stateMachine = () => {
    const countSeries = async (spec: unknown) => {
      specs.push(spec);
      return counted;
    };
    const own = {countSeries, storage: host.storage, load: () => undefined};
    return Object.assign(Object.create(ReplicaMachine.prototype) as ReplicaMachine, own);
  };
  const handle = fragmentHandler({host, monotonicMs: () => 1_000, slices: {due: () => undefined}});
  const count = {top: 20};
  const fragment = {version: 1, set: SET, source: 'cardinality', count} as const;
  const request: FragmentRequest = {fragment, consistency: 'linearizable', timeoutMs: 4_000};
  const payload = new TextEncoder().encode(JSON.stringify(request));
  const {signal} = new AbortController();
  const chunks: string[] = [];
  for await (const chunk of handle(payload, {from: 1 as NodeId, set: SET, signal}))
    chunks.push(new TextDecoder().decode(chunk));
  expect(host.reads).toEqual([5_000]);
  expect(JSON.parse(chunks[0]!)).toEqual({replica: 3, appliedIndex: 7, ageMs: 0});
  expect(chunks.length).toBe(3);
  expect(JSON.parse(chunks.slice(1).join(''))).toEqual(counted);
  expect(specs).toEqual([count]);
});
