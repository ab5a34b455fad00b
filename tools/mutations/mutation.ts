// A seeded bug as data: where it is, what it replaces, and which trap it has the shape of. It is put
// into the source text as it is loaded, so the product's own code has no switch for it.

import {readFileSync} from 'node:fs';
import path from 'node:path';

export interface Mutation {
  readonly id: string;
  /** Trap of docs/raft.md, table (b); '–' where it breaks a rule that is none of Raft's. */
  readonly trap: `T${number}` | '–';
  /** From the project's root. */
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** What the bug is, and what it would cost. */
  readonly why: string;
  /**
   * Test files for it, run where neither the scenarios nor a simulation of the layer saw it: they have
   * no such part, or the fault takes a step that chance seldom makes.
   */
  readonly suites?: readonly string[] | undefined;
  /** Seeds of the simulator's workload `cluster`, dear ones: only where the bug needs what that has. */
  readonly clusterSeeds?: number | undefined;
  /** In all of those a database takes few series; in the seeds of other mutations none does. */
  readonly isOfFewSeries?: boolean | undefined;
}

export const ROOT = path.resolve(import.meta.dirname, '../..');

/** Throws unless `find` stands exactly once in the text: a mutation that misses would prove nothing. */
export function mutate(text: string, {id, file, find, replace}: Mutation): string {
  const parts = text.split(find);
  if (parts.length !== 2)
    throw new Error(`mutation ${id}: its text stands ${parts.length - 1} times in ${file}`);
  return parts.join(replace);
}

export function mutatedSource(mutation: Mutation): string {
  return mutate(readFileSync(path.join(ROOT, mutation.file), 'utf8'), mutation);
}

export function firstLineOf(thrown: unknown): string {
  return String(thrown instanceof Error ? thrown.message : thrown).split('\n')[0]!;
}
