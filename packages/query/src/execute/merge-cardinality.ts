// What the replica sets say of their series, as one. A series stands in the index of each bucket in which it was
// written, and a tag's value in those of several shards: sketches count each once.
// In memory are some multiple of what is wanted, however many sets there are: what falls out of it on the way had
// less than others by then, in all sets before.

import type {ColumnId, TableId} from '@flotilla/base';
import {type DistinctCount, DistinctSketch, type SetCardinality} from '@flotilla/column';
import {raceStreams} from './streams.ts';

/** Kept of each list are so many times what is wanted, and up to twice that before the least go. */
const KEPT_TIMES = 4;

export interface Cardinality {
  readonly series: DistinctCount;
  /** Each list from the most on. */
  readonly tables: readonly {readonly table: TableId; readonly count: DistinctCount}[];
  readonly tags: readonly (TagKey & {readonly count: DistinctCount})[];
  readonly values: readonly (TagKey & {readonly value: string; readonly count: DistinctCount})[];
}

interface TagKey {
  readonly table: TableId;
  readonly column: ColumnId;
}

export interface CardinalityTerms {
  /** So many of each list are wanted. */
  readonly top: number;
  /** A promise to wait for when the thread's slice is used up. */
  readonly due: () => Promise<void> | undefined;
}

/** @param streams each the JSON of a SetCardinality, in pieces; nothing of a set that is left out */
export async function mergeCardinality(
  streams: readonly AsyncIterable<Uint8Array>[],
  {top, due}: CardinalityTerms,
): Promise<Cardinality> {
  const series = new DistinctSketch();
  const tables = new Counts<{readonly table: TableId}>(top);
  const tags = new Counts<TagKey>(top);
  const values = new Counts<TagKey & {readonly value: string}>(top);
  for await (const text of raceStreams(streams.map(wholeOf))) {
    const set = JSON.parse(text) as SetCardinality;
    series.merge(DistinctSketch.decode(set.series));
    for (const {table, series: sketch} of set.tables) tables.add({table}, [table], sketch);
    for (const {table, column, values: sketch} of set.tags)
      tags.add({table, column}, [table, column], sketch);
    for (const {table, column, value, series: sketch} of set.values)
      values.add({table, column, value}, [table, column, value], sketch);
    await due();
  }
  return {
    series: series.distinct(),
    tables: tables.most(top),
    tags: tags.most(top),
    values: values.most(top),
  };
}

/**
 * One item, of all pieces; none where there is none. No generator: whoever lets go of one that waits for a piece
 * would wait with it, and the streams of the others are let go by that.
 */
function wholeOf(stream: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const end = {done: true, value: undefined} as const;
  return {
    [Symbol.asyncIterator]() {
      const iterator = stream[Symbol.asyncIterator]();
      const next = async (): Promise<IteratorResult<string>> => {
        const pieces: Uint8Array[] = [];
        for (;;) {
          const {done, value} = await iterator.next();
          if (done === true) break;
          pieces.push(value);
        }
        if (pieces.length === 0) return end;
        return {done: false, value: Buffer.concat(pieces).toString('utf8')};
      };
      const letGo = async (): Promise<IteratorResult<string>> => {
        await iterator.return?.();
        return end;
      };
      return {next, return: letGo};
    },
  };
}

class Counts<Item> {
  readonly #kept: number;
  readonly #items = new Map<string, {readonly item: Item; readonly sketch: DistinctSketch}>();

  constructor(top: number) {
    this.#kept = KEPT_TIMES * top;
  }

  /** @param key numbers first, so that no two items have one */
  add(item: Item, key: readonly (number | string)[], encoded: string): void {
    const name = key.join(' ');
    const sketch = DistinctSketch.decode(encoded);
    const known = this.#items.get(name);
    if (known !== undefined) {
      known.sketch.merge(sketch);
      return;
    }
    this.#items.set(name, {item, sketch});
    if (this.#items.size <= 2 * this.#kept) return;
    const gone = this.#ordered().slice(this.#kept);
    for (const {name: least} of gone) this.#items.delete(least);
  }

  most(count: number): (Item & {readonly count: DistinctCount})[] {
    return this.#ordered()
      .slice(0, count)
      .map(({item, count: distinct}) => ({...item, count: distinct}));
  }

  /** Of equal counts by name, so that an answer does not depend on who answered first. */
  #ordered(): {readonly name: string; readonly item: Item; readonly count: DistinctCount}[] {
    return [...this.#items]
      .map(([name, {item, sketch}]) => ({name, item, count: sketch.distinct()}))
      .sort((a, b) => b.count.count - a.count.count || (a.name < b.name ? -1 : 1));
  }
}
