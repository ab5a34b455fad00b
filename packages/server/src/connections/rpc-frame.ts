// Frames of calls between nodes, byte by byte (little-endian):
//
//    0  u8   0x20: a call's frame, first version (groups' frames and beats have other first bytes)
//    1  u8   type, see TYPES
//    2  u16  thread of the caller, where answers go
//    4  u32  boot epoch of the caller's node: an answer to an earlier process is nobody's
//    8  u32  call id, unique in the caller's thread
//   12  u48  replica set that the call concerns: it chooses the thread that answers
//   18       by type:
//     call, open   u32 timeout in ms · u8 length of the method's name · name · payload
//     answer       payload
//     error        WireError as JSON
//     item         u32 sequence from 0 · u8 1 if more of the same item follows · bytes
//     end          u32 count of item frames sent
//     credit       f64 bytes that the reader has taken since the stream began
//     cancel       nothing
//
// Total in both directions: what does not decode is undefined, never an exception.

import {assert, LIMITS, type ReplicaSetId, toWireError, type WireError} from '@flotilla/base';

export const RPC_FRAME_KIND = 0x20;
const HEAD_BYTES = 18;
const METHOD_BYTES_MAX = 255;
/** What fits a node's queue whole, with room for head and method. Larger answers are streams. */
export const RPC_PAYLOAD_BYTES_MAX = LIMITS.node_queue_bytes_max.value - 1_024;
const U32_MAX = 0xffff_ffff;

const TYPES = ['call', 'open', 'answer', 'error', 'item', 'end', 'credit', 'cancel'] as const;
type RpcFrameType = (typeof TYPES)[number];

/** Who called and about what; the same in all frames of a call. */
export interface RpcHead {
  readonly callerThread: number;
  readonly callerEpoch: number;
  readonly callId: number;
  readonly set: ReplicaSetId;
}

export type RpcBody =
  | {
      readonly type: 'call' | 'open';
      readonly timeoutMs: number;
      readonly method: string;
      readonly payload: Uint8Array;
    }
  | {readonly type: 'answer'; readonly payload: Uint8Array}
  | {readonly type: 'error'; readonly error: WireError}
  | {
      readonly type: 'item';
      readonly sequence: number;
      readonly more: boolean;
      readonly bytes: Uint8Array;
    }
  | {readonly type: 'end'; readonly count: number}
  | {readonly type: 'credit'; readonly takenBytes: number}
  | {readonly type: 'cancel'};

export interface RpcFrame {
  readonly head: RpcHead;
  readonly body: RpcBody;
}

/** Cheap: for whoever shares a channel between calls and groups. */
export function isRpcFrame(frame: Uint8Array): boolean {
  return frame[0] === RPC_FRAME_KIND;
}

/** Where a call's frame belongs in this node: to the set's thread, or back to the thread that called. */
export type RpcDestination =
  | {readonly kind: 'request'; readonly set: ReplicaSetId}
  | {readonly kind: 'answer'; readonly callerThread: number};

/** Reads the head alone. Undefined for what is no frame of a call. */
export function rpcTarget(frame: Uint8Array): RpcDestination | undefined {
  const type = frameType(frame);
  if (type === undefined) return undefined;
  if (isFromCaller(type)) return {kind: 'request', set: setOf(frame)};
  return {kind: 'answer', callerThread: u16(frame, 2)};
}

/** The set that a call's frame is about. Undefined for what is no frame of a call. */
export function rpcSet(frame: Uint8Array): ReplicaSetId | undefined {
  return frameType(frame) === undefined ? undefined : setOf(frame);
}

/**
 * The answer to a request that could not be handed on (queue full, node not connected, thread gone),
 * for its caller's thread. Undefined if `frame` is no request: nobody waits for an answer to it.
 */
export function refuseRpcFrame(frame: Uint8Array, error: unknown): Uint8Array | undefined {
  const type = frameType(frame);
  if (type !== 'call' && type !== 'open') return undefined;
  const head = decodeHead(frame);
  return encodeRpcFrame({head, body: {type: 'error', error: toWireError(error)}});
}

export function encodeRpcFrame({head, body}: RpcFrame): Buffer {
  switch (body.type) {
    case 'call':
    case 'open':
      return encodeRequest(head, body);
    case 'answer':
      return withPayload(begin(head, body.type, body.payload.byteLength), HEAD_BYTES, body.payload);
    case 'error': {
      const json = Buffer.from(JSON.stringify(body.error));
      return withPayload(begin(head, body.type, json.length), HEAD_BYTES, json);
    }
    case 'item': {
      const frame = begin(head, body.type, 5 + body.bytes.byteLength);
      const offset = frame.writeUInt32LE(body.sequence, HEAD_BYTES);
      return withPayload(frame, frame.writeUInt8(body.more ? 1 : 0, offset), body.bytes);
    }
    case 'end': {
      const frame = begin(head, body.type, 4);
      frame.writeUInt32LE(body.count, HEAD_BYTES);
      return frame;
    }
    case 'credit': {
      const frame = begin(head, body.type, 8);
      frame.writeDoubleLE(body.takenBytes, HEAD_BYTES);
      return frame;
    }
    case 'cancel':
      return begin(head, body.type, 0);
  }
}

