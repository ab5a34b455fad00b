// Rows that are not in a part yet: per table, columns in pages appended in arrival order, and for each
// series the numbers of its rows, so one series is read without a scan.
// Position is log order: of two rows of one series and time the later position wins, per field.
// Nothing that was appended ever changes; a pin is a row count beside the pages. No append copies more
// than its own rows, a first page and what is kept for each series.

import type {ColumnId, SeriesId, TableId} from '@flotilla/base';
import type {ColumnValues, FieldType} from '@flotilla/column';
import {withCapacity} from './growable.ts';
import {MemtableColumn} from './memtable-column.ts';
import {MemtableView} from './memtable-view.ts';
import {doublePages} from './pages.ts';
import {type RowList, RowLists, type RowPlace} from './row-lists.ts';
import {type Mask, type Tombstone, tombstoneBytes} from './tombstone.ts';

/** Rows of one table as a share carries them, series resolved. */
interface TableRows {
  readonly rowCount: number;
  /** Ids of the series that occur. */
  readonly series: Int32Array;
  /** Row -> index into `series`. */
  readonly seriesOfRow: Int32Array;
  readonly offsets: Float64Array;
  readonly columns: readonly {
    readonly column: ColumnId;
    readonly count: number;
    readonly rows?: Int32Array | undefined;
    readonly values: ColumnValues;
  }[];
}

/** A Map entry and its boxed slot, as measured by heap growth per series. */
const BYTES_PER_SLOT = 48;

/** Rows of one series as they came. */
export interface ArrivedRows {
  readonly rows: RowList;
  /** Each came later in time than the one before. */
  readonly isOrdered: boolean;
  /** None was further behind the latest that came before it. */
  readonly lateBy: number;
}

export class MemtableTable {
  #rowCount = 0;
  readonly #offsets = doublePages();
  readonly #slots = new Map<number, number>();
  /** By slot: its rows. */
  readonly #rows = new RowLists();
  /** By slot: the latest time that came. */
  #maxOffset = new Float64Array(0);
  #lateBy = new Float64Array(0);
  /** By slot: 1 while each row came later in time than the one before. */
  #ordered = new Uint8Array(0);
  readonly #columns = new Map<ColumnId, MemtableColumn>();

  get rowCount(): number {
    return this.#rowCount;
  }

  get seriesCount(): number {
    return this.#slots.size;
  }

