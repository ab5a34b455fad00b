// The scenario "meta": what a large cluster costs the meta group. A catalog of many nodes and replica sets
// in memory, without processes: its heap, what a watcher is told of a change and of everything, what one
// change costs, and how long the planner takes at first, where nothing changed, where one thing did, where a
// node died and where nodes joined. Measured at several sizes, so that it is seen what grows.

import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import type {NodeId} from '@flotilla/base';
import {
  type Action,
  Catalog,
  describingRebalance,
  Planner,
  planNext,
  type ReplicaSet,
} from '@flotilla/catalog';
import {roundMs} from '../latencies.ts';
import {median} from '../median.ts';
import {fallSilent, MadeCluster, type MadeReports, reportsOf, takeLead} from './made-cluster.ts';

/** Halves of the largest size: twice as many sets should cost twice as much. */
const SIZES = 3;
const ROUNDS = 5;
const CHANGES = 2_000;
/** Plans of what a round is about, where one takes less than a clock tick. */
const PLANS = 200;
/** A tenth more nodes than before. */
const JOINING_SHARE = 0.1;
const NOW_MS = 1e12;
const HOUR_MS = 3_600_000;
/** As the reconciler looks at in one turn. */
const LOOKS_PER_TURN = 500;

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
  /** At the meta leader: what it has to look at, kept as things change. */
  readonly plannerBytesPerSet: number;
  /** What every other node is told: JSON. */
  readonly watch: {
    readonly snapshotBytesPerSet: number;
    readonly newBucketBytesPerSet: number;
    readonly placementBytes: number;
  };
  readonly placementMicros: number;
  readonly bucketMs: number;
  /** Of the CPU: a copy of all of it is built, in turns: all of them, and the longest. */
  readonly copyMs: number;
  readonly copyLongestTurnMs: number;
  /** Of the CPU. */
  readonly planMs: {
    /** With a look at every set, without what was known before. */
    readonly everything: number;
    /** Of a new leader, in turns: all of them, and the longest. */
    readonly first: number;
    readonly firstLongestTurn: number;
    readonly quiet: number;
    /** A replica set's record changed. */
    readonly oneRecord: number;
    /** A replica's report changed. */
    readonly oneReport: number;
    /** From the report that a node is dead for long to the first repairs. */
    readonly deadNode: number;
    /** What a rebalance would do, in turns. */
    readonly rebalance: number;
    readonly rebalanceLongestTurn: number;
  };
  /** That many of its replicas have to be made anew. */
  readonly deadReplicas: number;
  /** Begun at once. */
  readonly repairs: number;
  readonly rebalanceMoves: number;
}

export interface MetaReport {
  readonly scenario: 'meta';
  readonly results: readonly MetaResult[];
  /**
   * Largest size by smallest: of what is looked at or held, a set's share, so that 1 is linear; of what one
   * change costs, the cost itself, so that 1 is no growth.
   */
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
  const steps = Catalog.building(JSON.parse(snapshot) as never);
  const built = inTurns(() => resultOf(steps.next()));
  const told = heldBy(() => reportsOf(cluster));
  const reports = told.value;
  const everything = timed(() => planNext(cluster.catalog, reports, NOW_MS));
  const planner = new Planner(cluster.catalog);
  cluster.onUpdate = (update) => planner.catalogChanged(update);
  const begun = heldBy(() => inTurns(() => planner.look(reports, LOOKS_PER_TURN) || undefined));
  const quietly = planningOf(cluster, planner, reports);
  const placement = changePlacements(cluster);
  // It is done with: what it holds is to be collected.
  cluster.onUpdate = () => {};
  const bucketAtMs = performance.now();
  const bucketBytes = cluster.makeNextBucket();
  const bucketMs = roundMs(performance.now() - bucketAtMs);
  const joined = planningOfJoined(cluster, Math.ceil(nodes * JOINING_SHARE));
  const {totalMs: first, longestMs: firstLongestTurn} = begun.value;
  return {
    nodes,
    sets,
    catalogBytesPerSet: Math.round(copy.bytes / sets),
    reportBytesPerSet: Math.round(told.bytes / sets),
    plannerBytesPerSet: Math.round(begun.bytes / sets),
    watch: {
      snapshotBytesPerSet: Math.round(snapshot.length / sets),
      newBucketBytesPerSet: Math.round(bucketBytes / 64),
      placementBytes: placement.bytes,
    },
    placementMicros: placement.micros,
    bucketMs,
    copyMs: built.totalMs,
    copyLongestTurnMs: built.longestMs,
    planMs: {everything, first, firstLongestTurn, ...quietly.planMs, ...joined.planMs},
    deadReplicas: quietly.deadReplicas,
    repairs: quietly.repairs,
    rebalanceMoves: joined.moves,
  };
}

