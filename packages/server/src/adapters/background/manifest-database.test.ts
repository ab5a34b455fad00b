// A manifest whose table is not the one that was made is refused: an empty one in its place would be taken for
// that of a new store.

import fs from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {FatalError} from '@flotilla/base';
import {afterAll, expect, test} from 'vitest';
import {ManifestDatabase} from './manifest-database.ts';

const root = fs.mkdtempSync(path.join(tmpdir(), 'flotilla-manifest-'));
afterAll(() => fs.rmSync(root, {recursive: true, force: true}));

const ROWS = [['key', Uint8Array.of(1, 2)]] as const;
/** In the first page: how many tables there are. In the second: how many rows. */
const TABLES_AT = 104;
const ROWS_AT = 4_100;

test('wherever a letter of the table’s name changes, or it or its row is counted as none, it is not empty', () => {
  const file = path.join(root, 'manifest.sqlite');
  const database = new ManifestDatabase(file);
  database.commit({put: ROWS, remove: []});
  database.close();
  const whole = fs.readFileSync(file);
  const places = [TABLES_AT, ROWS_AT];
  for (let at = whole.indexOf('rows'); at >= 0; at = whole.indexOf('rows', at + 1))
    places.push(at, at + 1, at + 2, at + 3);
  // Its name twice, and in what made it.
  expect(places.length).toBe(2 + 3 * 4);
  let refused = 0;
  for (const at of places) {
    const bytes = Buffer.from(whole);
    bytes[at] = bytes[at]! ^ 1;
    fs.writeFileSync(file, bytes);
    const found = loaded(file);
    if (found instanceof FatalError) refused += 1;
    else expect(found, `at ${at}`).toEqual(ROWS);
    expect(fs.readFileSync(file), `at ${at}`).toEqual(bytes);
  }
  // SQLite has no use for one of the names.
  expect(refused).toBeGreaterThanOrEqual(2 + 2 * 4);
  fs.writeFileSync(file, whole);
  expect(loaded(file)).toEqual(ROWS);
});

function loaded(file: string): unknown {
  try {
    const database = new ManifestDatabase(file);
    const rows = database.load();
    database.close();
    return rows;
  } catch (error) {
    return error;
  }
}
