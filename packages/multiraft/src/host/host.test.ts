import type {ReplicaSetId} from '@flotilla/base';
import {describe, expect, test} from 'vitest';
import {bytes, code, SET, started} from './started.fixture.ts';

describe('one set on three hosts', () => {
  test('elects, replicates and applies everywhere', async () => {
    const cluster = await started();
    await cluster.found(1);
    for (const value of ['a', 'b', 'c']) await cluster.write(1, value);
    expect(await cluster.agree(1, [1, 2, 3], 3)).toBe(true);
    expect(cluster.values(1, 1)).toEqual(['a', 'b', 'c']);
  });

  test('a follower names the leader, an unknown set is gone', async () => {
    const cluster = await started();
    await cluster.found(1);
    await cluster.write(1, 'a');
    const leader = cluster.leader(1);
    const follower = leader === 1 ? 2 : 1;
    const deadlineMs = cluster.clock.monotonicMs() + 1_000;
    const refused = cluster.host(follower).propose(SET, bytes('x'), {deadlineMs});
    await expect(refused).rejects.toMatchObject({code: 'NOT_LEADER', details: {leader}});
    const nowhere = cluster.host(1).propose(9 as ReplicaSetId, bytes('x'), {deadlineMs});
    expect(await code(nowhere)).toBe('REPLICA_GONE');
  });

  test('a large entry crosses in fragments', async () => {
    const cluster = await started();
    await cluster.found(1);
    const large = 'x'.repeat(3_000_000);
    await cluster.write(1, large);
    expect(await cluster.agree(1, [1, 2, 3], 1)).toBe(true);
    expect(cluster.values(3, 1)[0]).toBe(large);
  });
});

test('a leader that crashes is replaced, restarts with what was acknowledged, and catches up', async () => {
  const cluster = await started();
  await cluster.found(1);
  for (let i = 0; i < 10; i++) await cluster.write(1, `v${i}`);
  const old = cluster.leader(1);
  const beforeMs = cluster.clock.monotonicMs();
  cluster.crash(old);
  await cluster.electAll([1]);
  expect(cluster.clock.monotonicMs() - beforeMs).toBeLessThan(300);
  await cluster.write(1, 'after');
  await cluster.start(old);
  expect(await cluster.agree(1, [1, 2, 3], 11)).toBe(true);
});

test('a set of one voter is led again a few ticks after its node restarted', async () => {
  const cluster = await started({nodes: 1});
  await cluster.found(1, [1]);
  await cluster.write(1, 'a');
  cluster.crash(1);
  await cluster.start(1);
  const beforeMs = cluster.clock.monotonicMs();
  await cluster.electAll([1]);
  expect(cluster.clock.monotonicMs() - beforeMs).toBeLessThanOrEqual(200);
  await cluster.write(1, 'b');
  expect(cluster.values(1, 1)).toEqual(['a', 'b']);
});

test('a leader that stops is replaced although its node lives and its followers sleep', async () => {
  const cluster = await started();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const leader = cluster.leader(1);
  await cluster.clock.advance(5_000);
  cluster.machine(leader, 1).apply = () => {
    throw new Error('broken here');
  };
  const deadlineMs = cluster.clock.monotonicMs() + 5_000;
  const lost = cluster.host(leader).propose(SET, bytes('b'), {deadlineMs});
  expect(await code(cluster.clock.resolve(lost))).toBe('OUTCOME_UNKNOWN');
  const beforeMs = cluster.clock.monotonicMs();
  await cluster.electAll([1]);
  // By its word, not by their timers.
  expect(cluster.clock.monotonicMs() - beforeMs).toBeLessThan(500);
});

test('nobody falls asleep under a leader whose node is suspect', async () => {
  const cluster = await started();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const leader = cluster.leader(1);
  const follower = leader === 1 ? 2 : 1;
  await cluster.clock.advance(3_000);
  expect(cluster.status(follower, 1)!.isAsleep).toBe(true);
  const {id, bootEpoch} = cluster.node(leader);
  cluster.host(follower).nodeChanged(id, {state: 'suspect', bootEpoch});
  await cluster.clock.advance(3_000);
  // Its leader lives after all, and says so: that alone is no reason to rely on it.
  expect(cluster.status(follower, 1)).toMatchObject({leader: {node: leader}, isAsleep: false});
});