/** Of a planner that has looked at everything once. */
function planningOf(cluster: MadeCluster, planner: Planner, reports: MadeReports) {
  const plan = (): Action[] => planner.plan(reports, NOW_MS);
  // Leads are evened out, and what has never been is looked at in some plans more.
  for (let quietly = 0; quietly < PLANS; quietly++) {
    for (const action of plan()) {
      if (action.type !== 'transfer-leader') throw new Error(`${action.type} is still to be done`);
      quietly = 0;
      for (const {node, report} of takeLead(cluster, reports, action))
        planner.reportChanged(node, report);
    }
  }
  const quiet = timed(() => repeat(plan)) / PLANS;
  const changed = firstSets(cluster, PLANS);
  const oneRecord = timed(() => {
    for (const set of changed) {
      const {pinned} = cluster.catalog.replicaSet(set.id)!;
      cluster.propose({type: 'pin-replica-set', set: set.id, pinned: pinned !== true});
      plan();
    }
  });
  const oneReport = timed(() => {
    for (const set of changed) {
      const {node, replica} = set.replicas[0]!;
      const {replicas} = reports.get(node)!;
      const before = replicas.get(replica)!;
      const report = {...before, appliedIndex: before.appliedIndex + 1};
      replicas.set(replica, report);
      planner.reportChanged(node, report);
      plan();
    }
  });
  const dead = reports.size as NodeId;
  const deadReplicas = reports.get(dead)!.replicas.size;
  const told = fallSilent(cluster, reports, dead, NOW_MS - HOUR_MS);
  let actions: Action[] = [];
  const deadNode = cpuMs(() => {
    for (const {node, report} of told) planner.reportChanged(node, report);
    actions = plan();
  });
  const repairs = actions.filter(
    (action) => action.type === 'propose' && action.command.type === 'create-operation',
  );
  const planMs = {
    quiet: roundMs(quiet),
    oneRecord: roundMs(oneRecord / PLANS),
    oneReport: roundMs(oneReport / PLANS),
    deadNode: roundMs(deadNode),
  };
  return {planMs, deadReplicas, repairs: repairs.length};
}

/** What a rebalance would do once more nodes have joined. */
function planningOfJoined(cluster: MadeCluster, joining: number) {
  const {catalog} = cluster;
  const present = [...catalog.nodes()].length;
  for (let i = 1; i <= joining; i++) cluster.join(present + i);
  const reports = reportsOf(cluster);
  const turns = describingRebalance(catalog, reports, NOW_MS);
  const {view, totalMs, longestMs} = inTurns(() => resultOf(turns.next()));
  const planMs = {rebalance: totalMs, rebalanceLongestTurn: longestMs};
  return {planMs, moves: view.replicas.length};
}

/** Changes of one set each, applied by the meta group and by a follower; the mean of many. */
function changePlacements(cluster: MadeCluster): {micros: number; bytes: number} {
  const {machine, catalog} = cluster;
  const follower = Catalog.fromSnapshot(catalog.snapshot());
  const sets = firstSets(cluster, CHANGES);
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

/** Without the meta group's. */
function firstSets({catalog}: MadeCluster, count: number): ReplicaSet[] {
  const sets: ReplicaSet[] = [];
  for (const set of catalog.replicaSets()) {
    if (sets.length >= count) break;
    sets.push(set);
  }
  return sets;
}

function repeat(run: () => unknown): void {
  for (let i = 0; i < PLANS; i++) run();
}

/** Undefined while there are more steps. */
function resultOf<Result>(step: IteratorResult<unknown, Result>): Result | undefined {
  return step.done === true ? step.value : undefined;
}

/** Each turn for itself, until one gives something. */
function inTurns<View>(turn: () => View | undefined) {
  let totalMs = 0;
  let longestMs = 0;
  for (;;) {
    const began = process.threadCpuUsage();
    const view = turn();
    const tookMs = cpuMsSince(began);
    totalMs += tookMs;
    longestMs = Math.max(longestMs, tookMs);
    if (view !== undefined) return {view, totalMs: roundMs(totalMs), longestMs: roundMs(longestMs)};
  }
}

function timed(run: () => unknown): number {
  return roundMs(median(Array.from({length: ROUNDS}, () => cpuMs(run))));
}

/** Of this thread's CPU, so that what else runs on the machine does not count. */
function cpuMs(run: () => unknown): number {
  const began = process.threadCpuUsage();
  run();
  return cpuMsSince(began);
}

function cpuMsSince(began: NodeJS.CpuUsage): number {
  const {user, system} = process.threadCpuUsage(began);
  return (user + system) / 1_000;
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
    plannerBytes: plain((result) => result.plannerBytesPerSet),
    snapshotBytes: plain((result) => result.watch.snapshotBytesPerSet),
    placementMicros: plain((result) => result.placementMicros),
    bucketMs: plain((result) => result.bucketMs),
    copyMs: perSet((result) => result.copyMs),
    everythingPlanMs: perSet((result) => result.planMs.everything),
    firstPlanMs: perSet((result) => result.planMs.first),
    quietPlanMs: plain((result) => result.planMs.quiet),
    oneRecordPlanMs: plain((result) => result.planMs.oneRecord),
    oneReportPlanMs: plain((result) => result.planMs.oneReport),
    deadNodePlanMs: perSet((result) => result.planMs.deadNode),
    rebalancePlanMs: perSet((result) => result.planMs.rebalance),
    rebalanceLongestTurnMs: plain((result) => result.planMs.rebalanceLongestTurn),
  };
  return Object.fromEntries(
    Object.entries(ratios).map(([name, ratio]) => [name, Math.round(ratio * 100) / 100]),
  );
}
