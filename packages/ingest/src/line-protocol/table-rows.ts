// Rows of one table, gathered over one body. The table itself, its fields' names and the order in
// which they follow each other stay known from body to body.

import type {ParsedSeries, ParsedTable} from '@flotilla/column';
import {type ByteArena, equalBytes} from './body.ts';
import {type AnyColumn, BooleanColumn, NumberColumn, TextColumn} from './field-column.ts';
import type {NumberLiteral} from './number-literal.ts';

const CAPACITY_MIN = 16;

/** One field of a table as bodies write it. */
export class FieldSlot {
  readonly name: string;
  /** `name=` as it was written, in the arena. */
  readonly textStart: number;
  readonly textLength: number;
  /** The field that followed this one last time. */
  next: FieldSlot | undefined = undefined;
  /** The body that the rest is of. */
  #body = -1;
  /** The row being read, if it has this field already, else -1; and where its value went. */
  #row = -1;
  #column: AnyColumn | undefined = undefined;
  #float: NumberColumn | undefined = undefined;
  #integer: NumberColumn | undefined = undefined;
  #unsigned: NumberColumn | undefined = undefined;
  #boolean: BooleanColumn | undefined = undefined;
  #text: TextColumn | undefined = undefined;

  constructor(name: string, textStart: number, textLength: number) {
    this.name = name;
    this.textStart = textStart;
    this.textLength = textLength;
  }

  /** Begins a value: of one field written twice in a row the last wins. */
  begin(rows: TableRows): void {
    if (this.#body !== rows.body) this.#forget(rows.body);
    else this.rollBack(rows);
  }

  /** Takes back the value of the row being read, if it has one. */
  rollBack(rows: TableRows): void {
    if (this.#body !== rows.body || this.#row !== rows.rowCount) return;
    this.#column!.pop();
    this.#row = -1;
  }

  addNumber(rows: TableRows, literal: NumberLiteral): void {
    const row = rows.rowCount;
    const column = this.#numbers(rows, literal);
    column.add(row, literal.value, literal.wide);
    this.#row = row;
    this.#column = column;
  }

  addBoolean(rows: TableRows, value: boolean): void {
    this.#boolean ??= rows.addColumn(new BooleanColumn(this.name, rows.capacity));
    this.#boolean.add(rows.rowCount, value);
    this.#row = rows.rowCount;
    this.#column = this.#boolean;
  }

  addText(rows: TableRows, text: Uint8Array): void {
    this.#text ??= rows.addColumn(new TextColumn(this.name, rows.capacity));
    this.#text.add(rows.rowCount, text);
    this.#row = rows.rowCount;
    this.#column = this.#text;
  }

  #numbers(rows: TableRows, literal: NumberLiteral): NumberColumn {
    switch (literal.type) {
      case 'float':
        this.#float ??= rows.addColumn(new NumberColumn(this.name, 'float', rows.capacity));
        return this.#float;
      case 'integer':
        this.#integer ??= rows.addColumn(new NumberColumn(this.name, 'integer', rows.capacity));
        return this.#integer;
      case 'unsigned':
        this.#unsigned ??= rows.addColumn(new NumberColumn(this.name, 'unsigned', rows.capacity));
        return this.#unsigned;
    }
  }

  #forget(body: number): void {
    this.#body = body;
    this.#row = -1;
    this.#column = undefined;
    this.#float = undefined;
    this.#integer = undefined;
    this.#unsigned = undefined;
    this.#boolean = undefined;
    this.#text = undefined;
  }
}

/** The columns of a table over one body. */
export class TableRows {
  /** Number of the body; no two of one parser have the same. */
  readonly body: number;
  readonly table: string;
  rowCount = 0;
  /** Rows for which there is room. */
  capacity: number;
  readonly series: ParsedSeries[] = [];
  readonly #columns: AnyColumn[] = [];
  #seriesOfRow: Int32Array;
  #timesMs: Float64Array;
  #timesNs: Int32Array;
  #lines: Uint32Array;

  constructor(body: number, table: string, capacity: number) {
    this.body = body;
    this.table = table;
    this.capacity = Math.max(capacity, CAPACITY_MIN);
    this.#seriesOfRow = new Int32Array(this.capacity);
    this.#timesMs = new Float64Array(this.capacity);
    this.#timesNs = new Int32Array(this.capacity);
    this.#lines = new Uint32Array(this.capacity);
  }

  addColumn<Column extends AnyColumn>(column: Column): Column {
    this.#columns.push(column);
    return column;
  }

  /** Ends the row being read: what its fields added is kept. */
  addRow(series: number, time: {readonly ms: number; readonly ns: number}, line: number): void {
    const row = this.rowCount;
    if (row === this.capacity) this.#grow();
    this.#seriesOfRow[row] = series;
    this.#timesMs[row] = time.ms;
    this.#timesNs[row] = time.ns;
    this.#lines[row] = line;
    this.rowCount = row + 1;
  }

  finish(everyRow: Int32Array): ParsedTable {
    return {
      table: this.table,
      rowCount: this.rowCount,
      series: this.series,
      seriesOfRow: this.#seriesOfRow,
      timesMs: this.#timesMs,
      timesNs: this.#timesNs,
      lines: this.#lines,
      fields: this.#columns
        .filter((column) => column.count > 0)
        .map((column) => column.finish(everyRow)),
    };
  }

  #grow(): void {
    this.capacity *= 2;
    const {capacity} = this;
    const series = new Int32Array(capacity);
    series.set(this.#seriesOfRow);
    this.#seriesOfRow = series;
    const timesMs = new Float64Array(capacity);
    timesMs.set(this.#timesMs);
    this.#timesMs = timesMs;
    const timesNs = new Int32Array(capacity);
    timesNs.set(this.#timesNs);
    this.#timesNs = timesNs;
    const lines = new Uint32Array(capacity);
    lines.set(this.#lines);
    this.#lines = lines;
  }
}

/** What is known of a table from body to body. */
export class KnownTable {
  readonly name: string;
  /** The field that began the last row. */
  first: FieldSlot | undefined = undefined;
  /** Of the last series, to be shared by the next one with the same tags. */
  tagNames: readonly string[] = [];
  readonly #slots = new Map<string, FieldSlot>();
  #rows: TableRows | undefined = undefined;
  #expectedRows = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** The rows of the body being read, if it has some already. */
  get rows(): TableRows | undefined {
    return this.#rows;
  }

  /** Begins the rows of a body; the last body says how many to expect. */
  beginBody(body: number, rowsMax: number): TableRows {
    this.#rows = new TableRows(body, this.name, Math.min(this.#expectedRows, rowsMax));
    return this.#rows;
  }

  /** Lets go of the rows, which the batch owns now; their count is kept for the next body. */
  endBody(): void {
    this.#expectedRows = Math.ceil((this.#rows?.rowCount ?? 0) * 1.125);
    this.#rows = undefined;
  }

  slot(name: string): FieldSlot | undefined {
    return this.#slots.get(name);
  }

  addSlot(slot: FieldSlot): void {
    this.#slots.set(slot.name, slot);
  }
}

/** Whether `name=` of the slot stands at `start`. */
export function slotMatches(
  slot: FieldSlot,
  arena: ByteArena,
  view: DataView,
  start: number,
): boolean {
  return equalBytes(view, start, arena.view, slot.textStart, slot.textLength);
}
