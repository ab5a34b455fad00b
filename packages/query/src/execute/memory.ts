// The bound on what one query holds on one node.

import {DbError, LIMITS} from '@flotilla/base';

export class QueryMemory {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number = LIMITS.query_memory_bytes_max.value) {
    this.#bytesMax = bytesMax;
  }

  /** Takes more (or gives back, below zero). Throws QUERY_ERROR past the bound. */
  take(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= this.#bytesMax) return;
    throw new DbError(
      'QUERY_ERROR',
      `the query holds over query_memory_bytes_max (${this.#bytesMax} bytes): ask for fewer groups or rows, or add a LIMIT`,
      {limit: 'query_memory_bytes_max', bytes: this.#bytesMax},
    );
  }
}
