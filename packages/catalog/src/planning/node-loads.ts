// How much each node carries, as one number: its replicas by the mean of the nodes, the used part of its
// disk, and what is written to it by the mean of the nodes. What is not reported counts as nothing, alike for
// all, so that the number of replicas decides where nothing else is known.

import type {NodeId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {Node} from '../model.ts';
import type {ReplicaReport, Reports} from './reports.ts';

/** Bytes a second of a node on average. Below it writes are no load, and what differs in them is chance. */
export const WRITE_RATE_MIN = 1 << 20;
/** Disks are as full as others within such a step. */
const DISK_STEP = 0.05;

export class NodeLoads {
  /** Of every node that it was made for; what is moved changes it. */
  readonly scores = new Map<NodeId, number>();
  readonly #reports: Reports;
  readonly #replicasMean: number;
  readonly #writeRateMean: number;

  constructor(nodes: readonly Node[], catalog: Catalog, reports: Reports) {
    this.#reports = reports;
    const mean = (value: (node: Node) => number) =>
      nodes.reduce((sum, node) => sum + value(node), 0) / Math.max(1, nodes.length);
    const replicas = ({id}: Node) => catalog.replicaCount(id);
    const writeRate = ({id}: Node) => reports.get(id)?.writes?.bytesPerSecond ?? 0;
    this.#replicasMean = Math.max(1, mean(replicas));
    const writeRateMean = mean(writeRate);
    this.#writeRateMean = writeRateMean < WRITE_RATE_MIN ? Infinity : writeRateMean;
    for (const node of nodes) {
      const diskUsed = stepped(1 - (reports.get(node.id)?.diskFree ?? 1));
      const counted = replicas(node) / this.#replicasMean;
      this.scores.set(node.id, counted + diskUsed + writeRate(node) / this.#writeRateMean);
    }
  }

  /** What a replica adds that holds nothing and is not written to. */
  get perReplica(): number {
    return 1 / this.#replicasMean;
  }

  /** What the replica adds to the node's number, or would. */
  weight(replica: ReplicaReport | undefined, node: NodeId, home = node): number {
    const diskBytes = this.#reports.get(node)?.diskTotalBytes ?? Infinity;
    const writes = replica && this.#reports.get(home)?.writes?.byReplica.get(replica.replica);
    return (
      this.perReplica + (replica?.diskBytes ?? 0) / diskBytes + (writes ?? 0) / this.#writeRateMean
    );
  }

  change(node: NodeId, weight: number): void {
    this.scores.set(node, (this.scores.get(node) ?? 0) + weight);
  }
}

function stepped(share: number): number {
  return Math.round(share / DISK_STEP) * DISK_STEP;
}
