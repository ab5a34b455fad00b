// How much each node carries, as one number: its replicas by the mean of the nodes, the used part of its
// disk, and what is written to the sets that it holds by the mean of the nodes. What is not reported counts as nothing, alike for
// all, so that the number of replicas decides where nothing else is known.

import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {Node} from '../model.ts';
import type {ReplicaReport, Reports} from './reports.ts';

/** Bytes a second of a node on average. Below it writes are no load, and what differs in them is chance. */
export const WRITE_RATE_MIN = 1 << 20;
/** Disks are as full as others within such a step. */
const DISK_STEP = 0.05;

const NOTHING: ReadonlyMap<ReplicaSetId, number> = new Map();

export class NodeLoads {
  /** Of every node that it was made for; what is moved changes it. */
  readonly scores = new Map<NodeId, number>();
  readonly #reports: Reports;
  readonly #replicasMean: number;
  readonly #writeRateMean: number;
  readonly #writeRates: ReadonlyMap<ReplicaSetId, number>;

  constructor(nodes: readonly Node[], catalog: Catalog, reports: Reports) {
    this.#reports = reports;
    const mean = (value: (node: Node) => number) =>
      nodes.reduce((sum, node) => sum + value(node), 0) / Math.max(1, nodes.length);
    const replicas = ({id}: Node) => catalog.replicaCount(id);
    this.#replicasMean = Math.max(1, mean(replicas));
    const writeRateMean = mean(({id}) => reports.get(id)?.writes?.bytesPerSecond ?? 0);
    const isLoad = writeRateMean >= WRITE_RATE_MIN;
    this.#writeRateMean = isLoad ? writeRateMean : Infinity;
    this.#writeRates = isLoad ? writeRatesOfSets(catalog, reports) : NOTHING;
    const byNode = writeRatesOfNodes(catalog, this.#writeRates);
    for (const node of nodes) {
      const diskUsed = stepped(1 - (reports.get(node.id)?.diskFree ?? 1));
      const counted = replicas(node) / this.#replicasMean;
      this.scores.set(
        node.id,
        counted + diskUsed + (byNode.get(node.id) ?? 0) / this.#writeRateMean,
      );
    }
  }

  /** What a replica adds that holds nothing and is not written to. */
  get perReplica(): number {
    return 1 / this.#replicasMean;
  }

  /** What the replica adds to the node's number, or would. */
  weight(replica: ReplicaReport | undefined, node: NodeId): number {
    const diskBytes = this.#reports.get(node)?.diskTotalBytes ?? Infinity;
    const writes = replica && this.#writeRates.get(replica.set);
    return (
      this.perReplica + (replica?.diskBytes ?? 0) / diskBytes + (writes ?? 0) / this.#writeRateMean
    );
  }

  change(node: NodeId, weight: number): void {
    this.scores.set(node, (this.scores.get(node) ?? 0) + weight);
  }
}

/**
 * What is written to each replica of a set, by its leader where that tells: one that catches up takes more,
 * one that is behind less. What was told of a replica lasts for a minute or so, longer than a small one takes to
 * move: one that has just come is known by the others, and a sole one by the one that it was copied from. By
 * what nodes tell of themselves, the node that it left would still seem full and would give away too much,
 * which would then come back.
 */
function writeRatesOfSets(catalog: Catalog, reports: Reports): Map<ReplicaSetId, number> {
  const rates = new Map<ReplicaSetId, number>();
  const led = new Set<ReplicaSetId>();
  const unplaced = new Map<ReplicaId, number>();
  for (const {writes, replicas} of reports.values()) {
    for (const [replica, rate] of writes?.byReplica ?? []) {
      const set = catalog.replicaSetOf(replica)?.id;
      if (set === undefined) {
        unplaced.set(replica, rate);
        continue;
      }
      const leads = replicas.get(replica)?.role === 'leader';
      if (leads || (!led.has(set) && rate > (rates.get(set) ?? 0))) rates.set(set, rate);
      if (leads) led.add(set);
    }
  }
  if (unplaced.size === 0) return rates;
  for (const {replicaSet, source} of catalog.operations()) {
    const rate = source && unplaced.get(source);
    if (replicaSet !== undefined && rate !== undefined && !rates.has(replicaSet))
      rates.set(replicaSet, rate);
  }
  return rates;
}

/** Costs what is written to. */
function writeRatesOfNodes(
  catalog: Catalog,
  rates: ReadonlyMap<ReplicaSetId, number>,
): Map<NodeId, number> {
  const byNode = new Map<NodeId, number>();
  for (const [id, rate] of rates) {
    for (const {node} of catalog.replicaSet(id)?.replicas ?? []) {
      byNode.set(node, (byNode.get(node) ?? 0) + rate);
    }
  }
  return byNode;
}

function stepped(share: number): number {
  return Math.round(share / DISK_STEP) * DISK_STEP;
}
