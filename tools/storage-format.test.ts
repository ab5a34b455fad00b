// packages/storage/FORMAT.md is held to the code that writes and reads the files: magic numbers, versions, codes,
// flags, encodings, and what the manifest's rows are called and hold. What a drawing says of the order of bytes, and
// where blocks and stripes end, is held by a reader made from the page alone (packages/storage/src/format-reader.test.ts
// and format-limits.test.ts).

import {readFileSync} from 'node:fs';
import path from 'node:path';
import {expect, test} from 'vitest';
import {ENCODING} from '../packages/column/src/codecs/encoding.ts';
import {ByteWriter, type ChunkColumn} from '../packages/column/src/index.ts';
import {BACKUP_VERSION} from '../packages/storage/src/backup/backup-record.ts';
import {writeBlockColumn} from '../packages/storage/src/block-column.ts';
import {KEY_MAGIC} from '../packages/storage/src/key-file.ts';
import {
  decodeTrailer,
  encodeTableIndex,
  encodeTrailer,
  MAGIC_BYTES,
  type PartVersion,
  partMagic,
  TRAILER_BYTES,
} from '../packages/storage/src/part-format.ts';
import {
  deleteOf,
  series,
  TYPES,
  WHOLE_TABLE,
} from '../packages/storage/src/replica-model.fixture.ts';
import {Trial} from '../packages/storage/src/replica-trial.fixture.ts';
import {STATE_FILE} from '../packages/storage/src/snapshot.ts';

const PAGE = readFileSync(
  path.resolve(import.meta.dirname, '../packages/storage/FORMAT.md'),
  'utf8',
);

/** Of one heading, without those below it. */
function section(heading: string): string {
  const [, rest] = PAGE.split(`\n## ${heading}\n`);
  expect(rest, heading).toBeDefined();
  return rest!.split('\n## ')[0]!;
}

function found(text: string, pattern: RegExp): string[] {
  const [whole, ...groups] = pattern.exec(text) ?? [];
  expect(whole, String(pattern)).toBeDefined();
  return groups;
}

/** The entries of a block of code that begin a line, each with all that stands behind it and below. */
function entriesOf(block: string, first: RegExp): Map<string, string> {
  const entries = new Map<string, string>();
  let name = '';
  for (const line of block.split('\n')) {
    const [start, own] = first.exec(line) ?? [];
    if (own !== undefined) name = own;
    const said = start === undefined ? line : line.slice(start.length);
    if (name !== '') entries.set(name, `${entries.get(name) ?? ''}${said}\n`);
  }
  return entries;
}

test('a part begins and ends as drawn, in the versions that are named', () => {
  const text = section('Part');
  const [magic, , list] = found(text, /magic "(\w+)" \+ version +│ +(\d+) B +([\d, or]+\d)/);
  const versions = list!.split(/\D+/);
  const [bytes] = found(text, /magic "\w+" \+ version +│ +(\d+) B/);
  expect(Number(bytes)).toBe(MAGIC_BYTES);
  const [trailerAt, trailerBytes] = found(text, /end - (\d+)\n│ trailer +│ (\d+) B/);
  expect([trailerAt, trailerBytes].map(Number)).toEqual([TRAILER_BYTES, TRAILER_BYTES]);
  const [next] = found(text, /\(the next is (\d+):/);

  const read = (version: number): string => {
    const page = {offset: 8, length: 0, crc: 0, inflatedBytes: 0};
    try {
      return String(decodeTrailer(encodeTrailer(page, version as PartVersion), 'p').version);
    } catch (error) {
      return String(error).includes('a newer version') ? 'newer' : 'unknown';
    }
  };
  const known = Array.from({length: 256}, (_, version) => [version, read(version)] as const);
  const named = new Map([
    ...versions.map((version) => [Number(version), version] as const),
    [Number(next), 'newer'] as const,
  ]);
  expect(known).toEqual(known.map(([version]) => [version, named.get(version) ?? 'unknown']));
  const first = Number(versions[0]);
  expect(Buffer.from(partMagic(first)).toString('latin1')).toBe(
    `${magic}${String.fromCharCode(first)}`,
  );
});

test('types of fields have the codes that are named', () => {
  const [list = ''] = found(section('Part'), /\((0 float[^)]*)\)/);
  const named = list.split(',').map((each) => each.trim().split(' '));
  const written = TYPES.map((type) => {
    const fields = [{column: 1 as never, type}];
    // Number of fields, column, type.
    return [String(encodeTableIndex({version: 1, fields, stripes: []})[2]), type];
  });
  expect(named).toEqual(written);
});

