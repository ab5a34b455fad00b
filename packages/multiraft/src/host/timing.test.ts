import {expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';
import {checkTiming, TIMINGS} from './timing.ts';

test('every preset agrees with itself', () => {
  for (const timing of Object.values(TIMINGS)) checkTiming(timing);
});

test('times that contradict each other are refused', () => {
  const bad = [{beatMs: 200}, {suspectMaxMs: 400}, {electionTicks: 4}, {lateMs: 800}, {tickMs: 0}];
  for (const change of bad) expect(() => checkTiming({...TIMINGS.local, ...change})).toThrow('BUG');
});

test.each([
  ['local', 2, 1_000],
  ['zone', 10, 1_500],
  ['wan', 100, 5_000],
] as const)(
  '%s: %i ms one way make no election; a leader that falls silent is replaced within %i ms',
  async (timing, latencyMs, replacedMs) => {
    const cluster = new TestCluster({beats: true, timing, latencyMs});
    await cluster.startAll();
    await cluster.found(1);
    await cluster.write(1, 'a');
    const leader = cluster.leader(1);
    const {term} = cluster.status(leader, 1)!;
    for (let i = 0; i < 6; i++) {
      await cluster.clock.advance(10_000);
      await cluster.write(1, `value ${i}`);
    }
    expect(cluster.status(leader, 1)!.term).toBe(term);
    cluster.network.isolate(cluster.node(leader).id);
    const isReplaced = () => cluster.leader(1) !== leader;
    expect(await cluster.clock.until(isReplaced, replacedMs)).toBe(true);
  },
);
