// first and last: the value at the least or greatest time that has one. Of several series with a
// value at that time the one with the smaller key wins, so that the answer does not depend on which
// replica set spoke first. `first-row` and `last-row` take the row itself, whether it has the value or
// not: all columns of DISTINCT ON then come from one row.

import type {ValueType} from '../plan/plan.ts';
import type {Accumulator, RunContext} from './accumulator.ts';
import type {BlockContext, BlockVectors} from './block-vectors.ts';
import {ColumnBuilder} from './column-builder.ts';
import type {Runs} from './runs.ts';
import {isNull, type StringVector, type TimeBase, type TimeVector, type Vector} from './vector.ts';

export class FirstLastAccumulator implements Accumulator {
  readonly stateCount = 3;
  readonly bytesPerGroup = 120;
  readonly #last: boolean;
  readonly #nulls: boolean;
  readonly #values: ColumnBuilder;
  readonly #times: ColumnBuilder;
  readonly #keys: string[] = [];

  constructor(name: 'first' | 'last' | 'first-row' | 'last-row', type: ValueType, base: TimeBase) {
    this.#last = name.startsWith('last');
    this.#nulls = name.endsWith('-row');
    this.#values = new ColumnBuilder(type, base);
    this.#times = new ColumnBuilder('time', base);
  }

  update(runs: Runs, vector: Vector | undefined, context: RunContext): void {
    let start = 0;
    for (let run = 0; run < runs.count; run++) {
      const end = runs.ends[run]!;
      const row = this.#edge(vector!, start, end);
      if (row >= 0) this.#offer(runs.slots[run]!, vector!, row, context.times, context.seriesKey);
      start = end;
    }
  }

  addBlocks(runs: Runs, {firsts, lasts}: BlockVectors, {first, last}: BlockContext): void {
    if (this.#last) this.update(runs, lasts, last);
    else this.update(runs, firsts, first);
  }

  /** The first or last row of [start, end) with a value, or -1. */
  #edge(vector: Vector, start: number, end: number): number {
    if (this.#nulls) return this.#last ? end - 1 : start;
    if (this.#last) {
      for (let row = end - 1; row >= start; row--) if (!isNull(vector, row)) return row;
    } else for (let row = start; row < end; row++) if (!isNull(vector, row)) return row;
    return -1;
  }

  #offer(slot: number, vector: Vector, row: number, times: TimeVector, key: () => string): void {
    if (!this.#times.isNull(slot)) {
      const order = this.#times.compareTo(slot, times, row);
      if (order === 0 ? this.#keys[slot]! <= key() : this.#last === order > 0) return;
    }
    this.#values.set(slot, vector, row);
    this.#times.set(slot, times, row);
    this.#keys[slot] = key();
  }

  states(count: number): Vector[] {
    const keys = Array.from({length: count}, (_, slot) => this.#keys[slot] ?? '');
    return [
      this.#values.toVector(count),
      this.#times.toVector(count),
      {type: 'string', values: keys, constant: false},
    ];
  }

  merge(slot: number, states: readonly Vector[], row: number): void {
    if (isNull(states[1]!, row)) return;
    const keys = states[2] as StringVector;
    const key = () => keys.values[keys.constant ? 0 : row]!;
    this.#offer(slot, states[0]!, row, states[1] as TimeVector, key);
  }

  finish(count: number): Vector {
    return this.#values.toVector(count);
  }
}
