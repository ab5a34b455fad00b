// One run of whichever workload its options name.

import {ClusterSimulation} from '../cluster/cluster-simulation.ts';
import {Simulation, type SimulationOptions, type SimulationResult} from '../simulation.ts';

export function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const {workload = 'hosts'} = options;
  return workload === 'hosts'
    ? new Simulation(options).run()
    : new ClusterSimulation(options).run();
}
