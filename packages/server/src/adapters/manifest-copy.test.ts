// The manifest of a process that was killed, as its next start would find it.

import fs from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import {afterAll, expect, test} from 'vitest';
import {ManifestDatabase} from './background/manifest-database.ts';
import {readManifestCopy} from './manifest-copy.ts';

const root = fs.mkdtempSync(path.join(tmpdir(), 'flotilla-manifest-copy-'));
afterAll(() => fs.rmSync(root, {recursive: true, force: true}));

const VALUE = new Uint8Array(2_000);

/** What is on the disk once a commit of `change` has written half of its pages. */
function killedWithin(change: (database: Database.Database) => void, name: string): string {
  const file = path.join(root, name);
  const database = new Database(file);
  database.pragma('journal_mode = PERSIST');
  // So that pages go to the file before the commit does.
  database.pragma('cache_size = 1');
  database.exec('BEGIN IMMEDIATE');
  change(database);
  const killed = path.join(root, `${name}-killed`);
  for (const end of ['', '-journal']) fs.copyFileSync(`${file}${end}`, `${killed}${end}`);
  database.exec('ROLLBACK');
  database.close();
  expect(fs.statSync(killed).size).toBeGreaterThan(0);
  return killed;
}

function putMany(database: Database.Database): void {
  const put = database.prepare('INSERT OR REPLACE INTO rows(key, value) VALUES(?, ?)');
  for (let i = 0; i < 50; i++) put.run(`key ${i}`, VALUE);
}

test('killed within the first commit there is nothing yet, and nothing is damaged', () => {
  const killed = killedWithin((database) => {
    database.exec('CREATE TABLE rows(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID');
    putMany(database);
  }, 'first');
  expect(readManifestCopy(killed)).toEqual({rows: [], faults: []});
  const next = new ManifestDatabase(killed);
  expect(next.load()).toEqual([]);
  next.close();
});

test('killed within a later commit there is what was committed before', () => {
  const file = path.join(root, 'later');
  const before = new ManifestDatabase(file);
  before.commit({put: [['first', VALUE]], remove: []});
  before.close();
  const killed = killedWithin(putMany, 'later');
  const {rows, faults} = readManifestCopy(killed);
  expect([rows.map(([key]) => key), faults]).toEqual([['first'], []]);
});

test('an empty file is one that was never committed to', () => {
  const file = path.join(root, 'empty');
  fs.writeFileSync(file, '');
  expect(readManifestCopy(file)).toEqual({rows: [], faults: []});
});
