import type {ColumnId, TableId} from '@flotilla/base';
import {MemoryDisk} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {BlockCut} from './block-cut.ts';
import {writeMemtable} from './flush.ts';
import {Memtable} from './memtable.ts';
import {SeriesIndex} from './series-index.ts';
import {Slices} from './slices.ts';

const TABLE = 1 as TableId;
const ROWS = 200_000;

/** One series, all of its rows late but the first. */
function backwards(): Memtable {
  const memtable = new Memtable();
  memtable.append(TABLE, {
    rowCount: ROWS,
    series: Int32Array.of(0),
    seriesOfRow: new Int32Array(ROWS),
    offsets: Float64Array.from({length: ROWS}, (_, i) => ROWS - i),
    columns: [
      {
        column: 2 as ColumnId,
        count: ROWS,
        values: {type: 'integer', values: new Float64Array(ROWS).fill(7)},
      },
    ],
  });
  return memtable;
}

test('a flush of one long series asks for its slice again and again, before the first row as well', async () => {
  const disk = new MemoryDisk();
  let asked = 0;
  let askedBeforeRows = 0;
  const memtable = backwards();
  const view = memtable.table(TABLE)!.view();
  const pieces = view.piecesOf(
    0 as never,
    [{column: 2 as ColumnId, type: 'integer'}],
    {startOffset: Number.NEGATIVE_INFINITY, endOffset: Number.POSITIVE_INFINITY, masks: []},
    5_000,
  );
  while (pieces.next().value === undefined) askedBeforeRows += 1;
  const due = async (): Promise<void> => {
    asked += 1;
    await new Promise((resolve) => setImmediate(resolve));
  };
  const written = await writeMemtable({
    disk,
    path: 'part',
    cut: new BlockCut({startUnits: 0n, unitsPerSecond: 1_000}),
    slices: new Slices({due}, {work: 'flush'}),
    version: 1,
    memtable,
    index: new SeriesIndex(),
  });
  expect(written.tables[0]!.rowCount).toBe(ROWS);
  expect(askedBeforeRows).toBeGreaterThan(20);
  expect(asked).toBeGreaterThan(100);
});
