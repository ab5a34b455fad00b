// Segment files and their records, and how a torn end is told from damage. A record is valid if its
// checksum, seeded with its segment's salt, holds; bytes of another file or an entry's payload that
// look like a record are therefore not one. A batch is written and synced before the next begins, so
// at most the last record can be torn: whatever is bad before a valid later one is damage, and is
// never cut off in silence. Formats: ARCHITECTURE.md, "Log records".
// CRC-32 of node:zlib, not CRC32C: it runs at 3.8 GB/s here, CRC32C by eight tables in JavaScript at 0.8;
// both find every burst of up to 32 bits.

import {crc32} from 'node:zlib';
import {FatalError} from '@flotilla/base';
import {ByteReader, type ByteWriter} from '@flotilla/wire';
import {LogDamage} from './log-damage.ts';

export const SEGMENT_HEADER_BYTES = 32;
export const RECORD_HEADER_BYTES = 20;

const SEGMENT_VERSION = 1;
const RECORD_VERSION = 1;
const SALT_OFFSET = 16;
/** "FLSG", little-endian. */
const MAGIC = 0x47534c46;

export type RecordKind = 'turn' | 'checkpoint';
const KINDS: readonly (RecordKind | undefined)[] = [undefined, 'turn', 'checkpoint'];

export interface SegmentHeader {
  readonly segment: number;
  /** Chance; seeds every checksum of the file. */
  readonly salt: number;
  /** Number of the checkpoint that the segment begins with. */
  readonly firstRecord: number;
}

export interface LogRecord {
  readonly number: number;
  readonly kind: RecordKind;
  /** Of the body, in the segment file. */
  readonly start: number;
  readonly end: number;
}

export function encodeSegmentHeader(writer: ByteWriter, header: SegmentHeader): void {
  const start = writer.length;
  writer.u32(MAGIC);
  writer.u32(SEGMENT_VERSION);
  writer.u64(header.segment);
  writer.u32(header.salt);
  writer.u64(header.firstRecord);
  writer.u32(crc32(writer.view(start)));
}

export function decodeSegmentHeader(bytes: Uint8Array, path: string): SegmentHeader {
  const reader = new ByteReader(bytes, 0, Math.min(bytes.length, SEGMENT_HEADER_BYTES));
  const [magic, version] = [reader.u32(), reader.u32()];
  const header = {segment: reader.u64(), salt: reader.u32(), firstRecord: reader.u64()};
  const crc = reader.u32();
  const whole = !reader.failed && crc === crc32(bytes.subarray(0, SEGMENT_HEADER_BYTES - 4));
  if (!whole || magic !== MAGIC)
    throw new LogDamage(`cannot read segment header: bad checksum; file=${path} offset=0`);
  if (version !== SEGMENT_VERSION)
    throw new FatalError(`cannot read segment of version ${version}; file=${path} offset=4`);
  return header;
}

/** Begins a record at the writer's end; the body follows, then `endRecord`. Returns its start. */
export function beginRecord(writer: ByteWriter, kind: RecordKind, number: number): number {
  const start = writer.length;
  writer.u32(0);
  writer.u32(0);
  writer.u64(number);
  writer.u32(RECORD_VERSION | (KINDS.indexOf(kind) << 8));
  return start;
}

export function endRecord(writer: ByteWriter, start: number, salt: number): void {
  const length = writer.length - start - RECORD_HEADER_BYTES;
  writer.setU32(start, length);
  writer.setU32(start + 4, recordCrc(writer.view(start), length, salt));
}

function recordCrc(record: Uint8Array, length: number, salt: number): number {
  const seed = crc32(record.subarray(0, 4), salt);
  return crc32(record.subarray(8, RECORD_HEADER_BYTES + length), seed);
}

export interface Scan {
  readonly records: readonly LogRecord[];
  /** One past the last valid record. */
  readonly end: number;
}

/**
 * The valid records of a segment, in order, from its first. Stops at a torn end.
 * Throws FatalError if something bad is followed by something valid, or a number is missing.
 */