export function decodeRpcFrame(bytes: Uint8Array): RpcFrame | undefined {
  const type = frameType(bytes);
  if (type === undefined) return undefined;
  const frame = asBuffer(bytes);
  const body = decodeBody(type, frame);
  return body === undefined ? undefined : {head: decodeHead(frame), body};
}

/** Of a request, or what concerns one: for the thread that answers. */
export function isFromCaller(type: RpcFrameType): boolean {
  return type === 'call' || type === 'open' || type === 'credit' || type === 'cancel';
}

function frameType(frame: Uint8Array): RpcFrameType | undefined {
  if (frame.byteLength < HEAD_BYTES || !isRpcFrame(frame)) return undefined;
  return TYPES[frame[1]!];
}

function decodeHead(frame: Uint8Array): RpcHead {
  return {
    callerThread: u16(frame, 2),
    callerEpoch: u16(frame, 4) + u16(frame, 6) * 0x1_0000,
    callId: u16(frame, 8) + u16(frame, 10) * 0x1_0000,
    set: setOf(frame),
  };
}

function setOf(frame: Uint8Array): ReplicaSetId {
  const low = u16(frame, 12) + u16(frame, 14) * 0x1_0000;
  return (low + u16(frame, 16) * 0x1_0000_0000) as ReplicaSetId;
}

/** Without a Buffer, which costs more than all that is read. */
function u16(frame: Uint8Array, at: number): number {
  return frame[at]! | (frame[at + 1]! << 8);
}

function decodeBody(type: RpcFrameType, frame: Buffer): RpcBody | undefined {
  const bytes = frame.length - HEAD_BYTES;
  switch (type) {
    case 'call':
    case 'open':
      return decodeRequest(type, frame);
    case 'answer':
      return {type, payload: frame.subarray(HEAD_BYTES)};
    case 'error':
      return {type, error: decodeError(frame.subarray(HEAD_BYTES))};
    case 'item': {
      if (bytes < 5) return undefined;
      const sequence = frame.readUInt32LE(HEAD_BYTES);
      const more = frame[HEAD_BYTES + 4] !== 0;
      return {type, sequence, more, bytes: frame.subarray(HEAD_BYTES + 5)};
    }
    case 'end':
      return bytes < 4 ? undefined : {type, count: frame.readUInt32LE(HEAD_BYTES)};
    case 'credit': {
      const takenBytes = bytes < 8 ? Number.NaN : frame.readDoubleLE(HEAD_BYTES);
      return Number.isSafeInteger(takenBytes) ? {type, takenBytes} : undefined;
    }
    case 'cancel':
      return {type};
  }
}

function encodeRequest(head: RpcHead, body: Extract<RpcBody, {type: 'call' | 'open'}>): Buffer {
  const method = Buffer.from(body.method);
  assert(method.length <= METHOD_BYTES_MAX, () => `method name too long: ${body.method}`);
  const frame = begin(head, body.type, 5 + method.length + body.payload.byteLength);
  const timeoutMs = Math.min(U32_MAX, Math.max(0, Math.ceil(body.timeoutMs)));
  let offset = frame.writeUInt32LE(timeoutMs, HEAD_BYTES);
  offset = frame.writeUInt8(method.length, offset);
  offset += method.copy(frame, offset);
  return withPayload(frame, offset, body.payload);
}

function decodeRequest(type: 'call' | 'open', frame: Buffer): RpcBody | undefined {
  if (frame.length < HEAD_BYTES + 5) return undefined;
  const timeoutMs = frame.readUInt32LE(HEAD_BYTES);
  const from = HEAD_BYTES + 5;
  const to = from + frame[HEAD_BYTES + 4]!;
  if (to > frame.length) return undefined;
  const method = frame.toString('utf8', from, to);
  return {type, timeoutMs, method, payload: frame.subarray(to)};
}

function decodeError(json: Buffer): WireError {
  const unreadable = {code: 'INTERNAL', message: 'unreadable error', details: {}};
  try {
    const parsed = JSON.parse(json.toString('utf8')) as Partial<WireError> | null;
    if (typeof parsed?.code !== 'string' || typeof parsed.message !== 'string') return unreadable;
    return {code: parsed.code, message: parsed.message, details: parsed.details ?? {}};
  } catch {
    return unreadable;
  }
}

function begin(head: RpcHead, type: RpcFrameType, bodyBytes: number): Buffer {
  const frame = Buffer.allocUnsafe(HEAD_BYTES + bodyBytes);
  frame[0] = RPC_FRAME_KIND;
  frame[1] = TYPES.indexOf(type);
  frame.writeUInt16LE(head.callerThread, 2);
  frame.writeUInt32LE(head.callerEpoch, 4);
  frame.writeUInt32LE(head.callId, 8);
  frame.writeUIntLE(head.set, 12, 6);
  return frame;
}

function withPayload(frame: Buffer, offset: number, payload: Uint8Array): Buffer {
  frame.set(payload, offset);
  return frame;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