test('flags of a block are those that are named', () => {
  const [list = ''] = found(section('Part'), /\nbody +u8 +flags: ([\s\S]*?)\n +\[1\]/);
  const named = [...list.matchAll(/(\d+) = ([a-z ]+)/g)].map(([, flag, what]) => {
    return [what!.trim(), Number(flag)] as const;
  });
  const rows = 400;
  const values = {
    type: 'integer',
    values: Float64Array.from({length: rows}, (_, i) => (i * i * 7_919) % 1_000),
  };
  const flagOf = (version: PartVersion, isPresent?: (row: number) => boolean): number => {
    const present = isPresent && Uint8Array.from({length: rows}, (_, i) => Number(isPresent(i)));
    const writer = new ByteWriter();
    const column = {values, present} as ChunkColumn;
    writeBlockColumn(writer, new ByteWriter(), column, {from: 0, to: rows, version});
    return writer.copy()[0]!;
  };
  const statistics = flagOf(2);
  const without = (flags: number): number => flags & ~statistics;
  expect(new Map(named)).toEqual(
    new Map([
      ['presence bits', without(flagOf(2, (row) => row % 2 === 0))],
      ['statistics', statistics],
      ['list of rows with a value', without(flagOf(2, (row) => row === 7))],
      ['list of rows without one', without(flagOf(2, (row) => row !== 7))],
    ]),
  );
  expect(new Set(named.map(([, flag]) => flag)).size).toBe(named.length);
});

test('each encoding of the code is drawn under its number, and no other', () => {
  const lines = [...section('Columns').matchAll(/^ ?(\d+) {2}([a-z]+)/gm)];
  const drawn = lines.map(([, id, word]) => [Number(id), word!] as const);
  const ids = Object.values(ENCODING) as number[];
  expect(drawn.map(([id]) => id).sort((a, b) => a - b)).toEqual(ids.sort((a, b) => a - b));
  for (const [id, word] of drawn) {
    const [name = ''] = Object.entries(ENCODING).find(([, each]) => each === id)!;
    // `offsets` of wideOffset.
    expect([id, name.toLowerCase()]).toEqual([
      id,
      expect.stringContaining(word.replace(/(?<!repeat)s$/, '')),
    ]);
  }
});

test('a key file begins as drawn', () => {
  const [bytes, magic, version] = found(
    section('Key file'),
    /(\d+) B +magic "(\w+)" \+ version (\d+)/,
  );
  expect(KEY_MAGIC.length).toBe(Number(bytes));
  expect(Buffer.from(KEY_MAGIC).toString('latin1')).toBe(
    `${magic}${String.fromCharCode(Number(version))}`,
  );
});

test('the manifest has the rows that are named, and a state no field that is not', async () => {
  const text = section('Manifest rows');
  const trial = new Trial([2]);
  const {disk, store} = trial.fixture;
  trial.storage = await trial.fixture.open(1);
  for (const start of [0, 600_000]) {
    trial.write(series(1, {start, count: 300, step: 1_000}, 1));
    await trial.step({type: 'flush', isAwaited: true});
  }
  const stateText = (): string => {
    const row = Buffer.from(store.rows.get('replica/1/1/state')!);
    return row.subarray(row.indexOf('{')).toString();
  };
  const withoutDeletes = JSON.parse(stateText()) as {readonly version: number};
  await trial.step({type: 'compact', isAll: true});
  await trial.step({type: 'delete', query: deleteOf(WHOLE_TABLE.table, 0, 10_000, 1)});
  await trial.step({type: 'flush', isAwaited: true});
  const state = JSON.parse(stateText()) as Record<string, readonly object[]> & {
    readonly version: number;
  };

  const keys = [...text.matchAll(/^\| `([^`]+)`/gm)].map(([, key]) => key!);
  expect(keys).toEqual([
    '!commit',
    'replica/<set>/<replica>/state',
    'replica/<set>/<replica>/extra',
  ]);
  const stored = keys.map((key) => key.replace('<set>', '1').replace('<replica>', '1'));
  expect([...store.rows.keys()].sort()).toEqual([...stored].sort());
  const [rowVersion] = found(text, /\nu8 +version (\d+)\n/);
  for (const [key, row] of store.rows) expect([key, row[0]]).toEqual([key, Number(rowVersion)]);
  const [first, second] = found(
    text,
    /of version (\d+) while there are neither [^,]*, else of version (\d+),/,
  );
  expect([withoutDeletes.version, state.version]).toEqual([Number(first), Number(second)]);

  const entries = entriesOf(text.split('```')[3]!, /^(\w+) +/);
  expect([...entries.keys()]).toEqual(['parts', 'keyFiles', 'tombstones']);
  for (const [name, said] of entries) {
    const have = new Set(state[name]!.flatMap(keysWithin));
    expect([name, have.size]).toEqual([name, expect.any(Number)]);
    expect(have.size).toBeGreaterThan(2);
    for (const key of have) expect(`${name}: ${said}`).toMatch(new RegExp(`\\b${key}\\b`));
  }
  await trial.storage.close();
  expect(disk.files().every((file) => /\.(part|keys)$/.test(file))).toBe(true);
});

/** Names of its fields, and of those of the objects in its lists. */
function keysWithin(record: object): string[] {
  return Object.entries(record).flatMap(([key, value]) => {
    const inner: unknown[] = Array.isArray(value) ? value : [];
    return [key, ...inner.flatMap((each) => (isObject(each) ? keysWithin(each) : []))];
  });
}

const isObject = (each: unknown): each is object => typeof each === 'object' && each !== null;

test('a snapshot and a directory of backups have the names and versions that are told', () => {
  const [file] = found(section('Snapshot'), /a file `(\w+)`/);
  expect(file).toBe(STATE_FILE);
  const [version] = found(section('Directory of backups'), /\{"version": (\d+), "cluster"/);
  expect(Number(version)).toBe(BACKUP_VERSION);
});
