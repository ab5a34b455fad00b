// What of the machine a node takes: engine threads, and memory for their budgets. Given ones are taken
// as they are or refused; the defaults fit the machine, or the container that the process runs in.

import {availableParallelism, totalmem} from 'node:os';
import {
  DbError,
  engineThreadsOf,
  fitMemory,
  type MemoryLimits,
  memoryBytesMin,
} from '@flotilla/base';

/** Of the machine's memory, when none is given: the rest is for its page cache and other processes. */
const MEMORY_SHARE = 0.6;

export interface Machine {
  readonly cores: number;
  readonly memoryBytes: number;
}

export interface Resources {
  /** 0: the one engine runs in the main thread. */
  readonly engineThreads: number;
  readonly memoryBytes: number;
  readonly memory: MemoryLimits;
}

/** This machine, as far as the process may use it. */
export function thisMachine(): Machine {
  // Where nothing constrains the process it is 0, or more than there is.
  const constrained = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return {cores: availableParallelism(), memoryBytes: Math.min(totalmem(), constrained)};
}

/** Throws INVALID_ARGUMENT where the memory that is given is not enough for the threads. */
export function resourcesOf(
  given: {readonly engineThreads?: number | undefined; readonly memoryBytes?: number | undefined},
  machine: Machine,
): Resources {
  const memoryBytes = given.memoryBytes ?? MEMORY_SHARE * machine.memoryBytes;
  // One core is the main thread's.
  const most = Math.max(1, machine.cores - 1);
  const engineThreads = given.engineThreads ?? Math.min(most, engineThreadsOf(memoryBytes));
  const engines = Math.max(1, engineThreads);
  const least = memoryBytesMin(engines);
  if (given.memoryBytes !== undefined && memoryBytes < least)
    throw new DbError(
      'INVALID_ARGUMENT',
      `--memory: ${engines} engine thread${engines === 1 ? '' : 's'} take at least ${Math.ceil(least / 1024 ** 2)}MiB`,
    );
  const enough = Math.max(least, memoryBytes);
  return {engineThreads, memoryBytes: enough, memory: fitMemory(enough, engines)};
}
