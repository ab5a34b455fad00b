// Groups by minute over 1M rows of 10 fields in chunks of 360 rows (an hour at 10 s), from memory. CPU time.
// Run: node packages/query/src/execute/execute-fragment.bench.ts

import {Buffer} from 'node:buffer';
import type {ColumnId, SeriesId, TableId} from '@flotilla/base';
import type {SeriesChunk, TableScan} from '@flotilla/column';
import type {AggregateName, Fragment} from '../plan/plan.ts';
import {executeFragment} from './execute-fragment.ts';

const CHUNK_ROWS = 360;
const CHUNKS = 2_778;
const SERIES = 100;
const MINUTE_NS = 60_000_000_000;

function buildScan(fields: number): TableScan {
  const columns = Array.from({length: fields}, (_, field) => ({
    values: {
      type: 'integer' as const,
      values: Float64Array.from({length: CHUNK_ROWS}, (_, i) => (i * 7 + field) % 100),
    },
  }));
  const perSeries = Math.ceil(CHUNKS / SERIES);
  const offsets = Array.from({length: perSeries}, (_, hour) =>
    Float64Array.from({length: CHUNK_ROWS}, (_, i) => (hour * CHUNK_ROWS + i) * 10e9),
  );
  let next = 0;
  return {
    next: async () => {
      if (next >= CHUNKS) return undefined;
      const out: SeriesChunk[] = [];
      for (let i = 0; i < 10 && next < CHUNKS; i++, next++) {
        const series = Math.floor(next / perSeries) as SeriesId;
        out.push({series, rowCount: CHUNK_ROWS, offsets: offsets[next % perSeries]!, columns});
      }
      return out;
    },
    tagValue: (series) => `host_${series}`,
    seriesKey: (series) => Buffer.from(`host_${series}`),
    close: () => undefined,
  };
}

function buildFragment(
  fields: number,
  name: AggregateName,
  options: {byHost: boolean; filtered: boolean},
): Fragment {
  const time = {op: 'input', type: 'time', input: 0} as const;
  const host = {op: 'input', type: 'string', input: 1} as const;
  const input = (field: number) => ({op: 'input', type: 'integer', input: field + 2}) as const;
  const bin = {
    op: 'bin',
    type: 'time',
    of: [time],
    widthNs: String(MINUTE_NS),
    originNs: '0',
  } as const;
  const list = Array.from({length: fields}, (_, i) => i);
  return {
    version: 1,
    set: 1 as Fragment['set'],
    bucket: 1 as Fragment['bucket'],
    startMs: 1_704_067_200_000,
    precision: 'ns',
    scan: {
      table: 1 as TableId,
      startOffset: 0,
      endOffset: 1e15,
      fields: list.map((i) => ({column: (i + 2) as ColumnId, type: 'integer'})),
    },
    inputs: [
      {source: 'time'},
      {source: 'tag', column: 1 as ColumnId},
      ...list.map((index) => ({source: 'field', index, type: 'integer'}) as const),
    ],
    filter: options.filtered
      ? {
          op: 'compare',
          type: 'boolean',
          with: '>',
          of: [input(0), {op: 'constant', type: 'integer', value: '50'}],
        }
      : undefined,
    work: {
      kind: 'groups',
      keys: options.byHost ? [bin, host] : [bin],
      aggregates: list.map((i) => ({
        name,
        argument: input(i),
        type: name === 'avg' ? 'float' : 'integer',
      })),
    },
  };
}

const cases = [
  ['max of 1 by minute', 1, 'max', {byHost: false, filtered: false}],
  ['max of 10 by minute', 10, 'max', {byHost: false, filtered: false}],
  ['avg of 10 by minute', 10, 'avg', {byHost: false, filtered: false}],
  ['max of 10 by minute, host', 10, 'max', {byHost: true, filtered: false}],
  ['max of 10 by minute, filtered', 10, 'max', {byHost: false, filtered: true}],
] as const;

for (const [name, fields, aggregate, options] of cases) {
  const fragment = buildFragment(fields, aggregate, options);
  let best = Infinity;
  let bytes = 0;
  for (let round = 0; round < 10; round++) {
    const scan = buildScan(fields);
    const start = process.cpuUsage();
    bytes = 0;
    for await (const batch of executeFragment(fragment, scan)) bytes += batch.length;
    const {user, system} = process.cpuUsage(start);
    best = Math.min(best, (user + system) / 1_000);
  }
  const rate = (CHUNKS * CHUNK_ROWS * fields) / best / 1_000;
  process.stdout.write(
    `${name.padEnd(32)} ${best.toFixed(1).padStart(7)} ms ${rate.toFixed(0).padStart(6)} M values/s ${bytes} B\n`,
  );
}
