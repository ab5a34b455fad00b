// Streams snapshots to members that need one. A transfer: pin the state, tell the core, and once the
// core has sent its message, stream the files in chunks, each with its checksum, with at most
// `WINDOW_BYTES` unacknowledged per node, so that a slow link carries beats beside it. When nothing
// arrives for a while the sender goes back to what was acknowledged; after `GIVE_UP_MS` it gives up.
// Making a snapshot may take any time, which is no standstill: it waits for flushes of other replicas.
// One whose node is gone may go on when that is back, and until then takes no place from another; it is not begun
// before: thousands would be made, each with a flush, for a node that takes none of them.
// All transfers of a host together read and send at most `bytesPerSecond`: what serves requests on the
// same disk and link comes first.

import {crc32} from 'node:zlib';
import type {Log, NodeId, ReplicaId, Transport} from '@flotilla/base';
import type {Message, SnapshotMeta} from '@flotilla/raft';
import {
  ByteWriter,
  encodeSnapshotBegin,
  encodeSnapshotChunk,
  type ItemKind,
  type SnapshotAck,
  startGroupsFrame,
  writeItem,
} from '@flotilla/wire';
import type {Driver} from '../host/driver.ts';
import type {HostedGroup} from '../host/hosted-group.ts';
import type {Snapshot} from '../state-machine.ts';

/** Unacknowledged on bulk, per node: the promise to beats and log on the same link. */
export const WINDOW_BYTES = 256 * 1024;
const CHUNK_BYTES = 64 * 1024;
/** What was not sent for a while is not sent in a burst: a window's worth. */
const ALLOWANCE_MAX = 2 * WINDOW_BYTES;
const RESEND_MS = 1_000;
const GIVE_UP_MS = 30_000;
/** Why one could not be made or read is told so often at most, of each group: the core asks again at once. */
const TOLD_EACH_MS = 60_000;

interface Transfer {
  readonly group: HostedGroup;
  readonly to: ReplicaId;
  readonly id: number;
  /** Pinned; undefined while it is being made. */
  snapshot: Snapshot | undefined;
  message: Extract<Message, {type: 'snapshot'}> | undefined;
  node: NodeId | undefined;
  totalBytes: number;
  /** Over all files: sent, and acknowledged. */
  position: number;
  acknowledged: number;
  progressMs: number;
  sentMs: number;
  /** The other side has said that it takes it. */
  isAccepted: boolean;
  isReading: boolean;
  isOver: boolean;
}

export class SnapshotSender {
  readonly #driver: Driver;
  readonly #transport: Transport;
  readonly #isGone: (node: NodeId) => boolean;
  readonly #sentMax: number;
  readonly #bytesPerMs: number;
  /** May be sent now; earned with time. */
  #allowance = 0;
  #earnedMs: number;
  readonly #now: () => number;
  readonly #thread: number;
  readonly #log: Log | undefined;
  /** By group: when a failure was told last. */
  readonly #toldMs = new WeakMap<HostedGroup, number>();
  #queue: Transfer[] = [];
  readonly #active = new Set<Transfer>();
  #lastId: number;

  constructor(
    driver: Driver,
    transport: Transport,
    options: {
      readonly isGone: (node: NodeId) => boolean;
      readonly sentMax: number;
      readonly bytesPerSecond: number;
      readonly thread: number;
      readonly now: () => number;
      readonly firstId: number;
      readonly log?: Log | undefined;
    },
  ) {
    this.#driver = driver;
    this.#transport = transport;
    this.#isGone = options.isGone;
    this.#sentMax = options.sentMax;
    this.#bytesPerMs = options.bytesPerSecond / 1_000;
    this.#earnedMs = options.now();
    this.#now = options.now;
    this.#thread = options.thread;
    this.#lastId = options.firstId;
    this.#log = options.log;
  }

