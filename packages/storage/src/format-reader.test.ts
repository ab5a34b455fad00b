// FORMAT.md is enough to read what storage writes: a reader made from the page alone (format-*.fixture.ts) finds in a
// replica's files and its rows of the manifest what the replica's own scan gives, and holds what the page says of
// lengths, order and statistics to what was written.

import type {ColumnId, TableId} from '@flotilla/base';
import {expect, test} from 'vitest';
import type {Met} from './format-columns.fixture.ts';
import {readPart} from './format-parts.fixture.ts';
import {readKeyFile, readManifest, readReplica, readStateFile} from './format-replica.fixture.ts';
import {
  compare,
  DIRECTORY,
  hosts,
  KINDS,
  linesOfTable,
  never,
  type Pattern,
  type Run,
  read,
  rowsOf,
  STEP,
  written,
} from './format-samples.fixture.ts';
import type {PartVersion} from './part-format.ts';
import {deleteOf, WHOLE_TABLE} from './replica-model.fixture.ts';
import type {Trial} from './replica-trial.fixture.ts';

const FLUSH = {type: 'flush', isAwaited: true} as const;
const COMPACT = {type: 'compact', isAll: true} as const;

/** Of each what is written before each flush. */
const SAMPLES: readonly (readonly (readonly Run[])[])[] = [
  // Few series of many rows.
  [
    hosts(KINDS.length).map((host) => ({host, count: 330})),
    hosts(KINDS.length).map((host) => ({host, start: 330, count: 320})),
  ],
  // Many series of few rows, of some one; and between them some that are not thin, or just are.
  [0, 1, 2].map((flush) =>
    hosts(100).map((host) => {
      const count = [63, 64, 100, 300][host - 50] ?? 1 + ((host + flush) % 5);
      return {host, start: flush * 100, count};
    }),
  ),
  // Late rows, and rows that are written again.
  [
    [
      {host: 0, start: 500, count: 400},
      {host: 4, count: 50},
    ],
    [
      {host: 0, start: 100, count: 500},
      {host: 4, start: 40, count: 5},
      {host: 3, start: 5, count: 2},
    ],
    [
      {host: 0, start: 550, count: 100, kind: KINDS[3]!},
      {host: 4, count: 600},
    ],
  ],
  // Two tables.
  [
    hosts(14).map((host) => ({host, count: 10 * host + 1, table: 2})),
    hosts(14).map((host) => ({host, count: 10 * host + 1, table: 1 + (host % 2)})),
  ],
];

const numbers = (count: number, name: string): string[] =>
  Array.from({length: count}, (_, i) => `${name} ${i}`);

const FIRST = ['packed wider than 32', 'statistics of floats', 'statistics of integers'];
const SECOND = [
  ...FIRST,
  ...numbers(18, 'encoding'),
  ...['flags 0', 'flags 1', 'flags 2', 'flags 4', 'flags 8', 'flags 10'],
  ...['said apart', 'split', 'split, low bits all zero', 'compressed page'],
];
/** What the page draws of each version. */
const DRAWN: Record<PartVersion, readonly string[]> = {
  1: [...FIRST, ...numbers(12, 'encoding'), ...numbers(4, 'flags')],
  2: SECOND,
  4: [...SECOND, 'thin block', 'thin block of one row'],
};

test.each([1, 2, 4] as const)(
  'parts of version %i are read from the page alone',
  async (version) => {
    const met: Met = new Map();
    for (const flushes of SAMPLES) {
      const trial = await written(version, flushes);
      const parts = [...(await compare(trial))];
      await trial.step(COMPACT);
      parts.push(...(await compare(trial)));
      for (const part of parts) {
        expect(part.version).toBe(version);
        for (const name of part.met.keys()) met.set(name, 1);
      }
      await trial.storage.close();
    }
    // Of what the page draws nothing is left out.
    expect([...met.keys()].sort()).toEqual([...DRAWN[version]].sort());
  },
);

