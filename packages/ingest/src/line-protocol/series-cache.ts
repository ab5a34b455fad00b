// Finds the series of a line by its text, `measurement,tags`, without making strings of it. Writers
// send their series in the same order again and again, so the series that followed the last one
// before is compared first, byte by byte; only where that fails is the text hashed.

import {LIMITS} from '@flotilla/base';
import {ParsedSeries} from '@flotilla/column';
import {SPACE} from './ascii.ts';
import {type Body, ByteArena, equalBytes, hashBytes} from './body.ts';
import {keyEnd} from './names.ts';
import {type Fault, readSeriesText, type SeriesText} from './series-text.ts';
import {ShortTexts} from './short-texts.ts';
import {FieldSlot, KnownTable} from './table-rows.ts';

/** A text that finds this many other texts in its way is not kept: colliding keys cost no more. */
const PROBES_MAX = 32;
/** Tables and fields, beyond which all is forgotten before the next body, as with series. */
const TABLES_KEPT_MAX = 10_000;
const FIELDS_KEPT_MAX = 100_000;
/** Of texts: 500,000 series of a hundred bytes fit; long ones are fewer. */
const TEXT_BYTES_KEPT_MAX = 64 * 1024 * 1024;
/**
 * What one body may add, good lines and bad: its memory is bounded whatever its bytes are. Tables and
 * fields past it are refused; series past it are found anew for each line, and listed once for each.
 */
const TABLES_ADDED_MAX = 100_000;
const FIELDS_ADDED_MAX = 1_000_000;
const SERIES_ADDED_MAX = 1_000_000;

/**
 * What is remembered, as measured in heap and buffers (Node.js 24) and rounded up: the objects, and of
 * a text its copy, the strings cut from it, and the key that the router makes of it.
 */
const SERIES_BYTES = 400;
const FIELD_BYTES = 300;
const TABLE_BYTES = 1_000;
const COPIES_OF_TEXT = 3;

export class SeriesEntry {
  readonly series: ParsedSeries;
  readonly table: KnownTable;
  /** Where its text stands in the arena, or -1 if it is not kept. */
  readonly textStart: number;
  readonly textLength: number;
  readonly hash: number;
  /** The series that followed this one last time. */
  next: SeriesEntry | undefined = undefined;
  /** The body that `index` is of, and the series' place among its table's there. */
  body = -1;
  index = 0;

  constructor(
    series: ParsedSeries,
    table: KnownTable,
    text: {readonly start: number; readonly length: number; readonly hash: number},
  ) {
    this.series = series;
    this.table = table;
    this.textStart = text.start;
    this.textLength = text.length;
    this.hash = text.hash;
  }
}

export class SeriesCache {
  readonly #seriesMax: number;
  readonly #seriesAddedMax: number;
  readonly #keyBytesMax: number;
  #arena = new ByteArena();
  #tables = new Map<string, KnownTable>();
  #slots: (SeriesEntry | undefined)[] = new Array(1024).fill(undefined);
  #count = 0;
  #fieldCount = 0;
  #last: SeriesEntry | undefined = undefined;
  readonly #texts = new ShortTexts();

  constructor(
    seriesMax: number,
    seriesAddedMax = SERIES_ADDED_MAX,
    keyBytesMax: number = LIMITS.series_key_bytes_max.value,
  ) {
    this.#seriesMax = seriesMax;
    this.#seriesAddedMax = seriesAddedMax;
    this.#keyBytesMax = keyBytesMax;
  }

  get size(): number {
    return this.#count;
  }

  /** An estimate of what all of it takes. */
  get bytes(): number {
    return (
      this.#count * SERIES_BYTES +
      this.#fieldCount * FIELD_BYTES +
      this.#tables.size * TABLE_BYTES +
      this.#arena.bytes * COPIES_OF_TEXT
    );
  }

  get arena(): ByteArena {
    return this.#arena;
  }

  /** Between two bodies, so that a series has one object in a body: all is forgotten past the limits. */
  trim(): void {
    const fits =
      this.#count <= this.#seriesMax &&
      this.#tables.size <= TABLES_KEPT_MAX &&
      this.#arena.bytes <= TEXT_BYTES_KEPT_MAX &&
      this.#fieldCount <= FIELDS_KEPT_MAX;
    if (fits) return;
    this.#arena = new ByteArena();
    this.#tables = new Map();
    this.#slots = new Array(1024).fill(undefined);
    this.#count = 0;
    this.#fieldCount = 0;
    this.#last = undefined;
    this.#texts.clear();
  }

