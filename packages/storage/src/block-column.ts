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
import {
  type BlockStatistics,
  computeStatistics,
  isTooShort,
  readStatistics,
  statisticsFault,
  statisticsOf,
  writeStatistics,
} from './block-statistics.ts';
import {ABSENT, gatherColumn, sliceColumn} from './column-gather.ts';
import {encodingsOf, type PartVersion} from './part-format.ts';
import {
  listIsShorter,
  readPresenceBits,
  readPresenceList,
  writePresenceBits,
  writePresenceList,
} from './presence.ts';

const HAS_PRESENCE = 1;
const HAS_STATISTICS = 2;
/** In parts of version 2: the rows that have a value, or those that have none. */
const LISTS_PRESENT = 4;
const LISTS_ABSENT = 8;

interface BodyRows {
  readonly from: number;
  readonly to: number;
  readonly version: PartVersion;
  /** They are of many series: what they come to answers nothing. */
  readonly isShared?: boolean;
}

/** Appends rows [from, to) of a column; nothing at all where none of them has a value. */
export function writeBlockColumn(
  writer: ByteWriter,
  scratch: ByteWriter,
  column: ChunkColumn,
  {from, to, version, isShared = false}: BodyRows,
): void {
  const block = sliceColumn(column, from, to);
  const rowCount = to - from;
  const count = countPresent(block.present, rowCount);
  if (count === 0) return;
  const values = count === rowCount ? block.values : compact(block, rowCount, count);
  scratch.clear();
  encodeColumn(values, count, scratch, encodingsOf(version));
  const statistics = isShared
    ? undefined
    : computeStatistics(values, count, scratch.position, version);
  const presence = presenceFlag(count, rowCount, version);
  writer.u8(presence | (statistics === undefined ? 0 : HAS_STATISTICS));
  if (presence === HAS_PRESENCE) writePresenceBits(writer, block.present!, rowCount);
  else if (presence !== 0)
    writePresenceList(writer, block.present!, rowCount, presence === LISTS_PRESENT ? 1 : 0);
  if (statistics !== undefined) writeStatistics(writer, values.type, statistics);
  writer.bytes(scratch.written());
}

/** Requires bytes whose checksum was verified; what still does not decode is damage. */
export function readBlockColumn(body: Uint8Array, type: FieldType, rowCount: number): ChunkColumn {
  const opened = openBody(body, type, rowCount);
  const values = decodeValues(opened, type);
  const {present} = opened;
  return present === undefined ? {values} : spread(values, present, rowCount);
}

/** Requires the same. Throws where the values are not what the statistics say of them, too. */
export function checkBlockColumn(body: Uint8Array, type: FieldType, rowCount: number): void {
  const opened = openBody(body, type, rowCount);
  const values = decodeValues(opened, type);
  const {statistics, count} = opened;
  const fault = statistics && statisticsFault(statistics, values, count);
  if (fault !== undefined) throw new FatalError(fault);
}

/** What a block's column is, but for its values. */
export interface ColumnOutline {
  /** Rows with a value. */
  readonly count: number;
  readonly hasFirstRow: boolean;
  readonly hasLastRow: boolean;
  /** Undefined where they are not exact, or were not asked for. */
  readonly statistics: BlockStatistics | undefined;
}

/**
 * Requires the same as `readBlockColumn`. Decodes no values, but where they are so few bytes that no statistics
 * stand beside them.
 */
export function outlineBlockColumn(
  body: Uint8Array,
  type: FieldType,
  {rowCount, wantsStatistics}: {rowCount: number; wantsStatistics: boolean},
): ColumnOutline {
  const opened = openBody(body, type, rowCount);
  const {present, count} = opened;
  let {statistics} = opened;
  if (statistics === undefined && wantsStatistics && isTooShort(type, opened.reader.remaining))
    statistics = statisticsOf(decodeValues(opened, type), count);
  const hasFirstRow = present === undefined || present[0] === 1;
  const hasLastRow = present === undefined || present[rowCount - 1] === 1;
  return {count, hasFirstRow, hasLastRow, statistics};
}

/** The same of rows that are decoded: some of many that share a body. Undefined where none of them has a value. */
export function outlineRows(
  {values, present}: ChunkColumn,
  {rowCount, wantsStatistics}: {rowCount: number; wantsStatistics: boolean},
): ColumnOutline | undefined {
  const count = countPresent(present, rowCount);
  if (count === 0) return undefined;
  const own = count === rowCount ? values : compact({values, present}, rowCount, count);
  return {
    count,
    hasFirstRow: present === undefined || present[0] === 1,
    hasLastRow: present === undefined || present[rowCount - 1] === 1,
    statistics: wantsStatistics ? statisticsOf(own, count) : undefined,
  };
}

interface OpenedBody {
  readonly present: Uint8Array | undefined;
  readonly count: number;
  /** Undefined where none stand there. */
  readonly statistics: BlockStatistics | undefined;
  /** At the values. */
  readonly reader: ByteReader;
}

function openBody(body: Uint8Array, type: FieldType, rowCount: number): OpenedBody {
  const reader = new ByteReader(body);
  const flags = reader.u8();
  const present = readPresence(reader, flags, rowCount);
  const count = countPresent(present, rowCount);
  if (count === 0) throw new FatalError(`block of ${rowCount} rows holds a column of no values`);
  const statistics = (flags & HAS_STATISTICS) === 0 ? undefined : readStatistics(reader, type);
  return {present, count, statistics, reader};
}

function decodeValues({reader, count}: OpenedBody, type: FieldType): ChunkColumn['values'] {
  const values = decodeColumn(reader, type, count);
  if (values.type !== type) throw new FatalError(`block holds ${values.type}, want ${type}`);
  return values;
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

function presenceFlag(count: number, rowCount: number, version: PartVersion): number {
  if (count === rowCount) return 0;
  const listed = Math.min(count, rowCount - count);
  if (version === 1 || !listIsShorter(listed, rowCount)) return HAS_PRESENCE;
  return listed === count ? LISTS_PRESENT : LISTS_ABSENT;
}

/** Undefined: each row has a value. */
function readPresence(reader: ByteReader, flags: number, rowCount: number): Uint8Array | undefined {
  if ((flags & HAS_PRESENCE) !== 0) return readPresenceBits(reader, rowCount);
  if ((flags & LISTS_PRESENT) !== 0) return readPresenceList(reader, rowCount, 1);
  return (flags & LISTS_ABSENT) !== 0 ? readPresenceList(reader, rowCount, 0) : undefined;
}
