// Frames that wait for one channel to one node, bounded in bytes, and the messages they leave in.
//
// A message is a row of pieces, each behind a 4-byte little-endian head: bits 0-27 its length, bit 31
// set if it is a whole urgent frame, bit 30 if more of the same ordinary frame follows. Small frames
// share a message; a larger one leaves in several. So an urgent frame waits for a few messages at most,
// whatever is queued before it.
//
// Ordinary frames wait in one row while it is short; what comes beyond that is dealt by replica set,
// and the sets have turns, until nothing waits any more.
//
// Invariants: ordinary frames of one set leave in the order they came, urgent ones too, each kind on its
// own; a frame that was taken in is sent whole or the connection ends.

import {assert, LIMITS} from '@flotilla/base';
import {FairFrames} from './fair-frames.ts';

/**
 * - urgent: beats; before all else, whole, in a small queue of their own;
 * - normal: what may be dropped when the queue is full, since its sender sends again or is told;
 * - answer: replies, whose number their callers bound; they find room when requests no longer do.
 */
export type Lane = 'urgent' | 'normal' | 'answer';

/**
 * 0.05 s at 10 Mbit/s; gRPC moves larger ones no faster: 380 MB/s of 100 kB calls both at this size and
 * at twice that (Node 24.21, two nodes in one process on a 2-core machine).
 */
export const MESSAGE_BYTES_MAX = 65_536;
/** A beat is some 100 bytes; this many unsent ones mean that the connection has stalled for a minute. */
const URGENT_BYTES_MAX = 2 * MESSAGE_BYTES_MAX;
/** A queue of this length needs no turns: 0.2 s at 10 Mbit/s, and more than a fast link lets wait. */
const ROW_BYTES_MAX = LIMITS.fragment_bytes_max.value;
const HEAD_BYTES = 4;
const LENGTH_MASK = 0x0fff_ffff;
const URGENT_BIT = 0x8000_0000;
const MORE_BIT = 0x4000_0000;

export class SendQueue {
  #urgent: Uint8Array[] = [];
  #urgentBytes = 0;
  #ordinary: Uint8Array[] = [];
  /** Behind all that is in `#ordinary`. */
  readonly #fair = new FairFrames();
  /** The first ordinary frame that has not left whole, and how much of it has. */
  #head = 0;
  #headOffset = 0;
  #ordinaryBytes = 0;
  readonly #bytesMax: number;

