// Where a log ended when it was last closed in order. All before it was durable, so a bad last record is damage
// and not what a crash has torn, which look alike. The log only grows, so this stays true of it until the next
// such end takes its place, whatever happens in between.

import {crc32} from 'node:zlib';
import {type Disk, isUnreadable} from '@flotilla/base';
import {ByteReader, ByteWriter} from '@flotilla/wire';
import {LogDamage} from './log-damage.ts';

export interface CleanEnd {
  /** Number of the last segment. */
  readonly segment: number;
  /** Of its file, one past the last record. */
  readonly bytes: number;
}

export const CLEAN_END_NAME = 'end';

/** "FLSE", little-endian. */
const MAGIC = 0x45534c46;
const VERSION = 1;
export const CLEAN_END_BYTES = 28;

/** Replaces the one before it, durably. */
export async function writeCleanEnd(disk: Disk, path: string, end: CleanEnd): Promise<void> {
  const writer = new ByteWriter();
  writer.u32(MAGIC);
  writer.u32(VERSION);
  writer.u64(end.segment);
  writer.u64(end.bytes);
  writer.u32(crc32(writer.view()));
  const name = `${path}/${CLEAN_END_NAME}`;
  await disk.remove(`${name}.new`);
  const file = await disk.open(`${name}.new`, 'create');
  try {
    await file.writeAt(0, [writer.view()]);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(`${name}.new`, name);
  await disk.syncDirectory(path);
}

/** `damaged`: what it told is lost. Undefined: the log was never closed in order. */
export async function readCleanEnd(
  disk: Disk,
  path: string,
): Promise<CleanEnd | 'damaged' | undefined> {
  const name = `${path}/${CLEAN_END_NAME}`;
  if (!(await disk.exists(name))) return undefined;
  const file = await disk.open(name, 'read');
  try {
    return decode(await file.readAt(0, await file.size()));
  } catch (error) {
    if (isUnreadable(error)) return 'damaged';
    throw error;
  } finally {
    await file.close();
  }
}

/** @param segment  as far as its records are whole. Throws LogDamage where it ended later. */
export function assertReaches(
  end: CleanEnd | 'damaged' | undefined,
  {segment, bytes}: CleanEnd,
  path: string,
): void {
  if (end === undefined || end === 'damaged' || end.segment !== segment) return;
  if (bytes < end.bytes)
    throw new LogDamage(
      `corrupt log: bad record before ${end.bytes}, where it ended in order; file=${path} offset=${bytes}`,
    );
}

/** @param last  number of the last segment that there is, 0 for none. Throws LogDamage where it ended in a later one. */
export function assertHasEnd(
  end: CleanEnd | 'damaged' | undefined,
  last: number,
  path: string,
): void {
  if (end !== undefined && end !== 'damaged' && end.segment > last)
    throw new LogDamage(
      `corrupt log: segment ${end.segment}, where it ended in order, is missing; file=${path}`,
    );
}

function decode(bytes: Uint8Array): CleanEnd | 'damaged' {
  const reader = new ByteReader(bytes, 0, bytes.length);
  const [magic, version] = [reader.u32(), reader.u32()];
  const end = {segment: reader.u64(), bytes: reader.u64()};
  const crc = reader.u32();
  const isWhole =
    bytes.length === CLEAN_END_BYTES && crc === crc32(bytes.subarray(0, CLEAN_END_BYTES - 4));
  return isWhole && magic === MAGIC && version === VERSION ? end : 'damaged';
}