export function scanSegment(bytes: Uint8Array, header: SegmentHeader, path: string): Scan {
  const records: LogRecord[] = [];
  let at = SEGMENT_HEADER_BYTES;
  for (;;) {
    const record = recordAt(bytes, at, header.salt, ANY_NUMBER);
    if (record === undefined) break;
    const expected = header.firstRecord + records.length;
    if (record.number !== expected)
      throw new LogDamage(
        `corrupt log: want record ${expected}, have ${record.number}; file=${path} offset=${at}`,
      );
    records.push(record);
    at = record.end;
  }
  const next = header.firstRecord + records.length;
  const later = findRecordAfter(bytes, at, header.salt, next);
  if (later !== undefined)
    throw new LogDamage(
      `corrupt log: record ${next} is bad, record ${later.number} after it is whole; file=${path} offset=${at}`,
    );
  return {records, end: at};
}

/**
 * Every valid record of a damaged segment, wherever it stands. The salt is believed even where the
 * header's checksum fails: a wrong one makes no record valid.
 */
export function* salvageRecords(bytes: Uint8Array, path: string): Generator<LogRecord> {
  const salt = new ByteReader(bytes, SALT_OFFSET).u32();
  const first = firstRecordOf(bytes, path);
  for (let at = SEGMENT_HEADER_BYTES; at + RECORD_HEADER_BYTES < bytes.length; ) {
    const record = looksLikeRecord(bytes, at)
      ? recordAt(bytes, at, salt, numbersAt(first, at - SEGMENT_HEADER_BYTES))
      : undefined;
    if (record !== undefined) yield record;
    at = record?.end ?? at + 1;
  }
}

/** A segment of another version is no damage: it is not for this build to set aside. */
function firstRecordOf(bytes: Uint8Array, path: string): number | undefined {
  try {
    return decodeSegmentHeader(bytes, path).firstRecord;
  } catch (error) {
    if (!(error instanceof LogDamage)) throw error;
    return undefined;
  }
}

/** Both inclusive. */
interface Numbers {
  readonly min: number;
  readonly max: number;
}

const ANY_NUMBER: Numbers = {min: 0, max: Number.MAX_SAFE_INTEGER};

/** Of a record that begins so many bytes behind where `first` begins, if that is known: they are consecutive. */
function numbersAt(first: number | undefined, bytesBehind: number): Numbers {
  if (first === undefined) return ANY_NUMBER;
  return {min: first, max: first + Math.floor(bytesBehind / (RECORD_HEADER_BYTES + 1))};
}

/** One byte says so of most that are none. */
function looksLikeRecord(bytes: Uint8Array, at: number): boolean {
  return bytes[at + 16] === RECORD_VERSION;
}

/**
 * undefined unless a valid record begins at `at`. Its number is looked at before its checksum: to sum up each of
 * many places in what a client wrote, where it looks like a long record, would take hours.
 */
function recordAt(
  bytes: Uint8Array,
  at: number,
  salt: number,
  {min, max}: Numbers,
): LogRecord | undefined {
  const reader = new ByteReader(bytes, at);
  const [length, crc, number, word] = [reader.u32(), reader.u32(), reader.u64(), reader.u32()];
  const start = at + RECORD_HEADER_BYTES;
  const kind = KINDS[word >>> 8];
  if (reader.failed || kind === undefined || !looksLikeRecord(bytes, at)) return undefined;
  if (number < min || number > max) return undefined;
  if (length === 0 || start + length > bytes.length) return undefined;
  if (recordCrc(bytes.subarray(at), length, salt) !== crc) return undefined;
  return {number, kind, start, end: start + length};
}

/** Any valid record behind `from`, where record `number` would begin. */
function findRecordAfter(
  bytes: Uint8Array,
  from: number,
  salt: number,
  number: number,
): LogRecord | undefined {
  for (let at = from + 1; at + RECORD_HEADER_BYTES < bytes.length; at++) {
    if (!looksLikeRecord(bytes, at)) continue;
    const {max} = numbersAt(number, at - from);
    const record = recordAt(bytes, at, salt, {min: number + 1, max});
    if (record !== undefined) return record;
  }
  return undefined;
}
