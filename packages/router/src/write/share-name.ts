// What a share is called under a client's idempotency key: the same for the same lines of the same
// tables, whatever else the request became. A place among the shares of its set would not do: a table
// that is dropped and made again between two tries sends its rows to other sets, where such a place may
// be another share's that was written, and the rows would pass for written with it.

import {xxHash32} from '@flotilla/column';
import type {SetShare} from './share-builder.ts';

/** Two hashes of 32 bits: by chance two shares of a request have one name in 1 of 2^64 pairs. */
const SEEDS = [0, 1];

export function shareName({tables, sources}: Pick<SetShare, 'tables' | 'sources'>): string {
  const count = sources.reduce((sum, {rows}) => sum + 2 + rows.length, 0);
  const words = new Uint32Array(count);
  let at = 0;
  for (const [i, {parsed, rows}] of sources.entries()) {
    words[at++] = tables[i]!.table;
    words[at++] = rows.length;
    for (const row of rows) words[at++] = parsed.lines[row]!;
  }
  const bytes = new Uint8Array(words.buffer);
  return SEEDS.map((seed) => xxHash32(bytes, 0, bytes.length, seed).toString(36)).join('-');
}