  want(group: HostedGroup, to: ReplicaId): void {
    if (this.#find(group, to) !== undefined) return;
    const nowMs = this.#now();
    this.#lastId += 1;
    this.#queue.push({
      group,
      to,
      id: this.#lastId,
      snapshot: undefined,
      message: undefined,
      node: undefined,
      totalBytes: 0,
      position: 0,
      acknowledged: 0,
      progressMs: nowMs,
      sentMs: nowMs,
      isAccepted: false,
      isReading: false,
      isOver: false,
    });
    this.#startNext();
  }

  /** The core's message: it leaves with the contents. */
  begin(group: HostedGroup, message: Extract<Message, {type: 'snapshot'}>): void {
    const transfer = this.#find(group, message.to as ReplicaId);
    const node = this.#driver.nodeOf(group, message.to);
    if (transfer?.snapshot === undefined || node === undefined) {
      if (transfer !== undefined) this.#finish(transfer, false);
      else this.#driver.step(group, {type: 'snapshotSent', to: message.to, ok: false});
      return;
    }
    transfer.message = message;
    transfer.node = node;
    this.#sendBegin(transfer);
  }

  acknowledge(from: NodeId, ack: SnapshotAck): void {
    const transfer = [...this.#active].find((one) => one.id === ack.transfer && one.node === from);
    if (transfer === undefined) return;
    if (ack.state !== 'receiving') {
      this.#finish(transfer, ack.state === 'staged');
      return;
    }
    transfer.isAccepted = true;
    if (ack.position > transfer.acknowledged && ack.position <= transfer.totalBytes) {
      transfer.acknowledged = ack.position;
      transfer.position = Math.max(transfer.position, ack.position);
      transfer.progressMs = this.#now();
    }
    void this.#pump(transfer);
  }

  tick(nowMs: number): void {
    for (const transfer of this.#active) {
      const {isGone, isLeader} = transfer.group;
      // Of a leader of the past nobody would take it.
      if (isGone || !isLeader) this.#finish(transfer, false);
      // Given up while it is made, it would begin anew, behind all flushes that were asked for since.
      else if (transfer.snapshot !== undefined) this.#goOn(transfer, nowMs);
    }
    this.#startNext();
  }

  /** The node is a new process: it knows nothing of what it had received. */
  forget(node: NodeId): void {
    for (const transfer of this.#active) if (transfer.node === node) this.#finish(transfer, false);
  }

  abandon(group: HostedGroup): void {
    this.#queue = this.#queue.filter((one) => one.group !== group);
    for (const transfer of this.#active)
      if (transfer.group === group) this.#finish(transfer, false);
  }

  close(): void {
    this.#queue = [];
    for (const transfer of this.#active) this.#finish(transfer, false);
  }

  #find(group: HostedGroup, to: ReplicaId): Transfer | undefined {
    const is = (one: Transfer): boolean => one.group === group && one.to === to;
    return this.#queue.find(is) ?? [...this.#active].find(is);
  }

  #startNext(): void {
    while (this.#underway() < this.#sentMax) {
      const at = this.#queue.findIndex((one) => this.#isNodeThere(one));
      const [transfer] = at < 0 ? [] : this.#queue.splice(at, 1);
      if (transfer === undefined) return;
      this.#active.add(transfer);
      void this.#prepare(transfer);
    }
  }

  /** Or nobody knows where it is: then the transfer tells. */
  #isNodeThere({group, to}: Transfer): boolean {
    const node = this.#driver.nodeOf(group, to);
    return node === undefined || !this.#isGone(node);
  }

  #underway(): number {
    let count = 0;
    for (const {node} of this.#active) if (node === undefined || !this.#isGone(node)) count += 1;
    return count;
  }

  async #prepare(transfer: Transfer): Promise<void> {
    const {group, to} = transfer;
    const snapshot = await this.#made(transfer);
    if (snapshot === undefined) return;
    if (transfer.isOver) {
      snapshot.release();
      return;
    }
    transfer.snapshot = snapshot;
    transfer.progressMs = this.#now();
    transfer.totalBytes = snapshot.files.reduce((sum, file) => sum + file.bytes, 0);
    const {index, term, configuration} = snapshot.point;
    const configIndex = group.store.log.group(group.set)?.configIndexAt(index) ?? index;
    const meta: SnapshotMeta = {index, term, configuration, configIndex};
    this.#driver.step(group, {type: 'snapshotReady', to, snapshot: meta});
  }

  /** Undefined where the state machine could not make one now; the core asks again. */
  async #made(transfer: Transfer): Promise<Snapshot | undefined> {
    try {
      return await transfer.group.machine.snapshot();
    } catch (error) {
      this.#fail(transfer, 'cannot make a snapshot for a member', error);
      return undefined;
    }
  }

  #fail(transfer: Transfer, what: string, error: unknown): void {
    const {group, to, isOver} = transfer;
    const nowMs = this.#now();
    const isTold = nowMs - (this.#toldMs.get(group) ?? -TOLD_EACH_MS) < TOLD_EACH_MS;
    // What a group that goes away breaks off is no failure.
    if (!isOver && !group.isGone && !isTold) {
      this.#toldMs.set(group, nowMs);
      this.#log?.warn(
        {set: group.set, replica: to, error: String(error)},
        `${what}; it is tried again`,
      );
    }
    this.#finish(transfer, false);
  }

  #sendBegin(transfer: Transfer): void {
    const {id, message, snapshot} = transfer;
    const files = snapshot!.files.map(({name, bytes}) => ({name, bytes}));
    const begin = {transfer: id, message: message!, files};
    transfer.sentMs = this.#now();
    this.#sendItem(transfer, 'snapshotBegin', encodeSnapshotBegin(begin));
  }

  #goOn(transfer: Transfer, nowMs: number): void {
    const {progressMs, sentMs, isAccepted} = transfer;
    if (nowMs - progressMs >= GIVE_UP_MS) this.#finish(transfer, false);
    else if (nowMs - Math.max(progressMs, sentMs) >= RESEND_MS) this.#resend(transfer);
    else if (isAccepted) void this.#pump(transfer);
  }

  #resend(transfer: Transfer): void {
    if (transfer.message === undefined) {
      // The core wanted no snapshot any more when it was ready.
      this.#finish(transfer, false);
      return;
    }
    transfer.position = transfer.acknowledged;
    this.#sendBegin(transfer);
  }

  async #pump(transfer: Transfer): Promise<void> {
    if (transfer.isReading || transfer.isOver) return;
    transfer.isReading = true;
    try {
      while (transfer.position < transfer.totalBytes && this.#mayRead(transfer)) {
        if (transfer.isOver || !(await this.#sendChunk(transfer))) break;
      }
    } catch (error) {
      // The core asks for another one.
      this.#fail(transfer, 'cannot read a snapshot for a member', error);
    }
    transfer.isReading = false;
  }

  async #sendChunk(transfer: Transfer): Promise<boolean> {
    const {position, snapshot, id} = transfer;
    let start = 0;
    let file = 0;
    while (position >= start + snapshot!.files[file]!.bytes) {
      start += snapshot!.files[file]!.bytes;
      file += 1;
    }
    const source = snapshot!.files[file]!;
    const offset = position - start;
    const payload = await source.read(offset, Math.min(CHUNK_BYTES, source.bytes - offset));
    if (transfer.isOver || transfer.position !== position) return !transfer.isOver;
    const chunk = {transfer: id, file, offset, payload, crc: crc32(payload)};
    if (!this.#sendItem(transfer, 'snapshotChunk', encodeSnapshotChunk(chunk))) return false;
    this.#allowance -= payload.length;
    transfer.position += payload.length;
    transfer.sentMs = this.#now();
    return true;
  }

  #mayRead(transfer: Transfer): boolean {
    const nowMs = this.#now();
    const earned = this.#allowance + (nowMs - this.#earnedMs) * this.#bytesPerMs;
    this.#allowance = Math.min(earned, ALLOWANCE_MAX);
    this.#earnedMs = nowMs;
    return this.#allowance >= CHUNK_BYTES && this.#room(transfer) >= CHUNK_BYTES;
  }

  /** Left of the node's window, over all its transfers. */
  #room({node}: Transfer): number {
    let unacknowledged = 0;
    for (const one of this.#active)
      if (one.node === node) unacknowledged += one.position - one.acknowledged;
    return WINDOW_BYTES - unacknowledged;
  }

  #sendItem({node, group}: Transfer, kind: ItemKind, payload: Uint8Array): boolean {
    const writer = new ByteWriter(payload.length + 32);
    startGroupsFrame(writer, this.#thread);
    writeItem(writer, {kind, set: group.set, payload});
    return this.#transport.send(node!, 'bulk', writer.finish());
  }

  #finish(transfer: Transfer, ok: boolean): void {
    if (transfer.isOver) return;
    transfer.isOver = true;
    this.#active.delete(transfer);
    transfer.snapshot?.release();
    if (ok) this.#driver.counts.snapshotsSent += 1;
    this.#driver.step(transfer.group, {type: 'snapshotSent', to: transfer.to, ok});
    this.#startNext();
  }
}
