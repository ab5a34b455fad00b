// sum and avg. Floats by Neumaier's compensated summation: the error stays below 1e-12 of the sum of
// absolute values. Integers exactly, as high * 2^52 + low with |low| < 2^52: every intermediate sum is
// a double below 2^53, and only the end decides whether the type holds the sum.
// Source: A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen" (1974).

import {assert} from '@flotilla/base';
import type {AggregateSpec} from '../plan/plan.ts';
import {type Accumulator, grown, type RunContext} from './accumulator.ts';
import type {BlockContext, BlockVectors} from './block-vectors.ts';
import {checkRange, newWide} from './numbers.ts';
import type {Runs} from './runs.ts';
import {exactAt, isNull, type NumberVector, type Vector} from './vector.ts';

const HALF = 2 ** 52;

export class SumAccumulator implements Accumulator {
  readonly stateCount = 3;
  readonly bytesPerGroup = 24;
  readonly #mean: boolean;
  readonly #float: boolean;
  readonly #type: 'float' | 'integer' | 'unsigned';
  /** The running sum of floats; the low part of integers. */
  #low = new Float64Array(0);
  /** The compensation of floats; the high part of integers. */
  #high = new Float64Array(0);
  #counts = new Float64Array(0);

  constructor(spec: AggregateSpec) {
    this.#mean = spec.name === 'avg';
    this.#float = spec.argument?.type === 'float';
    this.#type = spec.type as NumberVector['type'];
  }

  #grow(slot: number): void {
    this.#low = grown(this.#low, slot);
    this.#high = grown(this.#high, slot);
    this.#counts = grown(this.#counts, slot);
  }

  update(runs: Runs, vector: Vector | undefined, _context: RunContext): void {
    this.#grow(runs.slotMax);
    const numbers = vector as NumberVector;
    if (numbers.wide !== undefined || numbers.constant) this.#updateSlowly(runs, numbers);
    else if (this.#float) this.#updateFloats(runs, numbers);
    else this.#updateIntegers(runs, numbers);
  }

  /** The sum of a block is added as one value, which stands for as many as the block has. */
  addBlocks(runs: Runs, {sums, counts}: BlockVectors, {first}: BlockContext): void {
    assert(sums !== undefined, 'a sum is of numbers');
    this.update(runs, sums, first);
    const {slots, ends, count} = runs;
    let block = 0;
    for (let run = 0; run < count; run++)
      for (; block < ends[run]!; block++)
        if (counts[block]! > 0) this.#counts[slots[run]!]! += counts[block]! - 1;
  }

  #updateFloats(runs: Runs, {values, present}: NumberVector): void {
    const {slots, ends, count} = runs;
    let row = 0;
    for (let run = 0; run < count; run++) {
      const slot = slots[run]!;
      const end = ends[run]!;
      let sum = this.#low[slot]!;
      let lost = this.#high[slot]!;
      let seen = 0;
      for (; row < end; row++) {
        if (present !== undefined && present[row] === 0) continue;
        const value = values[row]!;
        const total = sum + value;
        lost += Math.abs(sum) >= Math.abs(value) ? sum - total + value : value - total + sum;
        sum = total;
        seen++;
      }
      this.#low[slot] = sum;
      this.#high[slot] = lost;
      this.#counts[slot]! += seen;
    }
  }

  #updateIntegers(runs: Runs, {values, present}: NumberVector): void {
    const {slots, ends, count} = runs;
    let row = 0;
    for (let run = 0; run < count; run++) {
      const slot = slots[run]!;
      const end = ends[run]!;
      let sum = this.#low[slot]!;
      let carried = 0;
      let seen = 0;
      for (; row < end; row++) {
        if (present !== undefined && present[row] === 0) continue;
        let value = values[row]!;
        if (value >= HALF || value <= -HALF) {
          const part = Math.trunc(value / HALF);
          carried += part;
          value -= part * HALF;
        }
        sum += value;
        if (sum >= HALF) {
          carried++;
          sum -= HALF;
        } else if (sum <= -HALF) {
          carried--;
          sum += HALF;
        }
        seen++;
      }
      this.#low[slot] = sum;
      this.#high[slot]! += carried;
      this.#counts[slot]! += seen;
    }
  }

  #updateSlowly(runs: Runs, vector: NumberVector): void {
    let row = 0;
    for (let run = 0; run < runs.count; run++) {
      for (; row < runs.ends[run]!; row++) {
        if (!isNull(vector, row)) this.#add(runs.slots[run]!, exactAt(vector, row));
      }
    }
  }

  #add(slot: number, value: number | bigint): void {
    this.#counts[slot]! += 1;
    if (this.#float) this.#addFloat(slot, Number(value));
    else this.#addParts(slot, BigInt(value));
  }

  #addFloat(slot: number, value: number): void {
    const sum = this.#low[slot]!;
    const total = sum + value;
    this.#high[slot]! +=
      Math.abs(sum) >= Math.abs(value) ? sum - total + value : value - total + sum;
    this.#low[slot] = total;
  }

  #addParts(slot: number, value: bigint): void {
    const total = this.#exactSum(slot) + value;
    this.#high[slot] = Number(total / BigInt(HALF));
    this.#low[slot] = Number(total % BigInt(HALF));
  }

  #exactSum(slot: number): bigint {
    return BigInt(this.#high[slot]!) * BigInt(HALF) + BigInt(this.#low[slot]!);
  }

  states(count: number): Vector[] {
    this.#grow(count - 1);
    return [this.#low, this.#high, this.#counts].map((values) => ({
      type: 'float',
      values: values.slice(0, count),
      constant: false,
    }));
  }

  merge(slot: number, states: readonly Vector[], row: number): void {
    this.#grow(slot);
    const at = (column: number) => {
      const state = states[column] as NumberVector;
      return state.values[state.constant ? 0 : row]!;
    };
    this.#counts[slot]! += at(2);
    if (this.#float) {
      this.#addFloat(slot, at(0));
      this.#high[slot]! += at(1);
    } else this.#addParts(slot, BigInt(at(1)) * BigInt(HALF) + BigInt(at(0)));
  }

  finish(count: number): NumberVector {
    this.#grow(count - 1);
    const present = new Uint8Array(count);
    for (let slot = 0; slot < count; slot++) present[slot] = this.#counts[slot]! > 0 ? 1 : 0;
    if (this.#mean || this.#float) {
      const values = new Float64Array(count);
      for (let slot = 0; slot < count; slot++) {
        values[slot] = this.#sum(slot) / (this.#mean ? this.#counts[slot]! : 1);
      }
      return {type: 'float', values, present, constant: false};
    }
    return this.#finishIntegers(count, present);
  }

  /** An infinite sum has no meaningful compensation. */
  #sum(slot: number): number {
    if (!this.#float) return Number(this.#exactSum(slot));
    const sum = this.#low[slot]!;
    return Number.isFinite(sum) ? sum + this.#high[slot]! : sum;
  }

  #finishIntegers(count: number, present: Uint8Array): NumberVector {
    const type = this.#type === 'unsigned' ? 'unsigned' : 'integer';
    const values = new Float64Array(count);
    const wide = newWide(type, count);
    let beyond = false;
    for (let slot = 0; slot < count; slot++) {
      const sum = checkRange(this.#exactSum(slot), type);
      wide[slot] = sum;
      values[slot] = Number(sum);
      beyond ||= !Number.isSafeInteger(values[slot]);
    }
    return {type, values, wide: beyond ? wide : undefined, present, constant: false};
  }
}
