// A replica's directory and its rows of the manifest read from FORMAT.md alone: keys, parts, and what all of them come
// to.

import assert from 'node:assert/strict';
import {crc32} from 'node:zlib';
import {Cursor, type Value} from './format-columns.fixture.ts';
import {type Part, readPart} from './format-parts.fixture.ts';

interface KeyFile {
  readonly firstSeries: number;
  readonly keys: readonly Uint8Array[];
}

export function readKeyFile(bytes: Uint8Array): KeyFile {
  const from = new Cursor(bytes, new Map());
  assert.equal(from.take(7).toString('latin1'), 'FLOTKEY');
  assert.equal(from.u8(), 1);
  const firstSeries = from.varint();
  const keys = from.list(from.varint(), () => from.take(from.varint()));
  assert.equal(crc32(bytes.subarray(0, from.at)), from.u32());
  from.ends();
  return {firstSeries, keys};
}

interface ManifestRow {
  readonly commit: number;
  readonly checksum: number;
  readonly payload: Buffer;
}

function readManifestRow(key: string, bytes: Uint8Array): ManifestRow {
  const from = new Cursor(bytes, new Map());
  assert.equal(from.u8(), 1);
  const [commit, checksum] = [from.f64(), from.u32()];
  const payload = from.take(bytes.length - from.at);
  const summed = Buffer.concat([Buffer.from(`${key}\0${commit}\0`), payload]);
  assert.equal(crc32(summed), checksum, `checksum of ${key}`);
  return {commit, checksum, payload};
}

/** Payloads by key, of all rows but `!commit`. */
export function readManifest(stored: ReadonlyMap<string, Uint8Array>): Map<string, Buffer> {
  const rows = new Map([...stored].map(([key, bytes]) => [key, readManifestRow(key, bytes)]));
  const last = rows.get('!commit')!;
  rows.delete('!commit');
  const from = new Cursor(last.payload, new Map());
  const [commit, , sum] = [from.f64(), from.u32(), from.u32()];
  from.ends();
  assert.equal(last.commit, commit);
  let added = 0;
  for (const [key, row] of rows) {
    assert(row.commit <= commit, `${key} is newer than the last commit`);
    added = (added + row.checksum) % 2 ** 32;
  }
  assert.equal(sum, added);
  return new Map([...rows].map(([key, {payload}]) => [key, payload]));
}

/** A snapshot's `state`: what the manifest holds. */
export function readStateFile(bytes: Uint8Array): {readonly state: string; readonly extra: Buffer} {
  const from = new Cursor(bytes, new Map());
  const [stateLength, extraLength] = [from.varint(), from.varint()];
  const [state, extra] = [from.take(stateLength).toString(), from.take(extraLength)];
  assert.equal(crc32(bytes.subarray(0, from.at)), from.u32());
  from.ends();
  return {state, extra};
}

interface StoredPart {
  readonly file: string;
  readonly bytes: number;
  readonly lo: number;
  readonly hi: number;
  readonly cleanIndex?: number;
  readonly checksum?: number;
  readonly tables: readonly unknown[];
}

interface StoredKeys {
  readonly file: string;
  readonly bytes: number;
  readonly checksum?: number;
  readonly firstSeries: number;
  readonly count: number;
}

interface StoredTombstone {
  readonly index: number;
  readonly table: number;
  readonly startOffset: number;
  readonly endOffset: number;
  /** Of the conditions that there are, the one that the tests make. */
  readonly tags?: {readonly op: 'in'; readonly column: number; readonly values: readonly string[]};
}

interface State {
  readonly version: number;
  readonly parts: readonly StoredPart[];
  readonly keyFiles: readonly StoredKeys[];
  readonly droppedTables: readonly number[];
  readonly purgedTables: readonly number[];
  readonly tombstones?: readonly StoredTombstone[];
  readonly deadColumns?: readonly {readonly table: number; readonly columns: readonly number[]}[];
}

type Bytes = (file: string) => Uint8Array;

interface SeriesKey {
  readonly table: number;
  /** By column id. */
  readonly tags: ReadonlyMap<number, string>;
}

