// A frame is what two nodes exchange at a time: version u8, kind u8, body. Frames of kind `groups`
// name the engine thread that made them (u8: whoever follows a leader there must know it when the
// thread stalls) and hold items, each addressed to one replica set, so that a node's main thread can deal them out to
// its engine threads without decoding them:
//   item: kind u8 | set varint | length varint | payload

import {ByteReader} from './byte-reader.ts';
import {ByteWriter} from './byte-writer.ts';

export const FRAME_VERSION = 1;
export const FRAME_HEADER_BYTES = 2;
const GROUPS_HEADER_BYTES = 3;
export const THREADS_MAX = 256;

/** Kind 0x20 is a call's (server/src/connections/rpc-frame.ts): those never come here. */
export type FrameKind = 'beat' | 'groups';
const KINDS: readonly (FrameKind | undefined)[] = [undefined, undefined, 'beat', 'groups'];

export type ItemKind =
  /** A Raft message, as Protobuf. */
  | 'message'
  /** An append, in its own form. */
  | 'append'
  /** A piece of an item that is too large for one frame. */
  | 'fragment'
  /** No such replica here. */
  | 'gone'
  /** The sender no longer leads the set at that term; repeated until `notLeadingAck`. */
  | 'notLeading'
  | 'notLeadingAck'
  /**
   * The sender follows that replica of the receiver at that term and sleeps; answered only if that is wrong.
   * Of replica 0: it knows of no leader, and stands for none. Who leads answers with heartbeats.
   */
  | 'follows'
  | 'snapshotBegin'
  | 'snapshotChunk'
  | 'snapshotAck';

export const ITEM_KINDS: readonly (ItemKind | undefined)[] = [
  undefined,
  'message',
  'append',
  'fragment',
  'gone',
  'notLeading',
  'notLeadingAck',
  'follows',
  'snapshotBegin',
  'snapshotChunk',
  'snapshotAck',
];

export interface FrameItem {
  readonly kind: ItemKind;
  readonly set: number;
  readonly payload: Uint8Array;
}

/** undefined for a version or kind that this build does not know: such a frame is dropped. */
export function frameKind(frame: Uint8Array): FrameKind | undefined {
  return frame[0] === FRAME_VERSION ? KINDS[frame[1] ?? 0] : undefined;
}

export function frameBody(frame: Uint8Array): Uint8Array {
  return frame.subarray(FRAME_HEADER_BYTES);
}

export function encodeFrame(kind: FrameKind, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + body.length);
  frame[0] = FRAME_VERSION;
  frame[1] = KINDS.indexOf(kind);
  frame.set(body, FRAME_HEADER_BYTES);
  return frame;
}

export function startGroupsFrame(writer: ByteWriter, thread: number): void {
  writer.u8(FRAME_VERSION);
  writer.u8(KINDS.indexOf('groups'));
  writer.u8(thread);
}

/** The sender's engine thread. Requires a `groups` frame. */
export function frameThread(frame: Uint8Array): number {
  return frame[FRAME_HEADER_BYTES] ?? 0;
}

export function writeItem(
  writer: ByteWriter,
  item: {kind: ItemKind; set: number; payload: Uint8Array},
): void {
  writer.u8(ITEM_KINDS.indexOf(item.kind));
  writer.varint(item.set);
  writer.lengthAndBytes(item.payload);
}

/** Items of a `groups` frame up to the first that is malformed; unknown kinds are skipped. */
export function* readItems(frame: Uint8Array): Generator<FrameItem> {
  const reader = new ByteReader(frame, GROUPS_HEADER_BYTES);
  while (!reader.atEnd) {
    const kind = ITEM_KINDS[reader.u8()];
    const set = reader.varint();
    const payload = reader.lengthAndBytes();
    if (reader.failed) return;
    if (kind !== undefined) yield {kind, set, payload};
  }
}

/**
 * Deals a `groups` frame out to engine threads. Items of sets that live in no thread go to
 * `strayThread`, which answers that they are gone. A frame for one thread alone is passed as it is.
 */
export function splitFrame(
  frame: Uint8Array,
  threadOf: (set: number) => number | undefined,
  strayThread = 0,
): Map<number, Uint8Array> {
  const threads = new Set<number>();
  for (const item of readItems(frame)) threads.add(threadOf(item.set) ?? strayThread);
  if (threads.size === 1) return new Map([[[...threads][0]!, frame]]);
  const writers = new Map<number, ByteWriter>();
  for (const item of readItems(frame)) {
    const thread = threadOf(item.set) ?? strayThread;
    let writer = writers.get(thread);
    if (writer === undefined) {
      writer = new ByteWriter();
      startGroupsFrame(writer, frameThread(frame));
      writers.set(thread, writer);
    }
    writeItem(writer, item);
  }
  return new Map([...writers].map(([thread, writer]) => [thread, writer.finish()]));
}
