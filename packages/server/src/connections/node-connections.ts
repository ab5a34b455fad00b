// The shared connections of this node: to each other node exactly two TCP connections (control and
// bulk) or none, whatever the number of groups. The node with the smaller id dials. Lives in the main
// thread; engine threads reach it through the relay.
//
// Invariants: onNode reports 'connected' and 'lost' of a node strictly in turn; frames come only
// between them; 'lost' comes in the turn in which the reset, FIN or stream error was seen. Whether a
// silent node lives is not decided here but by beats.

import {
  assert,
  type Channel,
  type Clock,
  type Log,
  type NodeId,
  type Random,
  type Transport,
} from '@flotilla/base';
import type {TlsSource} from '../adapters/index.ts';
import {Acceptor} from './acceptor.ts';
import {Dialer} from './dialer.ts';
import {areOtherLives, type Hello, type KnownLife, type Self} from './hello.ts';
import type {JoinSecret} from './join-secret.ts';
import type {NodeServer} from './node-server.ts';
import type {NodeSession, SessionEvents} from './node-session.ts';
import type {Lane} from './send-queue.ts';

export interface NodeAddress {
  readonly id: NodeId;
  /** As in the catalog: `host:port` of HTTP; gRPC listens one port above. */
  readonly address: string;
  /** Another node has its address now: it is not dialled, and let in if it comes. */
  readonly isGone?: boolean | undefined;
}

export type FrameHandler = (from: NodeId, channel: Channel, frame: Uint8Array) => void;
export type NodeHandler = (
  node: NodeId,
  state: 'connected' | 'lost',
  bootEpoch: number,
  /** What the other node remembers of this one. */
  known?: KnownLife | undefined,
) => void;

export interface NodeConnectionsOptions {
  readonly self: Self;
  readonly secret: JoinSecret;
  /** Undefined: nothing is encrypted. */
  readonly tls?: TlsSource | undefined;
  readonly server: NodeServer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** By its beats; absent: by its connection alone. */
  readonly isAlive?: ((node: NodeId) => boolean) | undefined;
}

export interface ConnectionStatus {
  readonly node: NodeId;
  readonly connected: boolean;
  readonly bootEpoch: number | undefined;
  readonly queuedBytes: Readonly<Record<Channel, number>>;
  /** Since the start of this process. */
  readonly framesDropped: number;
}

export class NodeConnections implements Transport {
  readonly #options: NodeConnectionsOptions;
  readonly #acceptor: Acceptor;
  readonly #events: SessionEvents;
  readonly #dialers = new Map<NodeId, Dialer>();
  readonly #sessions = new Map<NodeId, NodeSession>();
  readonly #dropped = new Map<NodeId, number>();
  /** Since the start of this process, to whomever. */
  framesDropped = 0;
  #nodes = new Map<NodeId, NodeAddress>();
  /** Nodes that the catalog once named and names no more: they are not let in again. */
  readonly #removed = new Set<NodeId>();
  /** The last reason that was logged per node, so that an outage is one line and not one a second. */
  readonly #logged = new Map<NodeId, string>();
  #lastRefusal: string | undefined;
  #onFrame: FrameHandler[] = [];
  #onNode: NodeHandler[] = [];
  #closed = false;

