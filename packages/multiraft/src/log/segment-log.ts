// The log of a store: one writer for all its groups. How a batch becomes durable (group commit):
//   1. `append` queues items; if no batch is on its way one starts after the present task.
//   2. All that is queued becomes one record, at the end of the active segment.
//   3. One write, one fdatasync, as one call where the disk has it; meanwhile the next batch gathers.
//   4. Every `append` of the batch resolves; segments that nobody needs are removed. The last one too, once it
//      holds some bytes: another one takes its place.
// Law: record n is durable before record n + 1 is written. After a failed write or sync nothing is
// known of what the disk holds, so the log is dead: nothing is retried, everything waiting rejects.
// (What a full disk refused is written once more where it was to stand, if the ballast gave room.)

import {crc32} from 'node:zlib';
import {
  assert,
  type Clock,
  type Disk,
  type DiskFile,
  FatalError,
  isDiskFull,
  isPassing,
  type Random,
  type ReplicaId,
  type ReplicaSetId,
} from '@flotilla/base';
import type {Entry} from '@flotilla/raft';
import {ByteWriter} from '@flotilla/wire';
import {writeCleanEnd} from './clean-end.ts';
import {gap, type LogDirectory, loss, renumbered} from './directory.ts';
import type {GroupLog} from './group-log.ts';
import {LogCounts} from './log-counts.ts';
import {LogDamage} from './log-damage.ts';
import {decodeEntries, type EntryBlock, encodeItem, type LogItem} from './log-item.ts';
import {beginRecord, encodeSegmentHeader, endRecord, type SegmentHeader} from './record.ts';
import {recoverSegments, type SegmentFile, segmentPath} from './recovery.ts';
import {ZeroTail} from './zero-tail.ts';

/**
 * Told numbers of a life begin at its boot epoch times this: what one life lost and the next one wrote in
 * its place never have the same number. Room for 60 hours at 5,000 records a second, and for 2^23 lives.
 */
export const LIFE_RECORDS = 2 ** 30;

/** Long enough that checkpoints are rare, short enough that removal follows need. */
export const SEGMENT_BYTES = 64 * 1024 * 1024;
/** Of a segment's bytes: what nobody needs of the last one is worth another segment from there on. */
export const UNNEEDED_SHARE = 1 / 16;

export interface SegmentLogOptions {
  readonly disk: Disk;
  /** Of this log alone; made if it is missing. */
  readonly path: string;
  readonly random: Random;
  /** Greater with each start of the process, and durable before. */
  readonly bootEpoch: number;
  readonly segmentBytes?: number | undefined;
  /** Syncs are timed by it; not without one. */
  readonly clock?: Pick<Clock, 'monotonicMs'> | undefined;
  /** Called when the disk is full; true if some space was freed, so that the write may be made again. */
  readonly makeRoom?: (() => Promise<boolean>) | undefined;
}

