// CPU microseconds per row of ten integer fields, encoding and decoding shares of several sizes. Run with
// the project's Node: `node packages/column/src/share/share-codec.bench.ts`.

import type {ColumnId, TableId} from '@flotilla/base';
import {ColumnArena} from '../codecs/column-arena.ts';
import type {Share} from './share.ts';
import {decodeShare, encodeShare, replaceSeriesKeys} from './share-codec.ts';

const HOSTS = 100;
const KEY_BYTES = 120;
const ROWS_A_SIZE = 2_000_000;
const arena = new ColumnArena();

function shareOf(rowCount: number): Share {
  const hosts = Math.min(HOSTS, rowCount);
  return {
    router: {incarnation: 3, sequence: 4711},
    tables: [
      {
        table: 1 as TableId,
        rowCount,
        series: Array.from({length: hosts}, (_, i) => new Uint8Array(KEY_BYTES).fill(i)),
        seriesOfRow: Int32Array.from({length: rowCount}, (_, row) => row % hosts),
        offsets: Float64Array.from({length: rowCount}, (_, row) => Math.floor(row / hosts) * 1e10),
        columns: Array.from({length: 10}, (_, column) => ({
          column: (column + 1) as ColumnId,
          count: rowCount,
          rows: undefined,
          values: {
            type: 'integer' as const,
            values: Float64Array.from(
              {length: rowCount},
              (_, row) => (row * 31 + column * 7) % 101,
            ),
          },
        })),
      },
    ],
  };
}

function usPerRow(rowCount: number, run: () => void): string {
  const rounds = Math.ceil(ROWS_A_SIZE / rowCount / 10);
  for (let i = 0; i < rounds / 4; i++) run();
  const start = process.cpuUsage().user;
  for (let i = 0; i < rounds; i++) run();
  return ((process.cpuUsage().user - start) / rounds / rowCount).toFixed(3);
}

for (const rowCount of [1, 10, 100, 1000, 10_000]) {
  const share = shareOf(rowCount);
  const bytes = encodeShare(share);
  const encode = usPerRow(rowCount, () => encodeShare(share));
  const decode = usPerRow(rowCount, () => {
    arena.clear();
    decodeShare(bytes, arena);
  });
  const replace = usPerRow(rowCount, () => replaceSeriesKeys(bytes, () => 1));
  const size = (replaceSeriesKeys(bytes, () => 1).length / rowCount).toFixed(1);
  console.log(
    `${rowCount} rows: encode ${encode} us, decode ${decode} us, replace keys ${replace} us, ${size} B a row`,
  );
}
