import type {DatabaseId, NodeId, OperationId} from '@flotilla/base';
import type {Command} from '@flotilla/catalog';
import {expect, test} from 'vitest';
import {commandSchema} from './command-codec.ts';
import {stampTimes} from './order-times.ts';

const DAY = 86_400_000;
const drop = {type: 'drop-database', tenant: 't', name: 'd', atMs: 5, purgeAtMs: 5 + DAY} as const;

const lastStepMs = (operation: OperationId) => (operation === 1 ? 900 : undefined);
const at = (nowMs: number, isAgreed = true) => ({nowMs, isAgreed, lastStepMs});

test('a drop is counted from the time that it is given, and kept as long as asked for', () => {
  expect(stampTimes(drop, at(1_000.5))).toEqual({...drop, atMs: 1_000, purgeAtMs: 1_000 + DAY});
  const atOnce = {...drop, type: 'drop-table' as const, database: 1 as DatabaseId, purgeAtMs: 5};
  expect(stampTimes(atOnce, at(7))).toMatchObject({atMs: 7, purgeAtMs: 7});
});

test('a time that is not agreed on makes no drop older than it is', () => {
  const recent = {...drop, atMs: 400 * DAY, purgeAtMs: 401 * DAY};
  expect(stampTimes(recent, at(5, false))).toEqual(recent);
  expect(stampTimes(recent, at(5))).toMatchObject({atMs: 5, purgeAtMs: 5 + DAY});
  const later = {atMs: 800 * DAY, purgeAtMs: 801 * DAY};
  expect(stampTimes(recent, at(800 * DAY, false))).toMatchObject(later);
});

test('by a time that is not agreed on a ttl brings back no less than whoever gives it means', () => {
  const named = {tenant: 't', name: 'd', options: {ttlMs: DAY}};
  const alter = {type: 'alter-database', ...named, atMs: 100 * DAY} as const;
  expect(stampTimes(alter, at(400 * DAY))).toEqual({...alter, atMs: 400 * DAY});
  expect(stampTimes(alter, at(400 * DAY, false))).toEqual(alter);
  expect(stampTimes(alter, at(9.5, false))).toEqual({...alter, atMs: 9});
  const unasked = {type: 'alter-database', ...named} as const;
  expect(stampTimes(unasked, at(7, false))).toEqual({...unasked, atMs: 7});
});

test('a pause and a maintenance last as long as asked for, and an end is an end', () => {
  const at100 = at(100);
  const pause = {type: 'set-automation', kinds: ['repair'], paused: true} as const;
  const asked = {...pause, atMs: 5 * DAY, untilMs: 5 * DAY + 60};
  expect(stampTimes(asked, at100)).toEqual({...pause, atMs: 100, untilMs: 160});
  expect(stampTimes({...pause, atMs: 5 * DAY}, at100)).toEqual({...pause, atMs: 100});
  const rest = {type: 'set-maintenance', node: 2 as NodeId} as const;
  const maintenance = {untilMs: 5 * DAY, scope: 'all'} as const;
  expect(stampTimes({...rest, maintenance, atMs: 5 * DAY}, at100)).toEqual({
    ...{...rest, atMs: 100},
    maintenance: {untilMs: 100, scope: 'all'},
  });
  expect(stampTimes({...rest, maintenance}, at100)).toEqual({...rest, maintenance});
  expect(stampTimes(asked, {...at100, isAgreed: false})).toEqual(asked);
});

test.each([true, false])(
  'what was done is told by the time of the leader, agreed on: %s',
  (isAgreed) => {
    const begun = {type: 'create-operation', kind: 'rebalance', startedBy: 'ann'} as const;
    // By the clock of a node that is a year ahead, or behind.
    for (const atMs of [400 * DAY, 5])
      expect(stampTimes({...begun, atMs}, at(1_000.5, isAgreed))).toEqual({
        ...begun,
        atMs: 1_000,
      });
    const token = {type: 'create-token', name: 'ann', hash: 'aa', createdBy: 'bob'} as const;
    expect(stampTimes({...token, atMs: 400 * DAY}, at(7, isAgreed))).toEqual({...token, atMs: 7});
  },
);

test('no step of an operation is told before the one before it', () => {
  const step = {type: 'update-operation', expectedStep: 'create', step: 'learner'} as const;
  const of = (operation: number, atMs: number) => ({
    ...step,
    operation: operation as OperationId,
    atMs,
  });
  expect(stampTimes(of(1, 400 * DAY), at(1_000))).toEqual(of(1, 1_000));
  expect(stampTimes(of(1, 5), at(800))).toEqual(of(1, 900));
  expect(stampTimes(of(2, 5), at(800))).toEqual(of(2, 800));
});

test('no time of an order is told by the clock of whoever asks', () => {
  // A cluster is founded by its first node, and a recovery makes a state; the others the leader plans itself.
  const own = ['found-cluster', 'recover-meta', 'raise-expired-before', 'purge-table'];
  const timed = commandSchema.options
    .filter(({shape}) => 'atMs' in shape)
    .map(({shape}) => shape.type.value)
    .filter((type) => !own.includes(type));
  expect(timed).toContain('begin-skip');
  const times = {atMs: 5, purgeAtMs: 5, untilMs: 5, maintenance: {untilMs: 5, scope: 'all'}};
  for (const type of timed) {
    const asked = {...times, type, operation: 2} as unknown as Command;
    expect(stampTimes(asked, at(7)), type).toMatchObject({type, atMs: 7});
  }
});

test('what has no such times stays as it is', () => {
  const tenant = {type: 'drop-tenant', name: 't'} as const;
  expect(stampTimes(tenant, at(7))).toBe(tenant);
  const purge = {type: 'purge-table', table: 1 as never, atMs: 5} as const;
  expect(stampTimes(purge, at(7))).toBe(purge);
});
