// Calls that a third node passes on, because the caller lost its link to the node that must answer:
// losing a link is then like losing a node, a short pause. The asked node makes the call in its own
// name and gives its outcome. One step only: what is passed on is never passed on again.
//
//   payload: node u32 LE | length of method u8 | method | payload of the call

import {
  type Clock,
  DbError,
  type NodeId,
  type Rpc,
  type RpcContext,
  type RpcHandlers,
  type RpcTarget,
} from '@flotilla/base';

export const PASS_METHOD = 'rpc.pass';
/** The caller's own limit, which cancels the call here, is shorter. */
const PASS_MS_MAX = 60_000;
const HEAD_BYTES = 5;

/** What is known here of the other nodes. */
export interface Presence {
  isAway(node: NodeId): boolean;
  /** Calls back once, when the node goes away from now on. Returns what ends that. */
  onAway(node: NodeId, callback: () => void): () => void;
}

interface PassedCall {
  readonly node: NodeId;
  readonly method: string;
  readonly payload: Uint8Array;
}

export function encodePassedCall({node, method, payload}: PassedCall): Uint8Array {
  const name = new TextEncoder().encode(method);
  const bytes = new Uint8Array(HEAD_BYTES + name.length + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, node, true);
  view.setUint8(4, name.length);
  bytes.set(name, HEAD_BYTES);
  bytes.set(payload, HEAD_BYTES + name.length);
  return bytes;
}

/** Undefined for bytes that are none. */
export function decodePassedCall(bytes: Uint8Array): PassedCall | undefined {
  if (bytes.length < HEAD_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const endOfName = HEAD_BYTES + view.getUint8(4);
  if (bytes.length < endOfName) return undefined;
  const method = new TextDecoder().decode(bytes.subarray(HEAD_BYTES, endOfName));
  return {node: view.getUint32(0, true) as NodeId, method, payload: bytes.subarray(endOfName)};
}

/** A call as it leaves: to its node, or to the one that passes it on. */
export function asSent(
  {node, set, via}: RpcTarget,
  method: string,
  payload: Uint8Array,
): {readonly target: RpcTarget; readonly method: string; readonly payload: Uint8Array} {
  if (via === undefined) return {target: {node, set}, method, payload};
  const bytes = encodePassedCall({node, method, payload});
  return {target: {node: via, set}, method: PASS_METHOD, payload: bytes};
}

export function passHandlers(ports: {
  readonly rpc: Rpc;
  readonly nodes: Presence;
  readonly clock: Clock;
}): RpcHandlers {
  const {rpc, nodes, clock} = ports;
  const pass = async (bytes: Uint8Array, {set, signal}: RpcContext): Promise<Uint8Array> => {
    const passed = decodePassedCall(bytes);
    if (passed === undefined || passed.method === PASS_METHOD)
      throw new DbError('INVALID_ARGUMENT', 'this is no call that can be passed on');
    const {node, method, payload} = passed;
    if (nodes.isAway(node))
      throw new DbError('UNAVAILABLE', `node ${node} cannot be reached from here either`, {node});
    const away = new AbortController();
    const unwatch = nodes.onAway(node, () => away.abort());
    const deadlineMs = clock.monotonicMs() + PASS_MS_MAX;
    const either = AbortSignal.any([signal, away.signal]);
    try {
      return await rpc.call({node, set}, method, payload, {deadlineMs, signal: either});
    } catch (error) {
      if (!away.signal.aborted) throw error;
      const message = `node ${node} stopped answering before it answered what was passed on`;
      throw new DbError('OUTCOME_UNKNOWN', message, {node}, error);
    } finally {
      unwatch();
    }
  };
  return {call: new Map([[PASS_METHOD, pass]]), stream: new Map()};
}
