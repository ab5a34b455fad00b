import type {ColumnId, TableId} from '@flotilla/base';
import {DistinctSketch, distinctHash, type SetCardinality} from '@flotilla/column';
import {expect, test, vi} from 'vitest';
import {mergeCardinality} from './merge-cardinality.ts';

const HOST = 1 as ColumnId;
const none = {due: () => undefined};

function sketch(names: Iterable<string>): string {
  const made = new DistinctSketch();
  for (const name of names) made.add(distinctHash(Buffer.from(name)));
  return made.encode();
}

const named = (from: number, count: number): string[] =>
  Array.from({length: count}, (_, i) => `h${from + i}`);

/** What a set says that holds these series of one table, each a host of its own; all in one zone. */
function setOf(table: number, hosts: readonly string[], zone = 'z'): SetCardinality {
  const key = {table: table as TableId};
  const series = sketch(hosts.map((host) => `${table} ${host}`));
  return {
    series,
    tables: [{...key, series}],
    tags: [{...key, column: HOST, values: sketch(hosts)}],
    values: [{...key, column: HOST, value: zone, series}],
  };
}

/** In pieces of a few bytes, one after the other. */
async function* streamOf(set: SetCardinality): AsyncGenerator<Uint8Array, void> {
  const bytes = Buffer.from(JSON.stringify(set));
  for (let at = 0; at < bytes.length; at += 100) yield bytes.subarray(at, at + 100);
}

async function* nothing(): AsyncGenerator<Uint8Array, void> {}

test('series that stand in several buckets, and values in several shards, are counted once', async () => {
  const sets = [setOf(1, named(0, 60)), setOf(1, named(30, 60)), setOf(2, named(0, 10))];
  const streams = [...sets.map(streamOf), nothing()];
  expect(await mergeCardinality(streams, {top: 5, ...none})).toEqual({
    series: {count: 100, isEstimate: false},
    tables: [
      {table: 1, count: {count: 90, isEstimate: false}},
      {table: 2, count: {count: 10, isEstimate: false}},
    ],
    tags: [
      {table: 1, column: HOST, count: {count: 90, isEstimate: false}},
      {table: 2, column: HOST, count: {count: 10, isEstimate: false}},
    ],
    values: [
      {table: 1, column: HOST, value: 'z', count: {count: 90, isEstimate: false}},
      {table: 2, column: HOST, value: 'z', count: {count: 10, isEstimate: false}},
    ],
  });
});

test('of very many values the worst are kept, whenever they come', async () => {
  const small = Array.from({length: 300}, (_, i) => setOf(1, named(i, 3), `small${i}`));
  const large = [0, 1, 2].map((i) => setOf(1, named(1_000 * i, 200), `large${i}`));
  const sets = [large[0]!, ...small.slice(0, 150), large[1]!, ...small.slice(150), large[2]!];
  const {values} = await mergeCardinality(sets.map(streamOf), {top: 3, ...none});
  expect(values.map(({value}) => value)).toEqual(['large0', 'large1', 'large2']);
});

test('the answer does not depend on who answered first, and others have their turn', async () => {
  const sets = Array.from({length: 12}, (_, i) => setOf((i % 4) + 1, named(i, 20), `z${i % 5}`));
  let turns = 0;
  const due = async (): Promise<void> => {
    turns += 1;
  };
  const one = await mergeCardinality(sets.map(streamOf), {top: 3, due});
  expect(turns).toBe(12);
  expect(await mergeCardinality(sets.toReversed().map(streamOf), {top: 3, ...none})).toEqual(one);
});

test('a set that fails fails the count, and nobody waits for the others', async () => {
  async function* failing(): AsyncGenerator<Uint8Array, void> {
    yield Buffer.from('{');
    throw new Error('gone');
  }
  const letGo = vi.fn(async () => ({done: true, value: undefined}) as const);
  const next = () => new Promise<IteratorResult<Uint8Array>>(() => {});
  const silent = {[Symbol.asyncIterator]: () => ({next, return: letGo})};
  const streams = [streamOf(setOf(1, ['a'])), silent, failing()];
  await expect(mergeCardinality(streams, {top: 3, ...none})).rejects.toThrow('gone');
  expect(letGo).toHaveBeenCalledTimes(1);
});
