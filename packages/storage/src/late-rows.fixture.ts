// What rows a day late cost storage more than rows in order, from apply to the last merge: for late-rows.test.ts, which
// runs it as a process of its own. In that of other tests each collection walks what they have left, and late rows,
// which make more garbage, pay for it.

import assert from 'node:assert/strict';
import type {ColumnId, ReplicaId, ReplicaSetId, TableId} from '@flotilla/base';
import {encodeSeriesKey, type ShareTable} from '@flotilla/column';
import {MemoryDisk, MemoryManifestStore} from '@flotilla/testkit';
import {Manifest} from './manifest.ts';
import {ReplicaStorage} from './replica-storage.ts';

const TABLE = 1 as TableId;
const HOSTS = 8;
const FIELDS = 10;
const STEP_MS = 20_000;
const DAY_MS = 86_400_000;
/** Of two days and a half: what is late meets what was written, merged, the day before. */
const TICKS = (2.5 * DAY_MS) / STEP_MS;
const TICKS_PER_SHARE = 60;
const SHARES_PER_FLUSH = 10;
const LATE_EVERY_TICKS = 10;
const ROUNDS = 5;

const KEYS = Array.from({length: HOSTS}, (_, host) =>
  encodeSeriesKey(TABLE, [{column: 1 as ColumnId, value: `host_${host}`}]),
);

/** Rows of all hosts, tick by tick. Those of each tenth tick stand at times of their own either way. */
function shares(lateMs: number): ShareTable[] {
  return Array.from({length: TICKS / TICKS_PER_SHARE}, (_, share) => {
    const rowCount = TICKS_PER_SHARE * HOSTS;
    const tickOf = (row: number): number => share * TICKS_PER_SHARE + Math.floor(row / HOSTS);
    return {
      table: TABLE,
      rowCount,
      series: share === 0 ? KEYS : KEYS.map((_, id) => id),
      seriesOfRow: Int32Array.from({length: rowCount}, (_, row) => row % HOSTS),
      offsets: Float64Array.from({length: rowCount}, (_, row) => {
        const tick = tickOf(row);
        return DAY_MS + tick * STEP_MS - (tick % LATE_EVERY_TICKS === 0 ? lateMs : 0);
      }),
      columns: Array.from({length: FIELDS}, (_, field) => ({
        column: (2 + field) as ColumnId,
        count: rowCount,
        rows: undefined,
        values: {
          type: 'integer' as const,
          values: Float64Array.from(
            {length: rowCount},
            (_, row) => 50 + ((tickOf(row) * 7 + row * field) % 23),
          ),
        },
      })),
    };
  });
}

async function cpuMsOf(given: readonly ShareTable[]): Promise<number> {
  const storage = await ReplicaStorage.open({
    disk: new MemoryDisk(),
    directory: 'replicas/1-1',
    manifest: await Manifest.open(new MemoryManifestStore()),
    set: 1 as ReplicaSetId,
    replica: 1 as ReplicaId,
    bucket: {startUnits: 1_767_225_600_000n, unitsPerSecond: 1_000},
    slices: {due: () => undefined},
    partVersion: () => 2,
  });
  const began = process.threadCpuUsage();
  for (const [i, table] of given.entries()) {
    const index = i + 1;
    storage.applyWrite(index, {tables: [table]});
    if (index % SHARES_PER_FLUSH !== 0) continue;
    await storage.flush({index, term: 1, configuration: null, extra: new Uint8Array(0)});
    while (storage.needsCompaction()) await storage.compact();
  }
  await storage.compactAll();
  const {user, system} = process.threadCpuUsage(began);
  assert.equal(storage.tables()[0]!.rowCount, TICKS * HOSTS);
  await storage.close();
  return (user + system) / 1_000;
}

const [ordered, late] = [shares(0), shares(DAY_MS)];
const least = {ordered: Number.POSITIVE_INFINITY, late: Number.POSITIVE_INFINITY};
// By turns, and of each the least: other work on the machine only adds.
for (let round = 0; round < ROUNDS; round++) {
  least.ordered = Math.min(least.ordered, await cpuMsOf(ordered));
  least.late = Math.min(least.late, await cpuMsOf(late));
}
process.stdout.write(JSON.stringify(least));
