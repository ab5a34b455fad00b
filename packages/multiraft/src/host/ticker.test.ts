import {VirtualClock} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {ChangedGroups} from './changed-groups.ts';
import type {Driver} from './driver.ts';
import type {HostedGroup} from './hosted-group.ts';
import {Ticker} from './ticker.ts';
import {TIMINGS} from './timing.ts';

const {tickMs} = TIMINGS.local;

function idleGroup(): HostedGroup {
  const waits = {isEmpty: true};
  const group = {isGone: false, isLeader: false, isIdle: true, isAsleep: true, waits};
  return group as Partial<HostedGroup> as HostedGroup;
}

function startTicker() {
  const clock = new VirtualClock();
  const blocked = new Set<HostedGroup>();
  const ticked: HostedGroup[] = [];
  const driver = {
    applier: {blocked, retryBlocked: () => []},
    changed: new ChangedGroups(),
    tick: (group: HostedGroup) => ticked.push(group),
  };
  const looks: number[] = [];
  const held = new Set<HostedGroup>();
  const ticker = new Ticker(clock, TIMINGS.local, driver as unknown as Driver, {
    onTick: (nowMs) => looks.push(nowMs),
    isLeaderAlive: () => true,
    isHeld: (group) => held.has(group),
  });
  ticker.start();
  return {clock, ticker, ticked, looks, blocked, held};
}

test('while all groups sleep the loop looks half as often; who wakes is ticked as soon as ever', async () => {
  const {clock, ticker, ticked, looks} = startTicker();
  await clock.advance(10_000);
  expect(looks.length).toBe(10_000 / (2 * tickMs));
  const group = idleGroup();
  await clock.advance(10);
  ticker.wake(group);
  await clock.advance(tickMs);
  expect(ticked.length).toBe(1);
  await clock.advance(1_000);
  expect(group.isAsleep).toBe(true);
  looks.length = 0;
  await clock.advance(1_000);
  expect(looks.length).toBe(1_000 / (2 * tickMs));
});

test('a group that applies nothing is looked at in each tick, though it sleeps', async () => {
  const {clock, looks, blocked} = startTicker();
  blocked.add(idleGroup());
  await clock.advance(1_000);
  looks.length = 0;
  await clock.advance(1_000);
  expect(looks.length).toBe(1_000 / tickMs);
});

test('nothing that wakes starts a loop that was stopped', async () => {
  const {clock, ticker, looks} = startTicker();
  await clock.advance(1_000);
  ticker.stop();
  looks.length = 0;
  ticker.wake(idleGroup());
  await clock.advance(1_000);
  expect(looks).toEqual([]);
});

test('the time of a group that is held stands still, and goes on when it is let go', async () => {
  const {clock, ticker, ticked, held} = startTicker();
  const group = Object.assign(idleGroup(), {isIdle: false});
  held.add(group);
  ticker.wake(group);
  await clock.advance(1_000);
  expect(ticked).toEqual([]);
  held.delete(group);
  await clock.advance(tickMs);
  expect(ticked).toEqual([group]);
});
