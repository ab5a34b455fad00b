// Goal: a kill in the middle of a commit leaves SQLite's journal, and a disk may change that before the next start.
// What is opened then is what was committed, or it is refused, and a check names it. Method: a commit is copied
// when half of its pages are in the file, or none; then each place of the journal is changed by itself.

import fs from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {Manifest, verifyRows} from '@flotilla/storage';
import Database from 'better-sqlite3';
import {afterAll, beforeEach, expect, test} from 'vitest';
import {ManifestDatabase} from './background/manifest-database.ts';
import {readManifestCopy} from './manifest-copy.ts';

const root = fs.mkdtempSync(path.join(tmpdir(), 'flotilla-manifest-journal-'));
afterAll(() => fs.rmSync(root, {recursive: true, force: true}));
const file = path.join(root, 'manifest.sqlite');
const journalFile = `${file}-journal`;

/** SQLite's own. */
const PAGE_BYTES = 4_096;
const VALUE_BYTES = 1_500;
const ROWS = 8;
const TEST_MS_MAX = 120_000;

/** @see https://www.sqlite.org/fileformat.html#the_rollback_journal */
const HEADER_BYTES = 28;
/** Of the rest, so much is changed at once: in each page something, and most of what stands between them. */
const PIECE_BYTES = 509;

type Rows = [key: string, value: Uint8Array][];

const rowsMarked = (mark: number, count: number, bytes = VALUE_BYTES): Rows =>
  Array.from({length: count}, (_, i) => [`row ${i}`, new Uint8Array(bytes).fill(mark + i)]);

/** Commits as the worker does. */
function storeOf(database: ManifestDatabase) {
  return {
    load: async () => [...database.load()],
    commit: async (edit: Parameters<ManifestDatabase['commit']>[0]) => database.commit(edit),
    close: async () => database.close(),
  };
}

/** Short, for messages: the rows are of one byte each. */
const textOf = (rows: Rows): string =>
  rows.map(([key, value]) => `${key}: ${value.length} x ${value[0]}`).join('; ');

async function opened(): Promise<string | Error> {
  let database: ManifestDatabase | undefined;
  try {
    database = new ManifestDatabase(file);
    const manifest = await Manifest.open(storeOf(database));
    return textOf(manifest.rows('') as Rows);
  } catch (error) {
    return error as Error;
  } finally {
    database?.close();
  }
}

interface Killed {
  readonly half: Buffer;
  readonly journal: Buffer;
}

async function killedWithinCommit(): Promise<Killed> {
  const database = new Database(file);
  database.pragma('journal_mode = PERSIST');
  // So that pages go to the file before the commit does.
  database.pragma('cache_size = 1');
  let killed: Killed | undefined;
  const stored = database.prepare('SELECT key, value FROM rows').all() as {
    readonly key: string;
    readonly value: Uint8Array;
  }[];
  const manifest = await Manifest.open({
    load: async () => stored.map(({key, value}) => [key, value]),
    commit: async ({put}) => {
      const statement = database.prepare('INSERT OR REPLACE INTO rows(key, value) VALUES(?, ?)');
      database.exec('BEGIN IMMEDIATE');
      for (const row of put) statement.run(...row);
      killed = {half: fs.readFileSync(file), journal: fs.readFileSync(journalFile)};
      database.exec('ROLLBACK');
    },
    close: async () => void database.close(),
  });
  await manifest.commit({put: rowsMarked(100, 3 * ROWS)});
  await manifest.close();
  return killed!;
}

/** What a disk makes of a byte, the first of the changed ones among them. */
const WAYS = {
  zeros: () => 0,
  bits: (byte: number) => byte ^ 0xff,
  bit: (byte: number, isFirst: boolean) => (isFirst ? byte ^ 0x10 : byte),
};
const NAMES = Object.keys(WAYS) as (keyof typeof WAYS)[];

/** Each byte of its header, and each piece of the rest, by turns in another way. */
function* changed(journal: Buffer): Generator<{readonly place: string; readonly bytes: Buffer}> {
  let turn = 0;
  for (let start = 0, end = 0; start < journal.length; start = end) {
    const isHeader = start < HEADER_BYTES;
    end = Math.min(journal.length, start + (isHeader ? 1 : PIECE_BYTES));
    for (const name of isHeader ? NAMES : [NAMES[turn++ % NAMES.length]!]) {
      const bytes = Buffer.from(journal);
      for (let i = start; i < end; i++) bytes[i] = WAYS[name](bytes[i]!, i === start);
      yield {place: `${name} from ${start} to ${end}`, bytes};
    }
  }
}

/** Of these pages of the file, and of each change of the journal: how often what was committed was there, or refused. */
async function tried(pages: Buffer, journal: Buffer, want: string) {
  const counts = {kept: 0, refused: 0};
  fs.writeFileSync(file, pages);
  fs.writeFileSync(journalFile, journal);
  expect(await opened(), 'of a journal that is whole').toBe(want);
  for (const {place, bytes} of changed(journal)) {
    fs.writeFileSync(file, pages);
    fs.writeFileSync(journalFile, bytes);
    const {rows, faults} = readManifestCopy(file);
    const isNamed = faults.length + verifyRows(rows).faults.length > 0;
    const found = await opened();
    if (found instanceof Error) {
      expect(isNamed, `${place} is refused and not named: ${found.message}`).toBe(true);
      counts.refused += 1;
    } else {
      expect(found, place).toBe(want);
      counts.kept += 1;
    }
  }
  return counts;
}

beforeEach(() => {
  for (const path of [file, journalFile]) fs.rmSync(path, {force: true});
});

async function madeOf(rows: Rows): Promise<Buffer> {
  const manifest = await Manifest.open(storeOf(new ManifestDatabase(file)));
  await manifest.commit({put: rows});
  await manifest.close();
  return fs.readFileSync(file);
}

test(
  'wherever the journal of a killed commit changes, what was committed is there, or it is refused and named',
  async () => {
    const rows = rowsMarked(0, ROWS);
    await madeOf(rows);
    const {half, journal} = await killedWithinCommit();
    const {kept, refused} = await tried(half, journal, textOf(rows));
    expect(refused).toBeGreaterThan(50);
    expect(kept).toBeGreaterThan(20);
  },
  TEST_MS_MAX,
);

test(
  'so of a store as small as it was made, of whose commits SQLite has counted none',
  async () => {
    const rows = rowsMarked(0, 1, 100);
    const none = await madeOf(rows);
    expect(none.length).toBe(2 * PAGE_BYTES);
    const {journal} = await killedWithinCommit();
    const {kept, refused} = await tried(none, journal, textOf(rows));
    // Of no page anything is to be taken back: only how many there are can be wrong.
    expect(refused).toBeGreaterThan(1);
    expect(kept).toBeGreaterThan(50);
  },
  TEST_MS_MAX,
);
