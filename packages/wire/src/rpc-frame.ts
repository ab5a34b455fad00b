// Frames of the calls between nodes. One call is a request with one response or error, or a request
// with a stream of pieces that its caller feeds with credit in bytes.

import './protobuf-setup.ts';
import type {WireError} from '@flotilla/base';
import {flotilla} from './generated/protocol.js';
import {decodeSafely, isSafeField} from './raft-message.ts';

interface CallId {
  readonly call: number;
}

export interface RpcRequestFrame extends CallId {
  readonly type: 'request';
  readonly method: string;
  readonly set: number;
  readonly payload: Uint8Array;
  readonly timeoutMs: number;
  /** Given for calls that are answered by a stream. */
  readonly creditBytes?: number | undefined;
}

export type RpcFrame =
  | RpcRequestFrame
  | (CallId & {readonly type: 'response'; readonly payload: Uint8Array})
  | (CallId & {readonly type: 'error'; readonly error: WireError})
  | (CallId & {readonly type: 'piece'; readonly payload: Uint8Array; readonly end: boolean})
  | (CallId & {readonly type: 'credit'; readonly bytes: number})
  | (CallId & {readonly type: 'cancel'; readonly reason: string});

function toProto(frame: RpcFrame): flotilla.IRpcFrame {
  const {call} = frame;
  switch (frame.type) {
    case 'request': {
      const {method, set, payload, timeoutMs, creditBytes} = frame;
      const stream = creditBytes !== undefined;
      return {
        call,
        request: {
          method,
          set,
          payload,
          timeoutMs: Math.max(0, Math.round(timeoutMs)),
          stream,
          creditBytes,
        },
      };
    }
    case 'response':
      return {call, response: {payload: frame.payload}};
    case 'error': {
      const {code, message, details} = frame.error;
      return {call, error: {code, message, details: JSON.stringify(details)}};
    }
    case 'piece':
      return {call, piece: {payload: frame.payload, end: frame.end}};
    case 'credit':
      return {call, credit: {bytes: frame.bytes}};
    case 'cancel':
      return {call, cancel: {reason: frame.reason}};
  }
}

export function encodeRpcFrame(frame: RpcFrame): Uint8Array {
  return flotilla.RpcFrame.encode(toProto(frame)).finish();
}

const EMPTY = new Uint8Array(0);

/** undefined if the bytes are no frame that this version knows. Payloads are views into `bytes`. */
export function decodeRpcFrame(bytes: Uint8Array): RpcFrame | undefined {
  const proto = decodeSafely(() => flotilla.RpcFrame.decode(bytes));
  if (proto === undefined || !isSafeField(proto.call)) return undefined;
  const {call, request, response, error, piece, credit, cancel} = proto;
  if (request) return decodeRequest(call, request);
  if (response) return {type: 'response', call, payload: response.payload ?? EMPTY};
  if (error) return {type: 'error', call, error: decodeError(error)};
  if (piece) return {type: 'piece', call, payload: piece.payload ?? EMPTY, end: piece.end ?? false};
  if (credit) return {type: 'credit', call, bytes: credit.bytes ?? 0};
  if (cancel) return {type: 'cancel', call, reason: cancel.reason ?? ''};
  return undefined;
}

function decodeRequest(call: number, proto: flotilla.IRpcRequest): RpcRequestFrame | undefined {
  if (!isSafeField(proto.set)) return undefined;
  return {
    type: 'request',
    call,
    method: proto.method ?? '',
    set: proto.set ?? 0,
    payload: proto.payload ?? EMPTY,
    timeoutMs: proto.timeoutMs ?? 0,
    creditBytes: proto.stream ? (proto.creditBytes ?? 0) : undefined,
  };
}

function decodeError(proto: flotilla.IRpcError): WireError {
  const parsed: unknown = decodeSafely(() => JSON.parse(proto.details || '{}'));
  const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
  const details = isObject ? (parsed as Record<string, unknown>) : {};
  return {code: proto.code ?? '', message: proto.message ?? '', details};
}
