// Series of one replica: canonical key -> id in order of first appearance in the log, id -> key, and
// per table the tags as dictionary columns (a number per series and tag, the distinct values in one
// ByteSet). A predicate is evaluated once per distinct value, then mapped over the series.
//
// A canonical key: varint table id, then per tag, ascending by column: varint column id, varint
// byte length, UTF-8 value.

import {assert, type ColumnId, FatalError, type SeriesId, type TableId} from '@flotilla/base';
import {ByteReader, type TagPredicate} from '@flotilla/column';
import {ByteSet} from './byte-set.ts';
import {Int32List, withCapacity} from './growable.ts';
import {selectPositions, type TagColumns} from './tag-selection.ts';

const utf8 = new TextDecoder('utf-8', {ignoreBOM: true});

/** One tag of one table. */
export class TagColumn {
  readonly values = new ByteSet();
  /**
   * By the series' position in its table: number of its value + 1; 0 or beyond the end = null. As wide
   * as the distinct values need: most tags have few.
   */
  #numbers: Uint8Array | Uint16Array | Int32Array = new Uint8Array(0);

  numberOf(position: number): number {
    return position < this.#numbers.length ? this.#numbers[position]! - 1 : -1;
  }

  set(position: number, value: Uint8Array): void {
    const number = this.values.add(value) + 1;
    if (number > 0xff && this.#numbers instanceof Uint8Array)
      this.#numbers = Uint16Array.from(this.#numbers);
    if (number > 0xffff && this.#numbers instanceof Uint16Array)
      this.#numbers = Int32Array.from(this.#numbers);
    this.#numbers = withCapacity(this.#numbers, position + 1);
    this.#numbers[position] = number;
  }

  get bytes(): number {
    return this.values.bytes + this.#numbers.byteLength;
  }
}

class TableSeries {
  readonly ids = new Int32List();
  readonly tags = new Map<ColumnId, TagColumn>();
}

export class SeriesIndex {
  readonly #keys = new ByteSet();
  readonly #tables = new Map<TableId, TableSeries>();
  /** Series id -> its position among the series of its table. */
  readonly #positions = new Int32List();
  /** Of all tables; counted as they grow, since it is asked at each apply. */
  #tableBytes = 0;

  get count(): number {
    return this.#keys.count;
  }

  /**
   * @param after  the series found before it, if any: writers send their series in the same order again and again, so
   *   the next one's id is most likely the next. Its key is compared without being hashed.
   */
  find(key: Uint8Array, after?: SeriesId): SeriesId | undefined {
    return this.#keys.find(key, after === undefined ? undefined : after + 1) as
      | SeriesId
      | undefined;
  }

  /**
   * The id of `key`; a new one if it appears for the first time. Throws FatalError if the bytes are no canonical
   * key: then the index is of no more use.
   */
  add(key: Uint8Array): SeriesId {
    const before = this.#keys.count;
    const id = this.#keys.add(key);
    if (id === before) this.#indexTags(id, key);
    return id as SeriesId;
  }

  key(series: SeriesId): Uint8Array {
    assert(series < this.count, () => `unknown series ${series}`);
    return this.#keys.get(series);
  }

  tableOf(series: SeriesId): TableId {
    return new ByteReader(this.key(series)).varint() as TableId;
  }

  seriesCount(table: TableId): number {
    return this.#tables.get(table)?.ids.count ?? 0;
  }

  /** By table: its series, by their positions in it, and its tags. */
  tables(): ReadonlyMap<TableId, {readonly ids: Int32List; readonly tags: TagColumns}> {
    return this.#tables;
  }

  tagValue(series: SeriesId, column: ColumnId): string | undefined {
    const tag = this.#tables.get(this.tableOf(series))?.tags.get(column);
    const number = tag?.numberOf(this.#positions.at(series)) ?? -1;
    return number < 0 ? undefined : utf8.decode(tag!.values.get(number));
  }

  /** Ids of the table's series for which `predicate` is true, ascending. */
  select(table: TableId, predicate: TagPredicate | undefined): Int32Array {
    const series = this.#tables.get(table);
    if (series === undefined) return new Int32Array(0);
    const ids = series.ids.view();
    return predicate === undefined
      ? ids
      : selectPositions(ids, series.tags as TagColumns, predicate);
  }

  memoryBytes(): number {
    return this.#keys.bytes + this.#positions.bytes + this.#tableBytes;
  }

  #indexTags(id: number, key: Uint8Array): void {
    const reader = new ByteReader(key);
    const tableId = reader.varint() as TableId;
    let table = this.#tables.get(tableId);
    if (table === undefined) {
      table = new TableSeries();
      this.#tables.set(tableId, table);
    }
    const position = table.ids.count;
    this.#tableBytes -= table.ids.bytes;
    table.ids.push(id);
    this.#tableBytes += table.ids.bytes;
    this.#positions.push(position);
    let previous = -1;
    while (reader.remaining > 0) {
      const column = reader.varint() as ColumnId;
      // Else one series would stand under two keys, or a tag have two values.
      if (column <= previous)
        throw new FatalError(`cannot index series key: column ${column} after ${previous}`);
      previous = column;
      const value = reader.view(reader.varint());
      let tag = table.tags.get(column);
      if (tag === undefined) {
        tag = new TagColumn();
        table.tags.set(column, tag);
        this.#tableBytes += tag.bytes;
      }
      this.#tableBytes -= tag.bytes;
      tag.set(position, value);
      this.#tableBytes += tag.bytes;
    }
  }
}
