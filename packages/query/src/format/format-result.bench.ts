// Rows of TSBS as answers: a time, ten tags, ten fields. CPU time.
// Run: node packages/query/src/format/format-result.bench.ts

import type {ResultBatch} from '../execute/merge-results.ts';
import {formatResult, type ResultFormat} from './format-result.ts';

const ROWS = 4_096;
const BATCHES = 50;
const COLUMNS = 10;
const START_NS = BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n;

function batchOf(kind: 'integer' | 'float'): ResultBatch {
  const hosts = Array.from({length: 100}, (_, host) => `host_${host}`);
  const tags = Array.from({length: COLUMNS}, (_, tag) => ({
    ...{name: `tag_${tag}`, type: 'string' as const},
    values: {
      ...{type: 'string' as const, constant: false},
      values: Array.from({length: ROWS}, (_, row) => hosts[Math.floor(row / 360) + tag]!),
    },
  }));
  const fields = Array.from({length: COLUMNS}, (_, field) => ({
    ...{name: `usage_${field}`, type: kind},
    values: {
      ...{type: kind, constant: false},
      values: Float64Array.from({length: ROWS}, (_, row) =>
        kind === 'integer' ? (row * 7 + field) % 100 : Math.sin(row + field) * 100,
      ),
    },
  }));
  const wide = BigInt64Array.from({length: ROWS}, (_, row) => START_NS + BigInt(row) * 10n ** 10n);
  const time = {
    ...{name: 'time', type: 'time' as const},
    values: {
      ...{type: 'time' as const, constant: false, startMs: 0, unitNs: 1},
      ...{values: Float64Array.from(wide, Number), wide},
    },
  };
  return {rowCount: ROWS, columns: [time, ...tags, ...fields]};
}

async function* repeated(batch: ResultBatch): AsyncGenerator<ResultBatch> {
  for (let i = 0; i < BATCHES; i++) yield batch;
}

async function run(format: ResultFormat, batch: ResultBatch): Promise<string> {
  let bytes = 0;
  const before = process.cpuUsage();
  for await (const piece of formatResult(format, repeated(batch))) bytes += piece.length;
  const {user, system} = process.cpuUsage(before);
  const us = (user + system) / (ROWS * BATCHES);
  return `${us.toFixed(2)} us a row, ${((bytes / (user + system)) * 1).toFixed(0)} MB/s`;
}

for (const kind of ['integer', 'float'] as const) {
  const batch = batchOf(kind);
  for (const format of ['json', 'ndjson', 'csv'] as const) {
    await run(format, batch);
    console.log(kind, format, await run(format, batch));
  }
}
