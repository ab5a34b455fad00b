// What a million rows cost to append, gather and flush, the longest append, and the longest stretch of
// a flush in which it does not ask whether its slice is over. Run by hand:
//   node packages/storage/src/memtable.bench.ts

import type {ColumnId, SeriesId, TableId} from '@flotilla/base';
import type {ColumnValues} from '@flotilla/column';
import {MemoryDisk} from '@flotilla/testkit';
import {BlockCut} from './block-cut.ts';
import {writeMemtable} from './flush.ts';
import {Memtable} from './memtable.ts';
import {SeriesIndex} from './series-index.ts';
import {Slices} from './slices.ts';

const TABLE = 1 as TableId;
const ROWS = 600_000;
const ROWS_PER_SHARE = 100;
const STEP_UNITS = 1e9;

interface Case {
  readonly name: string;
  readonly series: number;
  readonly fields: number;
  /** Shares are applied out of order by up to so many. */
  readonly shuffle: number;
  /** Every how many rows have a value. */
  readonly sparse?: number;
  readonly type?: 'string' | 'integer';
}

const CASES: readonly Case[] = [
  {name: '100 series', series: 100, fields: 10, shuffle: 0},
  {name: '4,000 series', series: 4_000, fields: 10, shuffle: 0},
  {name: '4,000 series, late rows', series: 4_000, fields: 10, shuffle: 200},
  {name: '1 series', series: 1, fields: 10, shuffle: 0},
  {name: '1 series, late rows', series: 1, fields: 2, shuffle: 6_000},
  {name: '200,000 series', series: 200_000, fields: 3, shuffle: 0},
  {name: '4,000 series, every third', series: 4_000, fields: 10, shuffle: 0, sparse: 3},
  {name: '4,000 series, strings', series: 4_000, fields: 4, shuffle: 0, type: 'string'},
];

type Rows = Parameters<Memtable['append']>[1];

function sharesOf({series, fields, shuffle, sparse = 1, type = 'integer'}: Case): Rows[] {
  const shares = Array.from({length: ROWS / ROWS_PER_SHARE}, (_, share) => {
    const base = share * ROWS_PER_SHARE;
    const ids = Int32Array.from({length: ROWS_PER_SHARE}, (_, i) => (base + i) % series);
    const rows = Int32Array.from(
      {length: Math.ceil(ROWS_PER_SHARE / sparse)},
      (_, i) => i * sparse,
    );
    return {
      rowCount: ROWS_PER_SHARE,
      series: ids,
      seriesOfRow: Int32Array.from(ids.keys()),
      offsets: Float64Array.from(ids, (_, i) => Math.floor((base + i) / series) * STEP_UNITS),
      columns: Array.from({length: fields}, (_, field) => ({
        column: (20 + field) as ColumnId,
        count: rows.length,
        rows: sparse === 1 ? undefined : rows,
        values: valuesOf(
          type,
          Array.from(rows, (row) => (base + row * 7 + field) % 100),
        ),
      })),
    };
  });
  // A fixed permutation: each share changes places with one some way ahead.
  for (let i = 0; i + shuffle < shares.length && shuffle > 0; i += 3) {
    const other = i + ((i * 7_919) % shuffle);
    [shares[i], shares[other]] = [shares[other]!, shares[i]!];
  }
  return shares;
}

function valuesOf(type: 'string' | 'integer', numbers: number[]): ColumnValues {
  if (type === 'integer') return {type, values: Float64Array.from(numbers)};
  const texts = numbers.map((number) => `value-${number}`);
  let end = 0;
  const ends = Uint32Array.from(texts, (text) => (end += text.length));
  return {type, ends, bytes: Buffer.from(texts.join(''))};
}

function append(shares: readonly Rows[]): {memtable: Memtable; line: string} {
  const memtable = new Memtable();
  let longestMs = 0;
  const start = cpuMs();
  let before = start;
  for (const rows of shares) {
    memtable.append(TABLE, rows);
    const now = cpuMs();
    longestMs = Math.max(longestMs, now - before);
    before = now;
  }
  const ms = before - start;
  const bytesPerRow = (memtable.bytes / ROWS).toFixed(0);
  const line = `append ${perMillion(ms)} longest ${longestMs.toFixed(1)} ms, ${bytesPerRow} B/row`;
  return {memtable, line};
}

function gather(memtable: Memtable, fieldCount: number): string {
  const table = memtable.table(TABLE)!;
  const view = table.view();
  const fields = [...table.columnTypes()]
    .map(([column, type]) => ({column, type}))
    .slice(0, fieldCount);
  const choice = {startOffset: Number.NEGATIVE_INFINITY, endOffset: 1e300, masks: []};
  const start = cpuMs();
  for (const id of table.seriesIds()) view.rowsOf(id as SeriesId, fields, choice);
  return `gather of ${fieldCount} ${perMillion(cpuMs() - start)}`;
}

async function flush(memtable: Memtable): Promise<string> {
  let longestMs = 0;
  let pieces = 0;
  let before = cpuMs();
  const due = (): undefined => {
    const now = cpuMs();
    longestMs = Math.max(longestMs, now - before);
    before = now;
    pieces += 1;
  };
  const start = cpuMs();
  await writeMemtable({
    disk: new MemoryDisk(),
    path: 'part',
    cut: new BlockCut({startUnits: 1_767_225_600_000_000_000n, unitsPerSecond: 1e9}),
    slices: new Slices({due}, {work: 'flush'}),
    version: 1,
    memtable,
    index: new SeriesIndex(),
  });
  due();
  const longest = `longest piece ${longestMs.toFixed(1)} ms of ${pieces}`;
  return `flush ${perMillion(cpuMs() - start)} ${longest}`;
}

/** Of this thread's processor time: other processes on the machine do not count. */
function cpuMs(): number {
  const {user, system} = process.threadCpuUsage();
  return (user + system) / 1e3;
}

function perMillion(ms: number): string {
  return `${((ms * 1e6) / ROWS).toFixed(0)} ms/M,`;
}

const only = process.argv[2];
for (const each of CASES) {
  if (only !== undefined && !each.name.includes(only)) continue;
  const shares = sharesOf(each);
  for (let round = 0; round < 3; round++) {
    const {memtable, line} = append(shares);
    const gathered = [gather(memtable, 1), gather(memtable, each.fields)].join(' ');
    console.log(`${each.name}: ${line}; ${gathered} ${await flush(memtable)}`);
  }
}
