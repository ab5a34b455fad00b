// Apply, flush, scan and compaction of TSBS-like rows: 10 fields, 10 s apart. Run by hand:
//   node packages/storage/src/storage.bench.ts [--parts 4|2|1|2,4] [--values even|integer|decimal|float|text] [--series 100]
// CPU time, since the machine may be busy; both versions of parts by turns, where both are asked for. `even` are
// integers in even steps, the others walk in steps of N(0, 1) as TSBS's do: as integers, with two decimals, with
// all digits; text are lines of a log. Of 25,000 series a flush has four rows each: thin blocks.

import {parseArgs} from 'node:util';
import type {ColumnId, ReplicaId, ReplicaSetId, TableId} from '@flotilla/base';
import {
  type BlockNeed,
  type BlockScan,
  type ColumnValues,
  encodeSeriesKey,
  type ScanSpec,
  type ShareTable,
} from '@flotilla/column';
import {MemoryDisk} from '@flotilla/testkit';
import {Manifest} from './manifest.ts';
import type {PartVersion} from './part-format.ts';
import {ReplicaStorage} from './replica-storage.ts';

const ROWS_PER_SHARE = 2_500;
const SHARES = 200;
const SHARES_PER_FLUSH = 40;
const FIELDS = 10;
const TABLE = 1 as TableId;
const STEP_UNITS = 10 * 1e9;

const {values: options} = parseArgs({
  options: {
    parts: {type: 'string', default: '4'},
    values: {type: 'string', default: 'even'},
    series: {type: 'string', default: '100'},
  },
});
const PART_VERSIONS = options.parts.split(',').map(Number) as PartVersion[];
const SERIES = Number(options.series);
const ROUNDS = 3;

/** What a walk at `value` gives; a step of it. */
const KINDS: Readonly<
  Record<string, {step: () => number; of: (walk: Float64Array) => ColumnValues}>
> = {
  even: {step: () => Math.random() * 2 - 1, of: integers},
  integer: {step: normal, of: integers},
  decimal: {
    step: normal,
    of: (walk) => ({type: 'float', values: walk.map((value) => Math.round(value * 100) / 100)}),
  },
  float: {step: normal, of: (walk) => ({type: 'float', values: walk.slice()})},
  text: {step: normal, of: lines},
};
const KIND = KINDS[options.values]!;

function integers(walk: Float64Array): ColumnValues {
  return {type: 'integer', values: walk.map(Math.floor)};
}

function normal(): number {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

function lines(walk: Float64Array): ColumnValues {
  let end = 0;
  const texts = Array.from(walk, (value) =>
    Buffer.from(`level=info path=/orders/${Math.floor(value * 1e4)} took=${value.toFixed(1)}ms`),
  );
  const ends = Uint32Array.from(texts, (text) => (end += text.length));
  return {type: 'string', ends, bytes: new Uint8Array(Buffer.concat(texts))};
}

function makeShares(): ShareTable[] {
  const walk = new Float64Array(SERIES * FIELDS).fill(50);
  let next = 0;
  return Array.from({length: SHARES}, () => {
    const first = next;
    const offsets = new Float64Array(ROWS_PER_SHARE);
    const seriesOfRow = new Int32Array(ROWS_PER_SHARE);
    const columns = Array.from({length: FIELDS}, () => new Float64Array(ROWS_PER_SHARE));
    for (let row = 0; row < ROWS_PER_SHARE; row++) {
      const series = next % SERIES;
      offsets[row] = Math.floor(next++ / SERIES) * STEP_UNITS;
      seriesOfRow[row] = row % SERIES;
      for (let field = 0; field < FIELDS; field++) {
        const at = series * FIELDS + field;
        walk[at] = Math.min(100, Math.max(0, walk[at]! + KIND.step()));
        columns[field]![row] = walk[at]!;
      }
    }
    return {
      table: TABLE,
      rowCount: ROWS_PER_SHARE,
      series: seriesFrom(first, (series) => series),
      seriesOfRow,
      offsets,
      columns: columns.map((values, i) => ({
        column: (20 + i) as ColumnId,
        count: ROWS_PER_SHARE,
        rows: undefined,
        values: KIND.of(values),
      })),
    };
  });
}

/** Of a share whose first row is the `first` one of all. */
function seriesFrom<Series>(first: number, of: (series: number) => Series): Series[] {
  const length = Math.min(SERIES, ROWS_PER_SHARE);
  return Array.from({length}, (_, i) => of((first + i) % SERIES));
}

function withKeys(share: ShareTable, first: number): ShareTable {
  const series = seriesFrom(first, (i) =>
    encodeSeriesKey(TABLE, [
      {column: 1 as ColumnId, value: `host_${i}`},
      {column: 2 as ColumnId, value: `region_${i % 7}`},
    ]),
  );
  return {...share, series};
}

async function openStorage(version: PartVersion): Promise<ReplicaStorage> {
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
    partVersion: () => version,
  });
}

