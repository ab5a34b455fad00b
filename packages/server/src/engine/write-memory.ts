// What the writes of one engine thread hold while they wait for their replica sets: bodies as inflated,
// and the columns made of them. The node's budget for bodies counts wire bytes, of which a thousandth
// may be enough for a body that inflates to the limit; so this one is checked before inflating.

import {DbError, LIMITS} from '@flotilla/base';
import type {WriteRequest} from '@flotilla/router';

type Batch = WriteRequest['batch'];

/** Of a row: its times, series and line; its place in a share. */
const BYTES_PER_ROW = 48;
/** Of a value: itself and its row, once as parsed and once in a share. */
const BYTES_PER_VALUE = 24;

export class WriteMemory {
  readonly bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number = LIMITS.writes_in_flight_bytes_max.value) {
    this.bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Throws OVERLOADED where so many bytes find no room beside other writes; one write alone always does. */
  admit(bytes: number): void {
    if (this.#bytes === 0 || this.#bytes + bytes <= this.bytesMax) return;
    const message = 'the writes under way use up their memory; send it again a little later';
    throw new DbError('OVERLOADED', message, {
      limit: 'writes_in_flight_bytes_max',
      bytesMax: this.bytesMax,
    });
  }

  /** Counts what a parsed body takes, until the returned function is called. */
  hold(bodyBytes: number, batch: Batch): () => void {
    const bytes = bodyBytes + batchBytes(batch);
    this.#bytes += bytes;
    return () => {
      this.#bytes -= bytes;
    };
  }
}

/** Texts are views of the body, or as long as there. */
function batchBytes({tables, rowCount}: Batch): number {
  let values = 0;
  for (const {fields} of tables) for (const {count} of fields) values += count;
  return rowCount * BYTES_PER_ROW + values * BYTES_PER_VALUE;
}
