// count(*) and count(x).

import {type Accumulator, grown, type RunContext} from './accumulator.ts';
import type {BlockVectors} from './block-vectors.ts';
import type {Runs} from './runs.ts';
import type {NumberVector, Vector} from './vector.ts';

export class CountAccumulator implements Accumulator {
  readonly stateCount = 1;
  readonly bytesPerGroup = 8;
  #counts = new Float64Array(0);

  update(runs: Runs, vector: Vector | undefined, _context: RunContext): void {
    this.#counts = grown(this.#counts, runs.slotMax);
    const {slots, ends, count} = runs;
    const present = vector?.present;
    const constant = vector?.constant ?? false;
    let row = 0;
    for (let run = 0; run < count; run++) {
      const end = ends[run]!;
      let seen = 0;
      if (present === undefined) seen = end - row;
      else if (constant) seen = present[0] === 1 ? end - row : 0;
      else for (let i = row; i < end; i++) seen += present[i]!;
      this.#counts[slots[run]!]! += seen;
      row = end;
    }
  }

  addBlocks({slots, ends, count, slotMax}: Runs, {counts}: BlockVectors): void {
    this.#counts = grown(this.#counts, slotMax);
    let block = 0;
    for (let run = 0; run < count; run++)
      for (; block < ends[run]!; block++) this.#counts[slots[run]!]! += counts[block]!;
  }

  states(count: number): Vector[] {
    return [this.finish(count)];
  }

  merge(slot: number, states: readonly Vector[], row: number): void {
    this.#counts = grown(this.#counts, slot);
    const state = states[0] as NumberVector;
    this.#counts[slot]! += state.values[state.constant ? 0 : row]!;
  }

  finish(count: number): NumberVector {
    this.#counts = grown(this.#counts, count - 1);
    return {type: 'integer', values: this.#counts.slice(0, count), constant: false};
  }
}
