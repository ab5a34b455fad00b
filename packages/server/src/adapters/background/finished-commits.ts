// How many commits a manifest's file has had, by its own header. SQLite takes whatever a journal says of how long the
// file was: one whose number was changed to 0 empties the file, which then looks like that of a new store.

import fs from 'node:fs';

/** @see https://www.sqlite.org/fileformat.html#file_change_counter */
const COUNTER_AT = 24;
const COUNTER_BYTES = 4;
/** The one that makes the table, in which a first start may be killed. */
const MADE = 1;

/** Requires that this process has not opened the file: to close it here would let go of SQLite's locks on it. */
export function hadCommits(file: string): boolean {
  if (!fs.existsSync(file)) return false;
  const handle = fs.openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(COUNTER_BYTES);
    fs.readSync(handle, bytes, 0, COUNTER_BYTES, COUNTER_AT);
    return bytes.readUInt32BE() > MADE;
  } finally {
    fs.closeSync(handle);
  }
}

/** What is wrong with a file that had commits, and has no page once it is opened. */
export const EMPTIED = 'it had commits and holds nothing: its journal says that it was empty';
