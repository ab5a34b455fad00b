// Snapshot transfer of a host, both ways, and the switch to a received snapshot: the log's record
// first, then the state machine, then the core. Recovery redoes the second step if it must.

import {assert, type NodeId, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import type {Message} from '@flotilla/raft';
import {
  decodeSnapshotAck,
  decodeSnapshotBegin,
  decodeSnapshotChunk,
  type FrameItem,
} from '@flotilla/wire';
import type {Driver} from '../host/driver.ts';
import type {HostedGroup} from '../host/hosted-group.ts';
import type {NodeStates} from '../host/node-states.ts';
import type {HostLimits, HostOptions} from '../host/options.ts';
import type {Ticker} from '../host/ticker.ts';
import {SnapshotReceiver} from './snapshot-receiver.ts';
import {SnapshotSender} from './snapshot-sender.ts';

export class Snapshots {
  readonly #driver: Driver;
  readonly #ticker: Ticker;
  readonly #sender: SnapshotSender;
  readonly #receiver: SnapshotReceiver;
  readonly #installing = new Map<HostedGroup, Promise<void>>();

  constructor(
    options: HostOptions,
    limits: HostLimits,
    driver: Driver,
    ticker: Ticker,
    nodes: NodeStates,
  ) {
    const isGone = (node: NodeId): boolean => nodes.isGone(node);
    const now = (): number => options.clock.monotonicMs();
    const thread = options.thread ?? 0;
    this.#driver = driver;
    this.#ticker = ticker;
    this.#sender = new SnapshotSender(driver, options.transport, {
      now,
      thread,
      isGone,
      sentMax: limits.snapshotsSentMax,
      bytesPerSecond: limits.snapshotBytesPerSecond,
      // A restarted sender must not continue its predecessor's transfers by their number.
      firstId: options.random.below(2 ** 31) * 2 ** 16,
      log: options.log,
    });
    this.#receiver = new SnapshotReceiver(driver, ticker, options.transport, {
      now,
      thread,
      log: options.log,
      isGone,
      receivedMax: limits.snapshotsReceivedMax,
    });
  }

  want(group: HostedGroup, to: ReplicaId): void {
    this.#sender.want(group, to);
  }

  send(group: HostedGroup, message: Extract<Message, {type: 'snapshot'}>): void {
    this.#sender.begin(group, message);
  }

  take(from: NodeId, item: FrameItem): void {
    const group = this.#driver.groups.get(item.set as ReplicaSetId);
    if (item.kind === 'snapshotBegin') {
      const begin = decodeSnapshotBegin(item.payload);
      if (begin !== undefined) this.#receiver.begin(from, group, begin, item.set);
    } else if (item.kind === 'snapshotChunk') {
      const chunk = decodeSnapshotChunk(item.payload);
      if (chunk !== undefined) this.#receiver.chunk(from, chunk);
    } else {
      const ack = decodeSnapshotAck(item.payload);
      if (ack !== undefined) this.#sender.acknowledge(from, ack);
    }
  }

  /** The record that names the snapshot is durable. */
  install(group: HostedGroup, index: number): void {
    const install = this.#install(group, index).catch((error: unknown) =>
      this.#driver.stopGroup(group, `snapshot at ${index} not installed: ${String(error)}`, error),
    );
    this.#installing.set(group, install);
    void install.then(() => this.#installing.delete(group));
  }

  tick(nowMs: number): void {
    this.#sender.tick(nowMs);
    this.#receiver.tick(nowMs);
  }

  forget(node: NodeId): void {
    this.#sender.forget(node);
    this.#receiver.forget(node);
  }

  /** Resolves when nothing touches the group's state any more. */
  async abandon(group: HostedGroup): Promise<void> {
    this.#sender.abandon(group);
    await this.#installing.get(group);
    await this.#receiver.abandon(group);
  }

  async close(): Promise<void> {
    this.#sender.close();
    await Promise.all(this.#installing.values());
  }

  async #install(group: HostedGroup, index: number): Promise<void> {
    const staged = this.#receiver.staged.get(group);
    assert(staged?.point.index === index, () => `snapshot at ${index} is not staged`);
    await group.machine.install(staged);
    if (!group.isGone) this.#goOnFrom(group, index);
    this.#receiver.unstage(group);
  }

  #goOnFrom(group: HostedGroup, index: number): void {
    this.#driver.counts.snapshotsReceived += 1;
    group.appliedIndex = index;
    group.isInstalling = false;
    this.#ticker.wake(group);
    this.#driver.step(group, {type: 'snapshotInstalled', index});
    group.waits.appliedUpto(index);
  }
}
