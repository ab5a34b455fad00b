// Which sets are asked for the series of a database, and what becomes of what they say.

import {
  type ColumnId,
  type DatabaseId,
  DbError,
  LIMITS,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  type TableId,
} from '@flotilla/base';
import {CatalogMachine, type Command} from '@flotilla/catalog';
import type {SetFragment} from '@flotilla/query';
import type {FragmentReader, FragmentReading, ReadOptions} from '@flotilla/router';
import {beforeEach, expect, test} from 'vitest';
import {NodeClock} from '../adapters/node-clock.ts';
import {AnswerNotes} from './answer-notes.ts';
import {type CardinalityReport, cardinalityFor, readCardinality} from './cardinality.ts';

const PUBLIC = 1 as DatabaseId;
const HOUR_MS = 3_600_000;

let machine: CatalogMachine;
let index: number;
let asked: {readonly fragment: SetFragment; readonly options: ReadOptions}[];
/** By set: series of table `m`, each of a host and of one of two zones. */
let hosts: Map<ReplicaSetId, string[]>;
/** What happens in the cluster when a set is asked. */
let onAsked: (set: ReplicaSetId) => void;
let failing: ReplicaSetId | undefined;
/** It says nothing until it is let go. */
let silent: ReplicaSetId | undefined;

function apply(command: Command): void {
  const {result} = machine.apply(command, ++index);
  if (!result.ok) throw new DbError(result.error.code, result.error.message);
}

function setsOf(startMs: number): readonly ReplicaSetId[] {
  return machine.catalog.bucketAt(PUBLIC, startMs)!.replicaSets;
}

/** One table with two tags in two buckets of two shards. */
beforeEach(() => {
  machine = new CatalogMachine();
  index = 5;
  const node = {incarnation: 'n', address: ':1', engineThreads: 1, version: '1'};
  apply({type: 'found-cluster', clusterId: 'c', node, atMs: 0});
  const fields = [{name: 'v', type: 'float' as const}];
  const table = (name: string) => ({name, tags: ['host', 'zone'], fields});
  apply({type: 'ensure-tables', database: PUBLIC, tables: [table('m'), table('gone')]});
  const placement = [{node: 1 as NodeId, role: 'voter' as const}];
  for (const startMs of [0, HOUR_MS])
    apply({
      type: 'ensure-bucket',
      database: PUBLIC,
      timeMs: startMs,
      startMs,
      endMs: startMs + HOUR_MS,
      placements: [placement, placement],
    });
  asked = [];
  onAsked = () => undefined;
  failing = undefined;
  silent = undefined;
  const [one, other] = setsOf(0);
  const [three, four] = setsOf(HOUR_MS);
  hosts = new Map([
    [one!, ['a', 'b', 'c']],
    [other!, ['d']],
    [three!, ['a', 'b', 'x', 'y']],
    [four!, ['d']],
  ]);
});

/** Of names of one letter, as column/src/distinct-sketch.ts writes it: exact, how many, and a hash of each. */
function sketch(names: readonly string[]): string {
  const hashes = names.map((name) => name.charCodeAt(0));
  return Buffer.from([0, hashes.length, ...hashes]).toString('base64');
}

function countOf(set: ReplicaSetId): object {
  const {id: table, columns} = machine.catalog.tableByName(PUBLIC, 'm')!;
  const [host, zone] = columns.filter(({kind}) => kind === 'tag').map(({id}) => id);
  const own = hosts.get(set)!;
  const all = sketch(own);
  return {
    series: all,
    tables: [
      {table, series: all},
      {table: 99 as TableId, series: all},
    ],
    tags: [
      {table, column: host!, values: all},
      {table, column: zone!, values: sketch(['z'])},
      {table, column: 99 as ColumnId, values: all},
    ],
    values: [{table, column: zone!, value: 'z', series: all}],
  };
}

async function begin(fragment: SetFragment, options: ReadOptions): Promise<FragmentReading> {
  asked.push({fragment, options});
  const {set} = fragment;
  onAsked(set);
  if (set === failing) throw new DbError('NO_LEADER', 'no majority', {replicaSet: set});
  if (set === silent) {
    await new Promise((resolve) => options.signal.addEventListener('abort', resolve));
    throw new DbError('CANCELLED', 'broken off');
  }
  const origin = {replica: 9 as ReplicaId, appliedIndex: 7};
  const bytes = Buffer.from(JSON.stringify(countOf(set)));
  const batches = (async function* () {
    yield bytes.subarray(0, 20);
    yield bytes.subarray(20);
  })();
  return {set, node: 1 as NodeId, origin, batches};
}

