import {expect, test} from 'vitest';
import {runSeed, STEPS as STEPS_DEFAULT} from './run.ts';

const SEEDS = Number(process.env['SEEDS'] ?? 100);
const FIRST = Number(process.env['SEED'] ?? 1);
const STEPS = Number(process.env['STEPS'] ?? STEPS_DEFAULT);

/**
 * Goal: no law of Raft is broken whatever is lost, late, doubled or crashed, and once the trouble ends
 * the group has a leader and agrees. Replay one by the environment: SEED and SEEDS=1.
 */
test('the laws hold under random trouble, and the group recovers', () => {
  const total = {leaders: 0, applied: 0, reads: 0};
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const {leaders, applied, reads} = runSeed(seed, STEPS);
    total.leaders += leaders;
    total.applied += applied;
    total.reads += reads;
  }
  // A simulation in which nothing happens proves nothing.
  expect(total.leaders).toBeGreaterThan(SEEDS);
  expect(total.applied).toBeGreaterThan(10 * SEEDS);
  expect(total.reads).toBeGreaterThan(SEEDS);
}, 300_000);
