// Calls between nodes: base's Rpc, and the serving of RpcHandlers, as logic over a FramePort and a
// Clock. One RpcCore runs in each thread that calls or answers.
//
//   thread A, node 1              main thread 1        main thread 2         thread B, node 2
//   RpcCaller -- call frame ----> relay -- control --> relay: rpcTarget ---> RpcServing -> handler
//   RpcCaller <- answer frame --- relay: rpcTarget <-- relay <-------------- RpcServing
//
// The owner passes every frame to `receive` (which takes those of calls and leaves the others) and
// every loss of a node to `nodeLost`, in the order in which NodeConnections reports them. Frames for
// this very thread do not leave it.

import type {
  Channel,
  ErrorCode,
  NodeId,
  Rpc,
  RpcHandlers,
  RpcOptions,
  RpcTarget,
} from '@flotilla/base';
import {asSent} from './passed-call.ts';
import {RpcCaller} from './rpc-caller.ts';
import {decodeRpcFrame, isFromCaller, isRpcFrame, rpcTarget} from './rpc-frame.ts';
import type {FramePort, RpcOwner} from './rpc-port.ts';
import {RpcServing} from './rpc-serving.ts';
import type {Lane} from './send-queue.ts';

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
  /** Frames of calls that did not decode: faults of other nodes. */
  #malformed = 0;
  #closed = false;

  constructor(owner: RpcOwner) {
    const port: FramePort = {send: (...frame) => this.#send(...frame)};
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
    else if (isFromCaller(frame.body.type)) this.#serving.receive(from, frame);
    else this.#caller.receive(from, frame);
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

  #send(to: NodeId, channel: Channel, frame: Uint8Array, lane: Lane): boolean {
    if (this.#closed) return false;
    const {node, thread, hosts, clock, port} = this.#owner;
    if (to !== node) return port.send(to, channel, frame, lane);
    const target = rpcTarget(frame);
    const own = target?.kind === 'request' ? hosts(target.set) : target?.callerThread === thread;
    if (!own) return port.send(to, channel, frame, lane);
    clock.defer(() => this.receive(node, frame));
    return true;
  }
}