const FIELD_TYPE = KIND.of(new Float64Array(0)).type;

const HOUR_UNITS = 3_600 * 1e9;
const NEEDS: ReadonlySet<BlockNeed> = new Set(['count', 'min', 'max', 'sum']);

/** @param byHours  what each hour comes to is enough */
async function scanAll(
  storage: ReplicaStorage,
  {fieldCount, byHours}: {fieldCount: number; byHours: boolean},
): Promise<number> {
  const fields = Array.from({length: fieldCount}, (_, i) => ({
    column: (20 + i) as ColumnId,
    type: FIELD_TYPE,
  }));
  const spec: ScanSpec = {table: TABLE, startOffset: 0, endOffset: 2 ** 53, fields};
  const scan = storage.scan(spec);
  const source: BlockScan = byHours
    ? scan.withBlocks!({
        needs: fields.map(() => NEEDS),
        isOneGroup: (min, max) => Math.floor(min / HOUR_UNITS) === Math.floor(max / HOUR_UNITS),
      })
    : scan;
  let rows = 0;
  for (let chunks = await source.next(); chunks !== undefined; chunks = await source.next())
    for (const chunk of chunks) {
      if ('rowCount' in chunk) rows += chunk.rowCount;
      else for (let i = 0; i < chunk.blockCount; i++) rows += chunk.rowCounts[i]!;
    }
  scan.close();
  return rows;
}

function cpuMs(): number {
  const {user, system} = process.cpuUsage();
  return (user + system) / 1000;
}

function report(what: string, startMs: number, rows: number): void {
  const ms = cpuMs() - startMs;
  console.log(`${what}: ${((ms * 1e6) / rows).toFixed(0)} ns/row, ${ms.toFixed(0)} ms`);
}

async function run(shares: readonly ShareTable[], version: PartVersion): Promise<void> {
  console.log(`parts of version ${version}`);
  const storage = await openStorage(version);
  let index = 0;
  let applyMs = 0;
  let flushMs = 0;
  for (const share of shares) {
    let start = cpuMs();
    const first = index * ROWS_PER_SHARE;
    const isNew = first < SERIES;
    storage.applyWrite(++index, {tables: [isNew ? withKeys(share, first) : share]});
    applyMs += cpuMs() - start;
    if (index % SHARES_PER_FLUSH !== 0) continue;
    start = cpuMs();
    await storage.flush({index, term: 1, configuration: null, extra: new Uint8Array(0)});
    flushMs += cpuMs() - start;
  }
  const rows = SHARES * ROWS_PER_SHARE;
  console.log(`apply: ${((applyMs * 1e6) / rows).toFixed(0)} ns/row`);
  console.log(`flush: ${((flushMs * 1e6) / rows).toFixed(0)} ns/row`);
  console.log(`${(await bytesOf(storage, index)).toFixed(3)} B/value flushed`);
  let start = cpuMs();
  await storage.compactAll();
  report('compact', start, rows);
  for (const byHours of [false, true])
    for (const fieldCount of [1, 10]) {
      start = cpuMs();
      const how = byHours ? ', by hours' : '';
      report(`scan of ${fieldCount}${how}`, start, await scanAll(storage, {fieldCount, byHours}));
    }
  console.log(`${(await bytesOf(storage, index)).toFixed(3)} B/value`);
  await storage.close();
}

/** On disk, for each value of a field. */
async function bytesOf(storage: ReplicaStorage, index: number): Promise<number> {
  const point = {index, term: 1, configuration: null, extra: new Uint8Array(0)};
  const snapshot = await storage.snapshot(point);
  snapshot.release();
  const bytes = snapshot.files.reduce((sum, file) => sum + file.bytes, 0);
  return bytes / (SHARES * ROWS_PER_SHARE) / FIELDS;
}

const shares = makeShares();
for (let round = 0; round < ROUNDS; round++)
  for (const version of PART_VERSIONS) await run(shares, version);
