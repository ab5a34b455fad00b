// The manifest of a store whose node does not run, as its next start would find it, with the directory left as
// it is: SQLite rolls back what a crash left half done when it opens a file, so a copy of it is opened.

import fs from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import {EMPTIED, hadCommits} from './background/finished-commits.ts';
import type {ManifestRows} from './background/protocol.ts';

export interface ManifestCopy {
  readonly rows: ManifestRows;
  /** What SQLite says of its pages, in words. */
  readonly faults: readonly string[];
}

/** Where the copy finds no room, or the file cannot be read, the system's own error is thrown. */
export function readManifestCopy(file: string): ManifestCopy {
  const place = fs.mkdtempSync(path.join(tmpdir(), 'flotilla-check-'));
  try {
    const copy = path.join(place, 'manifest.sqlite');
    fs.copyFileSync(file, copy);
    const journal = `${file}-journal`;
    if (fs.existsSync(journal)) fs.copyFileSync(journal, `${copy}-journal`);
    return readRows(copy);
  } finally {
    fs.rmSync(place, {recursive: true, force: true});
  }
}

function readRows(file: string): ManifestCopy {
  const faults: string[] = [];
  const mayBeNew = !hadCommits(file);
  let database: Database.Database | undefined;
  try {
    database = new Database(file, {timeout: 0});
    faults.push(...integrityFaults(database));
    // A crash came before its first commit, or in the middle of it: then this has rolled it back.
    if (faults.length === 0 && database.pragma('page_count', {simple: true}) === 0)
      return {rows: [], faults: mayBeNew ? [] : [EMPTIED]};
    const rows: (readonly [string, Uint8Array])[] = [];
    for (const row of database.prepare('SELECT key, value FROM rows').all()) {
      const {key, value} = row as {readonly key: unknown; readonly value: unknown};
      if (typeof key === 'string' && value instanceof Uint8Array) rows.push([key, value]);
      else faults.push('a row is not a key with its bytes');
    }
    return {rows, faults};
  } catch (error) {
    return {rows: [], faults: [...faults, `SQLite says: ${(error as Error).message}`]};
  } finally {
    database?.close();
  }
}

/** Also of pages that no row lies in, which a later commit would use. */
function integrityFaults(database: Database.Database): string[] {
  const told = database.pragma('integrity_check') as {readonly integrity_check: string}[];
  return told
    .map(({integrity_check: text}) => text)
    .filter((text) => text !== 'ok')
    .map((text) => `SQLite says: ${text.replaceAll(/\s+/g, ' ')}`);
}