describe('fifty sets', () => {
  const sets = Array.from({length: 50}, (_, i) => i + 1);

  test('elect, sleep, send nothing, and wake for a write and for a dead node', async () => {
    const cluster = await started();
    for (const set of sets) await cluster.found(set);
    await cluster.electAll(sets);
    // Long enough for each replica to have asked once how fresh it is.
    await cluster.clock.advance(10_000);
    const before = cluster.network.counts.frames;
    await cluster.clock.advance(4_000);
    // At most the digest that each node sends to each other every ten seconds.
    expect(cluster.network.counts.frames - before).toBeLessThanOrEqual(6);
    expect([...cluster.host(1).statuses()].every((status) => status.isAsleep)).toBe(true);
    await cluster.write(7, 'awake');
    expect(await cluster.agree(7, [1, 2, 3], 1)).toBe(true);
    const beforeMs = cluster.clock.monotonicMs();
    cluster.crash(1);
    await cluster.electAll(sets);
    expect(cluster.clock.monotonicMs() - beforeMs).toBeLessThan(500);
    for (const set of sets) await cluster.write(set, 'after');
    await cluster.start(1);
    for (const set of sets) expect(await cluster.agree(set, [1, 2, 3])).toBe(true);
  });

  test('all at once: one record and few frames serve all sets', async () => {
    const cluster = await started({syncMs: 4});
    for (const set of sets) await cluster.found(set);
    await cluster.electAll(sets);
    const leader = cluster.leader(1);
    const led = sets.filter((set) => cluster.leader(set) === leader);
    await cluster.clock.advance(3_000);
    const {disk} = cluster.node(leader);
    const before = {sync: disk.counts.sync, frames: cluster.network.counts.frames};
    const deadlineMs = cluster.clock.monotonicMs() + 5_000;
    const proposals = led.map((set) =>
      cluster.host(leader).propose(set as ReplicaSetId, bytes('x'), {deadlineMs}),
    );
    await cluster.clock.resolve(Promise.all(proposals));
    expect(disk.counts.sync - before.sync).toBeLessThanOrEqual(3);
    expect(cluster.network.counts.frames - before.frames).toBeLessThan(20);
  });

  test('survives crashes of everyone at any time with all that was acknowledged', async () => {
    const cluster = await started({seed: 5});
    const some = sets.slice(0, 8);
    for (const set of some) await cluster.found(set);
    const acknowledged = new Map<number, string[]>(some.map((set) => [set, []]));
    for (let round = 0; round < 12; round++) {
      const victim = 1 + cluster.random.below(3);
      for (const set of some) {
        await cluster.write(set, `round ${round}`, 20_000);
        acknowledged.get(set)!.push(`round ${round}`);
      }
      for (const set of some) {
        const leader = cluster.leader(set);
        if (leader === 0) continue;
        const deadlineMs = cluster.clock.monotonicMs() + 50;
        const value = `unknown ${round}`;
        const proposal = cluster
          .host(leader)
          .propose(set as ReplicaSetId, bytes(value), {deadlineMs});
        void code(proposal);
      }
      await cluster.clock.advance(cluster.random.below(4));
      cluster.crash(victim);
      await cluster.clock.advance(cluster.random.below(400));
      await cluster.start(victim);
    }
    for (const set of some) {
      expect(await cluster.agree(set, [1, 2, 3], undefined, 30_000)).toBe(true);
      const values = cluster.values(1, set).filter((value) => value.startsWith('round'));
      expect(values).toEqual(acknowledged.get(set));
    }
  });
});

