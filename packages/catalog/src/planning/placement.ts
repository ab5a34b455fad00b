// Where a new bucket's replica sets live. Each bucket is spread evenly by itself, its leads too, since the
// youngest one takes the writes; among equals the less loaded node comes first, and leads first what leads
// least in all; zones are kept distinct where there are enough of them.

import {type DatabaseId, LIMITS, type NodeId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {EnsureBucket, PlacementRequest} from '../commands.ts';
import type {Node, ReplicaSet} from '../model.ts';
import {fitNodes} from './fitness.ts';
import {LeadBalance} from './lead-balance.ts';
import {NodeLoads} from './node-loads.ts';
import {isResting} from './pauses.ts';
import type {Reports} from './reports.ts';
import {replicasWanted} from './wanted.ts';

const SHARDS_AUTO_MIN = 4;

/** What a choice of nodes goes by; smaller is better. */
export type Numbers = ReadonlyMap<NodeId, number>;

/** An even number of replicas is an odd number of voters and one learner. */
export function votersOf(replicas: number): number {
  return replicas % 2 === 0 ? replicas - 1 : replicas;
}

export function autoShards(nodes: readonly Node[]): number {
  const threads = nodes.reduce((sum, node) => sum + Math.max(1, node.engineThreads), 0);
  return Math.min(LIMITS.shards_per_bucket_max.value, Math.max(SHARDS_AUTO_MIN, threads));
}

export interface PlacementFacts {
  readonly reports?: Reports | undefined;
  /** By which a node is in maintenance; without it none is. */
  readonly nowMs?: number | undefined;
}

/**
 * The command that makes the bucket around `timeMs`: its range is aligned to the bucket duration and
 * cut against the neighbours that this copy knows. Undefined without a database or a fit node.
 */
export function planBucket(
  catalog: Catalog,
  database: DatabaseId,
  timeMs: number,
  {reports = new Map(), nowMs = Infinity}: PlacementFacts = {},
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
  const {replicas} = options;
  const found = conditionsOf(nodes, catalog, {reports, nowMs});
  const placements = planPlacement({...found, shards, replicas});
  return {type: 'ensure-bucket', database, timeMs, startMs, endMs, placements};
}

/** Founders of an empty set in the place of that one. Undefined without a fit node. */
export function planReplacement(
  catalog: Catalog,
  set: ReplicaSet,
  facts: Required<PlacementFacts>,
): PlacementRequest[] | undefined {
  const nodes = fitNodes(catalog, facts.reports);
  if (nodes.length === 0) return undefined;
  const replicas = replicasWanted(catalog, set);
  return planPlacement({...conditionsOf(nodes, catalog, facts), shards: 1, replicas})[0];
}

interface Conditions {
  readonly nodes: readonly Node[];
  readonly loads: Numbers;
  /** What each leads already. */
  readonly leads: Numbers;
  /** Taken only when the others are too few, and then as the last: a set opens by its living majority. */
  readonly silent: ReadonlySet<NodeId>;
  /** In maintenance: taken only when the others that live are too few. */
  readonly resting: ReadonlySet<NodeId>;
  /** Not asked yet by a new leader of meta: taken after those that are known to live, and count as living. */
  readonly unheard: ReadonlySet<NodeId>;
}

function conditionsOf(
  nodes: readonly Node[],
  catalog: Catalog,
  {reports = new Map(), nowMs = Infinity}: PlacementFacts,
): Conditions {
  return {
    nodes,
    loads: new NodeLoads(nodes, catalog, reports).scores,
    leads: new Map(nodes.map(({id}) => [id, reports.get(id)?.leads ?? 0])),
    silent: new Set(nodes.filter(({id}) => reports.get(id)?.live === false).map(({id}) => id)),
    resting: new Set(nodes.filter((node) => isResting(node, nowMs)).map(({id}) => id)),
    unheard: new Set(nodes.filter(({id}) => !reports.has(id)).map(({id}) => id)),
  };
}

/** By shard: its replicas, voters first, the one that leads at the beginning before all. Requires at least one node. */
export function planPlacement(
  wanted: Conditions & {readonly shards: number; readonly replicas: number},
): PlacementRequest[][] {
  const {silent, resting, unheard} = wanted;
  const living = wanted.nodes.filter(({id}) => !silent.has(id));
  const doubtful = [unheard, resting, silent];
  const rankOf = (id: NodeId) => doubtful.findLastIndex((set) => set.has(id)) + 1;
  const ranks = [0, 1, 2, 3].map((rank) => wanted.nodes.filter(({id}) => rankOf(id) === rank));
  const best = Math.min(...wanted.nodes.map(({id}) => rankOf(id)));
  const count = Math.min(wanted.replicas, wanted.nodes.length);
  // A majority of the voters must live, or the set could not open.
  const usable = Math.min(count, Math.max(1, 2 * living.length - 1));
  const voters = votersOf(usable);
  const used = new Map<NodeId, number>();
  const voting = new Map<NodeId, number>();
  const sets: NodeId[][] = [];
  for (let shard = 0; shard < wanted.shards; shard++) {
    const chosen: Node[] = [];
    for (const nodes of ranks)
      chosen.push(...pickNodes(nodes, usable - chosen.length, used, wanted.loads, chosen));
    const byVoting = chosen
      .map((node, order) => ({id: node.id, order, rank: rankOf(node.id)}))
      .sort(
        (a, b) =>
          a.rank - b.rank || (voting.get(a.id) ?? 0) - (voting.get(b.id) ?? 0) || a.order - b.order,
      );
    for (const {id} of chosen) used.set(id, (used.get(id) ?? 0) + 1);
    for (const {id} of byVoting.slice(0, voters)) voting.set(id, (voting.get(id) ?? 0) + 1);
    sets.push(byVoting.map(({id}) => id));
  }
  const canLead = (node: NodeId) => rankOf(node) === best;
  const leaders = chooseLeaders(
    sets.map((set) => set.slice(0, voters).filter(canLead)),
    wanted.leads,
  );
  return sets.map((set, shard) => {
    const leader = leaders[shard]!;
    const voterIds = set.slice(0, voters);
    return [
      ...[leader, ...voterIds.filter((id) => id !== leader)].map(
        (node) => ({node, role: 'voter'}) as const,
      ),
      ...set.slice(voters).map((node) => ({node, role: 'learner'}) as const),
    ];
  });
}

/** By set: of its candidates the one that campaigns before the others would, as evenly as can be. */
function chooseLeaders(candidates: readonly NodeId[][], leads: Numbers): NodeId[] {
  const leading = new Map<NodeId, number>();
  const leaders = candidates.map((nodes) => {
    const leader = nodes.reduce((a, b) => (isBefore(b, a, leading, leads) ? b : a));
    leading.set(leader, (leading.get(leader) ?? 0) + 1);
    return leader;
  });
  while (evenLeaders(leaders, candidates));
  return leaders;
}

/** True where that changed something: what was passed on once may be passed on again. */
function evenLeaders(leaders: NodeId[], candidates: readonly NodeId[][]): boolean {
  const leading = new Map<NodeId, number>();
  for (const leader of leaders) leading.set(leader, (leading.get(leader) ?? 0) + 1);
  const balance = new LeadBalance<number>(leading);
  for (const [set, nodes] of candidates.entries()) {
    for (const node of nodes) if (node !== leaders[set]) balance.allow(set, leaders[set]!, node);
  }
  let changed = false;
  for (let moves = balance.next(); moves.length > 0; moves = balance.next()) {
    for (const {item, to} of moves) leaders[item] = to;
    changed = true;
  }
  return changed;
}

function isBefore(a: NodeId, b: NodeId, leading: Numbers, leads: Numbers): boolean {
  const difference = (leading.get(a) ?? 0) - (leading.get(b) ?? 0);
  return difference < 0 || (difference === 0 && (leads.get(a) ?? 0) < (leads.get(b) ?? 0));
}

/** Greedy: a zone that is not there yet first, then the least used, then the least loaded node. */
export function pickNodes(
  nodes: readonly Node[],
  count: number,
  used: Numbers,
  loads: Numbers,
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

/** Nodes that hold a replica of it, those that are full or silent too: their zones are taken. */
export function holdersOf(set: ReplicaSet, catalog: Catalog): Node[] {
  return set.replicas.flatMap(({node}) => catalog.node(node) ?? []);
}

function countZone(zones: Map<string, number>, node: Node): void {
  zones.set(zoneOf(node), (zones.get(zoneOf(node)) ?? 0) + 1);
}

/** Nodes without a zone share one. */
export function zoneOf(node: Node): string {
  return node.zone ?? '';
}
