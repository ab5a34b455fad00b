// Series keys on disk: each flush writes those that are new since the last one, in the order of their
// ids, so that a restart reads keys and no rows. Drawn in FORMAT.md.

import {crc32} from 'node:zlib';
import {type Disk, FatalError, type SeriesId} from '@flotilla/base';
import {ByteReader, ByteWriter} from '@flotilla/column';
import type {SeriesIndex} from './series-index.ts';
import type {Slices} from './slices.ts';

/** "FLOTKEY" and the version of the format. */
export const KEY_MAGIC = Uint8Array.of(0x46, 0x4c, 0x4f, 0x54, 0x4b, 0x45, 0x59, 1);

/** Keys between two looks at the clock: some 100 us. */
const KEYS_PER_LOOK = 256;
/** Bytes of a checksum between two such looks, likewise. */
const BYTES_PER_LOOK = 1 << 17;

/** An index, and the slices in which the thread works on its keys: there may be a million. */
interface KeyWork {
  readonly index: SeriesIndex;
  readonly slices: Slices;
}

export interface KeyFileRecord {
  readonly file: string;
  readonly bytes: number;
  /** As it stands at the file's end. Absent of one that was written without. */
  readonly checksum?: number | undefined;
  /** Ids firstSeries .. firstSeries + count - 1. */
  readonly firstSeries: number;
  readonly count: number;
}

export async function encodeKeys(
  {index, slices}: KeyWork,
  firstSeries: number,
  count: number,
): Promise<{readonly bytes: Uint8Array; readonly checksum: number}> {
  const writer = new ByteWriter(64 + count * 64);
  writer.bytes(KEY_MAGIC);
  writer.varint(firstSeries);
  writer.varint(count);
  for (let id = firstSeries; id < firstSeries + count; id++) {
    const due = (id - firstSeries) % KEYS_PER_LOOK === KEYS_PER_LOOK - 1 ? slices.due() : undefined;
    if (due !== undefined) await due;
    const key = index.key(id as SeriesId);
    writer.varint(key.length);
    writer.bytes(key);
  }
  const checksum = await checksumOf(writer.written(), slices);
  writer.u32(checksum);
  return {bytes: writer.written(), checksum};
}

async function checksumOf(bytes: Uint8Array, slices: Slices): Promise<number> {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += BYTES_PER_LOOK) {
    const due = at === 0 ? undefined : slices.due();
    if (due !== undefined) await due;
    sum = crc32(bytes.subarray(at, at + BYTES_PER_LOOK), sum);
  }
  return sum;
}

/** The size is asked first: memory for what a manifest says of a file that is not of it may be any amount. */
async function readWhole(disk: Disk, path: string, length: number): Promise<Uint8Array> {
  const file = await disk.open(path, 'read');
  try {
    const size = await file.size();
    if (size !== length)
      throw new FatalError(`cannot read keys: want ${length} bytes; have ${size}; file=${path}`);
    return await file.readAt(0, length);
  } finally {
    await file.close();
  }
}

/** Adds the file's keys to the index. Requires that the index holds exactly those before them. */
export async function loadKeys(
  disk: Disk,
  path: string,
  record: KeyFileRecord,
  {index, slices}: KeyWork,
): Promise<void> {
  const bytes = await readWhole(disk, path, record.bytes);
  await decodedKeys(bytes, {path, record, index, slices});
}

interface KeysSource extends KeyWork {
  readonly path: string;
  readonly record: KeyFileRecord;
}

async function decodedKeys(
  bytes: Uint8Array,
  {path, record, index, slices}: KeysSource,
): Promise<void> {
  const end = Math.max(0, bytes.length - 4);
  const want = new ByteReader(bytes, end).u32();
  const have = await checksumOf(bytes.subarray(0, end), slices);
  if (want !== have)
    throw new FatalError(`checksum mismatch: want ${want}; have ${have}; file=${path}`);
  const {checksum = have} = record;
  if (have !== checksum)
    throw new FatalError(
      `other keys than the manifest names: want checksum ${checksum}; have ${have}; file=${path}`,
    );
  const reader = new ByteReader(bytes, 0, end);
  if (Buffer.compare(reader.view(KEY_MAGIC.length), KEY_MAGIC) !== 0)
    throw new FatalError(`not a key file of a known version; file=${path}`);
  const firstSeries = reader.varint();
  const count = reader.varint();
  if (firstSeries !== index.count || firstSeries !== record.firstSeries || count !== record.count)
    throw new FatalError(`series from ${firstSeries}, want ${index.count}; file=${path}`);
  for (let i = 0; i < count; i++) {
    const due = i % KEYS_PER_LOOK === KEYS_PER_LOOK - 1 ? slices.due() : undefined;
    if (due !== undefined) await due;
    index.add(reader.view(reader.varint()));
  }
  if (reader.remaining > 0)
    throw new FatalError(
      `${reader.remaining} bytes behind the last of ${count} keys; file=${path}`,
    );
  if (index.count !== firstSeries + count)
    throw new FatalError(`series keys occur twice; file=${path}`);
}