  constructor(options: NodeConnectionsOptions) {
    this.#options = options;
    const {self, clock, server} = options;
    this.#events = {
      onSession: (session) => this.#begin(session),
      onEnd: (session, reason) => this.#end(session, reason),
      onFrame: (session, channel, frame) => this.#deliver(session.hello.from, channel, frame),
    };
    this.#acceptor = new Acceptor({
      self,
      clock,
      events: this.#events,
      refusal: (hello) => this.#refusal(hello),
    });
    server.attach((channel, stream, visit) => this.#acceptor.accept(channel, stream, visit));
  }

  /**
   * Handlers are called in the order in which they were given. A frame may be a view of a larger
   * buffer, all of which a view keeps alive and a structured clone copies.
   */
  onFrame(handler: FrameHandler): void {
    this.#onFrame.push(handler);
  }

  onNode(handler: NodeHandler): void {
    this.#onNode.push(handler);
  }

  /** The nodes of the catalog, this one among them or not. Connections to others are closed. */
  setNodes(nodes: readonly NodeAddress[]): void {
    const {self} = this.#options;
    const wanted = new Map(nodes.map((node) => [node.id, node]));
    for (const node of this.#nodes.keys()) if (!wanted.has(node)) this.#remove(node);
    this.#nodes = wanted;
    for (const [node, {address, isGone = false}] of wanted) {
      this.#removed.delete(node);
      if (node <= self.node) continue;
      const dialer = this.#dialers.get(node);
      if (isGone) {
        dialer?.stop('another node has its address');
        this.#dialers.delete(node);
        continue;
      }
      if (dialer === undefined) this.#dial(node, address);
      else dialer.address = address;
    }
  }

  /**
   * Hands over one frame; false, and the frame dropped, if the node is not connected or the queue of
   * that lane is full. A frame to this node itself comes back through onFrame.
   */
  send(to: NodeId, channel: Channel, frame: Uint8Array, lane: Lane = 'normal'): boolean {
    if (to === this.#options.self.node) {
      this.#options.clock.defer(() => this.#deliver(to, channel, frame));
      return true;
    }
    const sent = this.#sessions.get(to)?.channel(channel).send(frame, lane) ?? false;
    if (sent) return true;
    this.framesDropped += 1;
    this.#dropped.set(to, (this.#dropped.get(to) ?? 0) + 1);
    return false;
  }

  /** A beat: it overtakes all queued frames of the control channel. */
  sendUrgent(to: NodeId, frame: Uint8Array): boolean {
    return this.send(to, 'control', frame, 'urgent');
  }

  /** Of the process that is connected as that node and lives; undefined too where its build tells none. */
  livingLife(node: NodeId): number | undefined {
    const life = this.#sessions.get(node)?.hello.life;
    return life !== undefined && this.#isAlive(node) ? life : undefined;
  }

  isConnected(node: NodeId): boolean {
    return node === this.#options.self.node || this.#sessions.has(node);
  }

  status(): ConnectionStatus[] {
    const {node: own} = this.#options.self;
    const nodes = new Set([...this.#nodes.keys(), ...this.#sessions.keys()]);
    nodes.delete(own);
    return [...nodes].sort((a, b) => a - b).map((node) => this.#statusOf(node));
  }

  /** Ends all connections, without 'lost'. The server is its owner's to close. */
  close(): void {
    this.#closed = true;
    for (const dialer of this.#dialers.values()) dialer.stop('this node is stopping');
    this.#acceptor.close('the other node is stopping');
  }

  #statusOf(node: NodeId): ConnectionStatus {
    const session = this.#sessions.get(node);
    return {
      node,
      connected: session !== undefined,
      bootEpoch: session?.hello.bootEpoch,
      queuedBytes: {
        control: session?.channel('control').queuedBytes ?? 0,
        bulk: session?.channel('bulk').queuedBytes ?? 0,
      },
      framesDropped: this.#dropped.get(node) ?? 0,
    };
  }

  #isAlive(node: NodeId): boolean {
    return this.#options.isAlive?.(node) ?? true;
  }

  #refusal(hello: Hello): string | undefined {
    const {from: node} = hello;
    if (this.#removed.has(node)) return `node ${node} was removed from the cluster`;
    const standing = this.#sessions.get(node)?.hello;
    if (standing === undefined || !areOtherLives(standing, hello) || !this.#isAlive(node))
      return undefined;
    return `another process runs as node ${node}, and lives: one of the two runs on a copy of its data directory`;
  }

  #dial(node: NodeId, address: string): void {
    const {self, secret, tls, clock, random} = this.#options;
    const events = {
      ...this.#events,
      onEnd: (session: NodeSession | undefined, reason: string) => {
        if (session !== undefined) this.#end(session, reason);
        else this.#logOnce(node, 'cannot connect to a node', reason);
      },
    };
    this.#dialers.set(node, new Dialer(node, address, {self, secret, tls, clock, random, events}));
  }

  /** Nodes that are members no more, also those that this process never knew as such. */
  forbid(nodes: Iterable<NodeId>): void {
    for (const node of nodes) if (!this.#removed.has(node)) this.#remove(node);
  }

  #remove(node: NodeId): void {
    this.#removed.add(node);
    this.#dialers.get(node)?.stop('the node was removed from the cluster');
    this.#dialers.delete(node);
    this.#acceptor.drop(node, 'the node was removed from the cluster');
    this.#dropped.delete(node);
  }

  #begin(session: NodeSession): void {
    if (this.#closed) {
      session.close('this node is stopping');
      return;
    }
    const {from: node, bootEpoch, known} = session.hello;
    assert(!this.#sessions.has(node), () => `node ${node} is connected twice`);
    this.#sessions.set(node, session);
    this.#logged.delete(node);
    this.#options.log.info({node, bootEpoch}, 'connected to a node');
    for (const handler of this.#onNode) handler(node, 'connected', bootEpoch, known);
  }

  #end(session: NodeSession | undefined, reason: string): void {
    if (this.#closed) return;
    if (session === undefined) {
      // A node that is refused asks every second: one line says it.
      if (this.#lastRefusal !== reason) this.#options.log.warn({reason}, 'refused a connection');
      this.#lastRefusal = reason;
      return;
    }
    const {from: node, bootEpoch} = session.hello;
    assert(this.#sessions.get(node) === session, () => `another session of node ${node} ended`);
    this.#sessions.delete(node);
    this.#options.log.warn({node, reason}, 'lost the connection to a node');
    for (const handler of this.#onNode) handler(node, 'lost', bootEpoch);
  }

  #logOnce(node: NodeId, message: string, reason: string): void {
    if (this.#closed || this.#logged.get(node) === reason) return;
    this.#logged.set(node, reason);
    this.#options.log.warn({node, reason}, message);
  }

  #deliver(from: NodeId, channel: Channel, frame: Uint8Array): void {
    if (this.#closed) return;
    for (const handler of this.#onFrame) handler(from, channel, frame);
  }
}
