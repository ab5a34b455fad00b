// What FORMAT.md says of blocks and stripes, where they end and what they hold at most, is what storage writes.

import {readFileSync} from 'node:fs';
import path from 'node:path';
import type {ColumnId, TableId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {FULL} from './format-parts.fixture.ts';
import {
  compare,
  hosts,
  type Kind,
  never,
  type Pattern,
  type Run,
  read,
  STEP,
  written,
} from './format-samples.fixture.ts';
import type {PartVersion} from './part-format.ts';
import {keyOf} from './replica-model.fixture.ts';
import {Trial} from './replica-trial.fixture.ts';

const COMPACT = {type: 'compact', isAll: true} as const;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

const only = (field: number, pattern: Pattern): Kind =>
  [0, 1, 2, 3, 4].map((each) => (each === field ? pattern : never)) as unknown as Kind;

const flag = only(3, () => true);
const long = only(4, (i, noise) => `${i} ${noise} ${'long '.repeat(200)}`);

/** Rows and blocks of the stripes of a part, by what fills them. */
const FILLED: Record<string, {version: PartVersion; runs: readonly Run[]; stripes: number[][]}> = {
  '32,768 rows': {
    version: 4,
    runs: hosts(34).map((host) => ({host, count: 1_000, step: 1, kind: flag})),
    stripes: [
      [33_000, 33],
      [1_000, 1],
    ],
  },
  '1,024 blocks': {
    version: 2,
    runs: hosts(1_030).map((host) => ({host, count: 1, kind: flag})),
    stripes: [
      [1_024, 1_024],
      [6, 6],
    ],
  },
  '1,024 blocks of version 4': {
    version: 4,
    runs: hosts(1_030).map((host) => ({host, count: 1, kind: flag})),
    stripes: [
      [1_024, 1_024],
      [6, 6],
    ],
  },
  '8,192 rows of thin blocks': {
    version: 4,
    runs: hosts(140).map((host) => ({host, count: 60, kind: flag})),
    stripes: [
      [8_220, 137],
      [180, 3],
    ],
  },
  '1 MiB': {
    version: 4,
    runs: hosts(5).map((host) => ({host, count: 300, kind: long})),
    stripes: [
      [1_200, 4],
      [300, 1],
    ],
  },
  '1 MiB of texts of thin blocks': {
    version: 4,
    runs: hosts(30).map((host) => ({host, count: 40, kind: long})),
    stripes: [
      [1_040, 26],
      [160, 4],
    ],
  },
};

test.each(Object.entries(FILLED))('%s fill a stripe', async (_, {version, runs, stripes}) => {
  const trial = await written(version, [runs]);
  for (const isMerged of [false, true]) {
    if (isMerged) await trial.step(COMPACT);
    const [part] = await compare(trial);
    const sizes = part!.tables[0]!.stripes.map(({rows, blocks}) => [rows.length, blocks.length]);
    expect(sizes).toEqual(stripes);
  }
  await trial.storage.close();
});

test('values of thin blocks fill a stripe of a wide table', async () => {
  const trial = new Trial([4]);
  trial.storage = await trial.fixture.open(1);
  const [fields, series, rows] = [127, 110, 40];
  const rowCount = series * rows;
  const values = new Float64Array(rowCount).fill(7);
  const table = {
    table: 1 as TableId,
    rowCount,
    series: hosts(series).map((host) => keyOf({table: 1, host, region: 0, offset: 0, values: []})),
    seriesOfRow: Int32Array.from({length: rowCount}, (_, row) => Math.floor(row / rows)),
    offsets: Float64Array.from({length: rowCount}, (_, row) => (row % rows) * STEP),
    // That a column has few of them makes no difference.
    columns: Array.from({length: fields}, (_, field) => ({
      column: (3 + field) as ColumnId,
      count: field === 0 ? rowCount : 1,
      rows: field === 0 ? undefined : Int32Array.of(0),
      values: {type: 'integer' as const, values: field === 0 ? values : values.subarray(0, 1)},
    })),
  };
  expect(trial.storage.applyWrite(1, {tables: [table]}).status).toBe('applied');
  await trial.storage.flush({...trial.point(), index: 1});
  const [part] = read(trial).parts;
  const filled = 2 ** 19 / (fields + 1);
  const blocks = Math.ceil(filled / rows);
  const {stripes} = part!.tables[0]!;
  expect(stripes.map((stripe) => stripe.blocks.length)).toEqual([blocks, series - blocks]);
  await trial.storage.close();
});

test('a stripe is full where the page says', () => {
  const page = readFileSync(path.resolve(import.meta.dirname, '../FORMAT.md'), 'utf8');
  const [, told = ''] = /A \*\*stripe\*\* is([\s\S]*?)\n\n/.exec(page) ?? [];
  const number = (each: number): string => each.toLocaleString('en-US');
  const {rows, blocks, bytes, thinRows, thinValues} = FULL;
  for (const limit of [
    `${number(rows)} rows;`,
    `${number(blocks)} blocks;`,
    `${bytes / 2 ** 20} MiB of bodies`,
    `${number(thinRows)} rows of thin blocks`,
    `${number(thinValues)} or more`,
  ])
    expect(told.replace(/\s+/g, ' ')).toContain(limit);
});

const even = (step: number, count: number): number[] =>
  Array.from({length: count}, (_, i) => i * step);

/** The bucket begins half an hour behind midnight. */
test.each([
  {what: 'a second', offsets: even(10, 250), blocks: [100, 100, 50]},
  {what: 'ten seconds', offsets: even(11, 1_900), blocks: [910, 909, 81]},
  {what: 'a minute', offsets: even(600, 250), blocks: [100, 100, 50]},
  {what: 'a minute where ten seconds have 99 rows', offsets: even(101, 700), blocks: [595, 105]},
  {what: 'a second, two rows of which are twenty units', offsets: [991, 1_010], blocks: [1, 1]},
  {what: 'ten seconds, two rows in more units', offsets: [990, 1_010], blocks: [2]},
  {what: 'five minutes', offsets: even(SECOND, 700), blocks: [300, 300, 100]},
  {what: 'ten minutes', offsets: even(6 * SECOND, 250), blocks: [100, 100, 50]},
  {what: 'an hour', offsets: even(10 * SECOND, 600), blocks: [180, 360, 60]},
  {what: 'six hours', offsets: even(MINUTE, 800), blocks: [330, 360, 110]},
  {what: 'a day', offsets: even(10 * MINUTE, 300), blocks: [141, 144, 15]},
  {what: 'days, each block of 100 rows', offsets: even(15 * MINUTE, 400), blocks: [190, 192, 18]},
  {what: 'a thousand rows', offsets: [...even(3, 1_500), 590 * SECOND], blocks: [1_000, 500, 1]},
])('blocks end at multiples of $what', async ({offsets, blocks}) => {
  for (const version of [1, 4] as const) {
    const trial = await written(version, []);
    const values = [undefined, undefined, undefined, true, undefined];
    trial.write(offsets.map((offset) => ({table: 1, host: 0, region: 0, offset, values})));
    await trial.step({type: 'flush', isAwaited: true});
    const [part] = await compare(trial);
    expect(part!.tables[0]!.stripes[0]!.blocks.map(({rows}) => rows)).toEqual(blocks);
    await trial.storage.close();
  }
});
