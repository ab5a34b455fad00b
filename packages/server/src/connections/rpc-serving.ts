// The answering half of calls between nodes: runs handlers and sends what they give.
//
// Invariants: a handler's signal is aborted when its caller cancels, is gone, or its deadline passes,
// and nothing is sent for it after that; a node that was lost is owed nothing, so that an answer never
// reaches a later process with the same call ids; the handlers that one thread elsewhere keeps
// running here are bounded by rpc_calls_in_flight_max.

import {
  assert,
  type Channel,
  DbError,
  LIMITS,
  type NodeId,
  NumberMap,
  type ReplicaSetId,
  type RpcContext,
  type RpcHandlers,
  toWireError,
} from '@flotilla/base';
import {type DeadlineOf, Deadlines} from './deadlines.ts';
import {RPC_PAYLOAD_BYTES_MAX, type RpcBody, type RpcFrame, type RpcHead} from './rpc-frame.ts';
import type {RpcHalf} from './rpc-port.ts';
import {ITEM_OVERHEAD_BYTES} from './rpc-reader.ts';

const WINDOW_BYTES = LIMITS.rpc_window_bytes.value;
/** A quarter of the window, so that a reader takes one piece while others are on the way. */
const PIECE_BYTES_MAX = WINDOW_BYTES / 4 - ITEM_OVERHEAD_BYTES;
/** A full queue drains by then at any speed that is worth waiting for. */
const QUEUE_RETRY_MS = 5;

type Request = Extract<RpcBody, {type: 'call' | 'open'}>;

interface Active {
  readonly from: NodeId;
  readonly caller: Caller;
  readonly head: RpcHead;
  readonly channel: Channel;
  deadline: DeadlineOf<Active> | undefined;
  /** Nobody waits for it any more. */
  isAbandoned: boolean;
  /** Once its handler asked for a signal: most never do, and it costs more than the rest of a call. */
  abort: AbortController | undefined;
  /** Of a stream: item frames and bytes sent, bytes that the reader declared as taken. */
  itemsSent: number;
  sentBytes: number;
  takenBytes: number;
  /** Wakes the sender, at new credit or abort. */
  wake: (() => void) | undefined;
}

/** A thread of a node, in whichever of its lives. */
interface Caller {
  /** Handlers, those of abandoned calls among them. */
  running: number;
  readonly active: NumberMap<Active>;
}

