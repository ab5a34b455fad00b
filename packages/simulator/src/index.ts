export {checkRegister, type RegisterOperation} from './linearizability.ts';
export {runSimulatorCommand, SIMULATOR_USAGE} from './runs/command.ts';
export {type CorpusEntry, readCorpus} from './runs/corpus.ts';
export {simulate} from './runs/simulate.ts';
export {Simulation, type SimulationOptions, type SimulationResult} from './simulation.ts';
