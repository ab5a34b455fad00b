// What each budget of a node gets of the memory that the node is given: its limit's value where that
// fits, else as much less as all others. Series indexes have a part of their own, since they stay when the
// work is done. What is not given away is for code, what V8 has not collected yet, and the work itself.

import {assert} from './assert.ts';
import {LIMITS, type LimitName} from './limits.ts';

const MIB = 1024 * 1024;

/** Of the memory of a node, what its budgets share. */
const SHARED = 1 / 2;
/** What its series indexes may fill. */
const INDEXED = 1 / 4;

/** `least`: one maximal body, share or answer finds room. `times`: the most that is held, of the limit. */
const OF_NODE = {
  bodies_in_flight_bytes_max: {least: 64 * MIB, times: 1},
} as const satisfies Partial<Record<LimitName, {least: number; times: number}>>;

const OF_THREAD = {
  writes_in_flight_bytes_max: {least: 64 * MIB, times: 1},
  proposals_in_flight_bytes_max: {least: 32 * MIB, times: 1},
  series_caches_bytes_max: {least: 16 * MIB, times: 1},
  memtables_bytes_max: {least: 32 * MIB, times: 2},
  queries_memory_bytes_max: {least: 64 * MIB, times: 1},
} as const satisfies Partial<Record<LimitName, {least: number; times: number}>>;

const ALL = {...OF_NODE, ...OF_THREAD};
type Name = keyof typeof ALL;
type Shared = Readonly<Record<Name, number>>;

/** Bytes of each budget; of one engine thread where the limit is a thread's. */
export type MemoryLimits = Shared & {readonly series_indexes_bytes_max: number};

const SHARED_LIMITS: Shared = limitsOf((name) => LIMITS[name].value);

/** The budgets of a node with all the memory that they ask for. */
export const MEMORY_LIMITS: MemoryLimits = {
  ...SHARED_LIMITS,
  series_indexes_bytes_max: LIMITS.series_indexes_bytes_max.value,
};

export const MEMORY_LIMIT_NAMES: ReadonlySet<string> = new Set(Object.keys(MEMORY_LIMITS));

/** The least memory of a node with so many engine threads. */
export function memoryBytesMin(engineThreads: number): number {
  return (
    held(
      limitsOf((name) => ALL[name].least),
      engineThreads,
    ) / SHARED
  );
}

/** As many engine threads as so much memory is enough for, at least one. */
export function engineThreadsOf(memoryBytes: number): number {
  const ofThread = memoryBytesMin(2) - memoryBytesMin(1);
  return Math.max(1, 1 + Math.floor((memoryBytes - memoryBytesMin(1)) / ofThread));
}

/** Requires `memoryBytesMin`. */
export function fitMemory(memoryBytes: number, engineThreads: number): MemoryLimits {
  assert(memoryBytes >= memoryBytesMin(engineThreads), () => `${memoryBytes} bytes are too few`);
  const most = MEMORY_LIMITS.series_indexes_bytes_max;
  const indexed = Math.min(most, Math.floor((INDEXED * memoryBytes) / engineThreads));
  return {...fitShared(SHARED * memoryBytes, engineThreads), series_indexes_bytes_max: indexed};
}

function fitShared(shared: number, engineThreads: number): Shared {
  const most = held(SHARED_LIMITS, engineThreads);
  if (most <= shared) return SHARED_LIMITS;
  const least = limitsOf((name) => ALL[name].least);
  // Each has its least, and of what is left the same part of what it would like beyond that.
  const spare = shared - held(least, engineThreads);
  const part = spare / (most - held(least, engineThreads));
  return limitsOf((name) => Math.floor(least[name] + part * (SHARED_LIMITS[name] - least[name])));
}

/** The most that all budgets of a node hold together, series indexes apart. */
function held(limits: Shared, engineThreads: number): number {
  let bytes = 0;
  for (const name of names(OF_NODE)) bytes += OF_NODE[name].times * limits[name];
  for (const name of names(OF_THREAD))
    bytes += engineThreads * OF_THREAD[name].times * limits[name];
  return bytes;
}

function limitsOf(bytesOf: (name: Name) => number): Shared {
  const limits = {} as Record<Name, number>;
  for (const name of names(ALL)) limits[name] = bytesOf(name);
  return limits;
}

function names<Key extends Name>(of: Record<Key, unknown>): Key[] {
  return Object.keys(of) as Key[];
}
