import {
  type ColumnId,
  FatalError,
  type ReplicaId,
  type ReplicaSetId,
  type StoreId,
  type TableId,
} from '@flotilla/base';
import {CLUSTER_VERSION, PARTS_SINCE} from '@flotilla/catalog';
import {encodeSeriesKey, encodeShare} from '@flotilla/column';
import {IndexBudget, MemtableBudget, ReplicaMachine} from '@flotilla/replica';
import {replicaFactory} from '@flotilla/server/engine-parts';
import {Manifest, StorageCounts} from '@flotilla/storage';
import {MemoryDisk, MemoryManifestStore} from '@flotilla/testkit';
import {expect, test} from 'vitest';

const STORE = 0 as StoreId;
const SET = 7 as ReplicaSetId;
const REPLICA = 9 as ReplicaId;
const TABLE = 1 as TableId;
const BIRTH = {version: 1, database: 1, startMs: 0, precision: 'ms', deadTables: []};
const ROWS = 200;

/** One of a thread that knows the cluster to use what `version` says. */
async function replicaAt(version: () => number) {
  const disk = new MemoryDisk();
  const manifest = await Manifest.open(new MemoryManifestStore());
  const birth = Buffer.from(JSON.stringify(BIRTH));
  await manifest.commit({put: [[`birth/${SET}/${REPLICA}`, birth]]});
  const open = replicaFactory({
    disk,
    slices: {due: () => undefined},
    manifests: new Map([[STORE, manifest]]),
    limits: {
      ...{memtableBytes: 1e8, memtableBytesMax: 1e9},
      ...{memtables: new MemtableBudget(), indexes: new IndexBudget()},
    },
    counts: new StorageCounts(),
    clusterVersion: version,
    onFault: (error) => {
      throw error;
    },
    onFate: () => undefined,
  });
  const machine = await open({set: SET, replica: REPLICA, store: STORE});
  if (!(machine instanceof ReplicaMachine)) throw new FatalError('want a machine of rows');
  await machine.load();
  return {machine, disk};
}

/** Entry `index` writes rows behind those of the entry before. */
function write(machine: ReplicaMachine, index: number): void {
  const key = encodeSeriesKey(TABLE, [{column: 1 as ColumnId, value: 'a'}]);
  const offsets = Float64Array.from({length: ROWS}, (_, i) => index * 1e6 + i * 1_000);
  const values = offsets.map((offset) => Math.sin(offset));
  const table = {
    ...{table: TABLE, rowCount: ROWS, series: [key], seriesOfRow: new Int32Array(ROWS), offsets},
    columns: [
      {
        ...{column: 2 as ColumnId, count: ROWS, rows: undefined},
        values: {type: 'float' as const, values},
      },
    ],
  };
  const share = encodeShare({router: {incarnation: 1, sequence: index}, tables: [table]});
  machine.apply(index, 1, Uint8Array.of(1, 1, ...share));
}

/** By the byte behind their magic, from the oldest to the newest. */
async function partVersions(disk: MemoryDisk): Promise<number[]> {
  const directory = `stores/${STORE}/replicas/${SET}-${REPLICA}`;
  const names = (await disk.list(directory)).map(({name}) => name).sort();
  const parts = names.filter((name) => name.endsWith('.part'));
  return parts.map((name) => disk.bytesOf(`${directory}/${name}`)[7]!);
}

test('parts are of each version where the cluster uses what came with it, and nowhere before', async () => {
  let version = 1;
  const {machine, disk} = await replicaAt(() => version);
  for (let index = 1; index <= 3; index++) {
    version = index;
    write(machine, index);
    await machine.flush();
  }
  expect(await partVersions(disk)).toEqual([1, 1, 1]);
  await machine.compactAll();
  expect(await partVersions(disk)).toEqual([1]);
  // Finalized while the replica is open.
  version = 4;
  write(machine, 4);
  await machine.flush();
  expect(await partVersions(disk)).toEqual([1, 2]);
  await machine.compactAll();
  expect(await partVersions(disk)).toEqual([2]);
  version = 8;
  write(machine, 5);
  await machine.flush();
  expect(await partVersions(disk)).toEqual([2, 4]);
  await machine.compactAll();
  expect(await partVersions(disk)).toEqual([4]);
  await machine.close();
});

test('what this build founds uses every version of parts, and the first is of all builds', () => {
  expect(PARTS_SINCE[1]).toBe(1);
  for (const since of Object.values(PARTS_SINCE))
    expect(since).toBeLessThanOrEqual(CLUSTER_VERSION);
});
