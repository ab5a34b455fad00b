// The size of a run that nobody named: drawn from its seed, so that the seed alone says it all.

import {chanceOf} from '../kernel/chance.ts';
import type {SimulationOptions, Workload} from '../simulation.ts';

/** @param workload drawn too where nobody named it: mostly the one that is fast. */
export function shapeOf(seed: number, workload?: Workload): SimulationOptions {
  const chance = chanceOf(seed, 'size');
  const drawn = chanceOf(seed, 'workload').odds(0.25) ? 'cluster' : 'hosts';
  return {
    workload: workload ?? drawn,
    seed,
    nodes: chance.pick([3, 4, 5, 5, 5, 7]),
    groups: chance.pick([2, 5, 10, 20, 20, 40]),
    steps: chance.pick([30_000, 60_000, 100_000, 200_000]),
  };
}
