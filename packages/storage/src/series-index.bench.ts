// What many series of one replica take in memory, what it takes to find one by its key, to choose some by their
// tags, and to open the replica that has them. Run by hand:
//   node --expose-gc packages/storage/src/series-index.bench.ts [--series 1000000] [--json]
// CPU time, since the machine may be busy. Series are as TSBS's cpu table has them: ten tags, of which the host
// is another one in each.

import {parseArgs} from 'node:util';
import {
  type ColumnId,
  type Disk,
  type DiskFile,
  type ReplicaId,
  type ReplicaSetId,
  SeededRandom,
  type SeriesId,
  type TableId,
} from '@flotilla/base';
import {encodeSeriesKey, type TagPredicate, xxHash32} from '@flotilla/column';
import {MemoryDisk, MemoryManifestStore} from '@flotilla/testkit';
import {Manifest} from './manifest.ts';
import {ReplicaStorage} from './replica-storage.ts';
import {SeriesIndex} from './series-index.ts';

const TABLE = 1 as TableId;
const FIELD = 20 as ColumnId;
/** Of tags beside the host: how many values each has. */
const VALUES = [9, 30, 100, 3, 2, 20, 2, 3, 2];
const SERIES_PER_SHARE = 10_000;
const FINDS = 300_000;
const ROUNDS = 3;

const {values: options} = parseArgs({
  options: {series: {type: 'string', default: '1000000'}, json: {type: 'boolean', default: false}},
});
const SERIES = Number(options.series);

const column = (tag: number): ColumnId => (tag + 1) as ColumnId;
const hostOf = (series: number): string => `host_${series}`;

function keyOf(series: number): Uint8Array {
  const others = VALUES.map((count, tag) => ({
    column: column(tag + 1),
    value: `value-${tag}-${(series * (tag + 7)) % count}`,
  }));
  return encodeSeriesKey(TABLE, [{column: column(0), value: hostOf(series)}, ...others]);
}

/** Side by side in one buffer, as a share has them. */
function keysOf(series: readonly number[]): Uint8Array[] {
  const keys = series.map(keyOf);
  const buffer = new Uint8Array(keys.reduce((sum, {length}) => sum + length, 0));
  let end = 0;
  return keys.map((key) => {
    buffer.set(key, end);
    end += key.length;
    return buffer.subarray(end - key.length, end);
  });
}

