// Which rows of a block's column have a value: a bit a row, or a list of the rows that do, or do not, where
// few are listed: a field of one row in a thousand then takes some bytes a block and not a bit a row.

import {FatalError} from '@flotilla/base';
import type {ByteReader, ByteWriter} from '@flotilla/column';

/** Rows that a gap of one byte steps over. */
const GAP_ROWS = 128;

/** Whether a list of so many rows takes fewer bytes than bits, however they lie. */
export function listIsShorter(listed: number, rowCount: number): boolean {
  // Their number (two bytes from 128 on), a byte each, and one more for each gap that needs it.
  return 2 + listed + Math.floor(rowCount / GAP_ROWS) < Math.ceil(rowCount / 8);
}

export function writePresenceBits(writer: ByteWriter, present: Uint8Array, rowCount: number): void {
  for (let row = 0; row < rowCount; row += 8) {
    let bits = 0;
    for (let i = 0; i < 8 && row + i < rowCount; i++) bits |= present[row + i]! << i;
    writer.u8(bits);
  }
}

export function readPresenceBits(reader: ByteReader, rowCount: number): Uint8Array {
  const present = new Uint8Array(rowCount);
  for (let row = 0; row < rowCount; row += 8) {
    const bits = reader.u8();
    for (let i = 0; i < 8 && row + i < rowCount; i++) present[row + i] = (bits >> i) & 1;
  }
  return present;
}

/** Lists the rows whose presence is `listed`, each by its distance from behind the one before. */
export function writePresenceList(
  writer: ByteWriter,
  present: Uint8Array,
  rowCount: number,
  listed: 0 | 1,
): void {
  let count = 0;
  for (let row = 0; row < rowCount; row++) if (present[row] === listed) count++;
  writer.varint(count);
  let next = 0;
  for (let row = 0; row < rowCount; row++) {
    if (present[row] !== listed) continue;
    writer.varint(row - next);
    next = row + 1;
  }
}

export function readPresenceList(reader: ByteReader, rowCount: number, listed: 0 | 1): Uint8Array {
  const present = new Uint8Array(rowCount).fill(1 - listed);
  let next = 0;
  for (let left = reader.count(rowCount); left > 0; left--) {
    const row = next + reader.varint();
    if (row >= rowCount) throw new FatalError(`cannot decode presence: row ${row} of ${rowCount}`);
    present[row] = listed;
    next = row + 1;
  }
  return present;
}
