// One column of one block as bytes: presence bits, statistics, then the values that are present, in
// whatever encoding @flotilla/column finds best for them. Drawn in FORMAT.md.

import {FatalError} from '@flotilla/base';
import {
  ByteReader,
  type ByteWriter,
  type ChunkColumn,
  decodeColumn,
  encodeColumn,
  type FieldType,
} from '@flotilla/column';
import {computeStatistics, readStatistics, writeStatistics} from './block-statistics.ts';
import {ABSENT, gatherColumn, sliceColumn} from './column-gather.ts';

const HAS_PRESENCE = 1;
const HAS_STATISTICS = 2;

/** Appends rows [from, to) of a column; nothing at all where none of them has a value. */
export function writeBlockColumn(
  writer: ByteWriter,
  scratch: ByteWriter,
  column: ChunkColumn,
  from: number,
  to: number,
): void {
  const block = sliceColumn(column, from, to);
  const rowCount = to - from;
  const count = countPresent(block.present, rowCount);
  if (count === 0) return;
  const values = count === rowCount ? block.values : compact(block, rowCount, count);
  scratch.clear();
  encodeColumn(values, count, scratch);
  const statistics = computeStatistics(values, count, scratch.position);
  writer.u8(
    (count === rowCount ? 0 : HAS_PRESENCE) | (statistics === undefined ? 0 : HAS_STATISTICS),
  );
  if (count < rowCount) writePresence(writer, block.present!, rowCount);
  if (statistics !== undefined) writeStatistics(writer, values.type, statistics);
  writer.bytes(scratch.written());
}

/** Requires bytes whose checksum was verified; what still does not decode is damage. */
export function readBlockColumn(body: Uint8Array, type: FieldType, rowCount: number): ChunkColumn {
  const reader = new ByteReader(body);
  const flags = reader.u8();
  const hasPresence = (flags & HAS_PRESENCE) !== 0;
  const present = hasPresence ? readPresence(reader, rowCount) : undefined;
  if ((flags & HAS_STATISTICS) !== 0) readStatistics(reader, type);
  const count = countPresent(present, rowCount);
  const values = decodeColumn(reader, type, count);
  if (values.type !== type) throw new FatalError(`block holds ${values.type}, want ${type}`);
  return present === undefined ? {values} : spread(values, present, rowCount);
}

function countPresent(present: Uint8Array | undefined, rowCount: number): number {
  if (present === undefined) return rowCount;
  let count = 0;
  for (let i = 0; i < rowCount; i++) count += present[i]!;
  return count;
}

/** Only the values that are there, one after another. */
function compact(column: ChunkColumn, rowCount: number, count: number): ChunkColumn['values'] {
  const pick = new Int32Array(count);
  let next = 0;
  for (let row = 0; row < rowCount; row++) if (column.present![row] === 1) pick[next++] = row;
  return gatherColumn(column.values, column.values, pick, count, 0)!.values;
}

/** Back to one slot a row. */
function spread(values: ChunkColumn['values'], present: Uint8Array, rowCount: number): ChunkColumn {
  const pick = new Int32Array(rowCount);
  let next = 0;
  for (let row = 0; row < rowCount; row++) pick[row] = present[row] === 1 ? next++ : ABSENT;
  return {values: gatherColumn(values, values, pick, rowCount, rowCount - next)!.values, present};
}

function writePresence(writer: ByteWriter, present: Uint8Array, rowCount: number): void {
  for (let row = 0; row < rowCount; row += 8) {
    let bits = 0;
    for (let i = 0; i < 8 && row + i < rowCount; i++) bits |= present[row + i]! << i;
    writer.u8(bits);
  }
}

function readPresence(reader: ByteReader, rowCount: number): Uint8Array {
  const present = new Uint8Array(rowCount);
  for (let row = 0; row < rowCount; row += 8) {
    const bits = reader.u8();
    for (let i = 0; i < 8 && row + i < rowCount; i++) present[row + i] = (bits >> i) & 1;
  }
  return present;
}
