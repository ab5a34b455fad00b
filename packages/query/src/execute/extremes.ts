// min and max. NaN is above every number: max is NaN as soon as one value is, min only if all are.
// Numbers inside ±2^53 go by doubles; the first wide vector moves the slots to exact ones.

import type {ValueType} from '../plan/plan.ts';
import {type Accumulator, grown, type RunContext} from './accumulator.ts';
import type {BlockContext, BlockVectors} from './block-vectors.ts';
import {ColumnBuilder} from './column-builder.ts';
import type {Runs} from './runs.ts';
import {isNull, type NumberVector, type TimeBase, type Vector} from './vector.ts';

export class ExtremeAccumulator implements Accumulator {
  readonly stateCount = 1;
  readonly bytesPerGroup = 16;
  readonly #max: boolean;
  readonly #type: ValueType;
  readonly #base: TimeBase;
  #best = new Float64Array(0);
  /** 1 where the slot has a value. */
  #seen = new Float64Array(0);
  #exact: ColumnBuilder | undefined;

  constructor(name: 'min' | 'max', type: ValueType, base: TimeBase) {
    this.#max = name === 'max';
    this.#type = type;
    this.#base = base;
    const numbers = type === 'float' || type === 'integer' || type === 'unsigned';
    if (!numbers) this.#exact = new ColumnBuilder(type, base);
  }

  update(runs: Runs, vector: Vector | undefined, _context: RunContext): void {
    const values = vector!;
    const plain = 'wide' in values ? values.wide === undefined : true;
    if (this.#exact === undefined && plain && !values.constant) {
      this.#grow(runs.slotMax);
      if (this.#max) this.#updateMax(runs, values as NumberVector);
      else this.#updateMin(runs, values as NumberVector);
      return;
    }
    let row = 0;
    for (let run = 0; run < runs.count; run++) {
      for (; row < runs.ends[run]!; row++) this.#offer(runs.slots[run]!, values, row);
    }
  }

  addBlocks(runs: Runs, blocks: BlockVectors, {first}: BlockContext): void {
    this.update(runs, this.#max ? blocks.maxs : blocks.mins, first);
  }

  #grow(slot: number): void {
    this.#best = grown(this.#best, slot);
    this.#seen = grown(this.#seen, slot);
  }

  #updateMax(runs: Runs, {values, present}: NumberVector): void {
    const {slots, ends, count} = runs;
    const best = this.#best;
    const seen = this.#seen;
    let row = 0;
    for (let run = 0; run < count; run++) {
      const slot = slots[run]!;
      const end = ends[run]!;
      let max = seen[slot] === 1 ? best[slot]! : -Infinity;
      let found = seen[slot]!;
      // Math.max keeps a NaN, and is one instruction more than a comparison.
      if (present === undefined) {
        found = 1;
        for (; row < end; row++) max = Math.max(max, values[row]!);
      } else {
        for (; row < end; row++) {
          if (present[row] === 0) continue;
          found = 1;
          max = Math.max(max, values[row]!);
        }
      }
      best[slot] = max;
      seen[slot] = found;
    }
  }

  #updateMin(runs: Runs, {values, present}: NumberVector): void {
    const {slots, ends, count} = runs;
    const best = this.#best;
    const seen = this.#seen;
    let row = 0;
    for (let run = 0; run < count; run++) {
      const slot = slots[run]!;
      const end = ends[run]!;
      let min = seen[slot] === 1 ? best[slot]! : Number.NaN;
      let found = seen[slot]!;
      for (; row < end; row++) {
        if (present !== undefined && present[row] === 0) continue;
        found = 1;
        // A NaN so far gives way to anything.
        if (!(values[row]! >= min)) min = Number.isNaN(values[row]!) ? min : values[row]!;
      }
      best[slot] = min;
      seen[slot] = found;
    }
  }

  #offer(slot: number, vector: Vector, row: number): void {
    if (isNull(vector, row)) return;
    const exact = this.#toExact();
    if (!exact.isNull(slot)) {
      const order = exact.compareTo(slot, vector, row);
      if (this.#max ? order >= 0 : order <= 0) return;
    }
    exact.set(slot, vector, row);
  }

  #toExact(): ColumnBuilder {
    if (this.#exact !== undefined) return this.#exact;
    const from = this.#doubles(this.#best.length);
    this.#exact = new ColumnBuilder(this.#type, this.#base);
    for (let slot = 0; slot < this.#best.length; slot++) this.#exact.set(slot, from, slot);
    return this.#exact;
  }

  #doubles(count: number): Vector {
    this.#grow(count - 1);
    return {
      type: this.#type as NumberVector['type'],
      values: this.#best.slice(0, count),
      present: Uint8Array.from(this.#seen.subarray(0, count)),
      constant: false,
    };
  }

  states(count: number): Vector[] {
    return [this.finish(count)];
  }

  merge(slot: number, states: readonly Vector[], row: number): void {
    this.#offer(slot, states[0]!, row);
  }

  finish(count: number): Vector {
    return this.#exact?.toVector(count) ?? this.#doubles(count);
  }
}