  constructor(bytesMax: number = LIMITS.node_queue_bytes_max.value) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#urgentBytes + this.#ordinaryBytes;
  }

  /** False, and nothing kept, if there is no room. */
  push(frame: Uint8Array, lane: Lane): boolean {
    if (lane === 'urgent') {
      assert(frame.byteLength <= MESSAGE_BYTES_MAX - HEAD_BYTES, 'an urgent frame is small');
      if (this.#urgentBytes + frame.byteLength > URGENT_BYTES_MAX) return false;
      this.#urgent.push(frame);
      this.#urgentBytes += frame.byteLength;
      return true;
    }
    const bytesMax = lane === 'answer' ? 2 * this.#bytesMax : this.#bytesMax;
    if (frame.byteLength > this.#bytesMax) return false;
    if (this.#ordinaryBytes + frame.byteLength > bytesMax) return false;
    if (this.#fair.isEmpty && this.#ordinaryBytes + frame.byteLength <= ROW_BYTES_MAX) {
      this.#ordinary.push(frame);
      this.#ordinaryBytes += frame.byteLength;
    } else {
      // A view would keep all of a larger buffer for as long as the link is slow.
      const isView = frame.byteLength < frame.buffer.byteLength;
      this.#ordinaryBytes += this.#fair.push(isView ? new Uint8Array(frame) : frame);
    }
    return true;
  }

  /** The next message, at most MESSAGE_BYTES_MAX long; undefined if nothing waits. */
  take(): Buffer | undefined {
    const pieces: {head: number; bytes: Uint8Array}[] = [];
    let room = MESSAGE_BYTES_MAX;
    while (this.#urgent.length > 0 && room >= this.#urgent[0]!.byteLength + HEAD_BYTES) {
      const bytes = this.#urgent.shift()!;
      this.#urgentBytes -= bytes.byteLength;
      room -= bytes.byteLength + HEAD_BYTES;
      pieces.push({head: URGENT_BIT | bytes.byteLength, bytes});
    }
    while (room > HEAD_BYTES && this.#isAnyOrdinary()) {
      const piece = this.#takePiece(room - HEAD_BYTES);
      room -= piece.bytes.byteLength + HEAD_BYTES;
      pieces.push(piece);
    }
    if (pieces.length === 0) return undefined;
    return joinPieces(pieces, MESSAGE_BYTES_MAX - room);
  }

  #isAnyOrdinary(): boolean {
    if (this.#head < this.#ordinary.length) return true;
    if (this.#fair.isEmpty) return false;
    this.#ordinary.push(this.#fair.next());
    return true;
  }

  #takePiece(room: number): {head: number; bytes: Uint8Array} {
    const frame = this.#ordinary[this.#head]!;
    const from = this.#headOffset;
    const bytes = frame.subarray(from, Math.min(frame.byteLength, from + room));
    this.#ordinaryBytes -= bytes.byteLength;
    const more = from + bytes.byteLength < frame.byteLength;
    if (more) this.#headOffset += bytes.byteLength;
    else this.#dropHead();
    return {head: (more ? MORE_BIT : 0) | bytes.byteLength, bytes};
  }

  #dropHead(): void {
    this.#head++;
    this.#headOffset = 0;
    // Cut only once half is empty, so that a frame costs a constant share of the copying.
    if (this.#head * 2 < this.#ordinary.length && this.#head < 1024) return;
    this.#ordinary = this.#ordinary.slice(this.#head);
    this.#head = 0;
  }
}

function joinPieces(pieces: {head: number; bytes: Uint8Array}[], bytes: number): Buffer {
  const message = Buffer.allocUnsafe(bytes);
  let offset = 0;
  for (const piece of pieces) {
    message.writeUInt32LE(piece.head >>> 0, offset);
    message.set(piece.bytes, offset + HEAD_BYTES);
    offset += HEAD_BYTES + piece.bytes.byteLength;
  }
  return message;
}

/** Makes frames again of the messages of one channel, in the order in which they became whole. */
export class FrameJoiner {
  #parts: Uint8Array[] = [];
  #partsBytes = 0;
  readonly #bytesMax: number;

  constructor(bytesMax: number = LIMITS.node_queue_bytes_max.value) {
    this.#bytesMax = bytesMax;
  }

  /**
   * The frames that `message` completes. Undefined if it is no message of a SendQueue: the connection
   * is then useless, since its frames cannot be told apart any more.
   * A frame may be a view of `message`.
   */
  add(message: Uint8Array): Uint8Array[] | undefined {
    const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
    const frames: Uint8Array[] = [];
    let offset = 0;
    while (offset < message.byteLength) {
      if (offset + HEAD_BYTES > message.byteLength) return undefined;
      const head = view.getUint32(offset, true);
      const from = offset + HEAD_BYTES;
      offset = from + (head & LENGTH_MASK);
      if (offset > message.byteLength) return undefined;
      const frame = this.#addPiece(head, message.subarray(from, offset));
      if (frame === 'too-long') return undefined;
      if (frame !== undefined) frames.push(frame);
    }
    return frames;
  }

  #addPiece(head: number, piece: Uint8Array): Uint8Array | 'too-long' | undefined {
    if ((head & URGENT_BIT) !== 0) return piece;
    const more = (head & MORE_BIT) !== 0;
    if (!more && this.#parts.length === 0) return piece;
    this.#parts.push(piece);
    this.#partsBytes += piece.byteLength;
    if (this.#partsBytes > this.#bytesMax) return 'too-long';
    if (more) return undefined;
    const frame = Buffer.concat(this.#parts, this.#partsBytes);
    this.#parts = [];
    this.#partsBytes = 0;
    return frame;
  }
}
