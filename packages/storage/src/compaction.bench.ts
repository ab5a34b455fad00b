// Simulated: what compactions come to by what `planCompaction` chooses, parts of rows alone. Run by hand:
//   node packages/storage/src/compaction.bench.ts
// Of each load how often a row is written in all, the flush included; and after each flush, on average, how many
// parts have rows at a moment, how many parts there are, and the share of rows in parts as a flush writes them.

import {SeededRandom} from '@flotilla/base';
import {type Flushed, PartHistory} from './compaction-history.fixture.ts';

const TIME = 1e9;
const random = new SeededRandom(7);

/** A flush of the times from..to, as shares of the bucket. */
function flush(from: number, to: number, more: Partial<Flushed> = {}): Flushed {
  return {rows: 1e6, from: from * TIME, to: to * TIME - 1, rowsPerSeries: 500, ...more};
}

function times<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({length: count}, (_, i) => make(i));
}

function ordered(count: number, more?: Partial<Flushed>): Flushed[] {
  return times(count, (i) => flush(i / count, (i + 1) / count, more));
}

function byChance(): Flushed[] {
  const sizes = times(512, () => 0.02 + random.next() ** 3);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  let end = 0;
  return sizes.map((size) => {
    const from = end;
    end += size / total;
    return flush(from, end, {rows: size * 1e6});
  });
}

interface Load {
  readonly name: string;
  readonly flushes: readonly Flushed[];
  readonly rowsPerOffset?: number;
}

const LOADS: readonly Load[] = [
  ...[12, 32, 144, 512, 2_048].map((count) => ({
    name: `ordered, ${count}`,
    flushes: ordered(count),
  })),
  {name: 'ordered, 512 of 7 rows a series', flushes: ordered(512, {rowsPerSeries: 7})},
  {name: 'ordered, 512 of sizes by chance', flushes: byChance()},
  {
    name: 'a day, then 256 with a tenth of it',
    flushes: [...ordered(256), ...ordered(256, {rows: 1e5})],
  },
  {
    name: '512, each a seventh of the time back',
    flushes: times(512, (i) => flush(Math.max(0, i / 512 - 1 / 7), (i + 1) / 512)),
  },
  {
    name: '512, each a fiftieth of the time, by chance',
    flushes: times(512, () => random.next() * 0.98).map((from) => flush(from, from + 0.02)),
  },
  {
    name: '512, from two times in turns',
    flushes: times(512, (i) => ((i % 2) + (i >> 1) / 256) / 2).map((from) =>
      flush(from, from + 1 / 512),
    ),
  },
  {name: '512, each all of the time', flushes: times(512, () => flush(0, 1))},
  {
    name: '256, and the same 256 again',
    flushes: [...ordered(256), ...ordered(256)],
    rowsPerOffset: (256 * 1e6) / TIME,
  },
  {
    name: 'the same rows 512 times',
    flushes: times(512, () => flush(0, 1)),
    rowsPerOffset: 1e6 / TIME,
  },
];

for (const {name, flushes, rowsPerOffset} of LOADS) {
  const history = new PartHistory(rowsPerOffset);
  let [depth, parts, coarse] = [0, 0, 0];
  for (const each of flushes) {
    history.flush(each);
    depth += history.depth() / flushes.length;
    parts += history.parts.length / flushes.length;
    coarse += (history.coarseShare() * 100) / flushes.length;
  }
  const written = history.writtenRows / history.flushedRows;
  const all = [written, depth, parts].map((number) => number.toFixed(2)).join('  ');
  console.log(`${name.padEnd(44)} ${all}  at most ${history.partsMax}  ${coarse.toFixed(1)} %`);
}
