// The parsers of one engine thread, one for each database, since what a series' text resolves to
// depends on it. Each remembers series, tables and fields from body to body; together they hold at most
// so many bytes. Past that, and past so many databases, the one written longest ago is forgotten: its
// next body only takes longer.

import {assert, type DatabaseId, LIMITS} from '@flotilla/base';
import {DEFAULT_LIMITS, LineProtocolParser, type ParseOptions} from '@flotilla/ingest';
import type {WriteRequest} from '@flotilla/router';

/** Databases that one thread keeps a parser for. */
const PARSERS_MAX = 64;
/** Series that one parser remembers: some 400 MB of text and objects at TSBS's 300 bytes a line. */
const SERIES_CACHED_MAX = 500_000;

interface Held {
  readonly parser: LineProtocolParser;
  bytes: number;
}

export class Parsers {
  readonly bytesMax: number;
  /** In order of last use. */
  readonly #held = new Map<DatabaseId, Held>();
  #bytes = 0;
  #reading: Held | undefined;

  constructor(bytesMax: number = LIMITS.series_caches_bytes_max.value) {
    this.bytesMax = bytesMax;
  }

  /** What all of them remember. */
  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#held.size;
  }

  /** The next body of a database. One body at a time in the whole thread: the one before is given up. */
  begin(database: DatabaseId, bytes: Uint8Array, options: ParseOptions): void {
    const held = this.#held.get(database) ?? {
      parser: new LineProtocolParser({limits: DEFAULT_LIMITS, seriesCacheMax: SERIES_CACHED_MAX}),
      bytes: 0,
    };
    this.#held.delete(database);
    this.#held.set(database, held);
    held.parser.begin(bytes, options);
    this.#reading = held;
  }

  /** A piece of the body that was begun; the batch once it is at its end. */
  readOn(bytesMax: number): WriteRequest['batch'] | undefined {
    const held = this.#reading;
    assert(held !== undefined, 'no body was begun');
    const batch = held.parser.readOn(bytesMax);
    if (batch === undefined) return undefined;
    this.#reading = undefined;
    const bytes = held.parser.rememberedBytes;
    this.#bytes += bytes - held.bytes;
    held.bytes = bytes;
    this.#forget();
    return batch;
  }

  /** Also the one just used, where it alone is too much. */
  #forget(): void {
    for (const [database, {bytes}] of this.#held) {
      if (this.#bytes <= this.bytesMax && this.#held.size <= PARSERS_MAX) return;
      this.#held.delete(database);
      this.#bytes -= bytes;
    }
  }
}
