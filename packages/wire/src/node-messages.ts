// What nodes say beside Raft: beats, snapshot transfer. Decoders are total: bytes that are no
// such message, or hold integers past 2^53 or a time that is none, give undefined.

import './protobuf-setup.ts';
import {flotilla} from './generated/protocol.js';
import {
  decodeSafely,
  fromProtoMessage,
  isSafeField,
  toProtoMessage,
  type WireMessage,
} from './raft-message.ts';

export interface ThreadBeat {
  readonly turnAgeMs: number;
  readonly writeAgeMs: number;
}

export interface StoreBeat {
  readonly store: number;
  readonly durableRecord: number;
  /** Its disk is below its reserve: it takes no proposals. */
  readonly isFull: boolean;
}

export interface Beat {
  readonly bootEpoch: number;
  /** The sender's start; absent before the receiver may remember it, and from older builds. */
  readonly life?: number | undefined;
  readonly sequence: number;
  readonly threads: readonly ThreadBeat[];
  readonly stores: readonly StoreBeat[];
  readonly wallMs: number;
  /** Since the sender last heard the receiver. */
  readonly silentMs: number;
}

export interface SnapshotBegin {
  readonly transfer: number;
  readonly message: Extract<WireMessage, {type: 'snapshot'}>;
  readonly files: readonly {readonly name: string; readonly bytes: number}[];
}

export interface SnapshotChunk {
  readonly transfer: number;
  readonly file: number;
  readonly offset: number;
  readonly payload: Uint8Array;
  readonly crc: number;
}

export interface SnapshotAck {
  readonly transfer: number;
  readonly position: number;
  readonly state: 'receiving' | 'staged' | 'refused';
}

export function encodeBeat(beat: Beat): Uint8Array {
  const threads = beat.threads.map(({turnAgeMs, writeAgeMs}) => ({
    turnAgeMs: Math.round(turnAgeMs),
    writeAgeMs: Math.round(writeAgeMs),
  }));
  const silentMs = Math.round(beat.silentMs);
  const {life = 0} = beat;
  const stores = [...beat.stores];
  return flotilla.Beat.encode({...beat, life, silentMs, threads, stores}).finish();
}

export function decodeBeat(bytes: Uint8Array): Beat | undefined {
  const proto = decodeSafely(() => flotilla.Beat.decode(bytes));
  if (proto === undefined) return undefined;
  const stores = proto.stores.map(({store, durableRecord, isFull}) => ({
    store: store ?? 0,
    durableRecord: durableRecord ?? 0,
    isFull: isFull ?? false,
  }));
  const records = stores.map(({durableRecord}) => durableRecord);
  if (![proto.bootEpoch, proto.life, proto.sequence, ...records].every(isSafeField))
    return undefined;
  // What is compared with it would be neither before nor behind it.
  if (!Number.isFinite(proto.wallMs)) return undefined;
  const threads = proto.threads.map(({turnAgeMs, writeAgeMs}) => ({
    turnAgeMs: turnAgeMs ?? 0,
    writeAgeMs: writeAgeMs ?? 0,
  }));
  const {bootEpoch, sequence, wallMs, silentMs} = proto;
  const life = proto.life === 0 ? undefined : proto.life;
  return {bootEpoch, life, sequence, threads, stores, wallMs, silentMs};
}

export function encodeSnapshotBegin(begin: SnapshotBegin): Uint8Array {
  const message = toProtoMessage(begin.message);
  return flotilla.SnapshotBegin.encode({...begin, message, files: [...begin.files]}).finish();
}

export function decodeSnapshotBegin(bytes: Uint8Array): SnapshotBegin | undefined {
  const proto = decodeSafely(() => flotilla.SnapshotBegin.decode(bytes));
  const message = fromProtoMessage(proto?.message ?? {});
  if (proto === undefined || message?.type !== 'snapshot') return undefined;
  const files = proto.files.map(({name, bytes: size}) => ({name: name ?? '', bytes: size ?? 0}));
  if (![proto.transfer, ...files.map((file) => file.bytes)].every(isSafeField)) return undefined;
  return {transfer: proto.transfer, message, files};
}

export function encodeSnapshotChunk(chunk: SnapshotChunk): Uint8Array {
  return flotilla.SnapshotChunk.encode(chunk).finish();
}

export function decodeSnapshotChunk(bytes: Uint8Array): SnapshotChunk | undefined {
  const proto = decodeSafely(() => flotilla.SnapshotChunk.decode(bytes));
  if (proto === undefined || ![proto.transfer, proto.offset].every(isSafeField)) return undefined;
  const {transfer, file, offset, payload, crc} = proto;
  return {transfer, file, offset, payload, crc};
}

const ACK_STATES: readonly SnapshotAck['state'][] = ['receiving', 'staged', 'refused'];

export function encodeSnapshotAck(ack: SnapshotAck): Uint8Array {
  const {transfer, position} = ack;
  const state = ACK_STATES.indexOf(ack.state);
  return flotilla.SnapshotAck.encode({transfer, position, state}).finish();
}

export function decodeSnapshotAck(bytes: Uint8Array): SnapshotAck | undefined {
  const proto = decodeSafely(() => flotilla.SnapshotAck.decode(bytes));
  const state = ACK_STATES[proto?.state ?? ACK_STATES.length];
  if (proto === undefined || state === undefined) return undefined;
  if (![proto.transfer, proto.position].every(isSafeField)) return undefined;
  return {transfer: proto.transfer, position: proto.position, state};
}
