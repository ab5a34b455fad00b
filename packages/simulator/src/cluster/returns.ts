// Lost nodes that come back, alive and with their old disks, at any time of a recovery and after it. By the
// product's own code each asks the others at its start whether it is a member still (standing.ts), and asks again
// while it hears nothing of the meta group (announcement.ts). Some are cut off from those who know, for a while, or
// come while nobody runs who does: they take part, among themselves, until they are told.
//
// Never so many at once that they are a majority of the old meta group: against that people keep them off
// (docs/operations.md, step 1 of a recovery).

import {DbError, type NodeId} from '@flotilla/base';
import {Catalog} from '@flotilla/catalog';
import {
  announce,
  type Identified,
  META_SILENT_MS_MAX,
  standingOf,
} from '@flotilla/server/engine-parts';
import type {Chance} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import type {Network} from '../world/network.ts';
import type {SimNode} from '../world/node.ts';
import type {Running} from '../world/node-ports.ts';
import {engineOf} from './clients.ts';
import type {NodeState} from './node-state.ts';

const CLUSTER = 'simulated';
/** On average: each lost node comes again and again. */
const COMES_EVERY_MS = 4_000;
const CUT_OFF_MS = 10_000;
/** A stop is a kill or a loss of power; most run until they are told. */
const END_ODDS = 0.2;

export interface ReturnsPorts {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly chance: Chance;
  readonly nodes: readonly SimNode[];
  readonly states: readonly NodeState[];
  readonly lost: readonly SimNode[];
  /** So many run at once. */
  readonly insideMax: number;
  readonly fail: (message: string) => void;
}

export class Returns {
  /** What became of those that came. */
  readonly counts = {refused: 0, cameIn: 0, told: 0};
  readonly #ports: ReturnsPorts;
  /** They run, or ask whether they may. */
  readonly #inside = new Set<SimNode>();
  readonly #cut = new Set<SimNode>();
  readonly #staying = new Set<SimNode>();
  #isOver = false;

  constructor(ports: ReturnsPorts) {
    this.#ports = ports;
  }

  /** While none of the others runs: as many as may. */
  early(): void {
    for (const node of this.#ports.lost) this.#come(node, false);
  }

  /** From now on any of them, again and again. */
  begin(): void {
    for (const node of this.#ports.lost) this.#comeLater(node);
  }

  /** These came back in time: they are members, and the nodes' own now. */
  stay(nodes: readonly SimNode[]): void {
    for (const node of nodes) {
      this.#staying.add(node);
      this.#mend(node);
    }
  }

  /** Nobody comes any more, and all links are whole. */
  end(): void {
    this.#isOver = true;
    for (const node of this.#cut) this.#mend(node);
  }

  #comeLater(node: SimNode): void {
    const {kernel, chance} = this.#ports;
    kernel.after(chance.wait(COMES_EVERY_MS), () => {
      if (this.#isOver || this.#staying.has(node)) return;
      this.#comeLater(node);
      if (!node.isUp) this.#come(node, chance.odds(0.5));
      else if (chance.odds(END_ODDS)) this.#end(node);
    });
  }

  #come(node: SimNode, isCutOff: boolean): void {
    if (this.#inside.has(node) || this.#inside.size >= this.#ports.insideMax) return;
    this.#inside.add(node);
    if (isCutOff) this.#cutOff(node);
    this.#takePart(node).catch((error: unknown) => {
      this.#ports.fail(`node ${node.id} comes back: ${String(error)}`);
    });
  }

  async #takePart(node: SimNode): Promise<void> {
    const {states} = this.#ports;
    const asking = {clusterId: CLUSTER, node: node.id, life: node.starts};
    const known = Catalog.fromSnapshot(states[node.id - 1]!.catalog);
    const others = [...known.nodes()].filter(
      ({id, state}) => id !== node.id && state !== 'decommissioned',
    );
    const addresses = others.map(({address}) => address);
    const standing = await standingOf(asking, addresses, (to) => this.#identify(node.id, to));
    if (standing.type === 'removed') {
      this.counts.refused += 1;
      this.#inside.delete(node);
      return;
    }
    await node.start();
    // A store may have ended it; who comes again asks anew.
    if (node.running === undefined) {
      this.#inside.delete(node);
      return;
    }
    this.counts.cameIn += 1;
    await this.#announce(node, node.running);
  }

  #announce(node: SimNode, running: Running): Promise<void> {
    const {process} = running;
    let heardAtMs = -Infinity;
    return announce({
      self: {clusterId: CLUSTER, node: node.id, address: addressOf(node.id)},
      identify: (to) => this.#identify(node.id, to),
      clock: process,
      log: {warn: ({...fields}, text) => this.#ports.fail(`${text}: ${JSON.stringify(fields)}`)},
      addresses: () => [...(engineOf(node)?.catalog?.nodes() ?? [])].map(({address}) => address),
      unmet: () => [],
      isKnown: () => {
        const nowMs = process.monotonicMs();
        if (engineOf(node)?.parts?.metaRole?.isHeard === true) heardAtMs = nowMs;
        return nowMs - heardAtMs < META_SILENT_MS_MAX;
      },
      isStopping: () => node.running !== running,
      onHeard: () => undefined,
      onRemoved: () => {
        if (node.running !== running) return;
        this.counts.told += 1;
        this.#end(node);
      },
    });
  }

  #end(node: SimNode): void {
    node.end(this.#ports.chance.pick(['kill', 'power'] as const));
    this.#inside.delete(node);
  }

  /** As node.ts answers it, over the simulated link. */
  #identify(from: NodeId, address: string): Promise<unknown> {
    const {kernel, network, nodes} = this.#ports;
    const other = nodes.find(({id}) => addressOf(id) === address)!;
    return new Promise((resolve, reject) => {
      kernel.after(2 * network.delayMs, () => {
        const {isCut: isCutThere} = network.trouble(from, other.id);
        const {isCut: isCutBack} = network.trouble(other.id, from);
        const catalog = engineOf(other)?.catalog;
        if (catalog === undefined || isCutThere || isCutBack)
          return reject(new DbError('UNAVAILABLE', `nobody answers at ${address}`));
        const removed = [...catalog.nodes()].filter(({state}) => state === 'decommissioned');
        const answer: Identified = {
          clusterId: CLUSTER,
          node: other.id,
          removed: removed.map(({id}) => id),
        };
        resolve(answer);
      });
    });
  }

  #cutOff(node: SimNode): void {
    const {kernel, chance} = this.#ports;
    if (this.#cut.has(node)) return;
    this.#cut.add(node);
    for (const [from, to] of this.#linksOf(node))
      this.#ports.network.trouble(from, to).isCut = true;
    kernel.after(chance.wait(CUT_OFF_MS), () => this.#mend(node));
  }

  #mend(node: SimNode): void {
    if (!this.#cut.delete(node)) return;
    for (const [from, to] of this.#linksOf(node)) this.#ports.network.mend(from, to);
  }

  /** Both directions of those with nodes that were not lost. */
  #linksOf({id}: SimNode): [NodeId, NodeId][] {
    const {nodes, lost} = this.#ports;
    const others = nodes.filter((one) => !lost.includes(one));
    return others.flatMap((other): [NodeId, NodeId][] => [
      [id, other.id],
      [other.id, id],
    ]);
  }
}

function addressOf(node: NodeId): string {
  return `n${node}`;
}
