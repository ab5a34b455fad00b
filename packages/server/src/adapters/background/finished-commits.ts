// Whether a manifest's file has had a commit, by a mark in its header. SQLite takes whatever a journal says of how long
// the file was: one whose number was changed to 0 empties the file, which then looks like that of a new store. SQLite's
// own counter does not tell: while a process has the file for itself, commits count that make it longer, and no others.

import fs from 'node:fs';

/** @see https://www.sqlite.org/fileformat.html#user_version_number */
const MARK_AT = 60;
const MARK_BYTES = 4;
/** Set with the first rows: in the commit before, which makes the table, a first start may be killed. */
export const HAD_COMMITS = 1;

/** Requires that this process has not opened the file: to close it here would let go of SQLite's locks on it. */
export function hadCommits(file: string): boolean {
  if (!fs.existsSync(file)) return false;
  const handle = fs.openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(MARK_BYTES);
    fs.readSync(handle, bytes, 0, MARK_BYTES, MARK_AT);
    return bytes.readUInt32BE() >= HAD_COMMITS;
  } finally {
    fs.closeSync(handle);
  }
}

/** What is wrong with a file that had commits, and has no page once it is opened. */
export const EMPTIED = 'it had commits and holds nothing: its journal says that it was empty';
