// The calling half of calls between nodes: what this thread asked and is still waiting for.
//
// Invariants: each call settles exactly once, by its answer, its deadline, its signal, or the loss of
// its node; a settled call is forgotten, so a late answer is nobody's; memory is bounded by
// rpc_calls_in_flight_max and rpc_bytes_in_flight_max.

import {
  type Channel,
  DbError,
  type ErrorCode,
  type ErrorDetails,
  fromWireError,
  LIMITS,
  type LimitName,
  type NodeId,
  NumberMap,
  type RpcOptions,
  type RpcTarget,
} from '@flotilla/base';
import {Deadlines} from './deadlines.ts';
import {RPC_PAYLOAD_BYTES_MAX, type RpcBody, type RpcFrame, type RpcHead} from './rpc-frame.ts';
import type {RpcHalf} from './rpc-port.ts';
import {RpcReader, type Taken} from './rpc-reader.ts';

interface Pending {
  readonly node: NodeId;
  readonly channel: Channel;
  readonly bytes: number;
  /** Takes an answer's frame. */
  readonly take: (body: RpcBody) => void;
  /** Settles with an error; does not tell the other node. */
  readonly fail: (error: DbError) => void;
  /** Frees timer and signal. */
  readonly release: () => void;
}

export class RpcCaller {
  readonly #owner: RpcHalf;
  readonly #pending = new NumberMap<Pending>();
  /** Calls and streams that came to their end, by its code. */
  readonly outcomes = new Map<ErrorCode | 'OK', number>([['OK', 0]]);
  readonly #deadlines: Deadlines<() => void>;
  #bytes = 0;
  #lastCallId = 0;

  constructor(owner: RpcHalf) {
    this.#owner = owner;
    this.#deadlines = new Deadlines(owner.clock, (expire) => expire());
  }

