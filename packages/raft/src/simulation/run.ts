// One seed from start to rest: random trouble under the laws, then recovery, then every request ended;
// and that several times over, as a group at rest is where the next trouble begins.

import {assert, SeededRandom} from '@flotilla/base';
import {Cluster, type ClusterOptions} from './cluster.ts';
import {recoveryFault} from './recovery.ts';
import {Trouble} from './trouble.ts';

export interface SeedTotals {
  readonly leaders: number;
  readonly applied: number;
  readonly reads: number;
}

export const STEPS = 5_000;

const STEPS_BEFORE_REST = 1_000;

/** Group size, pre-vote, check-quorum, leases and how commits are told, all decided by the seed. */
function optionsOf(seed: number, random: SeededRandom): ClusterOptions {
  const pick = (values: readonly number[]) => values[random.below(values.length)]!;
  return {
    voters: 1 + (seed % 5),
    preVote: seed % 2 === 0,
    checkQuorum: seed % 3 !== 0,
    leaseReads: seed % 3 === 1,
    commitWaits: seed % 4 >= 2,
    uncommittedBytesMax: pick([100, 300, 1_000]),
    network: {lost: pick([0, 3, 6, 20]), doubled: pick([2, 6, 20]), reordered: pick([5, 25, 70])},
  };
}

/** Throws, with the seed and a picture of the group, when a law is broken or the group does not recover. */
export function runSeed(seed: number, steps = STEPS): SeedTotals {
  const random = new SeededRandom(seed);
  const cluster = new Cluster(optionsOf(seed, random), random);
  const trouble = new Trouble(cluster);
  try {
    for (let step = 1; step <= steps; step++) {
      trouble.step();
      if (!trouble.restDue && step % STEPS_BEFORE_REST !== 0 && step !== steps) continue;
      trouble.end();
      const fault = recoveryFault(cluster);
      assert(fault === undefined, () => `${fault}`);
    }
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Error(`${why}\nSEED=${seed}\n${cluster.describe()}`, {cause: thrown});
  }
  const {leadersSeen, appliedSeen, readsSeen} = cluster.laws;
  return {leaders: leadersSeen, applied: appliedSeen, reads: readsSeen};
}
