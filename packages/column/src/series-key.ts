// The canonical key of a series: one byte string per (table, tag set), the same for every protocol.
// It decides the shard and is stored; its form never changes:
//   varint table id, then per tag, ascending by column id: varint column id, varint bytes, UTF-8.

import {assert, type ColumnId, FatalError, type TableId} from '@flotilla/base';
import {ByteReader} from './bytes/byte-reader.ts';
import {ByteWriter} from './bytes/byte-writer.ts';
import {xxHash32} from './xx-hash.ts';

export interface KeyTag {
  readonly column: ColumnId;
  /** Never empty: a series without the tag does not name it. */
  readonly value: string;
}

export interface DecodedSeriesKey {
  readonly table: TableId;
  readonly tags: readonly KeyTag[];
}

const decoder = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});
const writer = new ByteWriter();

/** Requires tags ascending by column, without doubles and empty values. */
export function encodeSeriesKey(table: TableId, tags: readonly KeyTag[]): Uint8Array {
  writer.clear();
  writer.varint(table);
  let previous = -1;
  for (const {column, value} of tags) {
    assert(column > previous, () => `tags not ascending: ${previous}, ${column}`);
    assert(value !== '', 'empty tag value in a series key');
    previous = column;
    writer.varint(column);
    writer.text(value);
  }
  return writer.copy();
}

/** Throws FatalError if the bytes are not a key. */
export function decodeSeriesKey(key: Uint8Array): DecodedSeriesKey {
  const reader = new ByteReader(key);
  const table = reader.varint() as TableId;
  const tags: KeyTag[] = [];
  let previous = -1;
  while (reader.remaining > 0) {
    const column = reader.varint() as ColumnId;
    if (column <= previous) {
      throw new FatalError(`cannot decode series key: column ${column} after ${previous}`);
    }
    previous = column;
    tags.push({column, value: decodeText(reader.view(reader.varint()))});
  }
  return {table, tags};
}

/** The hash that shards are chosen by: shard = seriesHash(key) mod shards. */
export function seriesHash(key: Uint8Array): number {
  return xxHash32(key, 0, key.length, 0);
}

function decodeText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw new FatalError('cannot decode series key: bad UTF-8', error);
  }
}
