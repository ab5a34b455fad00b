// A simulated node that does not run, as the product's recovery wants it: the stores on its disk, and what
// lies beside them.

import {type Log, META_SET, type NodeId, type Random} from '@flotilla/base';
import type {CatalogUpdate, NodeEvidence, ReplicaEvidence} from '@flotilla/catalog';
import {StoppedStore} from '@flotilla/multiraft';
import {type Stopped, storeEvidence} from '@flotilla/server/engine-parts';
import {Manifest} from '@flotilla/storage';
import type {Kernel} from '../kernel/kernel.ts';
import {Process} from '../kernel/process.ts';
import type {SimNode} from '../world/node.ts';
import type {NodeState} from './node-state.ts';

const CLUSTER = 'simulated';

export class StoppedSim implements Stopped {
  readonly path: string;
  readonly node: NodeId;
  readonly cluster = CLUSTER;
  readonly disk: SimNode['disk'];
  readonly #sim: SimNode;
  readonly #state: NodeState;
  readonly #stores: readonly StoppedStore[];

  private constructor(sim: SimNode, state: NodeState, stores: readonly StoppedStore[]) {
    this.path = `node ${sim.id}`;
    this.node = sim.id;
    this.disk = sim.disk;
    this.#sim = sim;
    this.#state = state;
    this.#stores = stores;
  }

  static async open(
    sim: SimNode,
    state: NodeState,
    {kernel, random, log}: {readonly kernel: Kernel; readonly random: Random; readonly log: Log},
  ): Promise<StoppedSim> {
    sim.bootEpoch += 1;
    const {bootEpoch, disk, wall} = sim;
    const clock = new Process(kernel, {name: `stopped ${sim.id}`, wall, rate: 1, startMs: 0});
    const stores: StoppedStore[] = [];
    for (const store of sim.stores) {
      const options = {store, disk, path: `store-${store}`};
      stores.push(await StoppedStore.open(options, {random, clock, bootEpoch, log}));
    }
    return new StoppedSim(sim, state, stores);
  }

  get cached(): CatalogUpdate {
    return this.#state.catalog;
  }

  get metaStore(): Stopped['metaStore'] {
    return {storeId: this.#sim.stores[0]!, store: this.#stores[0]!};
  }

  async remember(catalog: CatalogUpdate): Promise<void> {
    this.#state.catalog = catalog;
  }

  /** It is no member of the meta group, and its copy of the catalog is that old. */
  async forgetMeta(old: CatalogUpdate): Promise<void> {
    await this.metaStore.store.end(META_SET);
    await this.remember(old);
  }

  async evidence(): Promise<NodeEvidence> {
    const replicas: ReplicaEvidence[] = [];
    for (const [i, store] of this.#stores.entries()) {
      const rows = this.#state.manifest(this.#sim.stores[i]!, async () => true);
      replicas.push(...(await storeEvidence(store, await Manifest.open(rows))));
    }
    const ended = this.#stores.flatMap((store) =>
      [...store.tombstones()].map(([set, replica]) => ({set, replica})),
    );
    const {node, cluster} = this;
    const rest = {name: `i${node}`, stores: this.#stores.length, faults: []};
    return {cluster, node, replicas, ended, ...rest};
  }

  async close(): Promise<void> {
    for (const store of this.#stores) await store.close();
  }
}
