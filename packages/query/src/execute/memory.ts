// The bounds on what queries hold: one query in one place, and all queries of a thread together.

import {DbError, LIMITS} from '@flotilla/base';

/** What all queries of one engine thread hold, each fragment and each merge of them. */
export class QueriesMemory {
  readonly bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number = LIMITS.queries_memory_bytes_max.value) {
    this.bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Throws OVERLOADED past the bound, and then has taken nothing. */
  take(bytes: number): void {
    if (bytes > 0 && this.#bytes + bytes > this.bytesMax) {
      throw new DbError(
        'OVERLOADED',
        'the queries under way use up their memory; ask again a little later',
        {limit: 'queries_memory_bytes_max', bytesMax: this.bytesMax},
      );
    }
    this.#bytes += bytes;
  }
}

export class QueryMemory {
  readonly #bytesMax: number;
  readonly #all: QueriesMemory | undefined;
  #bytes = 0;

  /** @param all  of the thread; what is taken is taken there too, and must be released in the end */
  constructor(bytesMax: number = LIMITS.query_memory_bytes_max.value, all?: QueriesMemory) {
    // Two of the largest find room, also where all have less than their limit.
    this.#bytesMax = all === undefined ? bytesMax : Math.min(bytesMax, all.bytesMax / 2);
    this.#all = all;
  }

  /** Takes more (or gives back, below zero). Throws QUERY_ERROR past the bound. */
  take(bytes: number): void {
    if (bytes > 0 && this.#bytes + bytes > this.#bytesMax) {
      throw new DbError(
        'QUERY_ERROR',
        `the query holds over query_memory_bytes_max (${this.#bytesMax} bytes): ask for fewer groups or rows, or add a LIMIT`,
        {limit: 'query_memory_bytes_max', bytes: this.#bytesMax},
      );
    }
    this.#all?.take(bytes);
    this.#bytes += bytes;
  }

  /** Whatever became of the query, it holds nothing any more. */
  release(): void {
    this.#all?.take(-this.#bytes);
    this.#bytes = 0;
  }
}
