// The links between the nodes of a cluster of processes: a proxy before each node's ports, which its
// node advertises as its own. Whose process dialled is read from /proc (Linux), so that each ordered
// pair of nodes is a link that can fail alone: held one way or both, slow, or closed with an error.

import {readdirSync, readFileSync, readlinkSync} from 'node:fs';
import net from 'node:net';
import {Direction, type Flow} from './link-faults.ts';

/** Number of a node in its cluster, from 1; 0 is the test and its clients. */
export type NodeNumber = number;

export interface LinkedNode {
  /** Where it listens: HTTP, and one above gRPC. */
  readonly port: number;
  /** Where the others are told that it listens. */
  readonly advertisedPort: number;
  /** Of its process; undefined while it has none. */
  readonly pid: () => number | undefined;
}

export class NodeLinks {
  readonly #nodes: readonly LinkedNode[];
  readonly #servers: net.Server[] = [];
  readonly #directions = new Map<string, Direction>();
  readonly #connections = new Set<{near: net.Socket; far: net.Socket; ends: string}>();
  /** Pairs whose connections are closed, new ones too. */
  readonly #closed = new Set<string>();

  private constructor(nodes: readonly LinkedNode[]) {
    this.#nodes = nodes;
  }

  static async start(nodes: readonly LinkedNode[]): Promise<NodeLinks> {
    const links = new NodeLinks(nodes);
    for (const [i, {port, advertisedPort}] of nodes.entries()) {
      for (const offset of [0, 1])
        await links.#listen(i + 1, advertisedPort + offset, port + offset);
    }
    return links;
  }

  /** Where each node is told to be, by its number less one. */
  get addresses(): string[] {
    return this.#nodes.map(({advertisedPort}) => `127.0.0.1:${advertisedPort}`);
  }

  /** Bytes from `from` to `to`: set what happens to them, then `run`. */
  direction(from: NodeNumber, to: NodeNumber): Direction {
    const key = `${from}>${to}`;
    let direction = this.#directions.get(key);
    if (direction === undefined) {
      direction = new Direction();
      this.#directions.set(key, direction);
    }
    return direction;
  }

  /** Nothing passes from `from` to `to`, and neither is told: a cable that was pulled, one way. */
  hold(from: NodeNumber, to: NodeNumber): void {
    this.direction(from, to).isHeld = true;
  }

  /** Both ways between `node` and all others. */
  isolate(node: NodeNumber): void {
    for (const other of this.#others(node)) {
      this.hold(node, other);
      this.hold(other, node);
    }
  }

  /** Ends the pair's connections and refuses new ones, by RST or by FIN. */
  close(a: NodeNumber, b: NodeNumber, how: 'reset' | 'end'): void {
    const ends = endsOf(a, b);
    this.#closed.add(ends);
    for (const connection of this.#connections) {
      if (connection.ends !== ends) continue;
      for (const socket of [connection.near, connection.far]) {
        if (how === 'reset') socket.resetAndDestroy();
        else socket.destroy();
      }
    }
    for (const direction of [this.direction(a, b), this.direction(b, a)]) direction.clear();
  }

  /** The pair's connections that are open now. */
  openBetween(a: NodeNumber, b: NodeNumber): number {
    const ends = endsOf(a, b);
    return [...this.#connections].filter((connection) => connection.ends === ends).length;
  }

  /** As if no link had ever failed; what was held comes now. */
  heal(): void {
    this.#closed.clear();
    for (const direction of this.#directions.values()) {
      direction.isHeld = false;
      direction.delayMs = 0;
      direction.bytesPerMs = undefined;
      direction.run();
    }
  }

  stop(): void {
    for (const server of this.#servers) server.close();
    for (const {near, far} of this.#connections) {
      near.destroy();
      far.destroy();
    }
    for (const direction of this.#directions.values()) direction.clear();
  }

  #others(node: NodeNumber): NodeNumber[] {
    return this.#nodes.map((_, i) => i + 1).filter((other) => other !== node);
  }

  async #listen(to: NodeNumber, port: number, target: number): Promise<void> {
    const server = net.createServer((near) => this.#connect(near, to, target));
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
  }

  #connect(near: net.Socket, to: NodeNumber, target: number): void {
    near.on('error', ignore);
    const from = this.#dialerOf(near);
    const ends = endsOf(from, to);
    if (this.#closed.has(ends)) {
      near.resetAndDestroy();
      return;
    }
    const far = net.connect(target, '127.0.0.1');
    far.on('error', ignore);
    const connection = {near, far, ends};
    this.#connections.add(connection);
    for (const socket of [near, far]) {
      socket.setNoDelay();
      socket.once('close', () => this.#connections.delete(connection));
    }
    this.#carry({from: near, to: far, heldBytes: 0}, this.direction(from, to));
    this.#carry({from: far, to: near, heldBytes: 0}, this.direction(to, from));
  }

  #carry(flow: Flow, direction: Direction): void {
    flow.from.on('data', (bytes: Buffer) => direction.push(flow, bytes));
    // A reset too is news that a held link keeps for itself.
    flow.from.once('close', () => direction.push(flow, undefined));
  }

  #dialerOf({remotePort, localPort}: net.Socket): NodeNumber {
    const inode = inodeOf(remotePort, localPort);
    if (inode === undefined) return 0;
    for (const [i, {pid}] of this.#nodes.entries()) if (hasSocket(pid(), inode)) return i + 1;
    return 0;
  }
}

function ignore(): void {
  // Whatever ended a socket, its 'close' follows.
}

function endsOf(a: NodeNumber, b: NodeNumber): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`;
}

/** Of the socket on this machine that is connected from `localPort` to `remotePort`. */
function inodeOf(localPort: number | undefined, remotePort: number | undefined) {
  const hex = (port = 0): string => `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n')) {
    const [, local = '', remote = '', , , , , , , inode] = line.trim().split(/\s+/);
    if (local.endsWith(hex(localPort)) && remote.endsWith(hex(remotePort))) return inode;
  }
  return undefined;
}

function hasSocket(pid: number | undefined, inode: string): boolean {
  if (pid === undefined) return false;
  try {
    const directory = `/proc/${pid}/fd`;
    return readdirSync(directory).some((fd) => isLink(`${directory}/${fd}`, `socket:[${inode}]`));
  } catch {
    // The process ended meanwhile.
    return false;
  }
}

function isLink(path: string, target: string): boolean {
  try {
    return readlinkSync(path) === target;
  } catch {
    // The descriptor was closed since it was listed.
    return false;
  }
}
