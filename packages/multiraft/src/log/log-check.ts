// A look at the log of a store that is not open: what recovery would find, read segment by segment, of which
// one is in memory, and written nowhere. Damage is told with its place and gone around, as far as what stands
// behind it can be judged without what was lost; so is a segment that the disk does not give.

import {crc32} from 'node:zlib';
import {
  type Disk,
  FatalError,
  type ReadingCheck,
  type ReplicaId,
  type ReplicaSetId,
} from '@flotilla/base';
import {
  assertHasEnd,
  assertReaches,
  CLEAN_END_BYTES,
  CLEAN_END_NAME,
  readCleanEnd,
} from './clean-end.ts';
import {LogDirectory} from './directory.ts';
import type {GroupLog} from './group-log.ts';
import {decodeItems, type EntryBlock, type LogItem} from './log-item.ts';
import {decodeSegmentHeader, type LogRecord, RECORD_HEADER_BYTES, scanSegment} from './record.ts';
import {listSegments, segmentPath} from './recovery.ts';
import {salvagedDirectory} from './salvage.ts';
import {readSegment, type SegmentBytes} from './segment-bytes.ts';

/** As the log tells. */
export interface LoggedReplica {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
  /** Of its entries; where there are none the last is before the first. */
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly foundingIndex: number | undefined;
  /** Of the snapshot that it was last told to take over. */
  readonly snapshotIndex: number | undefined;
  /** It lost what it had acknowledged, and waits to be replaced. */
  readonly isDamaged: boolean;
}

export interface LogLook {
  readonly segments: number;
  readonly records: number;
  /** Those that are damaged with the log, where it is, too; none of a log that is not read whole. */
  readonly replicas: readonly LoggedReplica[];
  /** By set: the highest replica id that was destroyed here. */
  readonly tombstones: ReadonlyMap<ReplicaSetId, ReplicaId>;
  /** The last record is not whole: it is cut off at the next start. */
  readonly torn:
    | {readonly file: string; readonly offset: number; readonly bytes: number}
    | undefined;
  /** Nothing of it is read by a start, which removes it. */
  readonly leftovers: readonly string[];
  readonly isDamaged: boolean;
  /** The disk did not give all segments: what they hold is not known, and may be whole. */
  readonly isUnread: boolean;
  /** The file that tells where the log ended in order, where it is damaged: the log itself need not be. */
  readonly damagedEnd: string | undefined;
}

/** @param path as the store has it, with its segments. Throws FatalError where it cannot be listed. */
export async function checkLog(disk: Disk, path: string, check: ReadingCheck): Promise<LogLook> {
  const {numbers, leftovers} = await listSegments(disk, path);
  const end = await readable(check, `${path}/${CLEAN_END_NAME}`, () => readCleanEnd(disk, path));
  if (end !== undefined) check.read(`${path}/${CLEAN_END_NAME}`, CLEAN_END_BYTES);
  const look = new Look(check, end);
  for (const number of numbers)
    await look.segment(disk, segmentPath(path, number), {
      number,
      isLast: number === numbers.at(-1),
    });
  look.end(path, numbers.at(-1) ?? 0);
  const {isDamaged, isUnread} = look;
  const isSalvaged = isDamaged && !isUnread;
  const directory = isSalvaged ? await salvagedDirectory({disk, path}) : look.directory;
  return {
    segments: numbers.length,
    records: look.records,
    replicas: isUnread ? [] : [...directory.groups.values()].map(loggedOf),
    tombstones: directory.tombstones,
    torn: look.torn,
    leftovers,
    isDamaged,
    isUnread,
    damagedEnd: end === 'damaged' ? `${path}/${CLEAN_END_NAME}` : undefined,
  };
}

/** Undefined where the disk does not give it, which is told. */
async function readable<T>(
  check: ReadingCheck,
  file: string,
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    check.unreadable(file, error);
    return undefined;
  }
}

function loggedOf(group: GroupLog): LoggedReplica {
  const {set, replica, firstIndex, lastIndex, founding, snapshot, damaged} = group;
  return {
    set,
    replica,
    firstIndex,
    lastIndex,
    foundingIndex: founding?.index,
    snapshotIndex: snapshot?.index,
    isDamaged: damaged,
  };
}

interface Place {
  readonly number: number;
  readonly isLast: boolean;
}

class Look {
  readonly directory = new LogDirectory();
  records = 0;
  torn: LogLook['torn'];
  isDamaged = false;
  isUnread = false;
  readonly #check: ReadingCheck;
  readonly #end: Awaited<ReturnType<typeof readCleanEnd>>;
  /** Undefined before the first segment, and where a damaged one does not tell. */
  #nextRecord: number | undefined;

