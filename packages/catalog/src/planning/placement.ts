// Where a new bucket's replica sets live. Each bucket is spread evenly by itself, since the youngest
// one takes the writes; nodes with fewer replicas in all come first among equals; zones are kept
// distinct where there are enough of them.

import {type DatabaseId, LIMITS, type NodeId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {EnsureBucket, PlacementRequest} from '../commands.ts';
import type {Node} from '../model.ts';
import type {Reports} from './reports.ts';

const SHARDS_AUTO_MIN = 4;
/** Below this part of its disk free a node takes no new replicas. */
export const DISK_FREE_MIN = 0.15;

/** What a choice of nodes goes by; smaller is better. */
export type NodeLoads = ReadonlyMap<NodeId, number>;

/** An even number of replicas is an odd number of voters and one learner. */
export function votersOf(replicas: number): number {
  return replicas % 2 === 0 ? replicas - 1 : replicas;
}

/** Active nodes; without a report (before the first) a node counts as fit. */
export function fitNodes(catalog: Catalog, reports: Reports): Node[] {
  return [...catalog.nodes()].filter((node) => {
    const report = reports.get(node.id);
    return node.state === 'active' && (report === undefined || report.diskFree >= DISK_FREE_MIN);
  });
}

export function autoShards(nodes: readonly Node[]): number {
  const threads = nodes.reduce((sum, node) => sum + Math.max(1, node.engineThreads), 0);
  return Math.min(LIMITS.shards_per_bucket_max.value, Math.max(SHARDS_AUTO_MIN, threads));
}

/**
 * The command that makes the bucket around `timeMs`: its range is aligned to the bucket duration and
 * cut against the neighbours that this copy knows. Undefined without a database or a fit node.
 */
export function planBucket(
  catalog: Catalog,
  database: DatabaseId,
  timeMs: number,
  reports: Reports = new Map(),
): EnsureBucket | undefined {
  const options = catalog.database(database)?.options;
  const nodes = fitNodes(catalog, reports);
  if (options === undefined || nodes.length === 0) return undefined;
  const duration = options.bucketDurationMs;
  let startMs = Math.floor(timeMs / duration) * duration;
  let endMs = startMs + duration;
  for (const bucket of catalog.buckets(database, startMs, endMs)) {
    if (bucket.endMs <= timeMs) startMs = Math.max(startMs, bucket.endMs);
    else endMs = Math.min(endMs, Math.max(bucket.startMs, timeMs + 1));
  }
  const shards = options.shards === 'auto' ? autoShards(nodes) : options.shards;
  const loads = new Map(nodes.map(({id}) => [id, catalog.replicaCount(id)]));
  const placements = planPlacement({
    nodes,
    loads,
    silent: new Set(nodes.filter(({id}) => reports.get(id)?.live === false).map(({id}) => id)),
    shards,
    replicas: options.replicas,
  });
  return {type: 'ensure-bucket', database, timeMs, startMs, endMs, placements};
}

/** By shard: its replicas, voters first, the one that leads at the beginning before all. Requires at least one node. */
export function planPlacement(wanted: {
  readonly nodes: readonly Node[];
  readonly loads: NodeLoads;
  /** Taken only when the others are too few, and then as the last: a set opens by its living majority. */
  readonly silent: ReadonlySet<NodeId>;
  readonly shards: number;
  readonly replicas: number;
}): PlacementRequest[][] {
  const living = wanted.nodes.filter(({id}) => !wanted.silent.has(id));
  const silent = wanted.nodes.filter(({id}) => wanted.silent.has(id));
  const count = Math.min(wanted.replicas, wanted.nodes.length);
  // A majority of the voters must live, or the set could not open.
  const usable = Math.min(count, Math.max(1, 2 * living.length - 1));
  const voters = votersOf(usable);
  const used = new Map<NodeId, number>();
  const voting = new Map<NodeId, number>();
  const leading = new Map<NodeId, number>();
  const placements: PlacementRequest[][] = [];
  for (let shard = 0; shard < wanted.shards; shard++) {
    const chosen = pickNodes(living, Math.min(usable, living.length), used, wanted.loads);
    chosen.push(...pickNodes(silent, usable - chosen.length, used, wanted.loads));
    const byVoting = chosen
      .map((node, order) => ({id: node.id, order, alive: !wanted.silent.has(node.id)}))
      .sort(
        (a, b) =>
          Number(b.alive) - Number(a.alive) ||
          (voting.get(a.id) ?? 0) - (voting.get(b.id) ?? 0) ||
          a.order - b.order,
      );
    for (const {id} of chosen) used.set(id, (used.get(id) ?? 0) + 1);
    const voterIds = byVoting.slice(0, voters).map(({id}) => id);
    for (const id of voterIds) voting.set(id, (voting.get(id) ?? 0) + 1);
    // The first of the founders campaigns before the others would.
    const leader = voterIds
      .filter((id) => !wanted.silent.has(id))
      .reduce((a, b) => ((leading.get(b) ?? 0) < (leading.get(a) ?? 0) ? b : a), voterIds[0]!);
    leading.set(leader, (leading.get(leader) ?? 0) + 1);
    const voterPlaces = [leader, ...voterIds.filter((id) => id !== leader)];
    placements.push([
      ...voterPlaces.map((node) => ({node, role: 'voter' as const})),
      ...byVoting.slice(voters).map(({id}) => ({node: id, role: 'learner' as const})),
    ]);
  }
  return placements;
}

/** Greedy: a zone that is not there yet first, then the least used, then the least loaded node. */
export function pickNodes(
  nodes: readonly Node[],
  count: number,
  used: NodeLoads,
  loads: NodeLoads,
  present: readonly Node[] = [],
): Node[] {
  const zones = new Map<string, number>();
  for (const node of present) countZone(zones, node);
  const rest = [...nodes];
  const picked: Node[] = [];
  while (picked.length < count && rest.length > 0) {
    rest.sort(
      (a, b) =>
        (zones.get(zoneOf(a)) ?? 0) - (zones.get(zoneOf(b)) ?? 0) ||
        (used.get(a.id) ?? 0) - (used.get(b.id) ?? 0) ||
        (loads.get(a.id) ?? 0) - (loads.get(b.id) ?? 0) ||
        a.id - b.id,
    );
    const node = rest.shift()!;
    countZone(zones, node);
    picked.push(node);
  }
  return picked;
}

function countZone(zones: Map<string, number>, node: Node): void {
  zones.set(zoneOf(node), (zones.get(zoneOf(node)) ?? 0) + 1);
}

/** Nodes without a zone share one. */
export function zoneOf(node: Node): string {
  return node.zone ?? '';
}
