// Line protocol to columns, straight from bytes: a row whose series and fields are known makes no
// object and no string. A line is read field by field into the columns; when it turns out bad, what
// it added is taken back, it is noted with its number and reason, and the next line is read.
// What is accepted is the union of InfluxDB 1 and of its reference library, except where a value
// could be misread; see ARCHITECTURE.md.

import {isUtf8} from 'node:buffer';
import {LIMITS} from '@flotilla/base';
import type {BadLine, ParsedBatch} from '@flotilla/column';
import {
  COMMA,
  DOT,
  EQUALS,
  HASH,
  MINUS,
  NEWLINE,
  NINE,
  QUOTE,
  RETURN,
  SPACE,
  TAB,
  ZERO,
} from './ascii.ts';
import {type Body, toBody} from './body.ts';
import {readBoolean} from './boolean-literal.ts';
import {BadLineEnds, closingQuote, endsLine, endsValue} from './line-end.ts';
import {hasNul, nameEnd, nameFault, readName} from './names.ts';
import {NumberLiteral} from './number-literal.ts';
import {type Precision, TimeReader} from './row-time.ts';
import {SeriesCache, type SeriesEntry} from './series-cache.ts';
import {type FieldSlot, type KnownTable, Room, slotMatches, type TableRows} from './table-rows.ts';
import {unescapeText} from './text-literal.ts';

export interface LineProtocolLimits {
  readonly line_bytes_max: number;
  readonly series_key_bytes_max: number;
  readonly string_bytes_max: number;
  readonly rejected_lines_listed: number;
  /** Of one body: no database takes more, and each costs memory. */
  readonly tables_per_database_max: number;
  /** Of one table in one body, likewise. */
  readonly columns_per_table_max: number;
}

export const DEFAULT_LIMITS: LineProtocolLimits = {
  line_bytes_max: LIMITS.line_bytes_max.value,
  series_key_bytes_max: LIMITS.series_key_bytes_max.value,
  string_bytes_max: LIMITS.string_bytes_max.value,
  rejected_lines_listed: LIMITS.rejected_lines_listed.value,
  tables_per_database_max: LIMITS.tables_per_database_max.value,
  columns_per_table_max: LIMITS.columns_per_table_max.value,
};

export interface LineProtocolOptions {
  readonly limits: LineProtocolLimits;
  /** Series remembered from body to body; past it all are forgotten before the next body. */
  readonly seriesCacheMax: number;
}

export interface ParseOptions {
  readonly precision: Precision;
  /** The time of rows without one, wall clock. */
  readonly nowMs: number;
}

const EMPTY: Body = toBody(new Uint8Array(0));
const NO_TIME = new TimeReader(EMPTY, 'ns', 0);
const NO_ENDS = new BadLineEnds(EMPTY.bytes);
/** Of a bad line, in its report. */
const TEXT_CHARACTERS_MAX = 200;

/** Reads one body at a time and remembers series and fields from one to the next. */
export class LineProtocolParser {
  readonly #limits: LineProtocolLimits;
  readonly #cache: SeriesCache;
  readonly #number = new NumberLiteral();
  #everyRow = new Int32Array(0);
  #bodyNumber = 0;

  // Of the body being read.
  #body = EMPTY;
  #at = 0;
  #time = NO_TIME;
  #badLineEnds = NO_ENDS;
  #room = new Room(0);
  #tables: KnownTable[] = [];
  #badLines: BadLine[] = [];
  #badLineCount = 0;
  /** Those of the lines that are listed: a body may have millions of bad ones. */
  readonly #badCodes = new Set<string>();
  /** Physical number of the line at which the last count of newlines stopped. */
  #line = 1;

  // Of the line being read.
  readonly #touched: FieldSlot[] = [];
  #touchedCount = 0;
  #rows: TableRows | undefined = undefined;
  #newlines = 0;
  #code = '';
  #reason = '';

