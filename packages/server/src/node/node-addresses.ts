// Where the other nodes are: where the catalog says, or where they were heard since, if it knows them at all.

import type {Log, NodeId} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';
import type {NodeConnections} from '../connections/index.ts';

/** As many nodes as a cluster is meant for: all may be elsewhere, or unknown to an old catalog. */
const MOVED_MAX = 256;

/** `from` is the catalog's address when the node was heard elsewhere; undefined: it did not know the node. */
interface Moved {
  readonly from: string | undefined;
  readonly to: string;
  /** The catalog did not know it though it was current. */
  readonly isStrange: boolean;
}

export interface NodeAddressesDeps {
  readonly self: NodeId;
  readonly catalog: Catalog;
  readonly connections: Pick<NodeConnections, 'setNodes' | 'forbid' | 'isConnected'>;
  /** The catalog was brought up to date in this life. */
  readonly isMetaHeard: () => boolean;
  readonly log: Log;
}

export class NodeAddresses {
  readonly #deps: NodeAddressesDeps;
  /** Where nodes are that are not where the catalog says, if it knows them at all. */
  readonly #moved = new Map<NodeId, Moved>();

  constructor(deps: NodeAddressesDeps) {
    this.#deps = deps;
  }

  /** The nodes of the catalog; before any, there is nobody to talk to. */
  settle(): void {
    const {self, catalog, connections, isMetaHeard} = this.#deps;
    for (const [id, {from, isStrange}] of this.#moved)
      if (catalog.node(id)?.address !== from || (from === undefined && isMetaHeard() && !isStrange))
        this.#moved.delete(id);
    const present = [...catalog.nodes()].filter(({state}) => state !== 'decommissioned');
    // An empty directory is a new node even at the address of an old one: of two the later lives there.
    const latest = new Map(present.map(({id, address}) => [address, id]));
    const others = present.filter(({id}) => id !== self);
    const nodes = others.map(({id, address}) => {
      const moved = this.#moved.get(id);
      if (moved !== undefined) return {id, address: moved.to};
      return {id, address, isGone: latest.get(address) !== id};
    });
    for (const [id, {from, to}] of this.#moved)
      if (from === undefined) nodes.push({id, address: to});
    connections.setNodes(nodes);
    connections.forbid(this.removed());
  }

  /** Nodes that are members no more: they left, or were declared lost. */
  removed(): NodeId[] {
    const {catalog} = this.#deps;
    const removed = [...catalog.nodes()].filter(({state}) => state === 'decommissioned');
    return removed.map(({id}) => id);
  }

  /** Members that are to dial this node, and have not: where they are. */
  unmet(): string[] {
    const {self, catalog, connections} = this.#deps;
    const present = [...catalog.nodes()].filter(({state}) => state !== 'decommissioned');
    const lower = present.filter(({id}) => id < self && !connections.isConnected(id));
    return lower.map(({id, address}) => this.#moved.get(id)?.to ?? address);
  }

  /**
   * Another node of the cluster says that it is there. One that is connected is not taken elsewhere. A catalog
   * that is not fresh may be from before that node joined, and it may take that node to make it fresh. One that
   * is fresh may be so by a meta group of this node alone, which is an old image of itself: the other tells it.
   */
  heardOf(node: NodeId, address: string): void {
    const {self, catalog, connections, isMetaHeard, log} = this.#deps;
    const from = catalog.node(node)?.address;
    if (node === self) return;
    if (from === address || connections.isConnected(node)) return;
    if (catalog.node(node)?.state === 'decommissioned') return;
    if (this.#moved.get(node)?.to === address) return;
    if (!this.#moved.has(node) && this.#moved.size >= MOVED_MAX) return;
    log.info(
      {node, from, to: address},
      'heard of a node at an address that the catalog does not have',
    );
    this.#moved.set(node, {from, to: address, isStrange: from === undefined && isMetaHeard()});
    this.settle();
  }
}