  /** The series whose text begins at `start`. A space ends the text, or the newline where fields are missing. */
  find(body: Body, start: number): SeriesEntry | Fault {
    const predicted = this.#last?.next;
    if (
      predicted !== undefined &&
      body.bytes[start + predicted.textLength] === SPACE &&
      this.#matches(predicted, body, start)
    ) {
      this.#last = predicted;
      return predicted;
    }
    const entry = this.#findByHash(body, start);
    // One that is not kept has no text to be compared with later.
    if ('reason' in entry || entry.textStart < 0) return entry;
    if (this.#last !== undefined) this.#last.next = entry;
    this.#last = entry;
    return entry;
  }

  /** A new field of the table, or undefined if there are too many. @param text  `name=` as it was written */
  addField(
    table: KnownTable,
    name: string,
    text: {readonly bytes: Buffer; readonly start: number; readonly end: number},
  ): FieldSlot | undefined {
    if (this.#fieldCount >= FIELDS_KEPT_MAX + FIELDS_ADDED_MAX) return undefined;
    const at = this.#arena.add(text.bytes, text.start, text.end);
    const slot = new FieldSlot(name, at, text.end - text.start);
    table.addSlot(slot);
    this.#fieldCount++;
    return slot;
  }

  #matches(entry: SeriesEntry, body: Body, start: number): boolean {
    return equalBytes(body.view, start, this.#arena.view, entry.textStart, entry.textLength);
  }

  #findByHash(body: Body, start: number): SeriesEntry | Fault {
    const end = keyEnd(body.bytes, start);
    if (body.bytes[end] !== SPACE) return {code: 'LINE_SYNTAX', reason: 'missing fields'};
    if (end - start > this.#keyBytesMax)
      return {code: 'LINE_TOO_LONG', reason: 'series key too long'};
    const hash = hashBytes(body.view, start, end);
    const mask = this.#slots.length - 1;
    for (let probe = 0; probe < PROBES_MAX; probe++) {
      const entry = this.#slots[(hash + probe) & mask];
      if (entry === undefined) break;
      const sameText = entry.hash === hash && entry.textLength === end - start;
      if (sameText && this.#matches(entry, body, start)) return entry;
    }
    const text = readSeriesText(body.bytes, start, end, this.#texts);
    return 'reason' in text ? text : this.#add(text, body.bytes, start, end, hash);
  }

  #add(
    text: SeriesText,
    bytes: Buffer,
    start: number,
    end: number,
    hash: number,
  ): SeriesEntry | Fault {
    const table = this.#table(text.table);
    if (table === undefined) return {code: 'TABLE_LIMIT', reason: 'too many tables in one body'};
    if (!sameNames(table.tagNames, text.tagNames)) table.tagNames = text.tagNames;
    const series = new ParsedSeries(table.name, table.tagNames, text.tagValues);
    const isKept = this.#count < this.#seriesMax + this.#seriesAddedMax;
    const at = isKept ? this.#arena.add(bytes, start, end) : -1;
    const entry = new SeriesEntry(series, table, {start: at, length: end - start, hash});
    if (!isKept) return entry;
    this.#count++;
    // A quarter full: chains that honest hashes make stay far below the probes' limit.
    if (this.#count * 4 > this.#slots.length) this.#grow();
    this.#place(entry);
    return entry;
  }

  #table(name: string): KnownTable | undefined {
    const known = this.#tables.get(name);
    if (known !== undefined) return known;
    if (this.#tables.size >= TABLES_KEPT_MAX + TABLES_ADDED_MAX) return undefined;
    const table = new KnownTable(name);
    this.#tables.set(name, table);
    return table;
  }

  #place(entry: SeriesEntry): void {
    const mask = this.#slots.length - 1;
    for (let probe = 0; probe < PROBES_MAX; probe++) {
      const slot = (entry.hash + probe) & mask;
      if (this.#slots[slot] !== undefined) continue;
      this.#slots[slot] = entry;
      return;
    }
  }

  #grow(): void {
    const entries = this.#slots;
    this.#slots = new Array(entries.length * 2).fill(undefined);
    for (const entry of entries) if (entry !== undefined) this.#place(entry);
  }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}