  constructor(check: ReadingCheck, end: Awaited<ReturnType<typeof readCleanEnd>>) {
    this.#check = check;
    this.#end = end;
  }

  async segment(disk: Disk, path: string, place: Place): Promise<void> {
    const read = await readable(this.#check, path, () => bytesOf(disk, path));
    if (read === undefined) {
      this.isUnread = true;
      this.#nextRecord = undefined;
      return;
    }
    const {bytes, lostAt} = read;
    this.#check.read(path, bytes.length);
    try {
      // As a start takes it, and has the replicas made anew.
      if (lostAt !== undefined)
        throw new FatalError(`cannot read log: a sector is lost; file=${path} offset=${lostAt}`);
      this.#read(bytes, path, place);
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      this.#nextRecord = undefined;
      this.#fault(path, error);
    }
  }

  /** All segments were looked at: every entry that is still needed was in them. */
  end(path: string, last: number): void {
    this.#judge(path, () => assertHasEnd(this.#end, last, path));
    if (this.isDamaged || this.isUnread) return;
    for (const group of this.directory.groups.values())
      this.#judge(path, () => group.assertLocated(path));
  }

  #judge(path: string, judge: () => void): void {
    try {
      judge();
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      this.#fault(path, error);
    }
  }

  #read(bytes: Uint8Array, path: string, {number, isLast}: Place): void {
    const header = decodeSegmentHeader(bytes, path);
    const {records, end} = scanSegment(bytes, header, path);
    const want = this.#nextRecord ?? header.firstRecord;
    if (header.segment !== number || header.firstRecord !== want)
      throw new FatalError(`corrupt log: want record ${want}, have ${header.firstRecord}`);
    if (records[0]?.kind !== 'checkpoint')
      throw new FatalError('corrupt log: no checkpoint at the start');
    this.#nextRecord = header.firstRecord + records.length;
    this.records += records.length;
    assertReaches(this.#end, {segment: number, bytes: end}, path);
    const tail = bytes.subarray(end);
    const written = tail.findLastIndex((byte) => byte !== 0) + 1;
    if (!isLast && written > 0)
      throw new FatalError(`corrupt log: bad record before the last segment; offset=${end}`);
    if (written > 0) this.torn = {file: path, offset: end, bytes: written};
    for (const record of records) this.#record(bytes, record, {path, number});
  }

  #record(
    bytes: Uint8Array,
    record: LogRecord,
    {path, number}: {readonly path: string; readonly number: number},
  ): void {
    const place = `offset=${record.start - RECORD_HEADER_BYTES}`;
    const isEmpty = record.end === record.start + 1 && bytes[record.start] === 0;
    const items = isEmpty ? [] : decodeItems(bytes, record.start, record.end);
    if (items === undefined)
      throw new FatalError(`cannot decode log record ${record.number}; ${place}`);
    for (const {item, entryBlock} of items) {
      if (entryBlock !== undefined) {
        const {offset, bytes: length, crc} = entryBlock;
        if (crc32(bytes.subarray(offset, offset + length)) !== crc)
          throw new FatalError(
            `corrupt log: bad checksum of entries; file=${path} offset=${offset}`,
          );
      }
      // Behind damage, or what is not read, it is not known what the items are about.
      if (!this.isDamaged && !this.isUnread) this.#apply(item, {entryBlock, number, place});
    }
  }

  #apply(
    item: LogItem,
    {
      entryBlock,
      number,
      place,
    }: {
      readonly entryBlock: EntryBlock | undefined;
      readonly number: number;
      readonly place: string;
    },
  ): void {
    try {
      this.directory.apply(item, entryBlock, number);
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      throw new FatalError(`${error.message}; ${place}`);
    }
  }

  /** The places in messages of this log are as in all of them: `file=… offset=…` at the end. */
  #fault(file: string, {message}: FatalError): void {
    this.isDamaged = true;
    const offset = /\boffset=(\d+)/.exec(message)?.[1];
    const [what = ''] = message.split('; file=', 1);
    this.#check.fault({
      file,
      offset: offset === undefined ? undefined : Number(offset),
      message: what.split('; offset=', 1)[0]!,
    });
  }
}

async function bytesOf(disk: Disk, path: string): Promise<SegmentBytes> {
  const file = await disk.open(path, 'read');
  try {
    return await readSegment(file);
  } finally {
    await file.close();
  }
}
