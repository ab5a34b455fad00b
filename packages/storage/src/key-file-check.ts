// A look at a key file in pieces, of which none holds more than the longest key beside it: first its checksum,
// then that each key decodes. Whether a key stands there twice is not asked, which would take an index of all:
// bytes that are the written ones hold what was written.

import {crc32} from 'node:zlib';
import type {Disk, DiskFile, FileCheck} from '@flotilla/base';
import {ByteReader, decodeSeriesKey, VARINT_BYTES_MAX} from '@flotilla/column';
import {KEY_MAGIC, type KeyFileRecord} from './key-file.ts';

const PIECE_BYTES = 1 << 20;
const CHECKSUM_BYTES = 4;
/** A line of 1 MiB has no longer one by far. What is said to be longer is not gathered until the file's end. */
const KEY_BYTES_MAX = 1 << 24;
/** Magic, first series and count at their longest. */
const HEAD_BYTES_MAX = KEY_MAGIC.length + 2 * VARINT_BYTES_MAX;

export interface KeyFilePlace {
  readonly path: string;
  readonly record: KeyFileRecord;
}

/** Tells what is wrong with the file. Throws FatalError where it cannot be read. */
export async function checkKeyFile(
  disk: Disk,
  {path, record}: KeyFilePlace,
  check: FileCheck,
): Promise<void> {
  const file = await disk.open(path, 'read');
  const fault = (offset: number, message: string) => check.fault({file: path, offset, message});
  try {
    const size = await file.size();
    if (size !== record.bytes) {
      fault(Math.min(size, record.bytes), `want ${record.bytes} bytes; have ${size}`);
      return;
    }
    const end = Math.max(0, size - CHECKSUM_BYTES);
    const want = new ByteReader(await file.readAt(end, size - end)).u32();
    let have = 0;
    for await (const piece of piecesOf(file, 0, end)) {
      have = crc32(piece, have);
      check.read(path, piece.length);
    }
    check.read(path, CHECKSUM_BYTES);
    const {checksum = have} = record;
    if (want !== have) fault(0, `checksum mismatch: want ${want}; have ${have}`);
    else if (have !== checksum)
      fault(end, `other keys than the manifest names: want checksum ${checksum}; have ${have}`);
    else await readKeys(file, record, {end, fault});
  } finally {
    await file.close();
  }
}

async function* piecesOf(file: DiskFile, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; at += PIECE_BYTES)
    yield await file.readAt(at, Math.min(PIECE_BYTES, end - at));
}

interface Keys {
  /** One past the last key. */
  readonly end: number;
  readonly fault: (offset: number, message: string) => void;
}

async function readKeys(file: DiskFile, record: KeyFileRecord, {end, fault}: Keys): Promise<void> {
  const decoded = <T>(offset: number, decode: () => T): T | undefined => {
    try {
      return decode();
    } catch (error) {
      fault(offset, (error as Error).message);
      return undefined;
    }
  };
  const head = await file.readAt(0, Math.min(HEAD_BYTES_MAX, end));
  const start = decoded(0, () => readHead(head, record));
  if (start === undefined) return;
  let at = start;
  let count = 0;
  let rest: Uint8Array = new Uint8Array(0);
  for await (const piece of piecesOf(file, start, end)) {
    const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    const isLast = at + bytes.length === end;
    const keys = decoded(at, () => keysIn(bytes, isLast));
    if (keys === undefined) return;
    rest = bytes.subarray(keys.bytes);
    at += keys.bytes;
    count += keys.count;
  }
  if (count !== record.count) fault(start, `want ${record.count} keys; have ${count}`);
}

/** Where the first key begins. */
function readHead(bytes: Uint8Array, record: KeyFileRecord): number {
  const reader = new ByteReader(bytes);
  if (Buffer.compare(reader.view(KEY_MAGIC.length), KEY_MAGIC) !== 0)
    throw new Error('not a key file of a known version');
  const [firstSeries, count] = [reader.varint(), reader.varint()];
  if (firstSeries !== record.firstSeries || count !== record.count)
    throw new Error(
      `series ${firstSeries} and ${count - 1} more; the manifest has ${record.firstSeries} and ${record.count - 1} more`,
    );
  return reader.position;
}

/** Whole keys at the beginning of the bytes; the one behind them goes on in the next piece. */
function keysIn(bytes: Uint8Array, isLast: boolean): {count: number; bytes: number} {
  let count = 0;
  let end = 0;
  while (end < bytes.length) {
    if (!isLast && bytes.length - end < VARINT_BYTES_MAX) break;
    const reader = new ByteReader(bytes, end);
    const length = reader.count(KEY_BYTES_MAX);
    if (!isLast && length > reader.remaining) break;
    decodeSeriesKey(reader.view(length));
    end = reader.position;
    count += 1;
  }
  return {count, bytes: end};
}
