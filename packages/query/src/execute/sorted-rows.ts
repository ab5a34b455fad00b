// Rows that wait to be sorted. With a limit only the first `limit` are kept: when twice as many (and
// a slack) have come, the rest is thrown away. Without one they are sorted step by step as they come.

import type {SortKey, ValueType} from '../plan/plan.ts';
import {ColumnBuilder} from './column-builder.ts';
import type {QueryMemory} from './memory.ts';
import {SortedRuns} from './sorted-runs.ts';
import {consecutive, isNull, type TimeBase, type Vector} from './vector.ts';

/** Rows taken beyond twice the limit before the surplus is thrown away: sorting is not free. */
const SLACK = 4_096;

export class SortedRows {
  readonly #types: readonly ValueType[];
  readonly #order: readonly SortKey[];
  readonly #limit: number;
  readonly #memory: QueryMemory;
  readonly #base: TimeBase;
  #builders: ColumnBuilder[];
  #runs: SortedRuns;
  #count = 0;
  /** The last of the rows kept by the latest pruning; -1 before it. Whatever sorts behind it is out. */
  #worst = -1;
  #bytes = 0;

  constructor(options: {
    types: readonly ValueType[];
    order: readonly SortKey[];
    limit: number | undefined;
    memory: QueryMemory;
    base: TimeBase;
  }) {
    this.#types = options.types;
    this.#order = options.order;
    this.#limit = options.limit ?? Infinity;
    this.#memory = options.memory;
    this.#base = options.base;
    this.#builders = this.#newBuilders();
    this.#runs = this.#newRuns();
  }

  /** What the rows hold, as far as it was counted. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Rows that `finish` gives when none is skipped. */
  get rowCount(): number {
    return Math.min(this.#limit, this.#count);
  }

  #newBuilders(): ColumnBuilder[] {
    return this.#types.map((type) => new ColumnBuilder(type, this.#base));
  }

  /** The rows [from, to). */
  add(vectors: readonly Vector[], to: number, from = 0): void {
    if (this.#limit === Infinity) this.#addAll(vectors, to, from);
    else this.#addFirst(vectors, to, from);
    this.#account();
  }

  #addAll(vectors: readonly Vector[], to: number, from: number): void {
    const count = this.#count + to - from;
    for (const [i, builder] of this.#builders.entries())
      builder.setRun(this.#count, vectors[i]!, from, to);
    if (this.#order.length > 0)
      for (let slot = this.#count; slot < count; slot++) this.#runs.added(slot);
    this.#count = count;
  }

  #addFirst(vectors: readonly Vector[], to: number, from: number): void {
    for (let row = from; row < to; row++) {
      if (this.#limit === 0 || (this.#order.length === 0 && this.#count >= this.#limit)) break;
      if (this.#worst >= 0 && this.#isBehindWorst(vectors, row)) continue;
      for (let i = 0; i < vectors.length; i++)
        this.#builders[i]!.set(this.#count, vectors[i]!, row);
      if (this.#order.length > 0) this.#runs.added(this.#count);
      this.#count++;
      if (this.#count >= 2 * this.#limit + SLACK) this.#prune();
    }
  }

  /** By the first key alone: equal rows are kept until the next pruning. */
  #isBehindWorst(vectors: readonly Vector[], row: number): boolean {
    const {column, descending, nullsFirst} = this.#order[0]!;
    const builder = this.#builders[column]!;
    const vector = vectors[column]!;
    const worstNull = builder.isNull(this.#worst);
    const rowNull = isNull(vector, row);
    if (worstNull !== rowNull) return rowNull !== nullsFirst;
    if (rowNull) return false;
    const order = builder.compareTo(this.#worst, vector, row);
    return descending ? order > 0 : order < 0;
  }

  #account(): void {
    const text = this.#builders.reduce((sum, builder) => sum + builder.textBytes, 0);
    const bytes = this.#count * this.#types.length * 9 + text;
    this.#memory.take(bytes - this.#bytes);
    this.#bytes = bytes;
  }

  /** Gives back what the rows held, once they are sent. */
  release(): void {
    this.#memory.take(-this.#bytes);
    this.#bytes = 0;
  }

  #prune(): void {
    const count = Math.min(this.#limit, this.#count);
    const vectors = this.#taken(this.#next(this.#runs.inOrder(this.#count), count));
    this.#builders = this.#newBuilders();
    this.#runs = this.#newRuns();
    this.#count = 0;
    this.#addAll(vectors, count, 0);
    this.#worst = count - 1;
  }

  #newRuns(): SortedRuns {
    const keys = this.#order.map((key) => ({...key, builder: this.#builders[key.column]!}));
    return new SortedRuns((a, b) => {
      for (const {builder, descending, nullsFirst} of keys) {
        const aNull = builder.isNull(a);
        const bNull = builder.isNull(b);
        if (aNull !== bNull) return aNull === nullsFirst ? -1 : 1;
        const order = aNull ? 0 : builder.compareSlots(a, b);
        if (order !== 0) return descending ? -order : order;
      }
      // Equal rows stay in the order they came.
      return a - b;
    });
  }

  #next(rows: Iterator<number, void>, count: number): Int32Array {
    const slots = new Int32Array(count);
    for (let i = 0; i < count; i++) slots[i] = rows.next().value!;
    return slots;
  }

  #taken(slots: Int32Array): Vector[] {
    return this.#builders.map((builder) => builder.toVector(slots.length, slots));
  }

  /** The rows from `offset`, at most up to the limit, in order, in pieces. */
  *finish(offset: number, pieceRows: number): Generator<{rowCount: number; columns: Vector[]}> {
    const end = this.rowCount;
    const rows = this.#order.length === 0 ? undefined : this.#runs.inOrder(this.#count);
    for (let row = 0; row < offset && row < end; row++) rows?.next();
    for (let start = offset; start < end; start += pieceRows) {
      const rowCount = Math.min(pieceRows, end - start);
      const slots = rows === undefined ? consecutive(start, rowCount) : this.#next(rows, rowCount);
      yield {rowCount, columns: this.#taken(slots)};
    }
  }
}
