// One seed from start to rest: random trouble under the laws, then recovery, then every request ended.

import {assert} from '@flotilla/base';
import {Cluster, type ClusterOptions} from './cluster.ts';

export interface SeedTotals {
  readonly leaders: number;
  readonly applied: number;
  readonly reads: number;
}

export const STEPS = 5_000;

const SETTLE_TICKS_MAX = 400;

/** Group size, pre-vote, check-quorum and leases, all decided by the seed. */
function optionsOf(seed: number): ClusterOptions {
  return {
    seed,
    voters: 1 + (seed % 5),
    replicasMax: 12,
    preVote: seed % 2 === 0,
    checkQuorum: seed % 3 !== 0,
    leaseReads: seed % 7 === 5 && seed % 3 !== 0,
  };
}

/** Throws, with the seed and a picture of the group, when a law is broken or the group does not recover. */
export function runSeed(seed: number, steps = STEPS): SeedTotals {
  const cluster = new Cluster(optionsOf(seed));
  try {
    for (let step = 0; step < steps; step++) cluster.step();
    assert(cluster.settle(SETTLE_TICKS_MAX), 'the group does not settle');
    const fault = cluster.requestFault();
    assert(fault === undefined, () => `${fault}`);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Error(`${why}\nSEED=${seed}\n${cluster.describe()}`, {cause: thrown});
  }
  const {leadersSeen, appliedSeen, readsSeen} = cluster.laws;
  return {leaders: leadersSeen, applied: appliedSeen, reads: readsSeen};
}