function readKey(bytes: Uint8Array): SeriesKey {
  const from = new Cursor(bytes, new Map());
  const table = from.varint();
  const tags = new Map<number, string>();
  while (from.at < bytes.length) {
    const column = from.varint();
    assert(column > Math.max(-1, ...tags.keys()), 'tags ascend');
    tags.set(column, from.take(from.varint()).toString());
  }
  return {table, tags};
}

function readKeys({keyFiles}: State, bytesOf: Bytes): SeriesKey[] {
  const keys: SeriesKey[] = [];
  for (const {file, bytes, firstSeries, count, checksum} of keyFiles) {
    const stored = Buffer.from(bytesOf(file));
    const read = readKeyFile(stored);
    assert.equal(stored.length, bytes);
    assert.deepEqual([read.firstSeries, read.keys.length], [firstSeries, count]);
    assert.equal(firstSeries, keys.length, 'files follow each other without a gap');
    if (checksum !== undefined) assert.equal(stored.readUInt32LE(bytes - 4), checksum);
    keys.push(...read.keys.map(readKey));
  }
  return keys;
}

function readPartOf({file, bytes, checksum, tables}: StoredPart, bytesOf: Bytes): Part {
  const stored = Buffer.from(bytesOf(file));
  assert.equal(stored.length, bytes);
  if (checksum !== undefined) assert.equal(stored.readUInt32LE(bytes - 12), checksum);
  const part = readPart(stored);
  const found = part.tables.map(({id, stripes}) => {
    const rows = stripes.flatMap((stripe) => stripe.rows);
    const offsets = rows.map(({offset}) => offset).sort((a, b) => a - b);
    return {
      table: id,
      rowCount: rows.length,
      seriesCount: new Set(rows.map(({series}) => series)).size,
      minOffset: offsets[0],
      maxOffset: offsets.at(-1),
    };
  });
  assert.deepEqual(found, tables);
  return part;
}

/** Whether the delete came after all that the part holds, and is of that row. */
function hides(
  {index, table, startOffset, endOffset, tags}: StoredTombstone,
  {hi, cleanIndex = hi}: StoredPart,
  {key, offset}: {readonly key: SeriesKey; readonly offset: number},
): boolean {
  if (index <= Math.max(hi, cleanIndex) || table !== key.table) return false;
  if (offset < startOffset || offset >= endOffset) return false;
  return tags === undefined || tags.values.includes(key.tags.get(tags.column) ?? '');
}

export interface ReplicaRow {
  readonly key: SeriesKey;
  readonly offset: number;
  readonly values: Map<number, Value>;
}

export interface ReplicaRead {
  /** From the oldest on. */
  readonly parts: readonly Part[];
  readonly rows: readonly ReplicaRow[];
}

/** What the files come to that a state names: of a row that several parts have, each value is the newest one's. */
export function readReplica(stateText: string, bytesOf: Bytes): ReplicaRead {
  const state = JSON.parse(stateText) as State;
  const {droppedTables, purgedTables, tombstones = [], deadColumns = []} = state;
  assert.equal(state.version, tombstones.length + deadColumns.length === 0 ? 1 : 2);
  const keys = readKeys(state, bytesOf);
  const rows = new Map<string, ReplicaRow>();
  const isDead = (table: number, column: number): boolean =>
    deadColumns.some((each) => each.table === table && each.columns.includes(column));
  let hi = 0;
  const parts = state.parts.map((stored) => {
    assert(stored.lo >= hi && stored.hi > stored.lo, 'from the oldest to the newest');
    hi = stored.hi;
    const part = readPartOf(stored, bytesOf);
    for (const {id, stripes} of part.tables) {
      if (droppedTables.includes(id) || purgedTables.includes(id)) continue;
      for (const {series, offset, values} of stripes.flatMap((stripe) => stripe.rows)) {
        const key = keys[series]!;
        assert.equal(key.table, id);
        if (tombstones.some((tombstone) => hides(tombstone, stored, {key, offset}))) continue;
        const row = rows.get(`${series} ${offset}`) ?? {key, offset, values: new Map()};
        for (const [column, value] of values)
          if (!isDead(id, column)) row.values.set(column, value);
        rows.set(`${series} ${offset}`, row);
      }
    }
    return part;
  });
  return {parts, rows: [...rows.values()]};
}
