// One column of a memtable: values appended in arrival order beside the numbers of their rows. While
// the column has a value in every row from the first on, row number and position are the same and no
// row numbers are kept. What was appended stays where it is, so a count makes a view of it.

import {FatalError} from '@flotilla/base';
import type {ColumnValues, FieldType} from '@flotilla/column';
import {int32Pages} from './pages.ts';
import {type ValuePages, valuePages} from './value-pages.ts';

/** A column at the moment of a pin. */
export interface MemtableColumnView {
  readonly type: FieldType;
  readonly count: number;
  /** So many first values belong to the rows of their numbers. */
  readonly denseCount: number;
  /** Row of each value behind those, in pages; ascending. */
  readonly rows: readonly Int32Array[];
  readonly values: ValuePages;
}

export class MemtableColumn {
  readonly type: FieldType;
  #count = 0;
  /** Row i has value i for each i below it. */
  #denseCount = 0;
  readonly #rows = int32Pages();
  readonly #values: ValuePages;

  constructor(type: FieldType) {
    this.type = type;
    this.#values = valuePages(type);
  }

  view(): MemtableColumnView {
    return {
      type: this.type,
      count: this.#count,
      denseCount: this.#denseCount,
      rows: this.#rows.list,
      values: this.#values,
    };
  }

  get bytes(): number {
    return this.#rows.bytes + this.#values.bytes;
  }

  /**
   * Appends `count` values.
   * @param rows  the run's row numbers, ascending; undefined: the run covers every row
   * @param base  added to each row number; not below any row that is already here
   */
  append(values: ColumnValues, rows: Int32Array | undefined, count: number, base: number): void {
    // Of the entry, not of us: a table's columns keep their types.
    if (values.type !== this.type)
      throw new FatalError(`a column is ${this.type}; the entry has ${values.type} for it`);
    this.#appendRows(rows, count, base);
    this.#values.append(values, count, this.#count);
    this.#count += count;
  }

  #appendRows(rows: Int32Array | undefined, count: number, base: number): void {
    const start = this.#count - this.#denseCount;
    if (start === 0 && rows === undefined && base === this.#count) {
      this.#denseCount += count;
      return;
    }
    this.#rows.reserve(start + count);
    const numbers = new Int32Array(count);
    for (let i = 0; i < count; i++) numbers[i] = base + (rows === undefined ? i : rows[i]!);
    this.#rows.write(numbers, count, start);
  }
}
