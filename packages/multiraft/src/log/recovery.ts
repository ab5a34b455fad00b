// Reading a store's log back: segments in order, records in order, items through the directory.
// A torn end of the last segment is cut; anything else that is bad, or that the disk does not give, is damage
// and stops the store. Zeros behind an earlier one are none: they were cut off, and the disk lost that in a
// sync that failed; whether a record is missing the next segment's first number tells.
// Segments before a gap in the numbers are leftovers of an interrupted removal; if one of them was
// needed after all, a group misses entries and recovery says so, before anything is removed.
// A torn end is none where the log was closed in order behind it (clean-end.ts).
// The last record may never have been synced: its writer was killed before, or its sync failed. It is
// made durable here, since from now on votes and acknowledgements rely on it.

import {type Disk, type DiskFile, FatalError, isDiskFull} from '@flotilla/base';
import {assertHasEnd, assertReaches, type CleanEnd, readCleanEnd} from './clean-end.ts';
import {LogDirectory} from './directory.ts';
import {LogDamage} from './log-damage.ts';
import {decodeItems} from './log-item.ts';
import {
  decodeSegmentHeader,
  type LogRecord,
  RECORD_HEADER_BYTES,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  scanSegment,
} from './record.ts';
import {readSegment} from './segment-bytes.ts';

export interface SegmentFile {
  readonly header: SegmentHeader;
  readonly file: DiskFile;
  /** One past the last record. */
  bytes: number;
  /** Under way: a descriptor that is closed beneath one could by then name another file. */
  readonly reads: Set<Promise<Uint8Array>>;
}

export interface Recovered {
  readonly directory: LogDirectory;
  readonly segments: SegmentFile[];
  readonly nextRecord: number;
  /** Of the last segment, as far as it is good; undefined where there is none. */
  readonly lastBytes: Uint8Array | undefined;
}

/** A segment's file name holds its number. */
export const SEGMENT_NAME = /^segment-(\d{16})$/;

export function segmentPath(path: string, segment: number): string {
  return `${path}/segment-${String(segment).padStart(16, '0')}`;
}

export async function recoverSegments(disk: Disk, path: string): Promise<Recovered> {
  await makeDurableDirectory(disk, path);
  const {numbers, leftovers} = await listSegments(disk, path);
  const end = await readCleanEnd(disk, path);
  assertHasEnd(end, numbers.at(-1) ?? 0, path);
  const directory = new LogDirectory();
  const segments: SegmentFile[] = [];
  let nextRecord = 1;
  let lastBytes: Uint8Array | undefined;
  for (const number of numbers) {
    const isLast = number === numbers.at(-1);
    const segment = await recoverSegment(disk, segmentPath(path, number), directory, {isLast, end});
    const {header} = segment.file;
    if (header.segment !== number || (segments.length > 0 && header.firstRecord !== nextRecord))
      throw new LogDamage(
        `corrupt log: want record ${nextRecord}, have ${header.firstRecord}; file=${segment.file.file.path} offset=${SEGMENT_HEADER_BYTES}`,
      );
    nextRecord = header.firstRecord + segment.recordCount;
    segments.push(segment.file);
    lastBytes = segment.bytes;
  }
  // Also the last segment's name may not have been durable.
  await disk.syncDirectory(path);
  for (const group of directory.groups.values()) group.assertLocated(path);
  for (const name of leftovers) await disk.remove(name);
  return {directory, segments, nextRecord, lastBytes};
}

/** The newest segments without a gap between them, and what an interrupted step may have left behind. */
export async function listSegments(
  disk: Disk,
  path: string,
): Promise<{numbers: number[]; leftovers: string[]}> {
  const numbers: number[] = [];
  const leftovers: string[] = [];
  for (const {name} of await disk.list(path)) {
    const match = SEGMENT_NAME.exec(name);
    if (match !== null) numbers.push(Number(match[1]));
    else if (name.endsWith('.new')) leftovers.push(`${path}/${name}`);
  }
  let first = numbers.length - 1;
  while (first > 0 && numbers[first - 1] === numbers[first]! - 1) first -= 1;
  first = Math.max(0, first);
  for (const stale of numbers.slice(0, first)) leftovers.push(segmentPath(path, stale));
  return {numbers: numbers.slice(first), leftovers};
}

async function recoverSegment(
  disk: Disk,
  path: string,
  directory: LogDirectory,
  {isLast, end: told}: {readonly isLast: boolean; readonly end: CleanEnd | 'damaged' | undefined},
): Promise<{file: SegmentFile; recordCount: number; bytes: Uint8Array}> {
  const file = await disk.open(path, isLast ? 'write' : 'read');
  const {bytes, lostAt} = await readSegment(file);
  if (lostAt !== undefined)
    throw new LogDamage(`cannot read log: a sector is lost; file=${path} offset=${lostAt}`);
  const header = decodeSegmentHeader(bytes, path);
  const {records, end} = scanSegment(bytes, header, path);
  if (records[0]?.kind !== 'checkpoint')
    throw new LogDamage(
      `corrupt log: no checkpoint at the start; file=${path} offset=${SEGMENT_HEADER_BYTES}`,
    );
  assertReaches(told, {segment: header.segment, bytes: end}, path);
  if (end < bytes.length) {
    if (!isLast && !isZero(bytes.subarray(end)))
      throw new LogDamage(
        `corrupt log: bad record before the last segment; file=${path} offset=${end}`,
      );
    if (isLast) await file.truncate(end);
  }
  if (isLast) await makeDurable(file, bytes.subarray(0, end), records.at(-1)!);
  for (const record of records) applyRecord(directory, record, {bytes, header, path});
  return {
    file: {header, file, bytes: end, reads: new Set()},
    recordCount: records.length,
    bytes: bytes.subarray(0, end),
  };
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/**
 * The record is written again: after a failed sync the system may take its pages for clean, and sync
 * nothing. A full disk that has no room even for that still syncs.
 */
async function makeDurable(file: DiskFile, bytes: Uint8Array, last: LogRecord): Promise<void> {
  const start = last.start - RECORD_HEADER_BYTES;
  const record = [bytes.subarray(start)];
  try {
    // Where it can: a full disk refuses no bytes that have their room already.
    if (file.writeDurably === undefined) await file.writeAt(start, record);
    else await file.writeDurably(start, record);
  } catch (error) {
    if (!isDiskFull(error)) throw error;
  }
  await file.sync();
}

function applyRecord(
  directory: LogDirectory,
  record: LogRecord,
  source: {bytes: Uint8Array; header: SegmentHeader; path: string},
): void {
  const {bytes, header, path} = source;
  const isEmpty = record.end === record.start + 1 && bytes[record.start] === 0;
  const items = isEmpty ? [] : decodeItems(bytes, record.start, record.end);
  if (items === undefined)
    throw new FatalError(
      `cannot decode log record ${record.number}; file=${path} offset=${record.start}`,
    );
  for (const {item, entryBlock} of items) directory.apply(item, entryBlock, header.segment);
}

async function makeDurableDirectory(disk: Disk, path: string): Promise<void> {
  if (await disk.exists(path)) return;
  await disk.makeDirectory(path);
  const names = path.split('/');
  for (let depth = names.length - 1; depth >= 0; depth--)
    await disk.syncDirectory(names.slice(0, depth).join('/'));
}
