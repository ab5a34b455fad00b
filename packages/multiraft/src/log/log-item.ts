// What a record of the segment log says, item by item. Every item names its replica, not just the
// set: a replica that is made again under a new id never sees what its predecessor wrote.
// Formats: ARCHITECTURE.md, "Log records".

import {crc32} from 'node:zlib';
import type {ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {Configuration, Entry, SnapshotMeta} from '@flotilla/raft';
import {ByteReader, type ByteWriter, ENTRY_TYPES} from '@flotilla/wire';
import type {DurablePoint} from '../state-machine.ts';

export interface ReplicaKey {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
}

/** One group's atomic write: all of it durable, or none. */
export interface WriteItem extends ReplicaKey {
  readonly type: 'write';
  readonly term: number;
  readonly vote: number;
  readonly commit: number;
  readonly truncateFrom?: number | undefined;
  /** The stored log is replaced by this snapshot, then `entries` follow it. */
  readonly snapshot?: SnapshotMeta | undefined;
  /** Consecutive. */
  readonly entries: readonly Entry[];
}

/** All that is known of a group but its entries; stands in checkpoints. */
export interface GroupItem extends ReplicaKey {
  readonly type: 'group';
  readonly founding?: DurablePoint | undefined;
  readonly term: number;
  readonly vote: number;
  readonly commit: number;
  /** The first retained entry, and the term of the one before it. */
  readonly firstIndex: number;
  readonly prevTerm: number;
  readonly lastIndex: number;
  readonly manual: boolean;
  readonly damaged: boolean;
  readonly snapshot?: SnapshotMeta | undefined;
  readonly configIndexes: readonly number[];
}

export type LogItem =
  | WriteItem
  | GroupItem
  | (ReplicaKey & {readonly type: 'create'; readonly founding?: DurablePoint | undefined})
  /** Nothing of the set up to this replica id may ever live here again. */
  | (ReplicaKey & {
      readonly type: 'tombstone';
      /** False: the state machine's data may still be there, and is removed at the next start. */
      readonly dataGone: boolean;
    })
  | (ReplicaKey & {readonly type: 'failover'; readonly manual: boolean})
  /** Entries below `firstIndex` are no longer needed. */
  | (ReplicaKey & {
      readonly type: 'compact';
      readonly firstIndex: number;
      readonly prevTerm: number;
    })
  /** A configuration took effect that the entry at `index` made. */
  | (ReplicaKey & {readonly type: 'configured'; readonly index: number})
  /** It lost what it had acknowledged: it never takes part again, and waits to be destroyed. */
  | (ReplicaKey & {readonly type: 'damaged'})
  /**
   * Of the store, not of a replica (both ids 0): its records count from that much further on, and what was
   * lost before is settled.
   */
  | (ReplicaKey & {readonly type: 'renumbered'; readonly offset: number})
  /** As above: a life that opened at `after` left out the numbers up to `until`. */
  | (ReplicaKey & {readonly type: 'gap'; readonly after: number; readonly until: number})
  /** As above: replicas may have lived here that the log knows nothing of; all that did are known again. */
  | (ReplicaKey & {readonly type: 'loss'; readonly isSettled: boolean});

/** Where the entries of a write lie in the bytes that were read or written. */
export interface EntryBlock {
  readonly offset: number;
  readonly bytes: number;
  readonly crc: number;
  readonly firstIndex: number;
  /** Index and term of the first entry of each run of equal terms. */
  readonly terms: readonly {readonly index: number; readonly term: number}[];
  readonly count: number;
  /** Indexes of the configuration entries among them. */
  readonly configs: readonly number[];
}

const KINDS = [
  'write',
  'group',
  'create',
  'tombstone',
  'failover',
  'compact',
  'configured',
  'damaged',
  'renumbered',
  'gap',
  'loss',
] as const;
const HAS_TRUNCATE = 1;
const HAS_SNAPSHOT = 2;
const HAS_ENTRIES = 4;
const HAS_FOUNDING = 1;
const IS_MANUAL = 4;
const IS_DAMAGED = 8;

/** Appends the item; for a write with entries, tells where they lie in the writer. */
export function encodeItem(writer: ByteWriter, item: LogItem): EntryBlock | undefined {
  writer.u8(KINDS.indexOf(item.type) + 1);
  writer.varint(item.set);
  writer.varint(item.replica);
  switch (item.type) {
    case 'write':
      return encodeWrite(writer, item);
    case 'group':
      encodeGroup(writer, item);
      return undefined;
    case 'create':
      writer.u8(item.founding === undefined ? 0 : HAS_FOUNDING);
      if (item.founding !== undefined) encodePoint(writer, item.founding);
      return undefined;
    case 'tombstone':
      writer.u8(item.dataGone ? 1 : 0);
      return undefined;
    case 'failover':
      writer.u8(item.manual ? 1 : 0);
      return undefined;
    case 'compact':
      writer.varint(item.firstIndex);
      writer.varint(item.prevTerm);
      return undefined;
    case 'configured':
      writer.varint(item.index);
      return undefined;
    case 'damaged':
      return undefined;
    case 'renumbered':
      writer.varint(item.offset);
      return undefined;
    case 'gap':
      writer.varint(item.after);
      writer.varint(item.until);
      return undefined;
    case 'loss':
      writer.u8(item.isSettled ? 1 : 0);
      return undefined;
  }
}

function encodeWrite(writer: ByteWriter, item: WriteItem): EntryBlock | undefined {
  const {truncateFrom, snapshot, entries} = item;
  const flags =
    (truncateFrom === undefined ? 0 : HAS_TRUNCATE) |
    (snapshot === undefined ? 0 : HAS_SNAPSHOT) |
    (entries.length === 0 ? 0 : HAS_ENTRIES);
  writer.u8(flags);
  writer.varint(item.term);
  writer.varint(item.vote);
  writer.varint(item.commit);
  if (truncateFrom !== undefined) writer.varint(truncateFrom);
  if (snapshot !== undefined) encodeSnapshotMeta(writer, snapshot);
  return entries.length === 0 ? undefined : encodeEntries(writer, entries);
}

function encodeEntries(writer: ByteWriter, entries: readonly Entry[]): EntryBlock {
  const firstIndex = entries[0]!.index;
  writer.varint(firstIndex);
  writer.varint(entries.length);
  const lengthAt = writer.length;
  writer.u32(0);
  writer.u32(0);
  const offset = writer.length;
  for (const entry of entries) {
    writer.varint(entry.term);
    writer.u8(ENTRY_TYPES.indexOf(entry.type));
    writer.lengthAndBytes(entry.payload);
  }
  const bytes = writer.length - offset;
  const crc = crc32(writer.view(offset));
  writer.setU32(lengthAt, bytes);
  writer.setU32(lengthAt + 4, crc);
  const [terms, configs] = [termRuns(entries), configsAmong(entries)];
  return {offset, bytes, crc, firstIndex, terms, count: entries.length, configs};
}

function encodeGroup(writer: ByteWriter, item: GroupItem): void {
  const {founding, snapshot} = item;
  const flags =
    (founding === undefined ? 0 : HAS_FOUNDING) |
    (snapshot === undefined ? 0 : HAS_SNAPSHOT) |
    (item.manual ? IS_MANUAL : 0) |
    (item.damaged ? IS_DAMAGED : 0);
  writer.u8(flags);
  if (founding !== undefined) encodePoint(writer, founding);
  if (snapshot !== undefined) encodeSnapshotMeta(writer, snapshot);
  for (const value of [item.term, item.vote, item.commit]) writer.varint(value);
  for (const value of [item.firstIndex, item.prevTerm, item.lastIndex]) writer.varint(value);
  encodeNumbers(writer, item.configIndexes);
}

/** `entryBlock` gives the place of a write's entries in `bytes`; the entries themselves are not decoded. */
export interface DecodedItem {
  readonly item: LogItem;
  readonly entryBlock?: EntryBlock | undefined;
}

/** The items of one record's body; undefined if it is malformed, which after its checksum is a mistake of ours or a newer version. */
export function decodeItems(
  bytes: Uint8Array,
  start: number,
  end: number,
): DecodedItem[] | undefined {
  const reader = new ByteReader(bytes, start, end);
  const items: DecodedItem[] = [];
  while (!reader.atEnd) {
    const decoded = decodeItem(reader, bytes);
    if (decoded === undefined || reader.failed) return undefined;
    items.push(decoded);
  }
  return reader.failed ? undefined : items;
}

function decodeItem(reader: ByteReader, bytes: Uint8Array): DecodedItem | undefined {
  const type = KINDS[reader.u8() - 1];
  const set = reader.varint() as ReplicaSetId;
  const replica = reader.varint() as ReplicaId;
  const key = {set, replica};
  switch (type) {
    case 'write':
      return decodeWrite(reader, key, bytes);
    case 'group':
      return {item: decodeGroup(reader, key)};
    case 'create': {
      const founding = reader.u8() === HAS_FOUNDING ? decodePoint(reader) : undefined;
      return {item: {type, ...key, founding}};
    }
    case 'tombstone':
      return {item: {type, ...key, dataGone: reader.u8() === 1}};
    case 'failover':
      return {item: {type, ...key, manual: reader.u8() === 1}};
    case 'compact':
      return {item: {type, ...key, firstIndex: reader.varint(), prevTerm: reader.varint()}};
    case 'configured':
      return {item: {type, ...key, index: reader.varint()}};
    case 'damaged':
      return {item: {type, ...key}};
    case 'renumbered':
      return {item: {type, ...key, offset: reader.varint()}};
    case 'gap':
      return {item: {type, ...key, after: reader.varint(), until: reader.varint()}};
    case 'loss':
      return {item: {type, ...key, isSettled: reader.u8() === 1}};
    default:
      return undefined;
  }
}

function decodeWrite(
  reader: ByteReader,
  key: ReplicaKey,
  bytes: Uint8Array,
): DecodedItem | undefined {
  const flags = reader.u8();
  const [term, vote, commit] = [reader.varint(), reader.varint(), reader.varint()];
  const truncateFrom = flags & HAS_TRUNCATE ? reader.varint() : undefined;
  const snapshot = flags & HAS_SNAPSHOT ? decodeSnapshotMeta(reader) : undefined;
  const item = {type: 'write' as const, ...key, term, vote, commit, truncateFrom, snapshot};
  if (!(flags & HAS_ENTRIES)) return {item: {...item, entries: []}};
  const firstIndex = reader.varint();
  const count = reader.varint();
  const blockBytes = reader.u32();
  const crc = reader.u32();
  const offset = reader.offset;
  reader.bytes(blockBytes);
  // Behind the last exact integer each index is its neighbour's: who counts from one to the other never ends.
  if (reader.failed || !Number.isSafeInteger(firstIndex + count)) return undefined;
  const entries = decodeEntries(bytes.subarray(offset, offset + blockBytes), firstIndex, count);
  if (entries === undefined) return undefined;
  const [terms, configs] = [termRuns(entries), configsAmong(entries)];
  return {
    item: {...item, entries: []},
    entryBlock: {offset, bytes: blockBytes, crc, firstIndex, terms, count, configs},
  };
}

/** The first `count` entries of a block. Payloads are views into `block`. */
export function decodeEntries(
  block: Uint8Array,
  firstIndex: number,
  count: number,
): Entry[] | undefined {
  const reader = new ByteReader(block);
  const entries: Entry[] = [];
  for (let i = 0; i < count; i++) {
    const term = reader.varint();
    const type = ENTRY_TYPES[reader.u8()];
    const payload = reader.lengthAndBytes();
    if (reader.failed || type === undefined) return undefined;
    entries.push({term, index: firstIndex + i, type, payload});
  }
  return entries;
}

function decodeGroup(reader: ByteReader, key: ReplicaKey): GroupItem {
  const flags = reader.u8();
  const founding = flags & HAS_FOUNDING ? decodePoint(reader) : undefined;
  const snapshot = flags & HAS_SNAPSHOT ? decodeSnapshotMeta(reader) : undefined;
  const [term, vote, commit] = [reader.varint(), reader.varint(), reader.varint()];
  const [firstIndex, prevTerm, lastIndex] = [reader.varint(), reader.varint(), reader.varint()];
  return {
    type: 'group',
    ...key,
    founding,
    snapshot,
    manual: (flags & IS_MANUAL) !== 0,
    damaged: (flags & IS_DAMAGED) !== 0,
    term,
    vote,
    commit,
    firstIndex,
    prevTerm,
    lastIndex,
    configIndexes: decodeNumbers(reader),
  };
}

function encodePoint(writer: ByteWriter, point: DurablePoint): void {
  writer.varint(point.index);
  writer.varint(point.term);
  encodeConfiguration(writer, point.configuration);
}

function decodePoint(reader: ByteReader): DurablePoint {
  const [index, term] = [reader.varint(), reader.varint()];
  return {index, term, configuration: decodeConfiguration(reader)};
}

function encodeSnapshotMeta(writer: ByteWriter, meta: SnapshotMeta): void {
  writer.varint(meta.configIndex);
  encodePoint(writer, meta);
}

function decodeSnapshotMeta(reader: ByteReader): SnapshotMeta {
  const configIndex = reader.varint();
  return {...decodePoint(reader), configIndex};
}

function encodeConfiguration(writer: ByteWriter, configuration: Configuration): void {
  writer.u8(configuration.autoLeave ? 1 : 0);
  encodeNumbers(writer, configuration.voters);
  encodeNumbers(writer, configuration.votersOutgoing);
  encodeNumbers(writer, configuration.learners);
  encodeNumbers(writer, configuration.learnersNext);
}

function decodeConfiguration(reader: ByteReader): Configuration {
  return {
    autoLeave: reader.u8() === 1,
    voters: decodeNumbers(reader),
    votersOutgoing: decodeNumbers(reader),
    learners: decodeNumbers(reader),
    learnersNext: decodeNumbers(reader),
  };
}

function encodeNumbers(writer: ByteWriter, numbers: readonly number[]): void {
  writer.varint(numbers.length);
  for (const value of numbers) writer.varint(value);
}

function decodeNumbers(reader: ByteReader): number[] {
  const count = reader.varint();
  const numbers: number[] = [];
  for (let i = 0; i < count && !reader.failed; i++) numbers.push(reader.varint());
  return numbers;
}

function configsAmong(entries: readonly Entry[]): number[] {
  return entries.filter(({type}) => type === 'config').map(({index}) => index);
}

function termRuns(entries: readonly Entry[]): {index: number; term: number}[] {
  const runs: {index: number; term: number}[] = [];
  for (const {index, term} of entries) if (runs.at(-1)?.term !== term) runs.push({index, term});
  return runs;
}
