// Connections between nodes as TCP gives them: ordered per channel, cut without notice or with, and
// lost as a whole. While a direction is cut its frames wait, as retransmissions do; a connection that
// stays cut dies, and each side finds out by itself. A frame of an old connection never comes back
// through a new one by itself; the fault `stale` brings it back, as a proxy that held it would.

import type {Channel, NodeId} from '@flotilla/base';
import type {Chance} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import type {Process} from '../kernel/process.ts';

export interface Endpoint {
  readonly node: NodeId;
  readonly process: Process;
  readonly bootEpoch: number;
  connected(other: NodeId, bootEpoch: number): void;
  lost(other: NodeId): void;
  receive(from: NodeId, channel: Channel, frame: Uint8Array): void;
  /** What is sent in one direction over `control` beside frames. */
  receiveLetter(from: NodeId, letter: object): void;
}

export interface NetworkTimes {
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly dialMs: number;
  /** A connection that carries nothing for so long is given up by either side. */
  readonly keepAliveMs: number;
}

/** One direction of one connection, one channel. */
interface Lane {
  lastDueMs: number;
  queuedBytes: number;
}

interface Connection {
  readonly a: Endpoint;
  readonly b: Endpoint;
  /** Which side still believes in it. */
  readonly isOpen: Map<NodeId, boolean>;
  readonly lanes: Map<string, Lane>;
  /** Sent while the direction was cut, in order. */
  readonly waiting: {from: Endpoint; to: Endpoint; channel: Channel; carry: () => void}[];
}

export interface LinkTrouble {
  isCut: boolean;
  lossRate: number;
  delayFactor: number;
  bytesPerMs: number;
}

export interface StaleFrame {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly channel: Channel;
  readonly frame: Uint8Array;
}

const QUEUE_BYTES_MAX = 4 * 1024 * 1024;
/** What is on its way for longer was delayed by a fault: who waits for it is not served yet. */
const FRAME_MS_MAX = 1_000;
/** Of each direction, for the fault that brings back old frames. */
const REMEMBERED_FRAMES = 48;

export class Network {
  readonly counts = {frames: 0, bytes: 0, refused: 0, lost: 0, connections: 0};
  readonly #kernel: Kernel;
  readonly #chance: Chance;
  readonly #times: NetworkTimes;
  readonly #isShut: (by: NodeId, other: NodeId) => boolean;
  readonly #endpoints = new Map<NodeId, Endpoint>();
  readonly #connections = new Map<string, Connection>();
  readonly #trouble = new Map<string, LinkTrouble>();
  readonly #remembered = new Map<string, StaleFrame[]>();

  /** @param isShut whether that node, by what it knows now, lets the other in no more and speaks no more to it. */
  constructor(
    kernel: Kernel,
    chance: Chance,
    times: NetworkTimes,
    isShut: (by: NodeId, other: NodeId) => boolean = () => false,
  ) {
    this.#kernel = kernel;
    this.#chance = chance;
    this.#times = times;
    this.#isShut = isShut;
  }

  /** What a frame takes where nothing is wrong. */
  get delayMs(): number {
    return this.#times.delayMs;
  }

  join(endpoint: Endpoint): void {
    this.#endpoints.set(endpoint.node, endpoint);
    for (const other of this.#endpoints.values())
      if (other !== endpoint) this.#dialSoon(endpoint, other);
  }

  /** The process ended. With `isSilent` (power lost) nobody is told; else its connections are reset. */
  leave(endpoint: Endpoint, isSilent: boolean): void {
    if (this.#endpoints.get(endpoint.node) === endpoint) this.#endpoints.delete(endpoint.node);
    for (const connection of this.#connectionsOf(endpoint)) {
      connection.isOpen.set(endpoint.node, false);
      const other = connection.a === endpoint ? connection.b : connection.a;
      const isTold = !isSilent && !this.trouble(endpoint.node, other.node).isCut;
      const delayMs = isTold ? this.#delay(endpoint.node, other.node) : this.#times.keepAliveMs;
      this.#kernel.after(delayMs, () => this.#close(connection, other), other.process);
    }
  }

  send(from: Endpoint, to: NodeId, channel: Channel, frame: Uint8Array): boolean {
    const isSent = this.#carry(from, to, channel, frame.length, (target) => {
      this.#kernel.trace.mixBytes(frame);
      target.receive(from.node, channel, frame);
    });
    // What no connection took was never on its way: nobody can have held it.
    if (isSent) this.#remember({from: from.node, to, channel, frame});
    return isSent;
  }

