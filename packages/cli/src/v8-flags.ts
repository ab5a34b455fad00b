// How a node's process has V8 collect and compile. The flags are of all its threads, and are set before those begin.

import v8 from 'node:v8';

/**
 * By itself V8 begins a full collection after each 64 MiB of buffers, whatever became of them: under
 * load one a second in the main thread, and more than a quarter of a node's CPU (Node 24.21: 4.9 ms for
 * a body of 100 rows on three nodes, 3.5 ms so). Counted with the heap, buffers are collected when that
 * has grown with them; most are young, and gone before. V8 would let that grow fourfold: of 0.7 GB of
 * memtables a thread came to 1.6 GB of buffers, 2.5 GB resident, where half as much again (of what a thread
 * holds, garbage) costs 2 % of CPU.
 */
const COLLECTIONS = ['--external-memory-accounted-in-global-limit', '--heap-growing-percent=50'];

/**
 * The parser of SQL is WebAssembly with one function of thousands of cases. A few statements, and V8 optimises
 * it: for a second of CPU, and 540 MB beyond what a node has (Node 24.21: a peak of 852 MB at its first queries,
 * 321 so), all for nothing, since 30,000 statements take 1.5 s of the code as first compiled and 2.9 s with that.
 */
const WEB_ASSEMBLY = ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering'];

/** V8 says nothing but a line on stderr where it does not know one. */
export const V8_FLAGS: readonly string[] = [...COLLECTIONS, ...WEB_ASSEMBLY];

export function setV8Flags(): void {
  for (const flag of V8_FLAGS) v8.setFlagsFromString(flag);
}
