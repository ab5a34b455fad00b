import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import type {Log} from '@flotilla/base';
import type {CatalogUpdate} from '@flotilla/catalog';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {catalogFileOf, catalogFilePieces} from '../engine/catalog-file.ts';
import {readCatalogCache, writeCatalogCache} from './catalog-cache.ts';

const EMPTY: CatalogUpdate = {version: 0, changes: []};
const SNAPSHOT: CatalogUpdate = {version: 7, changes: []};

let directory: string;
let warnings: string[];
let log: Log;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'flotilla-cache-'));
  warnings = [];
  log = {warn: (_fields: unknown, message: string) => warnings.push(message)} as unknown as Log;
});
afterEach(() => rm(directory, {recursive: true, force: true}));

test('what was written is read back', async () => {
  await writeCatalogCache(directory, SNAPSHOT);
  expect(await readCatalogCache(directory, log)).toEqual(SNAPSHOT);
});

test('a large one is written in small pieces, and is the same file', async () => {
  const zone = 'ü "quoted" \\ \n €😀'.repeat(20);
  const changes = Array.from({length: 2_000}, (_, id) => ({
    kind: 'node' as const,
    id,
    value: {id, zone} as never,
  }));
  await writeCatalogCache(directory, {version: 7, changes});
  const text = await readFile(path.join(directory, 'catalog-cache.json'), 'utf8');
  const pieces = [...catalogFilePieces({version: 7, changes})];
  expect(pieces.join('')).toBe(text);
  // Each is some 64 KB before its quotes are escaped.
  expect(Math.max(...pieces.map(({length}) => length))).toBeLessThan(256 * 1024);
  expect(await readCatalogCache(directory, log)).toEqual({version: 7, changes});
  expect(JSON.parse(text)).toEqual(catalogFileOf({version: 7, changes}));
});

test('none yet is an empty catalog, without a word', async () => {
  expect(await readCatalogCache(directory, log)).toEqual(EMPTY);
  expect(warnings).toEqual([]);
});

test('a flipped byte anywhere is noticed, and costs no more than a warning', async () => {
  await writeCatalogCache(directory, SNAPSHOT);
  const file = path.join(directory, 'catalog-cache.json');
  const text = await readFile(file, 'utf8');
  for (let at = 0; at < text.length; at++) {
    const other = text[at] === '9' ? '8' : '9';
    await writeFile(file, text.slice(0, at) + other + text.slice(at + 1));
    expect(await readCatalogCache(directory, log), `byte ${at}`).toEqual(EMPTY);
  }
  expect(warnings).toHaveLength(text.length);
});

test('one of another version is a hint that is not taken', async () => {
  await writeCatalogCache(directory, SNAPSHOT);
  const file = path.join(directory, 'catalog-cache.json');
  const cache = JSON.parse(await readFile(file, 'utf8')) as object;
  await writeFile(file, JSON.stringify({...cache, version: 2}));
  expect(await readCatalogCache(directory, log)).toEqual(EMPTY);
  expect(warnings).toHaveLength(1);
});

test('half a file is noticed', async () => {
  await writeFile(path.join(directory, 'catalog-cache.json'), '{"version":1,');
  expect(await readCatalogCache(directory, log)).toEqual(EMPTY);
  expect(warnings).toHaveLength(1);
});
