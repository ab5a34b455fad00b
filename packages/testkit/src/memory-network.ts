// Links between nodes in memory: ordered per (from, to, channel) like the streams they stand for,
// with latency and bandwidth on a virtual clock, one-way cuts, loss, and a record of what was sent.

import type {Channel, Clock, NodeId, Random, Transport} from '@flotilla/base';

export type ReceiveFrame = (from: NodeId, channel: Channel, frame: Uint8Array) => void;

export interface SentFrame {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly channel: Channel;
  readonly frame: Uint8Array;
}

export interface MemoryNetworkOptions {
  readonly clock: Clock;
  readonly latencyMs?: number | undefined;
  /** Of each direction of each link, shared by both channels; unlimited when absent. */
  readonly bytesPerMs?: number | undefined;
  /** With `lossRate`, a frame is lost by this chance. */
  readonly random?: Random | undefined;
  readonly queueBytesMax?: number | undefined;
}

interface Link {
  cut: boolean;
  busyUntilMs: number;
  queuedBytes: number;
}

export class MemoryNetwork {
  readonly #options: MemoryNetworkOptions;
  readonly #receivers = new Map<NodeId, ReceiveFrame>();
  /** Raised when a node leaves: frames on their way to or from its former life are lost. */
  readonly #lives = new Map<NodeId, number>();
  readonly #links = new Map<string, Link>();
  /** Called for each frame handed over; a test may keep them to replay them later. */
  tap: ((sent: SentFrame) => void) | undefined;
  lossRate = 0;
  readonly counts = {frames: 0, bytes: 0};

  constructor(options: MemoryNetworkOptions) {
    this.#options = options;
  }

  /** Joins a node; a node that joins again is a new process with new connections. */
  join(node: NodeId, receive: ReceiveFrame): Transport {
    const life = this.#life(node) + 1;
    this.#lives.set(node, life);
    this.#receivers.set(node, receive);
    return {
      send: (to, channel, frame) =>
        this.#life(node) === life && this.#send({from: node, to, channel, frame}),
    };
  }

  leave(node: NodeId): void {
    this.#receivers.delete(node);
    this.#lives.set(node, this.#life(node) + 1);
  }

  has(node: NodeId): boolean {
    return this.#receivers.has(node);
  }

  /** Frames from `from` to `to` vanish, without notice to either. */
  cut(from: NodeId, to: NodeId): void {
    this.#link(from, to).cut = true;
  }

  /** Both directions between `node` and all others. */
  isolate(node: NodeId): void {
    for (const other of this.#receivers.keys()) {
      if (other === node) continue;
      this.cut(node, other);
      this.cut(other, node);
    }
  }

  heal(): void {
    for (const link of this.#links.values()) link.cut = false;
  }

  /** Delivers a frame once more, as a network that held it back would. */
  deliver(sent: SentFrame): void {
    this.#receivers.get(sent.to)?.(sent.from, sent.channel, sent.frame);
  }

  #send(sent: SentFrame): boolean {
    const {from, to, frame} = sent;
    const link = this.#link(from, to);
    if (!this.#receivers.has(to)) return false;
    if (link.queuedBytes + frame.length > (this.#options.queueBytesMax ?? Infinity)) return false;
    this.counts.frames += 1;
    this.counts.bytes += frame.length;
    this.tap?.(sent);
    const lost =
      link.cut || (this.lossRate > 0 && (this.#options.random?.next() ?? 1) < this.lossRate);
    if (!lost) this.#schedule(link, sent);
    return true;
  }

  #schedule(link: Link, sent: SentFrame): void {
    const {clock, latencyMs = 0, bytesPerMs} = this.#options;
    const lives = [this.#life(sent.from), this.#life(sent.to)];
    const nowMs = clock.monotonicMs();
    const wireMs = bytesPerMs === undefined ? 0 : sent.frame.length / bytesPerMs;
    link.busyUntilMs = Math.max(nowMs, link.busyUntilMs) + wireMs;
    link.queuedBytes += sent.frame.length;
    clock.setTimer(link.busyUntilMs - nowMs + latencyMs, () => {
      link.queuedBytes -= sent.frame.length;
      if (lives[0] !== this.#life(sent.from) || lives[1] !== this.#life(sent.to)) return;
      this.deliver(sent);
    });
  }

  #life(node: NodeId): number {
    return this.#lives.get(node) ?? 0;
  }

  #link(from: NodeId, to: NodeId): Link {
    const key = `${from}>${to}`;
    let link = this.#links.get(key);
    if (link === undefined) {
      link = {cut: false, busyUntilMs: 0, queuedBytes: 0};
      this.#links.set(key, link);
    }
    return link;
  }
}
