// Growable columns: rows kept for sorting, values of groups, results of CASE. A slot is set from a
// slot of a vector; slots never set are null. Integers turn wide when the first wide value comes.
// Times are kept as (ms, ns) since the epoch, because their vectors may count from any bucket.

import {assert} from '@flotilla/base';
import type {ValueType} from '../plan/plan.ts';
import {compareNumbers, compareText} from './comparison.ts';
import {newWide} from './numbers.ts';
import {
  consecutive,
  type ExactVector,
  gatherWide,
  isNull,
  type StringVector,
  splitTime,
  type TimeBase,
  type TimeVector,
  type Vector,
  type WideValues,
} from './vector.ts';

const FIRST_CAPACITY = 64;

export class ColumnBuilder {
  readonly type: ValueType;
  readonly #base: TimeBase;
  #capacity = 0;
  #present = new Uint8Array(0);
  /** Numbers; booleans as 0 and 1; the milliseconds of times. */
  #numbers = new Float64Array(0);
  /** The nanoseconds within the millisecond of times. */
  #nanos = new Float64Array(0);
  #wide: WideValues | undefined;
  #strings: string[] = [];
  readonly #split = {ms: 0, ns: 0};
  /** Bytes of the text that is held; the rest is counted by the slot. */
  textBytes = 0;

  constructor(type: ValueType, base: TimeBase) {
    this.type = type;
    this.#base = base;
  }

