// Apply, flush, scan and compaction of TSBS-like rows: 10 integer fields, 10 s apart. Run by hand:
//   node packages/storage/src/storage.bench.ts

import type {ColumnId, ReplicaId, ReplicaSetId, TableId} from '@flotilla/base';
import {encodeSeriesKey, type ScanSpec, type ShareTable} from '@flotilla/column';
import {MemoryDisk} from '@flotilla/testkit';
import {Manifest} from './manifest.ts';
import {ReplicaStorage} from './replica-storage.ts';

const SERIES = 100;
const ROWS_PER_SHARE = 2_500;
const SHARES = 200;
const SHARES_PER_FLUSH = 40;
const FIELDS = 10;
const TABLE = 1 as TableId;
const STEP_UNITS = 10 * 1e9;

function makeShares(): ShareTable[] {
  const walk = new Float64Array(SERIES * FIELDS).fill(50);
  let tick = 0;
  return Array.from({length: SHARES}, () => {
    const offsets = new Float64Array(ROWS_PER_SHARE);
    const seriesOfRow = new Int32Array(ROWS_PER_SHARE);
    const columns = Array.from({length: FIELDS}, () => new Float64Array(ROWS_PER_SHARE));
    for (let row = 0; row < ROWS_PER_SHARE; row++) {
      const series = row % SERIES;
      if (series === 0) tick += 1;
      offsets[row] = tick * STEP_UNITS;
      seriesOfRow[row] = series;
      for (let field = 0; field < FIELDS; field++) {
        const at = series * FIELDS + field;
        const next = walk[at]! + Math.random() * 2 - 1;
        walk[at] = Math.min(100, Math.max(0, next));
        columns[field]![row] = Math.floor(walk[at]!);
      }
    }
    return {
      table: TABLE,
      rowCount: ROWS_PER_SHARE,
      series: Array.from({length: SERIES}, (_, i) => i),
      seriesOfRow,
      offsets,
      columns: columns.map((values, i) => ({
        column: (20 + i) as ColumnId,
        count: ROWS_PER_SHARE,
        rows: undefined,
        values: {type: 'integer', values},
      })),
    };
  });
}

function withKeys(share: ShareTable): ShareTable {
  const series = Array.from({length: SERIES}, (_, i) =>
    encodeSeriesKey(TABLE, [
      {column: 1 as ColumnId, value: `host_${i}`},
      {column: 2 as ColumnId, value: `region_${i % 7}`},
    ]),
  );
  return {...share, series};
}

async function openStorage(): Promise<ReplicaStorage> {
  const rows = new Map<string, Uint8Array>();
  const manifest = await Manifest.open({
    load: async () => [...rows],
    commit: async ({put}) => {
      for (const [key, value] of put) rows.set(key, value);
    },
    close: async () => {},
  });
  return ReplicaStorage.open({
    disk: new MemoryDisk(),
    directory: 'replica',
    manifest,
    set: 1 as ReplicaSetId,
    replica: 1 as ReplicaId,
    bucket: {startUnits: 1_767_225_600_000_000_000n, unitsPerSecond: 1e9},
    slices: {due: () => undefined},
  });
}

async function scanAll(storage: ReplicaStorage, fieldCount: number): Promise<number> {
  const fields = Array.from({length: fieldCount}, (_, i) => ({
    column: (20 + i) as ColumnId,
    type: 'integer' as const,
  }));
  const spec: ScanSpec = {table: TABLE, startOffset: 0, endOffset: 2 ** 53, fields};
  const scan = storage.scan(spec);
  let rows = 0;
  for (let chunks = await scan.next(); chunks !== undefined; chunks = await scan.next())
    for (const chunk of chunks) rows += chunk.rowCount;
  scan.close();
  return rows;
}

function report(what: string, startMs: number, rows: number): void {
  const ms = performance.now() - startMs;
  console.log(`${what}: ${((ms * 1e6) / rows).toFixed(0)} ns/row, ${ms.toFixed(0)} ms`);
}

async function run(shares: readonly ShareTable[]): Promise<void> {
  const storage = await openStorage();
  let index = 0;
  let applyMs = 0;
  let flushMs = 0;
  for (const share of shares) {
    let start = performance.now();
    storage.applyWrite(++index, {tables: [index === 1 ? withKeys(share) : share]});
    applyMs += performance.now() - start;
    if (index % SHARES_PER_FLUSH !== 0) continue;
    start = performance.now();
    await storage.flush({index, term: 1, configuration: null, extra: new Uint8Array(0)});
    flushMs += performance.now() - start;
  }
  const rows = SHARES * ROWS_PER_SHARE;
  console.log(`apply: ${((applyMs * 1e6) / rows).toFixed(0)} ns/row`);
  console.log(`flush: ${((flushMs * 1e6) / rows).toFixed(0)} ns/row`);
  let start = performance.now();
  await storage.compactAll();
  report('compact', start, rows);
  for (const fields of [1, 10]) {
    start = performance.now();
    report(`scan of ${fields}`, start, await scanAll(storage, fields));
  }
  const bytes = (
    await storage.snapshot({index, term: 1, configuration: null, extra: new Uint8Array(0)})
  ).files.reduce((sum, file) => sum + file.bytes, 0);
  console.log(`${(bytes / rows / FIELDS).toFixed(3)} B/value`);
  await storage.close();
}

const shares = makeShares();
for (let round = 0; round < 3; round++) await run(shares);