function cpuMs(): number {
  const {user, system} = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Undefined where nobody may collect what is held no more. */
function heldBytes(): number | undefined {
  if (globalThis.gc === undefined) return undefined;
  globalThis.gc();
  const {heapUsed, arrayBuffers} = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** The least of some rounds: in the others somebody else had the caches. */
function leastMs(work: () => void): number {
  let least = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = cpuMs();
    work();
    least = Math.min(least, cpuMs() - start);
  }
  return least;
}

interface Held {
  readonly index: SeriesIndex;
  readonly keyBytes: number;
  readonly figures: Record<string, number | undefined>;
}

function build(): Held {
  const before = heldBytes();
  const index = new SeriesIndex();
  let keyBytes = 0;
  let addMs = 0;
  for (let first = 0; first < SERIES; first += SERIES_PER_SHARE) {
    const keys = keysOf(Array.from({length: SERIES_PER_SHARE}, (_, i) => first + i));
    const start = cpuMs();
    for (const key of keys) index.add(key);
    addMs += cpuMs() - start;
    for (const key of keys) keyBytes += key.length;
  }
  const after = heldBytes();
  const grownBytes = before === undefined || after === undefined ? undefined : after - before;
  const figures = {
    keyBytesPerSeries: keyBytes / SERIES,
    bytesPerSeriesBeyondKey: (index.memoryBytes() - keyBytes) / SERIES,
    measuredBytesPerSeriesBeyondKey: grownBytes && (grownBytes - keyBytes) / SERIES,
    addNs: (addMs * 1e6) / SERIES,
  };
  return {index, keyBytes, figures};
}

/** In an order that no cache foresees, and a share's worth of neighbours; the hash alone tells how fast the machine is. */
function finds(index: SeriesIndex): Record<string, number> {
  const random = new SeededRandom(1);
  const count = Math.min(FINDS, SERIES);
  const scattered = keysOf(Array.from({length: count}, () => random.below(SERIES)));
  const unknown = keysOf(Array.from({length: count}, (_, i) => SERIES + i));
  const nsOf = (keys: readonly Uint8Array[]): number => {
    const work = (): void => {
      let found = 0;
      for (const key of keys) if (index.find(key) !== undefined) found += 1;
      if (found !== 0 && found !== keys.length) throw new Error('some were found');
    };
    return (leastMs(work) * 1e6) / keys.length;
  };
  let sum = 0;
  const hashMs = leastMs(() => {
    for (const key of scattered) sum ^= xxHash32(key, 0, key.length, 0);
  });
  if (sum === 0) throw new Error('hashes of all keys cancel each other out');
  const inOrder = keysOf(Array.from({length: count}, (_, i) => i));
  const inOrderMs = leastMs(() => {
    let last: SeriesId | undefined;
    for (const key of inOrder) last = index.find(key, last);
    if (last !== count - 1) throw new Error(`the last one is ${last}`);
  });
  return {
    hashNs: (hashMs * 1e6) / count,
    findScatteredNs: nsOf(scattered),
    findNeighboursNs: nsOf(inOrder),
    findInOrderNs: (inOrderMs * 1e6) / count,
    findUnknownNs: nsOf(unknown),
  };
}

const isIn = (tag: number, ...values: string[]): TagPredicate => ({
  op: 'in',
  column: column(tag),
  values,
});
const matches = (tag: number, pattern: string): TagPredicate => ({
  op: 'match',
  column: column(tag),
  pattern,
  ignoreCase: false,
});

const SELECTS: Readonly<Record<string, TagPredicate>> = {
  hostEquals: isIn(0, hostOf(4_711)),
  hostInHundred: isIn(0, ...Array.from({length: 100}, (_, i) => hostOf(i * 77))),
  hostMatches: matches(0, '^host_12[0-9]*7$'),
  hostIsNot: {op: 'not', of: isIn(0, hostOf(4_711))},
  regionEquals: isIn(1, 'value-0-3'),
  regionMatches: matches(1, '-[1-3]$'),
  regionIsNot: {op: 'not', of: isIn(1, 'value-0-3')},
  regionAndHost: {op: 'and', of: [isIn(1, 'value-0-3'), matches(0, '7$')]},
};

function selects(index: SeriesIndex): Record<string, {ms: number; series: number}> {
  return Object.fromEntries(
    Object.entries(SELECTS).map(([name, predicate]) => {
      let series = 0;
      const ms = leastMs(() => {
        series = index.select(TABLE, predicate).length;
      });
      return [name, {ms, series}];
    }),
  );
}

/** Counts what is read, by the ends of names. */
function counting(disk: Disk, read: Map<string, number>): Disk {
  const openCounted = async (...args: Parameters<Disk['open']>): Promise<DiskFile> => {
    const file = await disk.open(...args);
    const suffix = args[0].slice(args[0].lastIndexOf('.'));
    return new Proxy(file, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return (...given: unknown[]) => {
          if (name === 'readAt') read.set(suffix, (read.get(suffix) ?? 0) + (given[1] as number));
          return Reflect.apply(member, target, given) as unknown;
        };
      },
    });
  };
  return new Proxy(disk, {
    get: (target, name) => {
      if (name === 'open') return openCounted;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

/** One row of each series, flushed; then what is read and taken to have the replica again. */
async function reopened(): Promise<Record<string, number>> {
  const read = new Map<string, number>();
  const disk = counting(new MemoryDisk(), read);
  const store = new MemoryManifestStore();
  const opened = async (): Promise<ReplicaStorage> =>
    ReplicaStorage.open({
      disk,
      directory: 'replicas/1-1',
      manifest: await Manifest.open(store),
      set: 1 as ReplicaSetId,
      replica: 1 as ReplicaId,
      bucket: {startUnits: 0n, unitsPerSecond: 1_000},
      slices: {due: () => undefined},
      partVersion: () => 2,
    });
  const written = await opened();
  let index = 0;
  for (let first = 0; first < SERIES; first += SERIES_PER_SHARE)
    written.applyWrite(++index, {tables: [rowsOf(first)]});
  const partRows = SERIES;
  await written.flush({index, term: 1, configuration: null, extra: new Uint8Array(0)});
  const partBytes = written.partBytes();
  await written.close();
  read.clear();
  let start = cpuMs();
  const storage = await opened();
  const openMs = cpuMs() - start;
  start = cpuMs();
  await storage.load();
  const loadMs = cpuMs() - start;
  if (storage.seriesCount !== SERIES) throw new Error('series are missing');
  await storage.close();
  return {
    partRows,
    partBytes,
    openMs,
    loadMs,
    keyFileBytesRead: read.get('.keys') ?? 0,
    partBytesRead: read.get('.part') ?? 0,
  };
}

function rowsOf(first: number) {
  return {
    table: TABLE,
    rowCount: SERIES_PER_SHARE,
    series: keysOf(Array.from({length: SERIES_PER_SHARE}, (_, i) => first + i)),
    seriesOfRow: Int32Array.from({length: SERIES_PER_SHARE}, (_, i) => i),
    offsets: new Float64Array(SERIES_PER_SHARE),
    columns: [
      {
        column: FIELD,
        count: SERIES_PER_SHARE,
        rows: undefined,
        values: {type: 'float', values: new Float64Array(SERIES_PER_SHARE).fill(1.5)},
      },
    ],
  } as const;
}

const {index, figures} = build();
const report = {
  bench: 'series-index',
  series: SERIES,
  ...figures,
  ...finds(index),
  selects: selects(index),
  reopened: await reopened(),
};
const rounded = (_name: string, value: unknown): unknown =>
  typeof value === 'number' ? Math.round(value * 100) / 100 : value;
console.log(JSON.stringify(report, rounded, options.json ? undefined : 2));
