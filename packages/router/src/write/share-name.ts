// What a share is called under a client's idempotency key: the same for the same lines of the same
// tables, whatever else the request became. A place among the shares of its set would not do: a table
// that is dropped and made again between two tries sends its rows to other sets, where such a place may
// be another share's that was written, and the rows would pass for written with it. For the same reason
// each table of several has a name of its own: rows that such a table brings, or takes away, do not make
// those beside them new.

import {xxHash32} from '@flotilla/column';
import type {SetShare} from './share-builder.ts';

type Named = Pick<SetShare, 'tables' | 'sources'>;

/** Two hashes of 32 bits: by chance two shares of a request have one name in 1 of 2^64 pairs. */
const SEEDS = [0, 1];

/**
 * `key NUL name`, or `key NUL name,name of the first table,..` of several. The name of all comes first in
 * either, so that what was sent before the cluster could more is known after it.
 *
 * @param isEachNamed  Every replica knows names of tables.
 */
export function shareKey(key: string, share: Named, isEachNamed: boolean): string {
  const names = [nameOf(share)];
  if (isEachNamed && share.tables.length > 1)
    for (const [i, table] of share.tables.entries())
      names.push(nameOf({tables: [table], sources: [share.sources[i]!]}));
  return `${key}\0${names.join(',')}`;
}

function nameOf({tables, sources}: Named): string {
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