const clock = new NodeClock();
const deps = () => ({
  reader: {begin} as unknown as FragmentReader,
  clock,
  slices: {due: () => undefined},
  access: {catalog: machine.catalog, refresh: async () => undefined},
});

function read(
  more: {readonly limit?: number; readonly isPartial?: boolean; readonly notes?: AnswerNotes} = {},
): Promise<CardinalityReport> {
  const {limit, isPartial = false, notes = new AnswerNotes()} = more;
  const database = machine.catalog.database(PUBLIC)!;
  return readCardinality(
    deps(),
    machine.catalog,
    {database, limit},
    {
      consistency: 'linearizable',
      deadlineMs: clock.monotonicMs() + 5_000,
      isPartial,
      stop: new AbortController().signal,
      notes,
    },
  );
}

test('each set of each bucket is asked once, and a series of two buckets is one', async () => {
  const isEstimate = false;
  expect(await read()).toEqual({
    database: 'public',
    series: 6,
    isEstimate,
    tables: [{table: 'm', series: 6, isEstimate}],
    tags: [
      {table: 'm', tag: 'host', values: 6, isEstimate},
      {table: 'm', tag: 'zone', values: 1, isEstimate},
    ],
    values: [{table: 'm', tag: 'zone', value: 'z', series: 6, isEstimate}],
  });
  const sets = asked.map(({fragment}) => fragment.set).sort((a, b) => a - b);
  expect(sets).toEqual([...hosts.keys()].sort((a, b) => a - b));
  expect(asked[0]!.fragment).toMatchObject({source: 'cardinality', count: {top: 20}});
});

test('what has expired is not asked for', async () => {
  apply({type: 'raise-expired-before', database: PUBLIC, expiredBeforeMs: HOUR_MS, atMs: 1});
  await read();
  expect(asked.map(({fragment}) => fragment.set).sort()).toEqual([...setsOf(HOUR_MS)].sort());
});

test('a set that cannot be read fails it, and is left out by name where that is allowed', async () => {
  [failing] = setsOf(HOUR_MS);
  await expect(read()).rejects.toMatchObject({code: 'NO_LEADER', details: {replicaSet: failing}});
  [silent] = setsOf(0);
  // Nobody waits for the others then.
  await expect(read()).rejects.toMatchObject({code: 'NO_LEADER'});
  silent = undefined;
  const notes = new AnswerNotes();
  const report = await read({isPartial: true, notes});
  expect(report.series).toBe(4);
  expect(notes.headers()).toEqual({'flotilla-missing-replica-sets': String(failing)});
});

test('of a set that was dropped before it answered nothing is counted, and nothing said', async () => {
  const [dropped, other] = setsOf(0);
  const {bucket} = machine.catalog.replicaSet(dropped!)!;
  onAsked = (set) => {
    if (set !== dropped) return;
    apply({type: 'drop-bucket', bucket});
    throw new DbError('STALE_EPOCH', 'it was dropped', {replicaSet: set});
  };
  failing = other;
  const notes = new AnswerNotes();
  expect(await read({isPartial: true, notes})).toMatchObject({series: 5});
  expect(notes.headers()).toEqual({});
});

test('no list is longer than was asked for, and none may be longer than cardinality_rows_max', async () => {
  const {tags} = await read({limit: 1});
  expect(tags).toHaveLength(1);
  expect(asked[0]!.fragment).toMatchObject({count: {top: 2}});
  const limitMax = LIMITS.cardinality_rows_max.value;
  expect(await read({limit: limitMax})).toMatchObject({series: 6});
  asked = [];
  await expect(read({limit: limitMax + 1})).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    details: {limit: 'cardinality_rows_max', limitMax},
  });
  expect(asked).toEqual([]);
});

test('by HTTP it is asked of a database, or of one of its tables', async () => {
  const {id} = machine.catalog.tableByName(PUBLIC, 'm')!;
  const names = {tenant: 'default', db: 'public'};
  expect(await cardinalityFor(deps(), {...names, table: 'm', limit: 3})).toMatchObject({series: 6});
  expect(asked[0]).toMatchObject({
    fragment: {count: {table: id, top: 6}},
    options: {consistency: 'linearizable'},
  });
  const none = cardinalityFor(deps(), {...names, table: 'none'});
  await expect(none).rejects.toMatchObject({code: 'TABLE_NOT_FOUND'});
  const nowhere = cardinalityFor(deps(), {...names, db: 'none'});
  await expect(nowhere).rejects.toMatchObject({code: 'DATABASE_NOT_FOUND'});
});
