// The scenario "meta": what a large cluster costs the meta group. A catalog of many nodes and replica sets
// in memory, without processes: its heap, what a watcher is told of a change and of everything, what one
// change costs, and how long the planner takes where nothing is to do, where a node died and where nodes
// joined. Measured at several sizes, so that it is seen what grows.

import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import {META_SET, type NodeId} from '@flotilla/base';
import {
  Catalog,
  describeRebalance,
  planNext,
  type ReplicaSet,
  type Reports,
} from '@flotilla/catalog';
import {roundMs} from '../latencies.ts';
import {median} from '../median.ts';
import {MadeCluster, reportsOf} from './made-cluster.ts';

/** Halves of the largest size: twice as many sets should cost twice as much. */
const SIZES = 3;
const ROUNDS = 5;
const CHANGES = 2_000;
/** A tenth more nodes than before. */
const JOINING_SHARE = 0.1;
const NOW_MS = 1e12;
const HOUR_MS = 3_600_000;

export interface MetaOptions {
  readonly nodes: number;
  readonly sets: number;
  say(text: string): void;
}

export interface MetaResult {
  readonly nodes: number;
  readonly sets: number;
  /** Of one copy of the catalog, as every thread of every node has one. */
  readonly catalogBytesPerSet: number;
  /** At the meta leader: what all nodes reported last. */
  readonly reportBytesPerSet: number;
  /** What every other node is told: JSON. */
  readonly watch: {
    readonly snapshotBytesPerSet: number;
    readonly newBucketBytesPerSet: number;
    readonly placementBytes: number;
  };
  readonly placementMicros: number;
  readonly bucketMs: number;
  /** Of the CPU. */
  readonly planMs: {
    readonly quiet: number;
    /** From the report that a node is dead for long to the first repairs. */
    readonly deadNode: number;
    readonly rebalance: number;
  };
  readonly repairs: number;
  readonly rebalanceMoves: number;
}

export interface MetaReport {
  readonly scenario: 'meta';
  readonly results: readonly MetaResult[];
  /** Cost a set at the largest size by that at the smallest; of what one change costs, the cost itself: 1 is linear. */
  readonly growth: Readonly<Record<string, number>>;
}

export function runMeta(options: MetaOptions): MetaReport {
  const results: MetaResult[] = [];
  for (let i = SIZES - 1; i >= 0; i--) {
    const sets = Math.max(64, Math.round(options.sets / 2 ** i));
    options.say(`${options.nodes} nodes, ${sets} replica sets`);
    results.push(measure(options.nodes, sets));
  }
  return {scenario: 'meta', results, growth: growthOf(results[0]!, results.at(-1)!)};
}

function measure(nodes: number, wanted: number): MetaResult {
  const cluster = new MadeCluster(nodes, wanted);
  const sets = [...cluster.catalog.replicaSets()].length;
  const snapshot = JSON.stringify(cluster.catalog.snapshot());
  const copy = heldBy(() => Catalog.fromSnapshot(JSON.parse(snapshot) as never));
  const told = heldBy(() => reportsOf(cluster));
  const reports = told.value;
  const plan = (facts: Reports) => planNext(cluster.catalog, facts, NOW_MS);
  const dead = reportsOf(cluster, new Map([[nodes, NOW_MS - HOUR_MS]]));
  const repairs = plan(dead).filter(
    (action) => action.type === 'propose' && action.command.type === 'create-operation',
  );
  const figures = {
    quiet: timed(() => plan(reports)),
    deadNode: timed(() => plan(dead)),
  };
  const placement = changePlacements(cluster);
  const bucketAtMs = performance.now();
  const bucketBytes = cluster.makeNextBucket();
  const bucketMs = roundMs(performance.now() - bucketAtMs);
  const joining = Math.ceil(nodes * JOINING_SHARE);
  for (let i = 1; i <= joining; i++) cluster.join(nodes + i);
  const grown = reportsOf(cluster);
  const moves = describeRebalance(cluster.catalog, grown, NOW_MS).replicas.length;
  const rebalance = timed(() => describeRebalance(cluster.catalog, grown, NOW_MS));
  return {
    nodes,
    sets,
    catalogBytesPerSet: Math.round(copy.bytes / sets),
    reportBytesPerSet: Math.round(told.bytes / sets),
    watch: {
      snapshotBytesPerSet: Math.round(snapshot.length / sets),
      newBucketBytesPerSet: Math.round(bucketBytes / 64),
      placementBytes: placement.bytes,
    },
    placementMicros: placement.micros,
    bucketMs,
    planMs: {...figures, rebalance},
    repairs: repairs.length,
    rebalanceMoves: moves,
  };
}

/** Changes of one set each, applied by the meta group and by a follower; the mean of many. */
function changePlacements(cluster: MadeCluster): {micros: number; bytes: number} {
  const {machine, catalog} = cluster;
  const follower = Catalog.fromSnapshot(catalog.snapshot());
  const sets: ReplicaSet[] = [];
  for (const set of catalog.replicaSets()) {
    if (sets.length >= CHANGES) break;
    if (set.id !== META_SET) sets.push(set);
  }
  let bytes = 0;
  const beganMs = performance.now();
  for (const {id: set, epoch: expectedEpoch, replicas} of sets) {
    const free = [...catalog.nodes()].find(({id}) => replicas.every(({node}) => node !== id))!;
    const add = [{node: free.id as NodeId, role: 'learner' as const}];
    const change = {expectedEpoch, add, remove: [], roles: []};
    const {update} = machine.apply({type: 'set-placement', set, ...change}, catalog.version + 1);
    bytes += JSON.stringify(update).length;
    follower.applyUpdate(update);
  }
  const micros = Math.round(((performance.now() - beganMs) * 1_000) / sets.length);
  return {micros, bytes: Math.round(bytes / sets.length)};
}

/** Of the CPU, so that what else runs on the machine does not count. */
function timed(run: () => unknown): number {
  const times = Array.from({length: ROUNDS}, () => {
    const began = process.cpuUsage();
    run();
    const {user, system} = process.cpuUsage(began);
    return (user + system) / 1_000;
  });
  return roundMs(median(times));
}

/** What is alive of the result once all else is collected. */
function heldBy<T>(make: () => T): {value: T; bytes: number} {
  const before = heapBytes();
  const value = make();
  return {value, bytes: heapBytes() - before};
}

function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}

function growthOf(small: MetaResult, large: MetaResult): Record<string, number> {
  const perSet = (pick: (result: MetaResult) => number) =>
    pick(large) / large.sets / (pick(small) / small.sets);
  const plain = (pick: (result: MetaResult) => number) => pick(large) / pick(small);
  const ratios = {
    catalogBytes: plain((result) => result.catalogBytesPerSet),
    snapshotBytes: plain((result) => result.watch.snapshotBytesPerSet),
    placementMicros: plain((result) => result.placementMicros),
    bucketMs: plain((result) => result.bucketMs),
    quietPlanMs: perSet((result) => result.planMs.quiet),
    deadNodePlanMs: perSet((result) => result.planMs.deadNode),
    rebalancePlanMs: perSet((result) => result.planMs.rebalance),
  };
  return Object.fromEntries(
    Object.entries(ratios).map(([name, ratio]) => [name, Math.round(ratio * 100) / 100]),
  );
}