  get bytes(): number {
    let bytes = this.#offsets.bytes + this.#rows.bytes;
    bytes += this.#maxOffset.byteLength + this.#lateBy.byteLength + this.#ordered.byteLength;
    bytes += this.#slots.size * BYTES_PER_SLOT;
    for (const column of this.#columns.values()) bytes += column.bytes;
    return bytes;
  }

  append(rows: TableRows): void {
    const base = this.#rowCount;
    this.#offsets.reserve(base + rows.rowCount);
    this.#offsets.write(rows.offsets, rows.rowCount, base);
    this.#list(rows, base);
    for (const {column, values, rows: at, count} of rows.columns)
      this.#column(column, values.type).append(values, at, count, base);
    this.#rowCount = base + rows.rowCount;
  }

  /** The series' rows below `rowEnd`. */
  rowsOf(series: SeriesId, rowEnd: number): ArrivedRows | undefined {
    const slot = this.#slots.get(series);
    if (slot === undefined) return undefined;
    return {
      rows: this.#rows.rowsOf(slot, rowEnd),
      isOrdered: this.#ordered[slot] === 1,
      lateBy: this.#lateBy[slot]!,
    };
  }

  /**
   * Puts the numbers of the series' rows below `rowEnd` into `place` where they are in the order of time as they
   * came, and fewer than `limit`. How many they are, or -1.
   */
  copyOrdered(series: SeriesId, rowEnd: number, limit: number, place: RowPlace): number {
    const slot = this.#slots.get(series);
    if (slot === undefined) return 0;
    return this.#ordered[slot] === 1 ? this.#rows.copyFew(slot, rowEnd, limit, place) : -1;
  }

  /** Ids of the series that have rows, ascending. */
  seriesIds(): Int32Array {
    return Int32Array.from(this.#slots.keys()).sort();
  }

  columnTypes(): Map<ColumnId, FieldType> {
    return new Map([...this.#columns].map(([id, column]) => [id, column.type]));
  }

  view(): MemtableView {
    return new MemtableView({
      table: this,
      rowCount: this.#rowCount,
      offsets: this.#offsets.list,
      columns: new Map([...this.#columns].map(([id, column]) => [id, column.view()])),
    });
  }

  #list({series, seriesOfRow, rowCount, offsets}: TableRows, base: number): void {
    const slots = this.#slotsOf(series);
    const lists = this.#rows;
    const maxOffset = this.#maxOffset;
    const lateBy = this.#lateBy;
    const ordered = this.#ordered;
    for (let i = 0; i < rowCount; i++) {
      const slot = slots[seriesOfRow[i]!]!;
      const offset = offsets[i]!;
      const late = maxOffset[slot]! - offset;
      if (late < 0) {
        maxOffset[slot] = offset;
      } else {
        ordered[slot] = 0;
        if (late > lateBy[slot]!) lateBy[slot] = late;
      }
      lists.push(slot, base + i);
    }
  }

  #slotsOf(series: Int32Array): Int32Array {
    const slots = new Int32Array(series.length);
    for (let i = 0; i < series.length; i++)
      slots[i] = this.#slots.get(series[i]!) ?? this.#addSlot(series[i]!);
    return slots;
  }

  #addSlot(series: number): number {
    const slot = this.#slots.size;
    this.#slots.set(series, slot);
    this.#rows.reserve(slot + 1);
    this.#maxOffset = withCapacity(this.#maxOffset, slot + 1);
    this.#maxOffset[slot] = Number.NEGATIVE_INFINITY;
    this.#lateBy = withCapacity(this.#lateBy, slot + 1);
    this.#ordered = withCapacity(this.#ordered, slot + 1);
    this.#ordered[slot] = 1;
    return slot;
  }

  #column(id: ColumnId, type: FieldType): MemtableColumn {
    let column = this.#columns.get(id);
    if (column === undefined) {
      column = new MemtableColumn(type);
      this.#columns.set(id, column);
    }
    return column;
  }
}

export class Memtable {
  readonly #tables = new Map<TableId, MemtableTable>();
  /** Deletes that came while rows were appended here, in log order; each masks the rows before it. */
  readonly #masks: Mask[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#tables.size === 0;
  }

  get bytes(): number {
    return this.#bytes;
  }

  table(id: TableId): MemtableTable | undefined {
    return this.#tables.get(id);
  }

  tableIds(): TableId[] {
    return [...this.#tables.keys()].sort((a, b) => a - b);
  }

  append(id: TableId, rows: TableRows): void {
    let table = this.#tables.get(id);
    if (table === undefined) {
      table = new MemtableTable();
      this.#tables.set(id, table);
    }
    this.#bytes -= table.bytes;
    table.append(rows);
    this.#bytes += table.bytes;
  }

  /** Hides rows that are here, and those of every older source; what is appended later is visible. */
  delete(tombstone: Tombstone): void {
    const rowEnd = this.#tables.get(tombstone.table)?.rowCount ?? 0;
    this.#masks.push({tombstone, rowEnd});
    this.#bytes += tombstoneBytes(tombstone);
  }

  get tombstones(): readonly Tombstone[] {
    return this.#masks.map(({tombstone}) => tombstone);
  }

  get tombstoneCount(): number {
    return this.#masks.length;
  }

  /** Those of one table. */
  masksOf(table: TableId): readonly Mask[] {
    return this.#masks.filter(({tombstone}) => tombstone.table === table);
  }

  /** Forgets a table's rows; pins go on seeing them. */
  dropTable(id: TableId): void {
    this.#bytes -= this.#tables.get(id)?.bytes ?? 0;
    this.#tables.delete(id);
  }
}
