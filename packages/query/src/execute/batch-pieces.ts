// Batches in pieces. Rows may be a megabyte of text each, and what crosses nodes as one item is held
// whole on both sides and has a bound (node_queue_bytes_max): so a batch leaves as one item where its
// texts are short, else cut in halves until they are.

import {type Batch, encodeBatch} from './batch-codec.ts';
import {consecutive, gather} from './vector.ts';

/** Of a piece: far below what an item may have, at three bytes a character too. */
export const PIECE_TEXT_CHARACTERS_MAX = 4 * 1024 * 1024;

export function* encodePieces(batch: Batch): Generator<Uint8Array> {
  const {rowCount} = batch;
  if (rowCount <= 1 || textCharacters(batch) <= PIECE_TEXT_CHARACTERS_MAX) {
    yield encodeBatch(batch);
    return;
  }
  const half = rowCount >> 1;
  yield* encodePieces(sliceBatch(batch, 0, half));
  yield* encodePieces(sliceBatch(batch, half, rowCount - half));
}

/** The `rowCount` rows from `from` on. */
export function sliceBatch(batch: Batch, from: number, rowCount: number): Batch {
  if (from === 0) return {rowCount, columns: batch.columns};
  const rows = consecutive(from, rowCount);
  return {rowCount, columns: batch.columns.map((column) => gather(column, rows, rowCount))};
}

function textCharacters({rowCount, columns}: Batch): number {
  let characters = 0;
  for (const column of columns) {
    if (column.type !== 'string' || column.constant) continue;
    for (let row = 0; row < rowCount; row++) characters += column.values[row]?.length ?? 0;
  }
  return characters;
}
