// What is made of the nodes' answers: rows once, bytes on every node, and what does not answer by name.

import {
  type DatabaseId,
  DbError,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  type Rpc,
  type TableId,
} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';
import {beforeEach, expect, test} from 'vitest';
import {foundedCatalog} from './founded-catalog.fixture.ts';
import {readStorage} from './storage-report.ts';
import type {StoredReplica} from './storage-view.ts';

const PUBLIC = 1 as DatabaseId;
const HOUR_MS = 3_600_000;
const COUNTS = {flushes: 3, flushedBytes: 1_000, compactions: 1, compactedBytes: 1_500};
const clock = {monotonicMs: () => 0};

let catalog: Catalog;
/** By node: what its threads hold. Absent: the node does not answer. */
let held: Map<number, StoredReplica[][]>;
let calls: {node: number; sets: readonly number[]; withParts: boolean}[];

beforeEach(() => {
  const {catalog: founded, apply} = foundedCatalog();
  catalog = founded;
  for (const address of [':2', ':3']) {
    const node = {incarnation: `n${address}`, address, engineThreads: 1, version: '1'};
    apply({type: 'register-node', node, atMs: 0});
  }
  const float = (name: string) => ({name, type: 'float' as const});
  const wide = {name: 'wide', tags: ['host'], fields: ['a', 'b', 'c'].map(float)};
  const narrow = {name: 'narrow', tags: ['host'], fields: [float('v')]};
  apply({type: 'ensure-tables', database: PUBLIC, tables: [wide, narrow]});
  const placement = [1, 2, 3].map((node) => ({node: node as NodeId, role: 'voter' as const}));
  apply({
    type: 'ensure-bucket',
    database: PUBLIC,
    timeMs: 0,
    startMs: 0,
    endMs: HOUR_MS,
    placements: [placement, placement],
  });
  calls = [];
  const [one, other] = sets();
  held = new Map(
    [1, 2, 3].map((node) => [
      node,
      [[stored(one!, node, {isLoaded: node === 1})], [stored(other!, node, {})]],
    ]),
  );
});

function sets(): readonly ReplicaSetId[] {
  return catalog.bucketAt(PUBLIC, 0)!.replicaSets;
}

function tableId(name: string): TableId {
  return catalog.tableByName(PUBLIC, name)!.id;
}

function stored(set: ReplicaSetId, node: number, more: Partial<StoredReplica>): StoredReplica {
  const placed = catalog.replicaSet(set)!.replicas.find((each) => each.node === node)!;
  return {
    set,
    replica: placed.replica,
    isLoaded: true,
    seriesCount: 2,
    keyBytes: 10,
    memtableBytes: 100,
    indexBytes: 50,
    tombstones: 0,
    flushes: 0,
    compactions: 0,
    leftOut: 0,
    partCount: 2,
    partBytes: 600,
    largestPartBytes: 400,
    isFlushDue: false,
    tables: [
      {table: tableId('wide'), partRows: 100, memtableRows: 5},
      {table: tableId('narrow'), partRows: 100, memtableRows: 0},
    ],
    ...more,
  };
}

const rpc: Pick<Rpc, 'call'> = {
  call: async ({node, set}, _method, payload) => {
    const {sets: asked, withParts} = JSON.parse(Buffer.from(payload).toString());
    calls.push({node, sets: asked, withParts});
    const threads = held.get(node);
    if (threads === undefined) throw new DbError('UNAVAILABLE', 'nobody there');
    const hosting = threads.findIndex((own) => own.some((each) => each.set === set));
    const thread = Math.max(0, hosting);
    const replicas = threads[thread]!.filter((each) => asked.includes(each.set));
    return Buffer.from(JSON.stringify({thread, counts: COUNTS, replicas}));
  },
};

const read = (wanted: Parameters<typeof readStorage>[1] = {}) =>
  readStorage(catalog, wanted, {rpc, clock});

test('each thread of a node is asked once, and all that it holds is summed up', async () => {
  held.set(3, [held.get(3)!.flat()]);
  const {nodes, sets: listed} = await read();
  const [one, other] = sets();
  expect(calls.filter(({node}) => node === 2)).toEqual([
    {node: 2, sets: [one, other], withParts: false},
    {node: 2, sets: [other], withParts: false},
  ]);
  expect(calls.filter(({node}) => node === 3)).toHaveLength(1);
  expect(nodes[1]).toEqual({
    node: 2,
    address: ':2',
    isReachable: true,
    replicas: 2,
    loaded: 1,
    parts: 4,
    partBytes: 1_200,
    keyBytes: 20,
    memtableBytes: 200,
    indexBytes: 100,
    flushes: 6,
    flushedBytes: 2_000,
    compactions: 2,
    compactedBytes: 3_000,
    writeAmplification: 2.5,
  });
  expect(listed, 'of a whole cluster they would be thousands').toBeUndefined();
});

test('rows of a table are counted once, its bytes on every node and by what its rows weigh', async () => {
  held.get(3)![0]![0] = stored(sets()[0]!, 3, {
    tables: [{table: tableId('wide'), partRows: 90, memtableRows: 0}],
  });
  const {tables} = await read();
  const [wide, narrow] = tables;
  expect(wide).toMatchObject({database: 'public', table: 'wide', replicaSets: 2, rows: 210});
  expect(wide!.memtableRows).toBe(10);
  // Four and two columns with the time's: 400 of 600 bytes in five replicas, and all of the sixth.
  expect(wide!.partBytes).toBe(5 * 400 + 600);
  expect(wide!.bytesPerValue).toBeCloseTo(2_600 / (5 * 300 + 270), 10);
  expect(narrow).toMatchObject({table: 'narrow', rows: 200, partBytes: 5 * 200});
});

test('of a set: each replica, those that do not answer or are not there by name', async () => {
  const [one] = sets();
  held.delete(3);
  held.get(2)![0] = [{...held.get(2)![0]![0]!, replica: 99 as ReplicaId}];
  const {nodes, sets: listed} = await read({set: one!});
  expect(listed).toHaveLength(1);
  expect(listed![0]).toMatchObject({id: one, database: 'public', tenant: 'default', shard: 0});
  expect(listed![0]!.bucket.end).toBe('1970-01-01T01:00:00.000Z');
  expect(listed![0]!.replicas.map(({node, state, rows}) => [node, state, rows])).toEqual([
    [1, 'loaded', 205],
    [2, 'missing', undefined],
    [3, 'unreachable', undefined],
  ]);
  expect(nodes.map(({isReachable}) => isReachable)).toEqual([true, true, false]);
  expect(calls.every(({withParts}) => withParts)).toBe(true);
});

test('a set that is not there is no set, and neither is that of the meta group', async () => {
  for (const set of [77, 0])
    await expect(read({set: set as ReplicaSetId})).rejects.toMatchObject({code: 'NOT_FOUND'});
  expect(calls).toEqual([]);
});
