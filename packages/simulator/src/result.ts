// What a run came to, whichever workload it was.

import type {Coverage} from './checks/coverage.ts';
import type {Laws, Violation} from './checks/laws.ts';
import type {FaultName} from './faults/faults.ts';
import type {Nemesis} from './faults/nemesis.ts';
import type {Kernel} from './kernel/kernel.ts';
import type {TraceLine} from './kernel/trace.ts';

export interface SimulationResult extends Took {
  readonly seed: number;
  readonly steps: number;
  readonly simulatedSeconds: number;
  readonly elections: number;
  readonly committed: number;
  readonly operations: Operations;
  readonly faults: Record<string, number>;
  readonly coverage: Record<string, Record<string, number>>;
  readonly kinds: readonly FaultName[];
  readonly hash: string;
  readonly violations: readonly Violation[];
  readonly trace: readonly TraceLine[];
}

interface Took {
  readonly wallSeconds: number;
  /** What this thread and the collector really had: the same on a busy machine as on a quiet one. */
  readonly cpuSeconds: number;
}

/** Of the clients. */
interface Operations {
  readonly ok: number;
  readonly unknown: number;
  readonly refused: number;
}

interface Parts {
  readonly seed: number;
  readonly kernel: Kernel;
  readonly laws: Laws;
  readonly coverage: Coverage;
  readonly clients: {readonly counts: Operations};
  readonly nemesis: Nemesis;
}

export async function measured(run: () => Promise<void>): Promise<Took> {
  const beganMs = performance.now();
  const beganCpu = process.cpuUsage();
  await run();
  const {user, system} = process.cpuUsage(beganCpu);
  const wallSeconds = (performance.now() - beganMs) / 1000;
  return {wallSeconds, cpuSeconds: (user + system) / 1e6};
}

export function resultOf(
  {seed, kernel, laws, coverage, clients, nemesis}: Parts,
  took: Took,
): SimulationResult {
  const {faults = {}, ...rest} = coverage.report();
  return {
    seed,
    steps: kernel.steps,
    simulatedSeconds: kernel.nowMs / 1000,
    ...took,
    elections: laws.elections,
    committed: laws.committedCount,
    operations: {...clients.counts},
    faults,
    coverage: rest,
    kinds: nemesis.kinds,
    hash: kernel.trace.hash,
    violations: laws.violations,
    trace: kernel.trace.lines,
  };
}
