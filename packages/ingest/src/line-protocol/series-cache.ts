// Finds the series of a line by its text, `measurement,tags`, without making strings of it. Writers
// send their series in the same order again and again, so the series that followed the last one
// before is compared first, byte by byte; only where that fails is the text hashed.

import {ParsedSeries} from '@flotilla/column';
import {SPACE} from './ascii.ts';
import {type Body, ByteArena, equalBytes, hashBytes} from './body.ts';
import {keyEnd} from './names.ts';
import {type Fault, readSeriesText, type SeriesText} from './series-text.ts';
import {FieldSlot, KnownTable} from './table-rows.ts';

/** A text that finds this many other texts in its way is not kept: colliding keys cost no more. */
const PROBES_MAX = 32;
/** Fields known over all tables, beyond which all is forgotten as with series. */
const SLOTS_MAX = 100_000;

/** Tag values kept once: regions, versions and racks repeat over all series. */
const SHARED_VALUES_MAX = 10_000;

export class SeriesEntry {
  readonly series: ParsedSeries;
  readonly table: KnownTable;
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
  #arena = new ByteArena();
  #tables = new Map<string, KnownTable>();
  #slots: (SeriesEntry | undefined)[] = new Array(1024).fill(undefined);
  #count = 0;
  #fieldCount = 0;
  #last: SeriesEntry | undefined = undefined;
  readonly #sharedValues = new Map<string, string>();

  constructor(seriesMax: number) {
    this.#seriesMax = seriesMax;
  }

  get size(): number {
    return this.#count;
  }

  get arena(): ByteArena {
    return this.#arena;
  }

  /** Between two bodies, so that a series has one object in a body: all is forgotten past the limits. */
  trim(): void {
    if (this.#count <= this.#seriesMax && this.#fieldCount <= SLOTS_MAX) return;
    this.#arena = new ByteArena();
    this.#tables = new Map();
    this.#slots = new Array(1024).fill(undefined);
    this.#count = 0;
    this.#fieldCount = 0;
    this.#last = undefined;
    this.#sharedValues.clear();
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
    if ('reason' in entry) return entry;
    if (this.#last !== undefined) this.#last.next = entry;
    this.#last = entry;
    return entry;
  }

  /** The field whose name begins at `start` and is followed by an equals sign at `equals`. */
  field(
    table: KnownTable,
    name: string,
    text: {bytes: Buffer; start: number; end: number},
  ): FieldSlot {
    const known = table.slot(name);
    if (known !== undefined) return known;
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
    const hash = hashBytes(body.view, start, end);
    const mask = this.#slots.length - 1;
    for (let probe = 0; probe < PROBES_MAX; probe++) {
      const entry = this.#slots[(hash + probe) & mask];
      if (entry === undefined) break;
      const sameText = entry.hash === hash && entry.textLength === end - start;
      if (sameText && this.#matches(entry, body, start)) return entry;
    }
    const text = readSeriesText(body.bytes, start, end);
    return 'reason' in text ? text : this.#add(text, body.bytes, start, end, hash);
  }

  #add(text: SeriesText, bytes: Buffer, start: number, end: number, hash: number): SeriesEntry {
    const table = this.#table(text.table);
    if (!sameNames(table.tagNames, text.tagNames)) table.tagNames = text.tagNames;
    const values = text.tagValues.map((value) => this.#share(value));
    const series = new ParsedSeries(table.name, table.tagNames, values);
    const at = this.#arena.add(bytes, start, end);
    const entry = new SeriesEntry(series, table, {start: at, length: end - start, hash});
    this.#count++;
    if (this.#count * 2 > this.#slots.length) this.#grow();
    this.#place(entry);
    return entry;
  }

  #share(value: string): string {
    const shared = this.#sharedValues.get(value);
    if (shared !== undefined) return shared;
    if (this.#sharedValues.size < SHARED_VALUES_MAX) this.#sharedValues.set(value, value);
    return value;
  }

  #table(name: string): KnownTable {
    let table = this.#tables.get(name);
    if (table === undefined) {
      table = new KnownTable(name);
      this.#tables.set(name, table);
    }
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
