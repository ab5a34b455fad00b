// The hosts of all engine threads of a process as one: whoever orders, asks or looks need not know in which
// thread a set lives. An order goes to the thread that holds a replica of the set, else to the one whose
// store knows which ids of it are used up, else to the one that sets are dealt to, as the product's relay
// sends it.

import type {Channel, NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import {
  frameKind,
  type Host,
  type NodeState,
  type ReplicaStatus,
  type StateMachine,
  splitFrame,
} from '@flotilla/multiraft';
import {expected} from '../workload/expected.ts';
import type {EngineThread, Threads} from './threads.ts';

type FailoverModes = ReturnType<Host['failoverModes']> extends Iterable<infer Mode> ? Mode : never;

export class NodeHost {
  readonly #threads: Threads;
  readonly #hosts: readonly Host[];
  /** By set: the thread that held a replica when an order came, until it has destroyed it. */
  readonly #holders = new Map<ReplicaSetId, EngineThread>();

  /** Requires that all are open. */
  constructor(threads: Threads) {
    this.#threads = threads;
    this.#hosts = threads.engines.map(({host}) => host!);
  }

  status(set: ReplicaSetId): ReplicaStatus | undefined {
    for (const host of this.#hosts) {
      const status = host.status(set);
      if (status !== undefined) return status;
    }
    return undefined;
  }

  *statuses(): Generator<ReplicaStatus> {
    for (const host of this.#hosts) yield* host.statuses();
  }

  stateMachine(set: ReplicaSetId): StateMachine | undefined {
    for (const host of this.#hosts) {
      const machine = host.stateMachine(set);
      if (machine !== undefined) return machine;
    }
    return undefined;
  }

  broken(): ReturnType<Host['broken']> {
    if (this.#hosts.length === 1) return this.#hosts[0]!.broken();
    return new Map(this.#hosts.flatMap((host) => [...host.broken()]));
  }

  failoverModes(): FailoverModes[] {
    return this.#hosts.flatMap((host) => [...host.failoverModes()]);
  }

  durableRecords(): ReturnType<Host['durableRecords']> {
    return this.#hosts.flatMap((host) => host.durableRecords());
  }

  get hasLoss(): boolean {
    return this.#hosts.some((host) => host.hasLoss);
  }

  /** The thread answers in its turn, and the main one hears of it in its own. */
  at<Value>(set: ReplicaSetId, ask: (host: Host) => Promise<Value>): Promise<Value> {
    const thread = this.#threadOf(set);
    return this.#threads.ask(thread, () => ask(thread.host!));
  }

  createReplica(order: Parameters<Host['createReplica']>[0]): Promise<void> {
    return this.at(order.set, (host) => host.createReplica(order));
  }

  destroyReplica(key: Parameters<Host['destroyReplica']>[0]): Promise<void> {
    const destroyed = this.at(key.set, (host) => host.destroyReplica(key));
    if (!this.#threads.isAlone) destroyed.then(() => this.#holders.delete(key.set), expected);
    return destroyed;
  }

  bringBackLost(key: Parameters<Host['bringBackLost']>[0]): Promise<void> {
    return this.at(key.set, (host) => host.bringBackLost(key));
  }

  async settleLoss(): Promise<void> {
    for (const thread of this.#threads.engines)
      await this.#threads.ask(thread, () => thread.host!.settleLoss());
  }

  setFailover(...[set, mode]: Parameters<Host['setFailover']>): Promise<void> {
    return this.at(set, (host) => host.setFailover(set, mode));
  }

  campaign(set: ReplicaSetId): void {
    if (this.#threads.isAlone) return this.#hosts[0]!.campaign(set);
    this.at(set, async (host) => host.campaign(set)).catch(expected);
  }

  transferLeader(...[set, to, options]: Parameters<Host['transferLeader']>): Promise<void> {
    return this.at(set, (host) => host.transferLeader(set, to, options));
  }

  proposeConfig(...[set, ...change]: Parameters<Host['proposeConfig']>): Promise<void> {
    return this.at(set, (host) => host.proposeConfig(set, ...change));
  }

  /** All that came in one frame, dealt out. */
  receive(from: NodeId, channel: Channel, frame: Uint8Array): void {
    if (this.#threads.isAlone) return this.#hosts[0]!.receive(from, channel, frame);
    if (frameKind(frame) !== 'groups') return;
    const {engines} = this.#threads;
    const holder = (set: number): number | undefined => this.#holderOf(set as ReplicaSetId)?.index;
    for (const [index, bytes] of splitFrame(frame, holder)) {
      const {post, host} = engines[index]!;
      post(() => host!.receive(from, channel, bytes));
    }
  }

  nodeChanged(node: NodeId, state: NodeState): void {
    for (const {post, host} of this.#threads.engines) post(() => host!.nodeChanged(node, state));
  }

  async close(): Promise<void> {
    const {engines} = this.#threads;
    await Promise.all(engines.map((one) => this.#threads.ask(one, () => one.host!.close())));
  }

  #threadOf(set: ReplicaSetId): EngineThread {
    const {engines} = this.#threads;
    if (engines.length === 1) return engines[0]!;
    const holder = this.#holderOf(set) ?? this.#holders.get(set);
    // One whose end failed is in its store still, though nobody sees it any more.
    if (holder !== undefined) this.#holders.set(set, holder);
    return holder ?? this.#burialOf(set) ?? engines[set % engines.length]!;
  }

  #holderOf(set: ReplicaSetId): EngineThread | undefined {
    return this.#threads.engines.find(
      ({host}) => host!.stateMachine(set) !== undefined || host!.broken().has(set),
    );
  }

  #burialOf(set: ReplicaSetId): EngineThread | undefined {
    let latest: {readonly thread: EngineThread; readonly upto: ReplicaId} | undefined;
    for (const thread of this.#threads.engines)
      for (const [of, upto] of thread.host!.tombstones())
        if (of === set && upto > (latest?.upto ?? 0)) latest = {thread, upto};
    return latest?.thread;
  }
}
