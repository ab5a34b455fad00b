// How many series a replica's index knows: of each table, of which tag values, and how many values each tag has.
// Exact numbers choose who is told of; what is told are sketches, which those of other replica sets join.
// A pass over the index for the counts, one for the sketches, in pieces between which the thread does other
// work. Series that come meanwhile are left out of what was begun.

import {type ColumnId, DbError, type SeriesId, type TableId} from '@flotilla/base';
import {
  type CardinalitySpec,
  DistinctSketch,
  distinctHash,
  type SetCardinality,
} from '@flotilla/column';
import type {SeriesIndex, TagColumn} from './series-index.ts';

/** Looked at between two looks at the clock: some 100 us. */
const POSITIONS_PER_LOOK = 8_192;
/** Hashed between two looks at the clock: 100 us of keys of 100 bytes. */
const HASHES_PER_LOOK = 512;

const utf8 = new TextDecoder('utf-8', {ignoreBOM: true});

export interface CountTurns {
  /** A promise to wait for when the thread's slice is used up. */
  due(): Promise<void> | undefined;
  /** Nobody wants the answer any more. */
  readonly signal: AbortSignal;
}

export interface CountOptions extends CountTurns {
  isDeadTable(table: TableId): boolean;
  isDeadColumn(table: TableId, column: ColumnId): boolean;
}

interface CountedTable {
  readonly table: TableId;
  /** By position, as many as there were at the beginning. */
  readonly ids: Int32Array;
  readonly tags: ReadonlyMap<ColumnId, TagColumn>;
}

interface CountedTag {
  readonly table: TableId;
  readonly column: ColumnId;
  readonly tag: TagColumn;
  readonly valueCount: number;
}

interface CountedValue extends CountedTag {
  /** Of the value in its tag. */
  readonly number: number;
  readonly sketch: DistinctSketch;
}

export async function countSeries(
  index: SeriesIndex,
  spec: CardinalitySpec,
  options: CountOptions,
): Promise<SetCardinality> {
  const tables = tablesOf(index, spec, options);
  const largest = new Top<CountedTable>(spec.top);
  for (const table of tables) largest.add(table.ids.length, () => table);
  const {tags, values} = await chooseTags(tables, spec, options);
  const valueCounts: SetCardinality['tags'][number][] = [];
  for (const {table, column, tag, valueCount} of tags) {
    const sketch = new DistinctSketch();
    for (let number = 0; number < valueCount; number++) {
      sketch.add(distinctHash(tag.values.get(number)));
      if (number % HASHES_PER_LOOK === HASHES_PER_LOOK - 1) await turn(options);
    }
    valueCounts.push({table, column, values: sketch.encode()});
  }
  const all = new DistinctSketch();
  const ofTables = new Map<TableId, DistinctSketch>();
  for (const each of tables) {
    const sketch = await sketchTable(index, each, {all, values, options});
    ofTables.set(each.table, sketch);
  }
  return {
    series: all.encode(),
    tables: largest.items().map(({table}) => ({table, series: ofTables.get(table)!.encode()})),
    tags: valueCounts,
    values: values.map(({table, column, tag, number, sketch}) => ({
      table,
      column,
      value: utf8.decode(tag.values.get(number)),
      series: sketch.encode(),
    })),
  };
}

function tablesOf(
  index: SeriesIndex,
  {table: wanted}: CardinalitySpec,
  {isDeadTable, isDeadColumn}: CountOptions,
): CountedTable[] {
  const tables: CountedTable[] = [];
  for (const [table, {ids, tags}] of index.tables()) {
    if (isDeadTable(table) || (wanted !== undefined && wanted !== table)) continue;
    const live = [...tags].filter(([column]) => !isDeadColumn(table, column));
    tables.push({table, ids: ids.view(), tags: new Map(live)});
  }
  return tables;
}

/** The tags with most values, and the values with most series. */
async function chooseTags(
  tables: readonly CountedTable[],
  {top}: CardinalitySpec,
  options: CountOptions,
): Promise<{readonly tags: readonly CountedTag[]; readonly values: readonly CountedValue[]}> {
  const tags = new Top<CountedTag>(top);
  const values = new Top<CountedValue>(top);
  for (const {table, ids, tags: columns} of tables) {
    for (const [column, tag] of columns) {
      const counts = await countValues(tag, ids.length, options);
      const counted: CountedTag = {table, column, tag, valueCount: counts.length};
      tags.add(counts.length, () => counted);
      for (let number = 0; number < counts.length; number++) {
        values.add(counts[number]!, () => ({...counted, number, sketch: new DistinctSketch()}));
        if (number % POSITIONS_PER_LOOK === POSITIONS_PER_LOOK - 1) await turn(options);
      }
    }
  }
  return {tags: tags.items(), values: values.items()};
}

/** By number of the value: how many of the first series have it. */
async function countValues(
  tag: TagColumn,
  seriesCount: number,
  options: CountOptions,
): Promise<Int32Array> {
  const counts = new Int32Array(tag.values.count);
  for (let position = 0; position < seriesCount; position++) {
    const number = tag.numberOf(position);
    if (number >= 0) counts[number]! += 1;
    if (position % POSITIONS_PER_LOOK === POSITIONS_PER_LOOK - 1) await turn(options);
  }
  return counts;
}

interface Sketching {
  /** Gets the table's series too, as do those values that are the table's. */
  readonly all: DistinctSketch;
  readonly values: readonly CountedValue[];
  readonly options: CountOptions;
}

async function sketchTable(
  index: SeriesIndex,
  {table, ids}: CountedTable,
  {all, values, options}: Sketching,
): Promise<DistinctSketch> {
  const sketch = new DistinctSketch();
  const own = byTag(values.filter((value) => value.table === table));
  for (let position = 0; position < ids.length; position++) {
    const hash = distinctHash(index.key(ids[position]! as SeriesId));
    all.add(hash);
    sketch.add(hash);
    for (const [tag, chosen] of own) chosen.get(tag.numberOf(position))?.sketch.add(hash);
    if (position % HASHES_PER_LOOK === HASHES_PER_LOOK - 1) await turn(options);
  }
  return sketch;
}

function byTag(
  values: readonly CountedValue[],
): ReadonlyMap<TagColumn, ReadonlyMap<number, CountedValue>> {
  const tags = new Map<TagColumn, Map<number, CountedValue>>();
  for (const value of values) {
    const chosen = tags.get(value.tag) ?? new Map<number, CountedValue>();
    tags.set(value.tag, chosen.set(value.number, value));
  }
  return tags;
}

async function turn({due, signal}: CountTurns): Promise<void> {
  const slice = due();
  if (slice === undefined) return;
  await slice;
  if (signal.aborted) throw new DbError('CANCELLED', 'nobody waits for the count any more');
}

/** Those of the greatest weights; of equal ones the first. */
class Top<Item> {
  readonly #count: number;
  #entries: {readonly weight: number; readonly item: Item}[] = [];
  /** What weighs no more is not among them. */
  #floor = 0;

  constructor(count: number) {
    this.#count = count;
  }

  add(weight: number, make: () => Item): void {
    if (weight <= this.#floor) return;
    this.#entries.push({weight, item: make()});
    if (this.#entries.length >= 2 * this.#count) this.#cut();
  }

  /** From the greatest on. */
  items(): Item[] {
    this.#cut();
    return this.#entries.map(({item}) => item);
  }

  #cut(): void {
    this.#entries.sort((a, b) => b.weight - a.weight);
    this.#entries = this.#entries.slice(0, this.#count);
    if (this.#entries.length === this.#count) this.#floor = this.#entries.at(-1)!.weight;
  }
}