  constructor(options: LineProtocolOptions) {
    this.#limits = options.limits;
    this.#cache = new SeriesCache(
      options.seriesCacheMax,
      undefined,
      options.limits.series_key_bytes_max,
    );
  }

  /** About what the series, tables and fields take that it remembers for the next body. */
  get rememberedBytes(): number {
    return this.#cache.bytes;
  }

  /** Never throws for what the bytes are. The arrays of the batch are the caller's. */
  parse(bytes: Uint8Array, options: ParseOptions): ParsedBatch {
    this.begin(bytes, options);
    return this.readOn(Number.POSITIVE_INFINITY)!;
  }

  /** Reads on by some `bytesMax`, whole lines each time; the batch once the body is at its end. */
  readOn(bytesMax: number): ParsedBatch | undefined {
    const body = this.#body.bytes;
    const end = Math.min(body.length, this.#at + bytesMax);
    let at = this.#at;
    while (at < end) {
      const byte = body[at];
      if (byte === NEWLINE) {
        this.#line++;
        at++;
      } else if (byte === SPACE || byte === TAB || (byte === RETURN && body[at + 1] === NEWLINE)) {
        at++;
      } else if (byte === HASH) {
        at = body.indexOf(NEWLINE, at);
      } else {
        at = this.#readLine(at);
      }
    }
    this.#at = at;
    return at < body.length ? undefined : this.#finish();
  }

  /** Takes up a body, for `readOn`. Nothing is left of one that was not read to its end. */
  begin(bytes: Uint8Array, options: ParseOptions): void {
    for (const table of this.#tables) table.endBody();
    this.#cache.trim();
    this.#body = toBody(bytes);
    this.#at = 0;
    this.#time = new TimeReader(this.#body, options.precision, options.nowMs);
    this.#badLineEnds = new BadLineEnds(this.#body.bytes);
    this.#room = new Room(bytes.length);
    this.#bodyNumber++;
    this.#tables = [];
    this.#badLines = [];
    this.#badLineCount = 0;
    this.#badCodes.clear();
    this.#line = 1;
  }

  #finish(): ParsedBatch {
    const rowsOfTables = this.#tables.map((table) => table.rows!);
    const most = rowsOfTables.reduce((max, rows) => Math.max(max, rows.rowCount), 0);
    const everyRow = this.#everyRowUpto(most);
    const batch: ParsedBatch = {
      tables: rowsOfTables.filter((rows) => rows.rowCount > 0).map((rows) => rows.finish(everyRow)),
      rowCount: rowsOfTables.reduce((sum, rows) => sum + rows.rowCount, 0),
      badLines: this.#badLines,
      badLineCount: this.#badLineCount,
    };
    // The body and the batch are not held any longer than their owners hold them.
    for (const table of this.#tables) table.endBody();
    this.#body = EMPTY;
    this.#at = 0;
    this.#time = NO_TIME;
    this.#badLineEnds = NO_ENDS;
    this.#tables = [];
    this.#badLines = [];
    this.#rows = undefined;
    return batch;
  }

  /** 0, 1, 2, ..; batches share it, since nobody writes to it. */
  #everyRowUpto(count: number): Int32Array {
    if (this.#everyRow.length < count) {
      this.#everyRow = new Int32Array(Math.max(count, this.#everyRow.length * 2));
      for (let row = 0; row < this.#everyRow.length; row++) this.#everyRow[row] = row;
    }
    return this.#everyRow;
  }

  /** Reads the line at `start`; returns the offset of the newline that ends it. */
  #readLine(start: number): number {
    this.#touchedCount = 0;
    this.#rows = undefined;
    this.#newlines = 0;
    const entry = this.#cache.find(this.#body, start);
    if ('reason' in entry) {
      this.#code = entry.code;
      this.#reason = entry.reason;
      return this.#rejectLine(start);
    }
    const rows = this.#rowsOf(entry);
    if (rows === undefined) return this.#rejectLine(start);
    this.#rows = rows;
    rows.beginRow();
    let at = this.#readFields(entry, rows, start + entry.textLength);
    if (at >= 0) at = this.#readTime(at);
    if (at >= 0 && at - start > this.#limits.line_bytes_max) at = this.#tooLong('line');
    if (at < 0) return this.#rejectLine(start);
    rows.addRow(this.#seriesIndex(entry, rows), this.#time, this.#line);
    this.#line += this.#newlines;
    return at;
  }

  #rowsOf(entry: SeriesEntry): TableRows | undefined {
    const {table} = entry;
    if (table.rows !== undefined) return table.rows;
    if (this.#tables.length >= this.#limits.tables_per_database_max) {
      this.#code = 'TABLE_LIMIT';
      this.#reason = 'too many tables in one body';
      return undefined;
    }
    this.#tables.push(table);
    return table.beginBody(this.#room);
  }

  /** Only good rows give a series its place in the batch. */
  #seriesIndex(entry: SeriesEntry, rows: TableRows): number {
    if (entry.body !== this.#bodyNumber) {
      entry.body = this.#bodyNumber;
      entry.index = rows.series.length;
      rows.series.push(entry.series);
    }
    return entry.index;
  }

  /** @param start  the space after the key; returns the offset after the last field, or -1 */
  #readFields(entry: SeriesEntry, rows: TableRows, start: number): number {
    const {bytes, view} = this.#body;
    const {table} = entry;
    const nameBytesMax = this.#limits.series_key_bytes_max - entry.textLength;
    let at = start;
    while (bytes[at] === SPACE) at++;
    if (endsLine(bytes, at)) return this.#fail('missing fields');
    let previous: FieldSlot | undefined;
    let slot = table.first;
    for (;;) {
      if (slot === undefined || !slotMatches(slot, this.#cache.arena, view, at)) {
        slot = this.#findSlot(table, rows, at);
        if (slot === undefined) return -1;
        if (previous === undefined) table.first = slot;
        else previous.next = slot;
      }
      if (slot.textLength - 1 > nameBytesMax) return this.#tooLong('series key');
      if (!slot.isOf(rows) && this.#isFull(rows)) return this.#tooManyColumns();
      at = this.#readValue(slot, rows, at + slot.textLength);
      if (at < 0) return -1;
      if (bytes[at] !== COMMA) return at;
      at++;
      previous = slot;
      slot = slot.next;
    }
  }

  /** The field at `start` by its name, when the expected one does not stand there. */
  #findSlot(table: KnownTable, rows: TableRows, start: number): FieldSlot | undefined {
    const {bytes} = this.#body;
    const equals = nameEnd(bytes, start, bytes.length);
    if (equals === start || bytes[equals] !== EQUALS) {
      this.#fail(equals === start ? 'missing field key' : 'missing field value');
      return undefined;
    }
    const nameBytesMax = LIMITS.name_bytes_max.value;
    if (equals - start > nameBytesMax) {
      this.#tooLong('');
      this.#reason = `the name of a field is over ${nameBytesMax} bytes`;
      return undefined;
    }
    const fault = nameFault(bytes, start, equals);
    if (fault !== undefined || hasNul(bytes, start, equals)) {
      this.#fail(fault ?? 'NUL in a name');
      return undefined;
    }
    const name = readName(bytes, start, equals);
    if (name === 'time') {
      this.#fail('a field cannot be called time');
      return undefined;
    }
    const known = table.slot(name);
    if (known !== undefined) return known;
    const added = this.#isFull(rows)
      ? undefined
      : this.#cache.addField(table, name, {bytes, start, end: equals + 1});
    if (added === undefined) this.#tooManyColumns();
    return added;
  }

  #isFull(rows: TableRows): boolean {
    return rows.slots.length >= this.#limits.columns_per_table_max;
  }

  /** Adds the value at `start` to the row; returns the offset after it, or -1. */
  #readValue(slot: FieldSlot, rows: TableRows, start: number): number {
    const {bytes} = this.#body;
    this.#touched[this.#touchedCount++] = slot;
    slot.begin(rows);
    const byte = bytes[start]!;
    if ((byte >= ZERO && byte <= NINE) || byte === MINUS || byte === DOT) {
      const end = this.#number.read(bytes, start);
      if (end < 0) return this.#fail(this.#number.fault);
      if (!endsValue(bytes, end)) return this.#fail('invalid number');
      slot.addNumber(rows, this.#number);
      return end;
    }
    if (byte === QUOTE) return this.#readText(slot, rows, start + 1);
    if (endsValue(bytes, start)) return this.#fail('missing field value');
    const boolean = readBoolean(bytes, start);
    if (boolean === undefined) return this.#fail('invalid value');
    slot.addBoolean(rows, boolean.value);
    return boolean.end;
  }

  /** @param start  after the opening quote */
  #readText(slot: FieldSlot, rows: TableRows, start: number): number {
    const {bytes} = this.#body;
    const close = closingQuote(bytes, start);
    if (close < 0) return this.#fail('unbalanced quotes');
    if (!endsValue(bytes, close + 1)) return this.#fail('text after a closing quote');
    const quoted = bytes.subarray(start, close);
    const text = unescapeText(quoted);
    if (text.length > this.#limits.string_bytes_max) return this.#tooLong('string');
    if (!isUtf8(text)) return this.#fail('invalid UTF-8');
    for (let at = quoted.indexOf(NEWLINE); at >= 0; at = quoted.indexOf(NEWLINE, at + 1)) {
      this.#newlines++;
    }
    slot.addText(rows, text);
    return close + 1;
  }

  /** Reads what follows the fields; returns the offset of the newline, or -1. */
  #readTime(start: number): number {
    const {bytes} = this.#body;
    let at = start;
    while (bytes[at] === SPACE) at++;
    if (endsLine(bytes, at)) {
      this.#time.takeNow();
    } else {
      at = this.#time.read(at);
      if (at < 0) {
        this.#fail(this.#time.fault);
        if (this.#time.fault === 'timestamp out of range') this.#code = 'TIME_OUT_OF_RANGE';
        return -1;
      }
      while (bytes[at] === SPACE) at++;
      if (!endsLine(bytes, at)) return this.#fail('text after the timestamp');
    }
    return bytes[at] === RETURN ? at + 1 : at;
  }

  #fail(reason: string): -1 {
    this.#code = 'LINE_SYNTAX';
    this.#reason = reason;
    return -1;
  }

  #tooLong(what: string): -1 {
    this.#code = 'LINE_TOO_LONG';
    this.#reason = `${what} too long`;
    return -1;
  }

  #tooManyColumns(): -1 {
    this.#code = 'COLUMN_LIMIT';
    this.#reason = 'too many fields in one table';
    return -1;
  }

  /** Takes back what the line added and notes it; returns the offset of the newline that ends it. */
  #rejectLine(start: number): number {
    const {bytes} = this.#body;
    if (this.#rows !== undefined) {
      for (let i = 0; i < this.#touchedCount; i++) {
        this.#touched[i]!.rollBack(this.#rows);
        this.#touched[i]!.dropEmpty();
      }
      this.#rows.rejectRow();
    }
    const end = this.#badLineEnds.find(start);
    this.#badLineCount++;
    const isListed =
      this.#badLines.length < this.#limits.rejected_lines_listed || !this.#badCodes.has(this.#code);
    if (isListed) {
      this.#badCodes.add(this.#code);
      const text = textOfLine(bytes, start, end);
      this.#badLines.push({line: this.#line, code: this.#code, reason: this.#reason, text});
    }
    for (let at = bytes.indexOf(NEWLINE, start); at < end; at = bytes.indexOf(NEWLINE, at + 1)) {
      this.#line++;
    }
    return end;
  }
}

function textOfLine(bytes: Buffer, start: number, end: number): string {
  // A character takes four bytes at most.
  const text = bytes.toString('utf8', start, Math.min(end, start + TEXT_CHARACTERS_MAX * 4));
  return text.replace(/\r$/, '').slice(0, TEXT_CHARACTERS_MAX);
}
