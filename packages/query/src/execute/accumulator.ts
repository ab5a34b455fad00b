// Aggregates by group: updated by runs of rows where the data is, sent as columns of partial states,
// merged state by state at the coordinator, finished there. Nulls are skipped; a group that saw no
// value is null, and 0 for count.

import type {BlockContext, BlockVectors} from './block-vectors.ts';
import type {Runs} from './runs.ts';
import type {TimeVector, Vector} from './vector.ts';

/** What a chunk's rows share. */
export interface RunContext {
  readonly rowCount: number;
  /** Of the rows, ascending. */
  readonly times: TimeVector;
  /** The series' canonical key, one code unit a byte: compares as the bytes do. */
  seriesKey(): string;
}

export interface Accumulator {
  /** Adds the rows of each run to the group of its slot. `vector` is absent for count(*) alone. */
  update(runs: Runs, vector: Vector | undefined, context: RunContext): void;
  /** The same of blocks without their rows: a run is of blocks. `context` tells of them as rows. */
  addBlocks(runs: Runs, blocks: BlockVectors, context: BlockContext): void;
  /** Partial states of the first `count` slots, as columns. */
  states(count: number): Vector[];
  readonly stateCount: number;
  /** Adds a partial state: the row of columns made by `states`. */
  merge(slot: number, states: readonly Vector[], row: number): void;
  /** Final values of the first `count` slots. */
  finish(count: number): Vector;
  /** About what a group costs, beside text. */
  readonly bytesPerGroup: number;
}

/** Doubles by slot, grown as slots come. */
export function grown(values: Float64Array<ArrayBuffer>, slot: number): Float64Array<ArrayBuffer> {
  if (slot < values.length) return values;
  const wider = new Float64Array(Math.max(64, slot + 1, values.length * 2));
  wider.set(values);
  return wider;
}