  set(slot: number, from: Vector, row: number): void {
    if (slot >= this.#capacity) this.#grow(slot + 1);
    if (isNull(from, row)) {
      this.#present[slot] = 0;
      return;
    }
    this.#present[slot] = 1;
    const source = from.constant ? 0 : row;
    switch (from.type) {
      case 'string':
        this.#setText(slot, from.values[source]!);
        return;
      case 'boolean':
        this.#numbers[slot] = from.values[source]!;
        return;
      case 'time':
        splitTime(from, row, this.#split);
        this.#numbers[slot] = this.#split.ms;
        this.#nanos[slot] = this.#split.ns;
        return;
      default:
        this.#setNumber(slot, from, source);
    }
  }

  /** The rows [from, to) of a vector into the slots from `slot` on, which were never set. */
  setRun(slot: number, vector: Vector, from: number, to: number): void {
    const count = to - from;
    if (slot + count > this.#capacity) this.#grow(slot + count);
    if (vector.present !== undefined || vector.type === 'time' || this.#isWide(vector)) {
      for (let i = 0; i < count; i++) this.set(slot + i, vector, from + i);
      return;
    }
    this.#present.fill(1, slot, slot + count);
    if (vector.type === 'string') this.#setTexts(slot, vector, from, to);
    else if (vector.constant) this.#numbers.fill(vector.values[0]!, slot, slot + count);
    else this.#numbers.set(vector.values.subarray(from, to), slot);
  }

  #isWide(vector: Vector): boolean {
    return this.#wide !== undefined || ('wide' in vector && vector.wide !== undefined);
  }

  #setTexts(slot: number, {constant, values}: StringVector, from: number, to: number): void {
    const texts = this.#strings;
    let units = 0;
    for (let row = from; row < to; row++) {
      const text = values[constant ? 0 : row]!;
      texts[slot + row - from] = text;
      units += text.length;
    }
    this.textBytes += 2 * units;
  }

  #setText(slot: number, text: string): void {
    this.textBytes += 2 * (text.length - (this.#strings[slot]?.length ?? 0));
    this.#strings[slot] = text;
  }

  #setNumber(slot: number, from: ExactVector, source: number): void {
    const value = from.values[source]!;
    this.#numbers[slot] = value;
    if (from.wide !== undefined) this.#widen();
    if (this.#wide !== undefined) {
      this.#wide[slot] = from.wide === undefined ? BigInt(value) : from.wide[source]!;
    }
  }

  #widen(): void {
    if (this.#wide !== undefined) return;
    assert(this.type === 'integer' || this.type === 'unsigned', 'only integers are wide');
    this.#wide = newWide(this.type, this.#capacity);
    for (let i = 0; i < this.#capacity; i++) {
      if (this.#present[i] === 1) this.#wide[i] = BigInt(this.#numbers[i]!);
    }
  }

  #grow(least: number): void {
    const capacity = Math.max(FIRST_CAPACITY, least, this.#capacity * 2);
    this.#present = copyInto(new Uint8Array(capacity), this.#present);
    if (this.type === 'time') this.#nanos = copyInto(new Float64Array(capacity), this.#nanos);
    if (this.type !== 'string') {
      this.#numbers = copyInto(new Float64Array(capacity), this.#numbers);
    }
    if (this.#wide !== undefined) {
      const wider = newWide(this.type as 'integer', capacity);
      for (let i = 0; i < this.#capacity; i++) wider[i] = this.#wide[i]!;
      this.#wide = wider;
    }
    this.#capacity = capacity;
  }

  isNull(slot: number): boolean {
    return slot >= this.#capacity || this.#present[slot] === 0;
  }

  /** Order of two slots that have values. */
  compareSlots(a: number, b: number): number {
    if (this.type === 'string') return compareText(this.#strings[a]!, this.#strings[b]!);
    if (this.#wide !== undefined) return compareNumbers(this.#wide[a]!, this.#wide[b]!);
    const order = compareNumbers(this.#numbers[a]!, this.#numbers[b]!);
    return order !== 0 || this.type !== 'time' ? order : this.#nanos[a]! - this.#nanos[b]!;
  }

  /** Order of a slot's value and a vector's, which both are there. */
  compareTo(slot: number, vector: Vector, row: number): number {
    const source = vector.constant ? 0 : row;
    switch (vector.type) {
      case 'string':
        return compareText(this.#strings[slot]!, vector.values[source]!);
      case 'boolean':
        return this.#numbers[slot]! - vector.values[source]!;
      case 'time': {
        splitTime(vector, row, this.#split);
        const order = this.#numbers[slot]! - this.#split.ms;
        return order !== 0 ? order : this.#nanos[slot]! - this.#split.ns;
      }
      default:
        return compareNumbers(
          this.#wide?.[slot] ?? this.#numbers[slot]!,
          vector.wide?.[source] ?? vector.values[source]!,
        );
    }
  }

  /** The first `count` slots, or those of `chosen` in that order. A copy. */
  toVector(count: number, chosen?: Int32Array | undefined): Vector {
    if (chosen === undefined && count > this.#capacity) this.#grow(count);
    const slots = chosen ?? consecutive(0, count);
    const present = new Uint8Array(count);
    let missing = 0;
    for (let i = 0; i < count; i++) {
      const there = slots[i]! < this.#capacity ? this.#present[slots[i]!]! : 0;
      present[i] = there;
      missing += 1 - there;
    }
    const shared = {constant: false, present: missing === 0 ? undefined : present};
    switch (this.type) {
      case 'string':
        return {...shared, type: 'string', values: this.#textsAt(slots, count)};
      case 'boolean':
        return {...shared, type: 'boolean', values: Uint8Array.from(this.#numbersAt(slots, count))};
      case 'time':
        return this.#times(slots, count, shared);
      default: {
        const wide = this.#wide && gatherWide(this.#wide, slots, count);
        return {...shared, type: this.type, values: this.#numbersAt(slots, count), wide};
      }
    }
  }

  #textsAt(slots: Int32Array, count: number): string[] {
    const texts = this.#strings;
    const values = new Array<string>(count);
    for (let i = 0; i < count; i++) values[i] = texts[slots[i]!] ?? '';
    return values;
  }

  #numbersAt(slots: Int32Array, count: number): Float64Array {
    const numbers = this.#numbers;
    const values = new Float64Array(count);
    for (let i = 0; i < count; i++) values[i] = numbers[slots[i]!]!;
    return values;
  }

  #times(
    slots: Int32Array,
    count: number,
    shared: {constant: boolean; present?: Uint8Array | undefined},
  ): TimeVector {
    const {startMs, unitNs} = this.#base;
    const unitsPerMs = 1_000_000 / unitNs;
    const values = new Float64Array(count);
    let exact = unitNs !== 1 || startMs !== 0;
    for (let i = 0; exact && i < count; i++) {
      const slot = slots[i]!;
      values[i] = (this.#numbers[slot]! - startMs) * unitsPerMs + this.#nanos[slot]! / unitNs;
      exact = Number.isSafeInteger(values[i]);
    }
    if (exact) return {...shared, type: 'time', values, startMs, unitNs};
    const wide = new BigInt64Array(count);
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!;
      wide[i] = BigInt(this.#numbers[slot]!) * 1_000_000n + BigInt(this.#nanos[slot]!);
      values[i] = Number(wide[i]);
    }
    return {...shared, type: 'time', values, wide, startMs: 0, unitNs: 1};
  }
}

function copyInto<Values extends Float64Array | Uint8Array>(to: Values, from: Values): Values {
  to.set(from);
  return to;
}
