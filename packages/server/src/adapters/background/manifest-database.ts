// One store's manifest in SQLite: a table of rows, each commit one durable transaction. Runs in the
// background worker alone, so its blocking calls block nobody else.
//
// A rollback journal, not WAL: one flipped bit in a WAL silently takes all later commits of the whole
// store along, in the main file it spoils one row, which storage's checksum then names. Both cost the
// same here (8 against 7 us a commit of three rows, plus the disk's flushes). PERSIST with FULL flushes the
// journal's end mark, so a commit never comes back after power loss; DELETE would need EXTRA.
// @see https://www.sqlite.org/pragma.html#pragma_synchronous
//
// Invariant: after a failed write the store takes no further one, a full disk apart: SQLite rolls that
// back whole, and the commit may be tried again when there is space.

import {FatalError, type ManifestEdit} from '@flotilla/base';
import Database from 'better-sqlite3';
import {systemErrorCode} from '../node-disk.ts';
import {EMPTIED, HAD_COMMITS, hadCommits} from './finished-commits.ts';
import type {ManifestRows} from './protocol.ts';

interface Row {
  readonly key: string;
  readonly value: Uint8Array;
}

export class ManifestDatabase {
  readonly #path: string;
  readonly #database: Database.Database;
  readonly #put: Database.Statement;
  readonly #remove: Database.Statement;
  /** Its header says that it had commits. Not so of one that an older build made, until its next one. */
  #isMarked: boolean;
  #failure: FatalError | undefined;

  constructor(path: string) {
    this.#path = path;
    let mayBeNew: boolean;
    try {
      mayBeNew = !hadCommits(path);
      this.#database = new Database(path, {timeout: 0});
    } catch (error) {
      throw this.#fatal('open', error);
    }
    try {
      this.#database.pragma('locking_mode = EXCLUSIVE');
      this.#database.pragma('journal_mode = PERSIST');
      this.#database.pragma('synchronous = FULL');
      this.#mustHaveRows(mayBeNew);
      this.#isMarked = this.#database.pragma('user_version', {simple: true}) !== 0;
      this.#put = this.#database.prepare('INSERT OR REPLACE INTO rows(key, value) VALUES(?, ?)');
      this.#remove = this.#database.prepare('DELETE FROM rows WHERE key = ?');
    } catch (error) {
      this.#database.close();
      throw this.#fatal('open', error);
    }
  }

  load(): ManifestRows {
    try {
      const rows = this.#database.prepare('SELECT key, value FROM rows').all() as Row[];
      if (rows.length === 0) this.#mustBeIntact();
      // SQLite orders by UTF-8 bytes; the port promises UTF-16 code units.
      return rows
        .map(({key, value}) => [key, new Uint8Array(value)] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1));
    } catch (error) {
      throw this.#fatal('load', error);
    }
  }

  commit(edit: ManifestEdit): void {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      if (!this.#isMarked) this.#database.pragma(`user_version = ${HAD_COMMITS}`);
      for (const key of edit.remove) this.#remove.run(key);
      for (const [key, value] of edit.put) this.#put.run(key, value);
      this.#database.exec('COMMIT');
      this.#isMarked = true;
    } catch (error) {
      const failure = this.#fatal('commit to', error);
      if (!this.#rollback() || systemErrorCode(failure) !== 'ENOSPC') this.#failure = failure;
      throw failure;
    }
  }

  close(): void {
    this.#database.close();
  }

  /**
   * Made where there is nothing at all yet. In place of a table that cannot be found none is made: an empty
   * manifest would be taken for a new store's.
   */
  #mustHaveRows(mayBeNew: boolean): void {
    const database = this.#database;
    if (database.pragma('page_count', {simple: true}) === 0) {
      if (!mayBeNew) throw new Error(EMPTIED);
      database.exec('CREATE TABLE rows(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID');
      return;
    }
    const tables = database.prepare('SELECT name FROM sqlite_master').all();
    const names = (tables as {readonly name: unknown}[]).map(({name}) => name).join();
    if (names !== 'rows')
      throw new Error(`it holds no rows, but ${names === '' ? 'nothing' : names}`);
  }

  /** No checksum tells an empty table from one whose rows are not counted any more; the room they take does. */
  #mustBeIntact(): void {
    const told = this.#database.pragma('integrity_check') as {readonly integrity_check: string}[];
    const text = told.map((each) => each.integrity_check).join('; ');
    if (text !== 'ok') throw new Error(`it holds no rows: ${text}`);
  }

  #rollback(): boolean {
    try {
      // A full disk may already have rolled the transaction back.
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK');
      return true;
    } catch {
      return false; // The caller stops the store with the first error, which says more.
    }
  }

  #fatal(action: string, error: unknown): FatalError {
    const reason = error instanceof Error ? error.message : String(error);
    const full = systemErrorCode(error) === 'SQLITE_FULL';
    const cause = full ? Object.assign(new Error(reason), {code: 'ENOSPC'}) : error;
    return new FatalError(`cannot ${action} manifest: ${reason}; ${this.#path}`, cause);
  }
}
