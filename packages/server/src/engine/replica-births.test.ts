import {
  type DatabaseId,
  FatalError,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
} from '@flotilla/base';
import {CatalogMachine, CLUSTER_VERSION, type Command} from '@flotilla/catalog';
import {expect, test} from 'vitest';
import {birthOf, readBirth} from './replica-births.ts';

const DATABASE = 1 as DatabaseId;
const [FIRST, SECOND, THIRD] = [1, 2, 3] as ReplicaSetId[];

test('a set in the place of another begins with what was dead then, and its bucket as it was', () => {
  const machine = new CatalogMachine();
  const {catalog} = machine;
  const run = (command: Command) => {
    const {result} = machine.apply(command, catalog.version + 1);
    if (!result.ok) throw new Error(result.error.message);
  };
  const node = {incarnation: 'i', address: 'a', engineThreads: 1, version: '1'};
  run({type: 'found-cluster', clusterId: 'c', clusterVersion: CLUSTER_VERSION, node, atMs: 1});
  const placement = [{node: 1 as NodeId, role: 'voter'}] as const;
  const placements = [placement, placement];
  run({type: 'ensure-bucket', database: DATABASE, timeMs: 0, startMs: 0, endMs: 9, placements});
  run({type: 'open-replica-sets', sets: [FIRST!, SECOND!]});
  const fields = [{name: 'v', type: 'float'}] as const;
  run({type: 'create-table', database: DATABASE, table: {name: 't', tags: [], fields}});
  run({type: 'drop-table', database: DATABASE, name: 't', atMs: 1, purgeAtMs: 9});
  const [dead] = catalog.droppedTables(DATABASE);
  const kind = 'destroy-replica-set';
  run({type: 'create-operation', kind, replicaSet: SECOND!, startedBy: 'ann', atMs: 1});
  const {id: operation} = catalog.operationOf(SECOND!)!;
  const fence = {set: SECOND!, expectedEpoch: 1, operation};
  run({type: 'replace-replica-set', ...fence, placement});
  expect(birthOf(catalog, THIRD!)).toMatchObject({
    deadTables: [dead!.id],
    place: {shard: 1, shards: 2, sets: [FIRST, THIRD]},
  });
  const first = birthOf(catalog, FIRST!)!;
  expect([first.deadTables, first.place?.sets]).toEqual([[], undefined]);
  // It is never made again.
  expect(birthOf(catalog, SECOND!)).toBeUndefined();
});

test.each<[string, RegExp]>([
  ['{"version":1', /^row birth\/1\/7: want JSON; have 12 other bytes$/],
  ['null', /^row birth\/1\/7: want an object; have null$/],
  ['{"version":9}', /^row birth\/1\/7: want version 1; have 9$/],
  [
    '{"version":1,"database":1,"startMs":0,"precision":"s"}',
    /^row birth\/1\/7.precision: want .*; have "s"$/,
  ],
  [
    '{"version":1,"database":1,"startMs":0,"precision":"ns","deadTables":[-1]}',
    /^row birth\/1\/7.deadTables\[0\]: want an integer of 0 to \d+; have -1$/,
  ],
])('a birth that cannot have been written is refused by name: %s', (text, message) => {
  const rows = {get: () => Buffer.from(text)};
  const read = () => readBirth(rows, {set: FIRST!, replica: 7 as ReplicaId});
  expect(read).toThrow(message);
  expect(read).toThrow(FatalError);
});
