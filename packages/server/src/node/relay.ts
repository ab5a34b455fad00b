// Frames between the other nodes and the engine threads of this one. Beats stay in the main thread,
// calls go to the thread that hosts their set or that made them, groups' items to their groups'
// threads.

import {
  type Channel,
  DbError,
  type Log,
  META_SET,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
} from '@flotilla/base';
import {frameKind, type NodeLiveness, splitFrame} from '@flotilla/multiraft';
import type {NodeConnections} from '../connections/index.ts';
import {isRpcFrame, refuseRpcFrame, rpcTarget} from '../connections/rpc-frame.ts';
import type {EngineLink} from './engine-link.ts';

/** RPC's number of engine thread i is i + 1. */
const engineOf = (rpcThread: number): number => rpcThread - 1;

export interface RelayDeps {
  readonly self: NodeId;
  readonly connections: Pick<NodeConnections, 'send'>;
  readonly liveness: () => NodeLiveness | undefined;
  /** What the node remembers of this one's stores was held against all of them, and nothing was missing. */
  readonly isVetted: (node: NodeId) => boolean;
  readonly log: Log;
}

export class Relay {
  readonly #deps: RelayDeps;
  readonly #threadOfSet = new Map<ReplicaSetId, number>();
  /** Of sets that are dealt to other threads by now: where the highest of their used replica ids is known. */
  readonly #buried = new Map<ReplicaSetId, {readonly thread: number; readonly upto: ReplicaId}>();
  #links: readonly Pick<EngineLink, 'post'>[] = [];
  #isComplete = false;
  /** Frames that are neither a call's, nor a beat, nor groups' of this version: dropped. */
  #malformed = 0;

  constructor(deps: RelayDeps) {
    this.#deps = deps;
  }

  attach(links: readonly Pick<EngineLink, 'post'>[]): void {
    this.#links = links;
  }

  /** Every thread has told what it hosts: a set that none has is not on this node. */
  complete(): void {
    this.#isComplete = true;
    for (const [set, {thread}] of this.#buried)
      if (thread === this.#dealt(set)) this.#buried.delete(set);
  }

  status(): {readonly malformed: number} {
    return {malformed: this.#malformed};
  }

  hosted(set: ReplicaSetId, thread: number, isHere: boolean): void {
    if (isHere) this.#threadOfSet.set(set, thread);
    else if (this.#threadOfSet.get(set) === thread) this.#threadOfSet.delete(set);
  }

  /**
   * Replica ids of the set up to this one are used up, and the thread's store says so: a late order to make
   * one of them comes there. Requires in the start, that all tell all: where one deals sets out anew it is
   * not the thread that a set was dealt to before.
   */
  buried(set: ReplicaSetId, thread: number, upto: ReplicaId): void {
    const before = this.#buried.get(set);
    if (before !== undefined ? before.upto > upto : this.#isComplete && thread === this.#dealt(set))
      return;
    this.#buried.set(set, {thread, upto});
  }

  /** Sets of which other threads hold a replica. */
  heldBeside(thread: number): ReplicaSetId[] {
    return [...this.#threadOfSet].filter(([, one]) => one !== thread).map(([set]) => set);
  }

  /** From another node, or from this one to itself. */
  receive(from: NodeId, channel: Channel, frame: Uint8Array): void {
    if (isRpcFrame(frame)) return this.#receiveCall(from, channel, frame);
    const kind = frameKind(frame);
    if (kind === 'beat') return this.#deps.liveness()?.receive(from, frame);
    // Dealt out to several threads it would be written anew, and become a frame of this version.
    if (kind !== 'groups') return this.#drop(from);
    // With one thread there is nothing to deal out.
    if (this.#links.length === 1) return this.#deliver(0, from, channel, frame);
    const threads = splitFrame(frame, (set) => this.#threadOfSet.get(set as ReplicaSetId));
    for (const [thread, bytes] of threads) this.#deliver(thread, from, channel, bytes);
  }

  /** From an engine thread. A call that surely cannot go on is refused at once, in its caller's thread. */
  send(to: NodeId, channel: Channel, frame: Uint8Array): void {
    if (to === this.#deps.self) return this.receive(to, channel, frame);
    if (this.#deps.connections.send(to, channel, frame, laneOf(frame))) return;
    const error = new DbError('UNAVAILABLE', `node ${to} cannot be reached`, {node: to});
    const refusal = refuseRpcFrame(frame, error);
    if (refusal !== undefined) this.#receiveCall(to, channel, refusal);
  }

  #receiveCall(from: NodeId, channel: Channel, frame: Uint8Array): void {
    const target = rpcTarget(frame);
    if (target === undefined) return this.#drop(from);
    if (target.kind === 'answer')
      return this.#deliver(engineOf(target.callerThread), from, channel, frame);
    const thread = this.#threadFor(from, target.set);
    if (thread === undefined) this.#refuseEarly(from, channel, frame);
    else this.#deliver(thread, from, channel, frame);
  }

  #drop(from: NodeId): void {
    this.#malformed += 1;
    // One line says that a node sends what this one cannot read; the count says how much.
    if (this.#malformed > 1) return;
    this.#deps.log.warn({node: from}, 'dropped a frame that this node cannot read');
  }

  /**
   * Thread 0 answers for the meta group wherever its replicas are; unknown sets are dealt out evenly, but for
   * those of which another thread knows what ids are used up.
   * Not before all threads have told theirs: the number of threads may have changed, and an order to
   * make a replica that one of them is still opening would make it a second time in another. Nor before
   * the sender is vetted: one thread would make anew what the store of another has lost.
   */
  #threadFor(from: NodeId, set: ReplicaSetId): number | undefined {
    if (set === META_SET) return 0;
    const known = this.#threadOfSet.get(set);
    if (known !== undefined || !this.#isComplete || !this.#deps.isVetted(from)) return known;
    return this.#buried.get(set)?.thread ?? this.#dealt(set);
  }

  #dealt(set: ReplicaSetId): number {
    return set % Math.max(1, this.#links.length);
  }

  #refuseEarly(from: NodeId, channel: Channel, frame: Uint8Array): void {
    const refusal = refuseRpcFrame(frame, new DbError('UNAVAILABLE', 'the node is starting'));
    if (refusal !== undefined) this.send(from, channel, refusal);
  }

  #deliver(thread: number, from: NodeId, channel: Channel, frame: Uint8Array): void {
    this.#links[thread]?.post({type: 'frame', from, channel, frame});
  }
}

/** Answers have room of their own, so that a queue full of requests cannot hold them up. */
function laneOf(frame: Uint8Array): 'normal' | 'answer' {
  return rpcTarget(frame)?.kind === 'answer' ? 'answer' : 'normal';
}