describe('faults', () => {
  test('a state machine that throws stops its replica alone', async () => {
    const cluster = await started();
    await cluster.found(1);
    await cluster.found(2);
    await cluster.write(1, 'a');
    const stops: unknown[] = [];
    cluster.host(1).onStopped((stop) => stops.push(stop));
    const leader = cluster.leader(1);
    const deadlineMs = cluster.clock.monotonicMs() + 1_000;
    const poison = cluster.host(leader).propose(SET, bytes('poison'), {deadlineMs});
    expect(await code(cluster.clock.resolve(poison))).toBe('OUTCOME_UNKNOWN');
    await cluster.clock.advance(500);
    expect(stops).toMatchObject([
      {set: 1, isStore: false, reason: expect.stringContaining('poisoned')},
    ]);
    expect(cluster.status(1, 1)!.stopped).toContain('poisoned');
    await cluster.write(2, 'fine');
    const after = cluster.host(1).propose(SET, bytes('x'), {deadlineMs: Infinity});
    expect(await code(after)).toBe('REPLICA_STOPPED');
  });

  test('a failed sync stops the store, loses nothing and is never retried', async () => {
    const cluster = await started();
    await cluster.found(1);
    await cluster.write(1, 'a');
    const leader = cluster.leader(1);
    const {disk} = cluster.node(leader);
    const stops: {isStore: boolean}[] = [];
    cluster.host(leader).onStopped((stop) => stops.push(stop));
    disk.fail({operation: 'sync', path: 'segment'});
    const deadlineMs = cluster.clock.monotonicMs() + 1_000;
    const doomed = cluster.host(leader).propose(SET, bytes('b'), {deadlineMs});
    expect(await code(cluster.clock.resolve(doomed))).toMatch(/OUTCOME_UNKNOWN|REPLICA_STOPPED|ok/);
    expect(stops.some((stop) => stop.isStore)).toBe(true);
    const syncs = disk.counts.sync;
    await cluster.clock.advance(1_000);
    expect(disk.counts.sync).toBe(syncs);
    cluster.crash(leader);
    await cluster.electAll([1]);
    await cluster.write(1, 'c');
    await cluster.start(leader);
    expect(await cluster.agree(1, [1, 2, 3])).toBe(true);
    expect(cluster.values(1, 1)).toContain('a');
  });
});

describe('operator orders', () => {
  test('leadership moves on order, on a clean stop, and not by itself under manual failover', async () => {
    const cluster = await started();
    await cluster.found(1);
    await cluster.write(1, 'a');
    const leader = cluster.leader(1);
    const other = leader === 3 ? 1 : 3;
    const to = cluster.status(other, 1)!.replica;
    const deadlineMs = cluster.clock.monotonicMs() + 3_000;
    await cluster.clock.resolve(cluster.host(leader).transferLeader(SET, to, {deadlineMs}));
    await cluster.clock.until(() => cluster.leader(1) === other);
    await cluster.stop(other);
    expect(cluster.leader(1)).not.toBe(0);
    await cluster.write(1, 'b');
    await cluster.start(other);
    expect(await cluster.agree(1, [1, 2, 3], 2)).toBe(true);
    for (const node of cluster.nodes)
      await cluster.clock.resolve(node.host!.setFailover(SET, 'manual'));
    const last = cluster.leader(1);
    cluster.crash(last);
    await cluster.clock.advance(5_000);
    expect(cluster.leader(1)).toBe(0);
    const survivor = last === 1 ? 2 : 1;
    cluster.host(survivor).campaign(SET);
    await cluster.electAll([1]);
    await cluster.start(last);
    expect(cluster.status(last, 1)!.failover).toBe('manual');
  });
});

describe('a clean stop', () => {
  // Around the moments when a leader begins to count anew who answers, and falls asleep.
  test('hands over a sleeping group too, whenever it comes', async () => {
    for (let restMs = 0; restMs < 1_500; restMs += 50) {
      const cluster = await started();
      await cluster.found(1);
      await cluster.electAll([1]);
      await cluster.clock.advance(restMs);
      const leader = cluster.leader(1);
      const {term} = cluster.status(leader, 1)!;
      await cluster.stop(leader);
      const [led, there] = [cluster.leader(1), cluster.nodes.find(({host}) => host !== undefined)!];
      expect([restMs, led === 0, cluster.status(there.id, 1)!.term]).toEqual([
        restMs,
        false,
        term + 1,
      ]);
    }
  });
});
