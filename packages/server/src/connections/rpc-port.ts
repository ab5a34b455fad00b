// What calls stand on: frames to and from nodes. In the main thread NodeConnections is one; in an
// engine thread the relay to the main thread is.

import type {Channel, Clock, Log, NodeId, ReplicaSetId} from '@flotilla/base';
import type {RpcFrame} from './rpc-frame.ts';
import type {Lane} from './send-queue.ts';

export interface FramePort {
  /**
   * False, and the frame dropped, if it surely does not arrive. True promises nothing more; a relay
   * that finds later that a request cannot go on delivers `refuseRpcFrame` of it to its caller.
   */
  send(to: NodeId, channel: Channel, frame: Uint8Array, lane: Lane): boolean;
}

/** The same for frames that are not bytes yet: whether they become some hangs on where they go. */
export interface RpcPort {
  send(to: NodeId, channel: Channel, frame: RpcFrame, lane: Lane): boolean;
}

export interface RpcOwner {
  readonly node: NodeId;
  /** Of this thread; 0 is the main thread's, by convention. */
  readonly thread: number;
  readonly bootEpoch: number;
  readonly port: FramePort;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether this thread answers for the set: calls to it then stay in the thread. */
  readonly hosts: (set: ReplicaSetId) => boolean;
}

/** What the two halves of calls stand on. */
export interface RpcHalf extends Omit<RpcOwner, 'port'> {
  readonly port: RpcPort;
}