export class RpcServing {
  readonly #owner: RpcHalf;
  readonly #handlers: {
    readonly call: Map<
      string,
      RpcHandlers['call'] extends ReadonlyMap<string, infer H> ? H : never
    >;
    readonly stream: Map<
      string,
      RpcHandlers['stream'] extends ReadonlyMap<string, infer H> ? H : never
    >;
  } = {call: new Map(), stream: new Map()};
  /** By node and thread; each is kept, as there are few. */
  readonly #callers = new Map<string, Caller>();
  readonly #deadlines: Deadlines<Active>;

  constructor(owner: RpcHalf) {
    this.#owner = owner;
    this.#deadlines = new Deadlines(owner.clock, (active) => this.#abandon(active));
  }

  /** Adds handlers; each method is served once. */
  serve(handlers: RpcHandlers): void {
    for (const kind of ['call', 'stream'] as const) {
      for (const [method, handler] of handlers[kind]) {
        assert(!this.#handlers[kind].has(method), () => `${method} is served twice`);
        (this.#handlers[kind] as Map<string, typeof handler>).set(method, handler);
      }
    }
  }

  receive(from: NodeId, {head, body}: RpcFrame): void {
    const caller = this.#callerOf(from, head);
    const known = caller.active.get(head.callId);
    const active = known?.head.callerEpoch === head.callerEpoch ? known : undefined;
    if (body.type === 'call' || body.type === 'open') {
      // A call id in use can only be a fault of the other node; its first call goes on.
      if (active !== undefined) return;
      if (known !== undefined) this.#abandon(known);
      this.#start(caller, from, head, body);
    } else if (active === undefined) {
      // Credit or cancel that crossed the end of its call.
    } else if (body.type === 'cancel') {
      this.#abandon(active);
    } else if (body.type === 'credit') {
      active.takenBytes = Math.max(active.takenBytes, Math.min(body.takenBytes, active.sentBytes));
      active.wake?.();
    }
  }

  nodeLost(node: NodeId): void {
    for (const active of this.#allActive()) if (active.from === node) this.#abandon(active);
  }

  close(): void {
    for (const active of this.#allActive()) this.#abandon(active);
  }

  #callerOf(from: NodeId, {callerThread}: RpcHead): Caller {
    const key = `${from}/${callerThread}`;
    let caller = this.#callers.get(key);
    if (caller === undefined) {
      caller = {running: 0, active: new NumberMap()};
      this.#callers.set(key, caller);
    }
    return caller;
  }

  #allActive(): Active[] {
    return [...this.#callers.values()].flatMap(({active}) =>
      active.entries().map(([, one]) => one),
    );
  }

  #start(caller: Caller, from: NodeId, head: RpcHead, request: Request): void {
    const active: Active = {
      from,
      caller,
      head,
      channel: request.type === 'open' ? 'bulk' : 'control',
      deadline: undefined,
      isAbandoned: false,
      abort: undefined,
      itemsSent: 0,
      sentBytes: 0,
      takenBytes: 0,
      wake: undefined,
    };
    const {running} = caller;
    caller.active.set(head.callId, active);
    caller.running += 1;
    active.deadline = this.#deadlines.add(active, request.timeoutMs);
    void this.#run(active, request, running).finally(() => this.#end(active));
  }

  /** Never rejects: whatever is thrown becomes an error frame. */
  async #run(active: Active, request: Request, running: number): Promise<void> {
    try {
      if (running >= LIMITS.rpc_calls_in_flight_max.value) {
        // Of the node, not of the set's leader: another may have room.
        throw new DbError(
          'UNAVAILABLE',
          `node ${this.#owner.node} runs too many calls of one thread`,
        );
      }
      if (request.type === 'call') await this.#runCall(active, request);
      else await this.#runStream(active, request);
    } catch (error) {
      if (active.isAbandoned) return;
      if (!(error instanceof DbError)) {
        this.#owner.log.error({error, method: request.method, from: active.from}, 'a call failed');
      }
      this.#reply(active, {type: 'error', error: toWireError(error)});
    }
  }

  async #runCall(active: Active, {method, payload}: Request): Promise<void> {
    const handler = this.#handlers.call.get(method);
    if (handler === undefined) throw this.#unknown(method);
    const answer = await handler(payload, new CallContext(active));
    assert(
      answer.byteLength <= RPC_PAYLOAD_BYTES_MAX,
      () => `${method} answers ${answer.byteLength} bytes`,
    );
    this.#reply(active, {type: 'answer', payload: answer});
  }

  async #runStream(active: Active, {method, payload}: Request): Promise<void> {
    const handler = this.#handlers.stream.get(method);
    if (handler === undefined) throw this.#unknown(method);
    for await (const item of handler(payload, new CallContext(active))) {
      let from = 0;
      do {
        const piece = item.subarray(from, from + PIECE_BYTES_MAX);
        from += piece.byteLength;
        await this.#sendPiece(active, piece, from < item.byteLength);
      } while (from < item.byteLength);
    }
    this.#reply(active, {type: 'end', count: active.itemsSent});
  }

  async #sendPiece(active: Active, bytes: Uint8Array, more: boolean): Promise<void> {
    const cost = bytes.byteLength + ITEM_OVERHEAD_BYTES;
    while (!active.isAbandoned && active.sentBytes + cost - active.takenBytes > WINDOW_BYTES) {
      await new Promise<void>((resolve) => {
        active.wake = resolve;
      });
      active.wake = undefined;
    }
    const body: RpcBody = {type: 'item', sequence: active.itemsSent, more, bytes};
    while (!active.isAbandoned && !this.#send(active, body)) await this.#pause();
    // Leaves the handler's loop, which closes the handler's iterator.
    if (active.isAbandoned) throw new DbError('CANCELLED', 'the reader is gone');
    active.itemsSent++;
    active.sentBytes += cost;
  }

  #reply(active: Active, body: RpcBody): void {
    if (active.isAbandoned || this.#send(active, body)) return;
    // The caller's deadline ends the call; it then does not know the outcome.
    this.#owner.log.warn({node: active.from}, 'dropped an answer: the queue to its node is full');
  }

  #send(active: Active, body: RpcBody): boolean {
    return this.#owner.port.send(active.from, active.channel, {head: active.head, body}, 'answer');
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#owner.clock.setTimer(QUEUE_RETRY_MS, resolve);
    });
  }

  #unknown(method: string): DbError {
    return new DbError('UNSUPPORTED', `node ${this.#owner.node} does not know the call ${method}`);
  }

  /** Nobody waits for the answer any more. The handler ends in its own time. */
  #abandon(active: Active): void {
    if (!this.#forget(active)) return;
    active.isAbandoned = true;
    active.abort?.abort();
    active.wake?.();
  }

  #end(active: Active): void {
    this.#forget(active);
    active.caller.running -= 1;
  }

  /** False if it was forgotten before. */
  #forget(active: Active): boolean {
    const {caller, head, deadline} = active;
    if (caller.active.get(head.callId) !== active) return false;
    this.#deadlines.delete(deadline!);
    return caller.active.delete(head.callId);
  }
}

class CallContext implements RpcContext {
  readonly from: NodeId;
  readonly set: ReplicaSetId;
  readonly #active: Active;

  constructor(active: Active) {
    this.from = active.from;
    this.set = active.head.set;
    this.#active = active;
  }

  get signal(): AbortSignal {
    const active = this.#active;
    active.abort ??= new AbortController();
    if (active.isAbandoned) active.abort.abort();
    return active.abort.signal;
  }
}
