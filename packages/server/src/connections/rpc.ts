// Calls between nodes: base's Rpc, and the serving of RpcHandlers, as logic over a FramePort and a
// Clock. One RpcCore runs in each thread that calls or answers.
//
//   thread A, node 1              main thread 1        main thread 2         thread B, node 2
//   RpcCaller -- call frame ----> relay -- control --> relay: rpcTarget ---> RpcServing -> handler
//   RpcCaller <- answer frame --- relay: rpcTarget <-- relay <-------------- RpcServing
//
// The owner passes every frame to `receive` (which takes those of calls and leaves the others) and
// every loss of a node to `nodeLost`, in the order in which NodeConnections reports them. Frames for
// this very thread do not leave it and are never bytes: those of one turn come together in the next.

import type {ErrorCode, NodeId, Rpc, RpcHandlers, RpcOptions, RpcTarget} from '@flotilla/base';
import {asSent} from './passed-call.ts';
import {RpcCaller} from './rpc-caller.ts';
import {
  decodeRpcFrame,
  encodeRpcFrame,
  isFromCaller,
  isRpcFrame,
  type RpcFrame,
} from './rpc-frame.ts';
import type {RpcOwner, RpcPort} from './rpc-port.ts';
import {RpcServing} from './rpc-serving.ts';

export interface RpcStatus {
  /** Asked and not yet answered, and what their requests weigh. */
  readonly calls: number;
  readonly bytes: number;
  readonly malformed: number;
  /** How many ended so, since the start. */
  readonly outcomes: readonly (readonly [code: ErrorCode | 'OK', count: number])[];
}

export class RpcCore implements Rpc {
  readonly #owner: RpcOwner;
  readonly #caller: RpcCaller;
  readonly #serving: RpcServing;
  /** Frames for this thread, until its next turn. */
  #own: RpcFrame[] = [];
  /** Frames of calls that did not decode: faults of other nodes. */
  #malformed = 0;
  #closed = false;

  constructor(owner: RpcOwner) {
    const port: RpcPort = {send: (...frame) => this.#send(...frame)};
    this.#owner = owner;
    this.#caller = new RpcCaller({...owner, port});
    this.#serving = new RpcServing({...owner, port});
  }

  /** Adds handlers; each method may be served once. */
  serve(handlers: RpcHandlers): void {
    this.#serving.serve(handlers);
  }

  call(target: RpcTarget, method: string, payload: Uint8Array, options: RpcOptions) {
    const sent = asSent(target, method, payload);
    return this.#caller.call(sent.target, sent.method, sent.payload, options);
  }

  stream(
    target: RpcTarget,
    method: string,
    payload: Uint8Array,
    options: RpcOptions,
  ): AsyncIterableIterator<Uint8Array> {
    return this.#caller.stream(target, method, payload, options);
  }

  /** False if the frame belongs to no call. */
  receive(from: NodeId, bytes: Uint8Array): boolean {
    if (!isRpcFrame(bytes)) return false;
    if (this.#closed) return true;
    const frame = decodeRpcFrame(bytes);
    if (frame === undefined) this.#malformed++;
    else this.#take(from, frame);
    return true;
  }

  /** The connection to `node` is gone: calls to it fail now, calls from it are aborted. */
  nodeLost(node: NodeId): void {
    this.#caller.nodeLost(node);
    this.#serving.nodeLost(node);
  }

  status(): RpcStatus {
    const outcomes = [...this.#caller.outcomes];
    return {...this.#caller.inFlight, malformed: this.#malformed, outcomes};
  }

  close(): void {
    this.#closed = true;
    this.#caller.close();
    this.#serving.close();
  }

  #take(from: NodeId, frame: RpcFrame): void {
    if (isFromCaller(frame.body.type)) this.#serving.receive(from, frame);
    else this.#caller.receive(from, frame);
  }

  #send(...[to, channel, frame, lane]: Parameters<RpcPort['send']>): boolean {
    if (this.#closed) return false;
    if (!this.#isOwn(to, frame))
      return this.#owner.port.send(to, channel, encodeRpcFrame(frame), lane);
    if (this.#own.length === 0) this.#owner.clock.defer(() => this.#takeOwn());
    this.#own.push(frame);
    return true;
  }

  #isOwn(to: NodeId, {head, body}: RpcFrame): boolean {
    const {node, thread, hosts} = this.#owner;
    if (to !== node) return false;
    return isFromCaller(body.type) ? hosts(head.set) : head.callerThread === thread;
  }

  #takeOwn(): void {
    const frames = this.#own;
    this.#own = [];
    for (const frame of frames) if (!this.#closed) this.#take(this.#owner.node, frame);
  }
}
