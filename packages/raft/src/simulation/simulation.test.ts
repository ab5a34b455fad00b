import {expect, test} from 'vitest';
import {Cluster} from './cluster.ts';

const SEEDS = Number(process.env['SEEDS'] ?? 200);
const FIRST = Number(process.env['SEED'] ?? 1);
const STEPS = Number(process.env['STEPS'] ?? 5_000);

/**
 * Goal: no law of Raft is broken whatever is lost, late, doubled or crashed, and once the trouble ends
 * the group has a leader and agrees. Replay one by the environment: SEED and SEEDS=1.
 */
test('the laws hold under random trouble, and the group recovers', () => {
  const total = {leaders: 0, applied: 0, reads: 0};
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const cluster = new Cluster({
      seed,
      voters: 1 + (seed % 5),
      replicasMax: 12,
      preVote: seed % 2 === 0,
      checkQuorum: seed % 3 !== 0,
      leaseReads: false,
    });
    try {
      for (let step = 0; step < STEPS; step++) cluster.step();
      expect(cluster.settle(400), 'the group settles').toBe(true);
      expect(cluster.requestFault()).toBeUndefined();
    } catch (thrown) {
      throw new Error(`SEED=${seed}\n${cluster.describe()}`, {cause: thrown});
    }
    total.leaders += cluster.laws.leadersSeen;
    total.applied += cluster.laws.appliedSeen;
    total.reads += cluster.laws.readsSeen;
  }
  // A simulation in which nothing happens proves nothing.
  expect(total.leaders).toBeGreaterThan(SEEDS);
  expect(total.applied).toBeGreaterThan(10 * SEEDS);
  expect(total.reads).toBeGreaterThan(SEEDS);
}, 60_000);
