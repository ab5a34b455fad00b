// Rows of one table, gathered over one body. The table itself, its fields' names and the order in
// which they follow each other stay known from body to body.

import type {ParsedSeries, ParsedTable} from '@flotilla/column';
import {type ByteArena, equalBytes} from './body.ts';
import {type AnyColumn, BooleanColumn, NumberColumn, TextColumn} from './field-column.ts';
import type {NumberLiteral} from './number-literal.ts';

const CAPACITY_MIN = 16;
/** No value takes less of a body: `a=1,`. */
const VALUE_BYTES_MIN = 4;

/**
 * How many values a body may make room for before they are read: what tables and fields had in earlier
 * bodies says how many to expect, but all of it together is never more than this body can hold.
 */
export class Room {
  #left: number;

  constructor(bodyBytes: number) {
    this.#left = Math.ceil(bodyBytes / VALUE_BYTES_MIN);
  }

  take(expected: number): number {
    const taken = Math.min(expected, this.#left);
    this.#left -= taken;
    return taken;
  }
}

/** One field of a table as bodies write it. */
export class FieldSlot {
  readonly name: string;
  /** `name=` as it was written, in the arena. */
  readonly textStart: number;
  readonly textLength: number;
  /** The field that followed this one last time. */
  next: FieldSlot | undefined = undefined;
  /** Values to make room for: as many as the last body had. */
  #expected = 0;
  /** The rows that the rest is of. */
  #rows: TableRows | undefined = undefined;
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

  /** Whether these rows have the field already. */
  isOf(rows: TableRows): boolean {
    return this.#rows === rows;
  }

  /** Begins a value: of one field written twice in a row the last wins. */
  begin(rows: TableRows): void {
    if (this.#rows === rows) {
      this.rollBack(rows);
    } else {
      this.#rows = rows;
      rows.slots.push(this);
    }
  }

  /** After `rollBack` of a bad row: the columns that it began are gone. */
  dropEmpty(): void {
    if (this.#float?.count === 0) this.#float = undefined;
    if (this.#integer?.count === 0) this.#integer = undefined;
    if (this.#unsigned?.count === 0) this.#unsigned = undefined;
    if (this.#boolean?.count === 0) this.#boolean = undefined;
    if (this.#text?.count === 0) this.#text = undefined;
  }

  /** Takes back the value of the row being read, if it has one. */
  rollBack(rows: TableRows): void {
    if (this.#row !== rows.rowCount) return;
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
    this.#boolean ??= rows.addColumn(new BooleanColumn(this.name, this.#room(rows)));
    this.#boolean.add(rows.rowCount, value);
    this.#row = rows.rowCount;
    this.#column = this.#boolean;
  }

  addText(rows: TableRows, text: Uint8Array): void {
    this.#text ??= rows.addColumn(new TextColumn(this.name, this.#room(rows)));
    this.#text.add(rows.rowCount, text);
    this.#row = rows.rowCount;
    this.#column = this.#text;
  }

  #numbers(rows: TableRows, literal: NumberLiteral): NumberColumn {
    switch (literal.type) {
      case 'float':
        this.#float ??= rows.addColumn(new NumberColumn(this.name, 'float', this.#room(rows)));
        return this.#float;
      case 'integer':
        this.#integer ??= rows.addColumn(new NumberColumn(this.name, 'integer', this.#room(rows)));
        return this.#integer;
      case 'unsigned':
        this.#unsigned ??= rows.addColumn(
          new NumberColumn(this.name, 'unsigned', this.#room(rows)),
        );
        return this.#unsigned;
    }
  }

  #room(rows: TableRows): number {
    return rows.room.take(this.#expected);
  }

  /** Lets go of the columns, which the batch owns now. */
  endBody(): void {
    this.#expected = Math.ceil((this.#column?.count ?? 0) * 1.125);
    this.#rows = undefined;
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
  readonly table: string;
  readonly room: Room;
  rowCount = 0;
  readonly series: ParsedSeries[] = [];
  /** The fields that the body has, good lines or bad. */
  readonly slots: FieldSlot[] = [];
  /** Rows for which there is room. */
  #capacity: number;
  readonly #columns: AnyColumn[] = [];
  /** Before the row being read. */
  #columnsBefore = 0;
  #slotsBefore = 0;
  #seriesOfRow: Int32Array;
  #timesMs: Float64Array;
  #timesNs: Int32Array;
  #lines: Uint32Array;

  constructor(table: string, expectedRows: number, room: Room) {
    this.table = table;
    this.room = room;
    this.#capacity = Math.max(room.take(expectedRows), CAPACITY_MIN);
    this.#seriesOfRow = new Int32Array(this.#capacity);
    this.#timesMs = new Float64Array(this.#capacity);
    this.#timesNs = new Int32Array(this.#capacity);
    this.#lines = new Uint32Array(this.#capacity);
  }

  addColumn<Column extends AnyColumn>(column: Column): Column {
    this.#columns.push(column);
    return column;
  }

  beginRow(): void {
    this.#columnsBefore = this.#columns.length;
    this.#slotsBefore = this.slots.length;
  }

  /** Forgets the fields and columns that a bad row began: they must not use up what good rows may have. */
  rejectRow(): void {
    this.#columns.length = this.#columnsBefore;
    while (this.slots.length > this.#slotsBefore) this.slots.pop()!.endBody();
  }

  /** Ends the row being read: what its fields added is kept. */
  addRow(series: number, time: {readonly ms: number; readonly ns: number}, line: number): void {
    const row = this.rowCount;
    if (row === this.#capacity) this.#grow();
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
    const capacity = this.#capacity * 2;
    this.#capacity = capacity;
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
  beginBody(room: Room): TableRows {
    this.#rows = new TableRows(this.name, this.#expectedRows, room);
    return this.#rows;
  }

  /** Lets go of the rows, which the batch owns now; their count is kept for the next body. */
  endBody(): void {
    this.#expectedRows = Math.ceil((this.#rows?.rowCount ?? 0) * 1.125);
    for (const slot of this.#rows?.slots ?? []) slot.endBody();
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
