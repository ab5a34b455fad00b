// One run of whichever workload its options name.

import {ClusterSimulation} from '../cluster/cluster-simulation.ts';
import type {SimulationResult} from '../result.ts';
import {Simulation, type SimulationOptions} from '../simulation.ts';

export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const {workload = 'hosts', trace} = options;
  const {stackTraceLimit} = Error;
  // Refusals are errors by the ten thousand, and their stacks up to a quarter of the time of a run.
  if (trace !== true) Error.stackTraceLimit = 0;
  try {
    return await (workload === 'hosts'
      ? new Simulation(options).run()
      : new ClusterSimulation(options).run());
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