  /** As `send`, for what is no frame of the hosts'. */
  sendLetter(from: Endpoint, to: NodeId, letter: object, bytes: number): boolean {
    return this.#carry(from, to, 'control', bytes, (target) =>
      target.receiveLetter(from.node, letter),
    );
  }

  /** As `send`, for frames that nobody stands to lose one by one: only a connection loses them. */
  sendSurely(from: Endpoint, to: NodeId, channel: Channel, frame: Uint8Array): boolean {
    const deliver = (target: Endpoint): void => {
      this.#kernel.trace.mixBytes(frame);
      target.receive(from.node, channel, frame);
    };
    return this.#carry(from, to, channel, frame.length, deliver, true);
  }

  isConnected(from: Endpoint, to: NodeId): boolean {
    return this.#connections.get(pairKey(from.node, to))?.isOpen.get(from.node) === true;
  }

  /** What keeps it from being at rest: frames that a fault delayed outlast it. */
  unrest(): string[] {
    let lastDueMs = 0;
    for (const {lanes} of this.#connections.values())
      for (const lane of lanes.values()) lastDueMs = Math.max(lastDueMs, lane.lastDueMs);
    const underWayMs = lastDueMs - this.#kernel.nowMs;
    return underWayMs > FRAME_MS_MAX ? [`a frame arrives only in ${underWayMs} ms`] : [];
  }

  trouble(from: NodeId, to: NodeId): LinkTrouble {
    const key = `${from}>${to}`;
    let trouble = this.#trouble.get(key);
    if (trouble === undefined) {
      trouble = {isCut: false, lossRate: 0, delayFactor: 1, bytesPerMs: Infinity};
      this.#trouble.set(key, trouble);
    }
    return trouble;
  }

  /** The direction carries again: what waited comes in order, unless the connection died meanwhile. */
  mend(from: NodeId, to: NodeId): void {
    this.trouble(from, to).isCut = false;
    const connection = this.#connections.get(pairKey(from, to));
    if (connection === undefined) return;
    const waiting = connection.waiting.splice(0);
    for (const item of waiting) {
      if (item.from.node === from) this.#schedule(connection, item, 0);
      else connection.waiting.push(item);
    }
  }

  /** Both sides are told, each after its own delay. */
  reset(a: NodeId, b: NodeId): void {
    const connection = this.#connections.get(pairKey(a, b));
    if (connection === undefined) return;
    for (const side of [connection.a, connection.b])
      this.#kernel.after(this.#delay(a, b), () => this.#close(connection, side), side.process);
  }

  /**
   * A frame that was sent once, again, however old. Undefined if there is none, or if the receiver has no
   * connection with the sender: a process takes frames of connections alone, and greets on each first.
   */
  replay(from: NodeId, to: NodeId): StaleFrame | undefined {
    const frames = this.#remembered.get(`${from}>${to}`) ?? [];
    const target = this.#endpoints.get(to);
    const isOpen = this.#connections.get(pairKey(from, to))?.isOpen.get(to) === true;
    if (frames.length === 0 || target === undefined || !isOpen) return undefined;
    const frame = this.#chance.pick(frames);
    const delayMs = this.#delay(from, to);
    this.#kernel.after(
      delayMs,
      () => target.receive(frame.from, frame.channel, frame.frame),
      target.process,
    );
    return frame;
  }

  #remember(sent: StaleFrame): void {
    const key = `${sent.from}>${sent.to}`;
    const frames = this.#remembered.get(key) ?? [];
    this.#remembered.set(key, frames);
    if (frames.length < REMEMBERED_FRAMES) frames.push(sent);
    else if (this.#chance.odds(0.1)) frames[this.#chance.below(frames.length)] = sent;
  }

  #carry(
    from: Endpoint,
    to: NodeId,
    channel: Channel,
    bytes: number,
    deliver: (target: Endpoint) => void,
    isSure = false,
  ): boolean {
    const connection = this.#connections.get(pairKey(from.node, to));
    if (connection === undefined || connection.isOpen.get(from.node) !== true) {
      this.counts.refused += 1;
      return false;
    }
    const target = connection.a === from ? connection.b : connection.a;
    if (this.#isShut(from.node, to)) {
      // Not in the turn of whoever sends: it is told as of any closed socket.
      this.#kernel.defer(() => this.#close(connection, from), from.process);
      return false;
    }
    const trouble = this.trouble(from.node, to);
    const lane = laneOf(connection, from.node, channel);
    if (lane.queuedBytes + bytes > QUEUE_BYTES_MAX) {
      this.counts.refused += 1;
      return false;
    }
    this.counts.frames += 1;
    this.counts.bytes += bytes;
    if (!isSure && trouble.lossRate > 0 && this.#chance.odds(trouble.lossRate)) {
      this.counts.lost += 1;
      return true;
    }
    lane.queuedBytes += bytes;
    const carry = (): void => {
      lane.queuedBytes -= bytes;
      if (connection.isOpen.get(target.node) !== true) return;
      if (this.#isShut(target.node, from.node)) this.#close(connection, target);
      else deliver(target);
    };
    const item = {from, to: target, channel, carry};
    if (trouble.isCut) connection.waiting.push(item);
    else this.#schedule(connection, item, bytes);
    return true;
  }

  #schedule(connection: Connection, item: Connection['waiting'][number], bytes: number): void {
    const {from, to, channel, carry} = item;
    const lane = laneOf(connection, from.node, channel);
    const {bytesPerMs} = this.trouble(from.node, to.node);
    const wireMs = bytesPerMs === Infinity ? 0 : bytes / bytesPerMs;
    const nowMs = this.#kernel.nowMs;
    const dueMs = Math.max(nowMs + this.#delay(from.node, to.node), lane.lastDueMs) + wireMs;
    lane.lastDueMs = dueMs;
    this.#kernel.after(dueMs - nowMs, carry, to.process);
  }

  #delay(from: NodeId, to: NodeId): number {
    const {delayMs, jitterMs} = this.#times;
    return (delayMs + this.#chance.wait(jitterMs)) * this.trouble(from, to).delayFactor;
  }

  #dialSoon(a: Endpoint, b: Endpoint): void {
    const waitMs = this.#times.dialMs * this.#chance.between(0.1, 1);
    this.#kernel.after(waitMs, () => this.#dial(a, b));
  }

  #dial(a: Endpoint, b: Endpoint): void {
    const areHere = this.#endpoints.get(a.node) === a && this.#endpoints.get(b.node) === b;
    if (!areHere) return;
    const key = pairKey(a.node, b.node);
    const old = this.#connections.get(key);
    const stands = old?.isOpen.get(a.node) === true && old.isOpen.get(b.node) === true;
    if (stands && (old.a === a || old.b === a) && (old.a === b || old.b === b)) return;
    const isCut = this.trouble(a.node, b.node).isCut || this.trouble(b.node, a.node).isCut;
    const isShut = this.#isShut(a.node, b.node) || this.#isShut(b.node, a.node);
    if (isCut || isShut || a.process.isPaused || b.process.isPaused) {
      this.#dialSoon(a, b);
      return;
    }
    if (old !== undefined) {
      this.#close(old, old.a);
      this.#close(old, old.b);
    }
    this.#connect(key, a, b);
  }

  #connect(key: string, a: Endpoint, b: Endpoint): void {
    this.counts.connections += 1;
    const isOpen = new Map([
      [a.node, true],
      [b.node, true],
    ]);
    const connection: Connection = {a, b, isOpen, lanes: new Map(), waiting: []};
    this.#connections.set(key, connection);
    a.connected(b.node, b.bootEpoch);
    b.connected(a.node, a.bootEpoch);
    this.#watch(connection);
  }

  /** A direction that stays cut ends the connection, at each side after a time of its own. */
  #watch(connection: Connection): void {
    const {a, b, isOpen} = connection;
    const {keepAliveMs} = this.#times;
    let cutSinceMs: number | undefined;
    const look = (): void => {
      if (isOpen.get(a.node) !== true && isOpen.get(b.node) !== true) return;
      const isCut = this.trouble(a.node, b.node).isCut || this.trouble(b.node, a.node).isCut;
      if (!isCut) cutSinceMs = undefined;
      else cutSinceMs ??= this.#kernel.nowMs;
      if (cutSinceMs !== undefined && this.#kernel.nowMs - cutSinceMs >= keepAliveMs) {
        for (const side of [a, b]) {
          const waitMs = this.#chance.between(0, keepAliveMs);
          this.#kernel.after(waitMs, () => this.#close(connection, side), side.process);
        }
        return;
      }
      this.#kernel.after(keepAliveMs / 2, look);
    };
    this.#kernel.after(keepAliveMs / 2, look);
  }

  #close(connection: Connection, side: Endpoint): void {
    if (connection.isOpen.get(side.node) !== true) return;
    connection.isOpen.set(side.node, false);
    connection.waiting.length = 0;
    const other = connection.a === side ? connection.b : connection.a;
    if (!side.process.isDead) side.lost(other.node);
    // The other side learns of it as of any closed socket, unless it knows already.
    const delayMs = this.trouble(side.node, other.node).isCut
      ? this.#times.keepAliveMs
      : this.#delay(side.node, other.node);
    this.#kernel.after(delayMs, () => this.#close(connection, other), other.process);
    const there = this.#endpoints.get(other.node);
    const here = this.#endpoints.get(side.node);
    if (there !== undefined && here !== undefined) this.#dialSoon(here, there);
  }

  #connectionsOf(endpoint: Endpoint): Connection[] {
    return [...this.#connections.values()].filter(({a, b}) => a === endpoint || b === endpoint);
  }
}

function pairKey(a: NodeId, b: NodeId): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`;
}

function laneOf({lanes}: Connection, from: NodeId, channel: Channel): Lane {
  const key = channel === 'control' ? `${from}c` : `${from}b`;
  let lane = lanes.get(key);
  if (lane === undefined) {
    lane = {lastDueMs: 0, queuedBytes: 0};
    lanes.set(key, lane);
  }
  return lane;
}