  get inFlight(): {readonly calls: number; readonly bytes: number} {
    return {calls: this.#pending.size, bytes: this.#bytes};
  }

  call(target: RpcTarget, method: string, payload: Uint8Array, options: RpcOptions) {
    return new Promise<Uint8Array>((resolve, reject) => {
      this.#begin({target, method, payload, options, stream: false}, reject, (body) => {
        if (body.type === 'answer') resolve(body.payload);
        else if (body.type === 'error') reject(fromWireError(body.error));
        else reject(new DbError('INTERNAL', `a call was answered with ${body.type}`));
        return 'done';
      });
    });
  }

  /** Opens a stream; the request leaves at the first read. */
  stream(target: RpcTarget, method: string, payload: Uint8Array, options: RpcOptions): RpcReader {
    const reader: RpcReader = new RpcReader({
      open: () => {
        const request = {target, method, payload, options, stream: true};
        const fail = (error: DbError) => reader.fail(error);
        return this.#begin(request, fail, (body) => reader.take(body));
      },
      credit: (head, takenBytes) => {
        this.#send(target.node, 'bulk', {head, body: {type: 'credit', takenBytes}});
      },
      cancel: (head) => {
        if (this.#abandon(head)) this.#count('CANCELLED');
      },
    });
    return reader;
  }

  receive(from: NodeId, {head, body}: RpcFrame): void {
    if (head.callerThread !== this.#owner.thread) return;
    if (head.callerEpoch !== this.#owner.bootEpoch) return;
    const pending = this.#pending.get(head.callId);
    if (pending === undefined || pending.node !== from) return;
    pending.take(body);
  }

  /** The connection to `node` is gone: nothing that was asked there is answered any more. */
  nodeLost(node: NodeId): void {
    for (const [callId, pending] of this.#pending.entries()) {
      if (pending.node !== node) continue;
      this.#forget(callId);
      pending.fail(lostError(node, pending.channel));
    }
  }

  close(): void {
    for (const [callId, pending] of this.#pending.entries()) {
      this.#forget(callId);
      pending.fail(new DbError('CANCELLED', 'this node is stopping'));
    }
  }

  #begin(
    request: Request,
    reject: (error: DbError) => void,
    take: (body: RpcBody) => Taken,
  ): RpcHead | undefined {
    const fail = (error: DbError): void => {
      this.#count(error.code);
      reject(error);
    };
    const {target} = request;
    const head = this.#nextHead(target);
    const refusal = this.#refusal(request) ?? this.#sendRequest(head, request);
    if (refusal !== undefined) {
      fail(refusal);
      return undefined;
    }
    const bytes = request.payload.byteLength;
    const stop = (error: DbError) => {
      if (this.#abandon(head)) fail(error);
    };
    const release = this.#watch(request, stop);
    // Named, not written as a property's value: V8 has those old from the start, with all that they hold.
    const takeNext = (body: RpcBody): void => {
      const taken = take(body);
      if (taken === 'more') return;
      this.#count(outcomeOf(body, taken));
      if (taken === 'done') this.#forget(head.callId);
      else this.#abandon(head);
    };
    this.#bytes += bytes;
    const channel = request.stream ? 'bulk' : 'control';
    const {node} = target;
    this.#pending.set(head.callId, {node, channel, bytes, take: takeNext, fail, release});
    return head;
  }

  /** Why a request does not leave; undefined if it may. */
  #refusal({target, method, payload, options}: Request): DbError | undefined {
    if (options.signal?.aborted === true) return cancelled(method);
    if (options.deadlineMs <= this.#owner.clock.monotonicMs())
      return expired(method, target, false);
    if (payload.byteLength > RPC_PAYLOAD_BYTES_MAX) {
      return new DbError('INVALID_ARGUMENT', `${method} asks with ${payload.byteLength} bytes`);
    }
    if (this.#pending.size >= LIMITS.rpc_calls_in_flight_max.value)
      return overloaded('rpc_calls_in_flight_max');
    if (this.#bytes + payload.byteLength > LIMITS.rpc_bytes_in_flight_max.value)
      return overloaded('rpc_bytes_in_flight_max');
    return undefined;
  }

  #sendRequest(head: RpcHead, request: Request): DbError | undefined {
    const {target, method, payload, options, stream} = request;
    const {clock, port} = this.#owner;
    const timeoutMs = options.deadlineMs - clock.monotonicMs();
    const body: RpcBody = {type: stream ? 'open' : 'call', timeoutMs, method, payload};
    const channel = stream ? 'bulk' : 'control';
    if (port.send(target.node, channel, {head, body}, 'normal')) return undefined;
    return new DbError('UNAVAILABLE', `node ${target.node} cannot be reached`, {node: target.node});
  }

  #watch({target, method, options}: Request, stop: (error: DbError) => void): () => void {
    const {clock} = this.#owner;
    const waitMs = options.deadlineMs - clock.monotonicMs();
    const expire = () => stop(expired(method, target, true));
    const deadline = this.#deadlines.add(expire, waitMs);
    const onAbort = () => stop(cancelled(method));
    options.signal?.addEventListener('abort', onAbort, {once: true});
    return () => {
      this.#deadlines.delete(deadline);
      options.signal?.removeEventListener('abort', onAbort);
    };
  }

  /** Tells the other node that nobody waits any more; false if the call was settled before. */
  #abandon(head: RpcHead): boolean {
    const pending = this.#forget(head.callId);
    if (pending === undefined) return false;
    // On the channel of the request, which it must not overtake.
    this.#send(pending.node, pending.channel, {head, body: {type: 'cancel'}});
    return true;
  }

  #count(outcome: ErrorCode | 'OK'): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  #forget(callId: number): Pending | undefined {
    const pending = this.#pending.get(callId);
    if (pending === undefined) return undefined;
    this.#pending.delete(callId);
    this.#bytes -= pending.bytes;
    pending.release();
    return pending;
  }

  /** A frame that may be lost without harm: the deadline ends a call, a later credit heals this one. */
  #send(node: NodeId, channel: Channel, frame: RpcFrame): void {
    this.#owner.port.send(node, channel, frame, 'answer');
  }

  #nextHead(target: RpcTarget): RpcHead {
    do this.#lastCallId = (this.#lastCallId + 1) >>> 0;
    while (this.#pending.get(this.#lastCallId) !== undefined);
    const {thread: callerThread, bootEpoch: callerEpoch} = this.#owner;
    return {callerThread, callerEpoch, callId: this.#lastCallId, set: target.set};
  }
}

interface Request {
  readonly target: RpcTarget;
  readonly method: string;
  readonly payload: Uint8Array;
  readonly options: RpcOptions;
  readonly stream: boolean;
}

function outcomeOf(body: RpcBody, taken: Taken): ErrorCode | 'OK' {
  if (body.type === 'error') return fromWireError(body.error).code;
  return taken === 'done' ? 'OK' : 'INTERNAL';
}

function overloaded(limit: LimitName): DbError {
  return new DbError('OVERLOADED', 'too many calls to other nodes at once', {limit});
}

function cancelled(method: string): DbError {
  return new DbError('CANCELLED', `${method} was cancelled by its caller`);
}

/** @param sent whether the other node may have handled it. */
function expired(method: string, target: RpcTarget, sent: boolean): DbError {
  const details: ErrorDetails = {node: target.node, set: target.set, sent};
  const text = `node ${target.node} did not answer ${method} in time`;
  return new DbError('DEADLINE_EXCEEDED', text, details);
}

function lostError(node: NodeId, channel: Channel): DbError {
  const text = `lost the connection to node ${node} before it answered`;
  // What streams ask for only reads, so it may be asked again.
  return new DbError(channel === 'bulk' ? 'UNAVAILABLE' : 'OUTCOME_UNKNOWN', text, {node});
}
