// Frames on their way between the threads of a node. What one thread posts to another costs 2 us for each
// buffer in it and 1 us for each object (Node 24.21, both threads together), and most frames are of 100
// bytes: to hand one over cost as much as to make it. So the small frames of a batch go as bytes of one
// buffer, which is given away; 10 of them cost 4 us in place of 23.
//
//   pack | frame | frame | ...      frame | length u32 | node u48 | channel u8 | zero u8 | bytes
//
// Invariants: order is kept, with all else that is posted; a pack is small, since whoever keeps one of
// its frames keeps all of it.

import {assert, type Channel, type NodeId} from '@flotilla/base';

const HEAD_BYTES = 12;
/** A longer one that has a buffer of its own is given away with it: to copy it would cost more. */
const COPIED_BYTES_MAX = 4_096;
const PACK_BYTES_MAX = 16_384;
const CHANNELS: readonly Channel[] = ['control', 'bulk'];

export interface PassedFrame {
  readonly node: NodeId;
  readonly channel: Channel;
  readonly frame: Uint8Array;
}

/** What is posted, and the buffers in it that are given away. */
export interface PackedBatch<Message> {
  readonly posted: (Message | Uint8Array)[];
  readonly buffers: ArrayBuffer[];
}

/**
 * The frames among `messages` as packs, all else as it is, and large frames with buffers of their own.
 * @param frameOf what of a message a pack holds; undefined: it holds no frame.
 */
export function packFrames<Message>(
  messages: readonly Message[],
  frameOf: (message: Message) => PassedFrame | undefined,
): PackedBatch<Message> {
  const batch: PackedBatch<Message> = {posted: [], buffers: []};
  let waiting: PassedFrame[] = [];
  let bytes = 0;
  const endPack = (): void => {
    if (waiting.length === 0) return;
    const pack = packOf(waiting, bytes);
    batch.posted.push(pack);
    batch.buffers.push(pack.buffer);
    waiting = [];
    bytes = 0;
  };
  for (const message of messages) {
    const passed = frameOf(message);
    const own = passed && largeBuffer(passed.frame);
    if (passed === undefined || own !== undefined) {
      endPack();
      batch.posted.push(message);
      if (own !== undefined) batch.buffers.push(own);
      continue;
    }
    const frameBytes = HEAD_BYTES + passed.frame.byteLength;
    if (bytes + frameBytes > PACK_BYTES_MAX) endPack();
    waiting.push(passed);
    bytes += frameBytes;
  }
  endPack();
  return batch;
}

/** The frames of a pack, in order: views of it. */
export function unpackFrames(pack: Uint8Array, take: (passed: PassedFrame) => void): void {
  const bytes = Buffer.from(pack.buffer, pack.byteOffset, pack.byteLength);
  let at = 0;
  while (at < bytes.length) {
    const from = at + HEAD_BYTES;
    const to = from + bytes.readUInt32LE(at);
    const channel = CHANNELS[bytes[at + 10]!];
    assert(channel !== undefined && to <= bytes.length, 'a pack of frames is whole');
    take({node: bytes.readUIntLE(at + 4, 6) as NodeId, channel, frame: pack.subarray(from, to)});
    at = to;
  }
}

/** Whether the bytes are all of their buffer, and no view of a larger one such as Buffer's pool. */
export function ownsBuffer(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer;
}

/** The same, or a copy that keeps nothing else alive. */
export function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return ownsBuffer(bytes) ? bytes : new Uint8Array(bytes);
}

function largeBuffer(frame: Uint8Array): ArrayBuffer | undefined {
  return frame.byteLength > COPIED_BYTES_MAX && ownsBuffer(frame) ? frame.buffer : undefined;
}

function packOf(frames: readonly PassedFrame[], length: number): Uint8Array<ArrayBuffer> {
  // Not from Buffer's pool: it is given away.
  const pack = new Uint8Array(length);
  const bytes = Buffer.from(pack.buffer);
  let at = 0;
  for (const {node, channel, frame} of frames) {
    bytes.writeUInt32LE(frame.byteLength, at);
    bytes.writeUIntLE(node, at + 4, 6);
    bytes[at + 10] = CHANNELS.indexOf(channel);
    pack.set(frame, at + HEAD_BYTES);
    at += HEAD_BYTES + frame.byteLength;
  }
  return pack;
}