interface Waiting {
  readonly items: readonly LogItem[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class SegmentLog {
  readonly #options: SegmentLogOptions;
  readonly #segmentBytes: number;
  readonly #directory: LogDirectory;
  readonly counts = new LogCounts();
  /** The last durable record that was found at the start. */
  readonly openedRecord: number;
  /** Ascending; the last one is written to. */
  readonly #segments: SegmentFile[];
  /** Of the last segment. Undefined where records are not synced by their own write. */
  #zeros: ZeroTail | undefined;
  readonly #writer = new ByteWriter(64 * 1024);
  #nextRecord: number;
  /** The segment that was the last one when this was opened, until all who live here are. */
  #recovered: {readonly segment: SegmentFile; readonly bytes: Uint8Array} | undefined;
  /** This life has written its first record. */
  #isBegun = false;
  /** To be told as lost with the next record: what others remember. */
  #lost: number | undefined;
  #waiting: Waiting[] = [];
  #running = false;
  /** A segment was added since segments were last looked through. */
  #isAdded = true;
  /** Some group let go of entries since then. */
  #isLetGo = false;
  /** Which the last segment began with. Unknown of one that was there at the start: none, which adds one at most. */
  #checkpointBytes = 0;
  #failure: FatalError | undefined;
  #closed = false;

  private constructor(
    options: SegmentLogOptions,
    directory: LogDirectory,
    segments: SegmentFile[],
    nextRecord: number,
  ) {
    this.#options = options;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    this.#directory = directory;
    this.#segments = segments;
    this.#nextRecord = nextRecord;
    this.openedRecord = this.durableRecord;
  }

  /** Makes a log that holds the directory and no entries, and closes it. */
  static async create(options: SegmentLogOptions, directory: LogDirectory): Promise<void> {
    await options.disk.makeDirectory(options.path);
    const log = new SegmentLog(options, directory, [], 1);
    await log.#addSegment();
    await log.close();
  }

  /** Recovers what the directory holds. Rejects with LogDamage where bits have changed, or are lost. */
  static async open(options: SegmentLogOptions): Promise<SegmentLog> {
    const recovered = await recoverSegments(options.disk, options.path);
    const {directory, segments, nextRecord, lastBytes} = recovered;
    const log = new SegmentLog(options, directory, segments, nextRecord);
    const last = segments.at(-1);
    if (last !== undefined && lastBytes !== undefined)
      log.#recovered = {segment: last, bytes: lastBytes};
    if (segments.length === 0) await log.#addSegment();
    else log.#prepareZeros();
    return log;
  }

  groups(): Iterable<GroupLog> {
    return this.#directory.groups.values();
  }

  get groupCount(): number {
    return this.#directory.groups.size;
  }

  group(set: ReplicaSetId): GroupLog | undefined {
    return this.#directory.groups.get(set);
  }

  /** 0 if no replica of the set was destroyed here. */
  tombstone(set: ReplicaSetId): number {
    return this.#directory.tombstones.get(set) ?? 0;
  }

  /** By set: the highest replica id that was destroyed here. */
  tombstones(): ReadonlyMap<ReplicaSetId, ReplicaId> {
    return this.#directory.tombstones;
  }

  /** Destroyed replicas whose state machine may still hold data. */
  unburied(): Iterable<readonly [ReplicaSetId, ReplicaId]> {
    return this.#directory.unburied();
  }

  get failure(): FatalError | undefined {
    return this.#failure;
  }

  get isWriting(): boolean {
    return this.#running && this.#waiting.length > 0;
  }

  /** Appends that wait for the next batch. */
  get queued(): number {
    return this.#waiting.length;
  }

  /** The number of the last durable record, as told to other nodes: it never comes twice. */
  get durableRecord(): number {
    return this.#nextRecord - 1 + this.#directory.recordOffset;
  }

  get totalBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  get segmentCount(): number {
    return this.#segments.length;
  }

  get oldestSegment(): number {
    return this.#segments[0]!.header.segment;
  }

  /**
   * Whether this store once told of record `known`, and came back without it: this time, or in a life
   * that ended before it could make that known.
   */
  isLost(known: number): boolean {
    const {gaps} = this.#directory;
    if (gaps.some(({after, until}) => after < known && known <= until)) return true;
    return known > this.openedRecord && (known < this.#firstTold || known > this.durableRecord);
  }

  /**
   * Requires that `known` is lost, or that all is: what its replicas acknowledged in between is. All that live here now,
   * or are being made, are damaged for good, and whoever was made in between is to be found (`hasLoss`);
   * numbers go on above the known one, so that the loss is told once, and the next one again. All of it is
   * one record: the numbers without the damage would hide the loss.
   */
  disown(known: number): Promise<void> {
    this.#lost = Math.max(known, this.#lost ?? 0);
    return this.append([]);
  }

  /** Replicas may have lived here that it knows nothing of: none may be made again under its id. */
  get hasLoss(): boolean {
    return this.#directory.hasLoss;
  }

  /** Requires that all who may have lived here are in the log, as damaged ones. */
  settleLoss(): Promise<void> {
    return this.append([loss({isSettled: true})]);
  }

  /** Queued behind all earlier items; resolves when durable, rejects when the log is dead. */
  append(items: readonly LogItem[]): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    assert(!this.#closed, 'append to a closed log');
    return new Promise((resolve, reject) => {
      this.#waiting.push({items, resolve, reject});
      if (!this.#running) void this.#run();
    });
  }

  /**
   * Durable entries from..upto (inclusive) as far as `bytesMax` allows, one at least.
   * Rejects with FatalError if they cannot be read back as written.
   */
  async read(
    group: GroupLog,
    range: {from: number; upto: number; bytesMax: number},
  ): Promise<Entry[]> {
    const entries: Entry[] = [];
    let bytes = 0;
    let at = range.from;
    while (at <= range.upto && (bytes === 0 || bytes < range.bytesMax)) {
      for (const entry of await this.#readRun(group, at)) {
        if (entry.index < at || entry.index > range.upto) continue;
        bytes += entry.payload.length + 1;
        if (bytes > range.bytesMax && entries.length > 0) return entries;
        entries.push(entry);
        at = entry.index + 1;
      }
    }
    return entries;
  }

  /** Flushes what is queued, tells durably where the log ends, and releases the files. */
  async close(): Promise<void> {
    if (this.#failure === undefined && (this.#running || this.#waiting.length > 0))
      await this.append([]);
    this.#closed = true;
    await this.#zeros?.settled();
    if (this.#failure === undefined) await this.#tellEnd();
    for (const segment of this.#segments) await closeSegment(segment);
  }

  /** A full disk keeps the end before this one, which is true still. */
  async #tellEnd(): Promise<void> {
    const {disk, path} = this.#options;
    const {header, bytes} = this.#active;
    try {
      await writeCleanEnd(disk, path, {segment: header.segment, bytes});
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    }
  }

  async #readRun(group: GroupLog, index: number): Promise<Entry[]> {
    const run = group.runs[group.runAt(index)];
    assert(run !== undefined, () => `entry ${index} of set ${group.set} is not in the log`);
    const segment = this.#segments.find((one) => one.header.segment === run.segment);
    assert(segment !== undefined, () => `segment ${run.segment} was removed too early`);
    const {firstIndex, count, offset, bytes, crc} = run;
    const block = await this.#bytesAt(segment, offset, bytes);
    const entries = crc32(block) === crc ? decodeEntries(block, firstIndex, count) : undefined;
    if (entries === undefined)
      throw new LogDamage(
        `corrupt log: bad checksum of entries; file=${segment.file.path} offset=${offset}`,
      );
    return entries;
  }

  /** At an opening that is thousands of reads of some 100 us, of bytes that were just read as one. */
  async #bytesAt(segment: SegmentFile, offset: number, bytes: number): Promise<Uint8Array> {
    const {segment: last, bytes: read} = this.#recovered ?? {};
    // What is written since stands behind it. A copy: entries are views, and would keep all of it.
    if (segment === last && read !== undefined && offset + bytes <= read.length)
      return read.slice(offset, offset + bytes);
    const reading = segment.file.readAt(offset, bytes);
    segment.reads.add(reading);
    try {
      return await reading;
    } finally {
      segment.reads.delete(reading);
    }
  }

  /** All who live here are opened: nothing of what recovery read is kept any more. */
  opened(): void {
    this.#recovered = undefined;
  }

  async #run(): Promise<void> {
    this.#running = true;
    // Whatever the present task still appends joins the first batch.
    await Promise.resolve();
    while (this.#waiting.length > 0 && this.#failure === undefined) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#writeBatch(batch);
        for (const {resolve} of batch) resolve();
        await this.#removeSegments();
      } catch (error) {
        this.#fail(error, batch);
      }
    }
    this.#running = false;
  }

  /** What the first record of this life is told as. */
  get #firstTold(): number {
    return Math.max(this.openedRecord, this.#options.bootEpoch * LIFE_RECORDS) + 1;
  }

  /** The items, and what is to be written with them if something was lost. */
  #withLoss(items: LogItem[]): LogItem[] {
    if (this.#lost === undefined) return items;
    const made = items.filter(({type}) => type === 'create');
    const damaged = [...this.groups(), ...made].map(
      ({set, replica}): LogItem => ({type: 'damaged', set, replica}),
    );
    return this.#directory.admit([...items, loss({isSettled: false}), ...damaged]);
  }

  /** What changes the told numbers from the next record on. */
  #takeNumbering(): LogItem[] {
    const items: LogItem[] = [];
    const after = this.durableRecord;
    const until = this.#isBegun ? after : Math.max(after, this.#firstTold - 1);
    this.#isBegun = true;
    if (until > after) items.push(gap({after, until}));
    if (this.#lost !== undefined) {
      const offset = this.#directory.recordOffset + until - after;
      items.push(renumbered(Math.max(offset, this.#lost - (this.#nextRecord - 1))));
      this.#lost = undefined;
    }
    return items;
  }

  async #writeBatch(batch: readonly Waiting[]): Promise<void> {
    const admitted = this.#directory.admit(batch.flatMap((waiting) => waiting.items));
    if (admitted.length === 0 && this.#lost === undefined) return;
    if (this.#active.bytes >= this.#segmentBytes) await this.#addSegment();
    const all = this.#withLoss(admitted);
    const items = [...this.#takeNumbering(), ...all];
    const segment = this.#active;
    const writer = this.#writer;
    writer.reset();
    const start = beginRecord(writer, 'turn', this.#nextRecord);
    const blocks: (EntryBlock | undefined)[] = [];
    for (const item of items) blocks.push(encodeItem(writer, item));
    endRecord(writer, start, segment.header.salt);
    if (this.#zeros !== undefined) await this.#zeros.reserve(segment.bytes + writer.length);
    await this.#writeDurably(segment, writer.view());
    this.counts.batches += 1;
    this.counts.bytes += writer.length;
    items.forEach((item, at) => {
      const block = blocks[at];
      const moved = block && {...block, offset: block.offset + segment.bytes};
      this.#directory.apply(item, moved, segment.header.segment);
      this.#isLetGo ||= letsGo(item);
    });
    segment.bytes += writer.length;
    this.#nextRecord += 1;
    this.#zeros?.added();
  }

  /** What a full disk refused was not synced, so it may be written again where it was to stand. */
  async #orMakeRoom(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      const isRoomMade = isDiskFull(error) && (await this.#options.makeRoom?.());
      if (isRoomMade !== true) throw error;
      await write();
    }
  }

  async #writeDurably({file, bytes: offset}: SegmentFile, record: Uint8Array): Promise<void> {
    const {clock} = this.#options;
    const isOne = file.writeDurably !== undefined;
    let beganMs = clock?.monotonicMs() ?? 0;
    await this.#orMakeRoom(() =>
      isOne ? file.writeDurably!(offset, [record]) : file.writeAt(offset, [record]),
    );
    if (!isOne) {
      beganMs = clock?.monotonicMs() ?? 0;
      await file.sync();
    }
    if (clock !== undefined) this.counts.sync.observeMs(clock.monotonicMs() - beganMs);
  }

  get #active(): SegmentFile {
    return this.#segments.at(-1)!;
  }

  /**
   * A segment gets its name only once its header and checkpoint are durable, so a named segment that
   * does not begin with them is damage and not a torn creation. Where its file cannot be made for what passes, as a
   * want of descriptors, nothing is changed: the one before goes on to serve, and the next batch tries again.
   */
  async #addSegment(): Promise<void> {
    const {disk, path, random} = this.#options;
    const number = (this.#segments.at(-1)?.header.segment ?? 0) + 1;
    const name = segmentPath(path, number);
    const file = await this.#createOrServeOn(`${name}.new`);
    if (file === undefined) return;
    const header: SegmentHeader = {
      segment: number,
      salt: random.below(2 ** 32),
      firstRecord: this.#nextRecord,
    };
    const writer = new ByteWriter();
    encodeSegmentHeader(writer, header);
    const start = beginRecord(writer, 'checkpoint', header.firstRecord);
    // A record is never empty: an empty directory says so by the byte of no item.
    const items = this.#directory.toItems();
    if (items.length === 0) writer.u8(0);
    for (const item of items) encodeItem(writer, item);
    endRecord(writer, start, header.salt);
    try {
      await this.#zeros?.cut();
      await this.#orMakeRoom(() => file.writeAt(0, [writer.view()]));
      await file.sync();
      await disk.rename(`${name}.new`, name);
      await disk.syncDirectory(path);
    } catch (error) {
      await file.close();
      throw error;
    }
    this.#segments.push({header, file, bytes: writer.length, reads: new Set()});
    this.#checkpointBytes = writer.length;
    this.#prepareZeros();
    this.#isAdded = true;
    this.#nextRecord += 1;
  }

  async #createOrServeOn(fresh: string): Promise<DiskFile | undefined> {
    const {disk} = this.#options;
    try {
      await disk.remove(fresh);
      return await disk.open(fresh, 'create');
    } catch (error) {
      if (this.#segments.length === 0 || !isPassing(error)) throw error;
      return undefined;
    }
  }

  #prepareZeros(): void {
    const isOne = this.#active.file.writeDurably !== undefined;
    this.#zeros = isOne ? new ZeroTail(this.#active) : undefined;
  }

  /** From the oldest on, as far as no group needs an entry of them. */
  async #removeSegments(): Promise<void> {
    if (!this.#isAdded && !this.#isLetGo) return;
    let needed = Infinity;
    for (const group of this.#directory.groups.values())
      needed = Math.min(needed, group.oldestSegment ?? needed);
    if (needed === Infinity && this.#isLetGo) await this.#leaveUnneeded();
    this.#isAdded = false;
    this.#isLetGo = false;
    const end = Math.min(needed, this.#active.header.segment);
    while (this.#segments[0]!.header.segment < end) {
      const segment = this.#segments.shift()!;
      await closeSegment(segment);
      await this.#options.disk.remove(segmentPath(this.#options.path, segment.header.segment));
    }
  }

  /** Else a log that has served once would keep up to a segment for as long as little is written. */
  async #leaveUnneeded(): Promise<void> {
    const bytes = this.#active.bytes - this.#checkpointBytes;
    if (bytes < this.#segmentBytes * UNNEEDED_SHARE) return;
    try {
      await this.#addSegment();
    } catch (error) {
      // The last one goes on to serve.
      if (!isDiskFull(error)) throw error;
    }
  }

  #fail(error: unknown, batch: readonly Waiting[]): void {
    const {path} = this.#options;
    this.#failure =
      error instanceof FatalError ? error : new FatalError(`cannot write log; file=${path}`, error);
    const rejected = [...batch, ...this.#waiting];
    this.#waiting = [];
    for (const {reject} of rejected) reject(this.#failure);
  }
}

async function closeSegment({file, reads}: SegmentFile): Promise<void> {
  await Promise.allSettled(reads);
  await file.close();
}

function letsGo(item: LogItem): boolean {
  if (item.type === 'write') return item.snapshot !== undefined || item.truncateFrom !== undefined;
  return item.type === 'compact' || item.type === 'tombstone';
}