test('integers have statistics, however short, where the page says so', async () => {
  const bit: Pattern = (_, noise) => BigInt(noise % 2);
  const one: Pattern = () => 1n;
  // Four ones of two bytes each, one far value of three, and four that are theirs together.
  const few: Pattern = (i) => (i === 50 ? 100n : i % 10 === 0 && i > 0 && i < 50 ? 1n : 0n);
  const run = {step: 3 * STEP, kind: [never, bit, one, never, never] as const};
  for (const version of [1, 2, 4] as const) {
    const trial = await written(version, [
      [
        // In a block of 100 rows the bits take 16 bytes, and the few 15.
        ...[1, 70, 100, 130].map((count, host) => ({...run, host, count})),
        {...run, host: 4, count: 100, kind: [never, few, one, never, never]},
      ],
    ]);
    const parts = [...(await compare(trial))];
    await trial.step(COMPACT);
    parts.push(...(await compare(trial)));
    for (const {met} of parts) {
      expect(met.get('statistics of integers')).toBeGreaterThan(1);
    }
    await trial.storage.close();
  }
});

test('rows that deletes and drops hide are not among them', async () => {
  const trial = await written(4, [
    [
      {host: 0, count: 500},
      {host: 1, count: 20},
      {host: 2, count: 20, table: 2},
    ],
  ]);
  const later = {host: 0, start: 90, count: 20};
  trial.delete(deleteOf(1, 100_000, 50_000, 0));
  await trial.step(FLUSH);
  trial.write(rowsOf(later));
  trial.delete(deleteOf(1, 5_000, 10_000));
  await trial.step(FLUSH);
  const payloads = readManifest(trial.fixture.store.rows);
  expect(payloads.get('replica/1/1/state')!.toString()).toContain('"tombstones":[{"index":');
  await compare(trial);
  trial.append((storage, index) =>
    storage.applyDropColumn(index, WHOLE_TABLE.table as TableId, 5 as ColumnId),
  );
  trial.changeTable('drop', 2);
  await trial.step(FLUSH);
  await compare(trial, [3, 4, 6, 7]);
  const {rows} = read(trial);
  expect(rows.length).toBeGreaterThan(400);
  expect(rows.filter(({key, values}) => key.table === 2 || values.has(5))).toEqual([]);
  await trial.storage.close();
});

function filesOf({fixture: {disk}}: Trial, suffix: string): Uint8Array[] {
  const files = disk.files().filter((file) => file.startsWith(DIRECTORY) && file.endsWith(suffix));
  return files.map((file) => disk.bytesOf(file));
}

/** Bytes of which a flipped bit goes unnoticed. */
function unheeded(bytes: Uint8Array, readIt: (bytes: Uint8Array) => unknown): number[] {
  readIt(bytes);
  return Array.from(bytes.keys()).filter((at) => {
    const damaged = bytes.slice();
    damaged[at]! ^= 1 << (at % 8);
    try {
      readIt(damaged);
      return true;
    } catch {
      return false;
    }
  });
}

test('a snapshot is the files and the state of its manifest', async () => {
  const trial = await written(4, SAMPLES[3]!);
  await trial.stage();
  const {disk, store} = trial.fixture;
  const directory = `staging/${trial.log.length}`;
  const {state, extra} = readStateFile(disk.bytesOf(`${directory}/state`));
  const staged = readReplica(state, (file) => disk.bytesOf(`${directory}/${file}`));
  for (const table of [1, 2])
    expect(linesOfTable(staged, table)).toEqual(linesOfTable(read(trial), table));
  expect(extra).toEqual(readManifest(store.rows).get('replica/1/1/extra'));
  expect(unheeded(disk.bytesOf(`${directory}/state`), readStateFile)).toEqual([]);
  await trial.storage.close();
});

test('each byte is under a checksum, or stands twice', async () => {
  const runs: Run[] = [
    {host: 0, count: 80},
    {host: 1, count: 3},
    {host: 2, count: 1, table: 2},
  ];
  for (const version of [1, 4] as const) {
    const trial = await written(version, [runs]);
    await trial.step(COMPACT);
    const {rows} = trial.fixture.store;
    expect(filesOf(trial, '.part').map((part) => unheeded(part, readPart))).toEqual([[]]);
    expect(filesOf(trial, '.keys').map((keys) => unheeded(keys, readKeyFile))).toEqual([[]]);
    for (const [key, row] of rows) {
      const withRow = (bytes: Uint8Array) => readManifest(new Map([...rows, [key, bytes]]));
      expect(unheeded(row, withRow)).toEqual([]);
    }
    await trial.storage.close();
  }
});
