// Queries of whole hours with statistics of blocks and without: 500,000 rows of ten fields, 100 series, 10 s apart,
// compacted, in memory. CPU time of a fragment, both by turns, medians. Run by hand:
//   node test/conformance/statistics.bench.ts [--parts 2|1] [--values integer|float]

import {parseArgs} from 'node:util';
import type {
  BucketId,
  ColumnId,
  ReplicaId,
  ReplicaSetId,
  TableId,
} from '../../packages/base/src/index.ts';
import {encodeSeriesKey, type ShareTable} from '../../packages/column/src/index.ts';
import {executeFragment, type Fragment} from '../../packages/query/src/index.ts';
import {Manifest, type PartVersion, ReplicaStorage} from '../../packages/storage/src/index.ts';
import {MemoryDisk, MemoryManifestStore} from '../../packages/testkit/src/index.ts';

const {values: options} = parseArgs({
  options: {
    parts: {type: 'string', default: '2'},
    values: {type: 'string', default: 'integer'},
  },
});
const TYPE = options.values as 'integer' | 'float';
const SERIES = 100;
const ROWS = 5_000;
const FIELDS = 10;
const ROUNDS = 15;
const TABLE = 1 as TableId;
const START_MS = Date.UTC(2026, 0, 1);
const HOST = 1 as ColumnId;

function shareOf(series: number): ShareTable {
  const walks = Array.from({length: FIELDS}, () => new Float64Array(ROWS));
  for (const walk of walks) {
    let value = 50;
    for (let i = 0; i < ROWS; i++) {
      const step = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(6.28 * Math.random());
      value = Math.min(100, Math.max(0, value + step));
      walk[i] = TYPE === 'integer' ? Math.floor(value) : value;
    }
  }
  return {
    table: TABLE,
    rowCount: ROWS,
    series: [encodeSeriesKey(TABLE, [{column: HOST, value: `host_${series}`}])],
    seriesOfRow: new Int32Array(ROWS),
    offsets: Float64Array.from({length: ROWS}, (_, i) => i * 10e9),
    columns: walks.map((values, i) => ({
      ...{column: (20 + i) as ColumnId, count: ROWS, rows: undefined},
      values: {type: TYPE, values},
    })),
  };
}

async function filled(): Promise<ReplicaStorage> {
  const storage = await ReplicaStorage.open({
    ...{disk: new MemoryDisk(), directory: 'replica', set: 1 as ReplicaSetId},
    ...{manifest: await Manifest.open(new MemoryManifestStore()), replica: 1 as ReplicaId},
    bucket: {startUnits: BigInt(START_MS) * 1_000_000n, unitsPerSecond: 1e9},
    slices: {due: () => undefined},
    partVersion: () => Number(options.parts) as PartVersion,
  });
  for (let series = 0; series < SERIES; series++)
    storage.applyWrite(series + 1, {tables: [shareOf(series)]});
  const point = {index: SERIES, term: 1, configuration: null, extra: new Uint8Array(0)};
  await storage.flush(point);
  await storage.compactAll();
  return storage;
}

function fragmentOf(name: 'avg' | 'max', fields: number): Fragment {
  const time = {op: 'input', type: 'time', input: 0} as const;
  const list = Array.from({length: fields}, (_, i) => i);
  return {
    ...{version: 1, set: 1 as ReplicaSetId, bucket: 1 as BucketId, startMs: START_MS},
    precision: 'ns',
    scan: {
      ...{table: TABLE, startOffset: 0, endOffset: 2 ** 53},
      fields: list.map((i) => ({column: (20 + i) as ColumnId, type: TYPE})),
    },
    inputs: [
      {source: 'time'},
      {source: 'tag', column: HOST},
      ...list.map((index) => ({source: 'field', index, type: TYPE}) as const),
    ],
    work: {
      kind: 'groups',
      keys: [
        {op: 'bin', type: 'time', of: [time], widthNs: '3600000000000', originNs: '0'},
        {op: 'input', type: 'string', input: 1},
      ],
      aggregates: list.map((i) => ({
        name,
        argument: {op: 'input', type: TYPE, input: i + 2},
        type: name === 'avg' ? 'float' : TYPE,
      })),
    },
  };
}

async function cpuMs(storage: ReplicaStorage, fragment: Fragment, statistics: boolean) {
  const start = process.cpuUsage();
  for await (const _ of executeFragment(fragment, storage.scan(fragment.scan), {statistics}));
  const {user, system} = process.cpuUsage(start);
  return (user + system) / 1_000;
}

const median = (all: number[]): number => all.sort((a, b) => a - b)[all.length >> 1]!;

const storage = await filled();
for (const [name, fields] of [
  ['max', 1],
  ['max', 10],
  ['avg', 10],
] as const) {
  const fragment = fragmentOf(name, fields);
  const [on, off]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    off.push(await cpuMs(storage, fragment, false));
    on.push(await cpuMs(storage, fragment, true));
  }
  const [without, having] = [median(off), median(on)];
  console.log(
    `${name} of ${fields} by hour, host: ${without.toFixed(1)} ms by rows, ${having.toFixed(1)} by statistics`,
  );
}
await storage.close();
