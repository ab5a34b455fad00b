export {checkRegister, type RegisterOperation} from './linearizability.ts';
export type {SimulationResult} from './result.ts';
export {runSimulatorCommand, SIMULATOR_USAGE} from './runs/command.ts';
export {type CorpusEntry, readCorpus} from './runs/corpus.ts';
export {simulate} from './runs/simulate.ts';
export {Simulation, type SimulationOptions} from './simulation.ts';
