// A small cluster in which anything may change at any time: what a person or the cluster asks for, what is
// reported of nodes and replicas, whether it makes sense or not, and the time. For tests that hold a planner that
// is told of each change against one that looks at everything.

import {META_SET, type NodeId, type ReplicaId} from '@flotilla/base';
import type {Command} from '../commands.ts';
import type {CatalogMachine} from '../machine/catalog-machine.ts';
import type {OperationKind, ReplicaPlacement, ReplicaSet} from '../model.ts';
import type {Action} from './action.ts';
import {clusterOf} from './cluster.fixture.ts';
import {planBucket} from './placement.ts';
import {Planner} from './planner.ts';
import {planNext} from './reconcile.ts';
import type {MemberProgress, NodeReport, ReplicaReport} from './reports.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MB = 1 << 20;

const KINDS: readonly OperationKind[] = [
  'move-replica',
  'add-replica',
  'remove-replica',
  'transfer-leader',
  'repair',
  'compact',
  'checksum',
  'destroy-replica-set',
  'drain-node',
  'decommission-node',
  'rebalance',
];

/** A number below the given one. */
export type Draw = (below: number) => number;

export class ChangingCluster {
  readonly machine: CatalogMachine = clusterOf(5, ['a', 'b', 'c']);
  readonly planner: Planner;
  readonly reports = new Map<NodeId, NodeReport>();
  nowMs = DAY;
  last: readonly Action[] = [];

  /** @param looksMax as of `Planner` */
  constructor(looksMax?: number) {
    this.planner = new Planner(this.catalog, looksMax);
    for (const {id} of this.catalog.nodes()) this.#report(id, {});
  }

  get catalog() {
    return this.machine.catalog;
  }

  propose(command: Command): void {
    const {update} = this.machine.apply(command, this.catalog.version + 1);
    this.planner.catalogChanged(update);
  }

  plan(): Action[] {
    return this.planner.plan(this.reports, this.nowMs);
  }

  /** As one that knows nothing of before. */
  planAnew(): Action[] {
    return planNext(this.catalog, this.reports, this.nowMs);
  }

  change(draw: Draw): void {
    const ways = [
      () => this.#changeCatalog(draw),
      () => this.#changeSet(draw),
      () => this.#changeOperation(draw),
      () => this.#changeNode(draw),
      () => this.#reportAll(draw),
      () => this.#reportOne(draw),
      () => this.#reportOne(draw),
      () => this.#pass(draw),
      () => this.#act(draw),
    ];
    ways[draw(ways.length)]!();
  }

  /** Its replicas are where they should be, led and caught up. */
  reportWhole(set: ReplicaSet, leader = 0): void {
    for (const [i, placed] of set.replicas.entries())
      this.#put(
        placed.node,
        reportOf(set, placed, i === leader, () => 0),
      );
  }

  #changeCatalog(draw: Draw): void {
    const named = {tenant: 'default', name: draw(3) === 0 ? 'other' : 'public'};
    const database = this.catalog.databaseByName(1 as never, named.name);
    const bucket = database && this.catalog.buckets(database.id)[draw(2)];
    const timeMs = draw(3) * 7 * DAY;
    const ways: (() => Command | undefined)[] = [
      () => database && planBucket(this.catalog, database.id, timeMs, {reports: this.reports}),
      () => ({type: 'open-replica-sets', sets: this.#sets().map(({id}) => id)}),
      () => ({type: 'alter-database', ...named, options: {replicas: 1 + draw(4)}}),
      () => ({
        type: 'alter-database',
        ...named,
        options: draw(2) ? {failover: draw(2) ? 'manual' : 'automatic'} : {ttlMs: 3 * DAY},
      }),
      () => ({type: 'create-database', ...named, options: {shards: 2, replicas: 2}}),
      () => ({type: 'drop-database', ...named, atMs: this.nowMs, purgeAtMs: this.nowMs + HOUR}),
      () => ({type: 'recover-database', ...named}),
      () => bucket && {type: 'drop-bucket', bucket: bucket.id},
      () => ({type: 'set-cluster', failover: draw(3) ? 'automatic' : 'manual'}),
      () => {
        const untilMs = draw(2) ? this.nowMs + HOUR : undefined;
        const kinds = draw(2) ? (['repair'] as const) : (['rebalance'] as const);
        return {type: 'set-automation', kinds, paused: draw(3) === 0, untilMs, atMs: this.nowMs};
      },
      () => ({type: 'expire-operations', finishedBeforeMs: this.nowMs - draw(3) * DAY}),
      () => ({
        type: 'forget-replica-sets',
        sets: this.#sets().flatMap(({id, state}) => (state === 'dropping' ? [id] : [])),
      }),
    ];
    const command = ways[draw(ways.length)]!();
    if (command !== undefined) this.propose(command);
  }

  #changeSet(draw: Draw): void {
    const found = this.#set(draw);
    if (found === undefined) return;
    const {id: set, epoch: expectedEpoch, replicas} = found;
    const placed = replicas[draw(replicas.length)]!;
    const place = {type: 'set-placement', set, expectedEpoch} as const;
    const none = {add: [], remove: [], roles: []};
    const other = placed.role === 'voter' ? 'learner' : 'voter';
    const commands: Command[] = [
      {...place, ...none, add: [{node: this.#node(draw), role: draw(2) ? 'voter' : 'learner'}]},
      {...place, ...none, remove: [placed.replica], replicasWanted: draw(2) ? 2 : undefined},
      {...place, ...none, roles: [{replica: placed.replica, role: other}]},
      {type: 'pin-replica-set', set, pinned: draw(2) === 0},
      {type: 'set-replica-set-failover', set, failover: draw(2) ? 'manual' : 'automatic'},
    ];
    this.propose(commands[draw(commands.length)]!);
  }

  #changeOperation(draw: Draw): void {
    const unfinished = [...this.catalog.unfinishedOperations()];
    const by = {startedBy: draw(2) ? 'operator' : 'reconciler', atMs: this.nowMs};
    if (unfinished.length > 0 && draw(2) === 0) {
      const {id: operation, step: expectedStep, replicaSet} = unfinished[draw(unfinished.length)]!;
      const states = ['done', 'failed', 'cancelled', 'cancelling', 'running'] as const;
      const moves = ['create', 'learner', 'catch-up', 'swap', 'confirm', 'destroy-source'];
      const steps = [...moves, 'replace', 'destroy', 'open'];
      const replicas =
        replicaSet === undefined ? [] : this.catalog.replicaSet(replicaSet)?.replicas;
      const differing = draw(4) === 0 ? replicas?.map(({replica}) => replica) : undefined;
      const state = states[draw(states.length)]!;
      const step = draw(2) ? steps[draw(steps.length)] : undefined;
      const subject = {operation, expectedStep, step, state, differing, atMs: this.nowMs};
      this.propose({type: 'update-operation', ...subject});
      return;
    }
    const kind = KINDS[draw(KINDS.length)]!;
    const set = this.#set(draw);
    if (kind === 'drain-node' || kind === 'decommission-node')
      this.propose({type: 'create-operation', kind, sourceNode: this.#node(draw), ...by});
    else if (kind === 'rebalance') this.propose({type: 'create-operation', kind, ...by});
    else if (set !== undefined) {
      const {replica} = set.replicas[draw(set.replicas.length)]!;
      const subject = kind === 'transfer-leader' ? {target: replica} : {source: replica};
      const targetNode = kind === 'transfer-leader' ? undefined : this.#node(draw);
      const command = {kind, replicaSet: set.id, ...subject, targetNode, ...by};
      this.propose({type: 'create-operation', ...command});
    }
  }

  #changeNode(draw: Draw): void {
    const node = this.#node(draw);
    const report = this.reports.get(node);
    const states = ['active', 'draining', 'drained', 'decommissioned'] as const;
    const untilMs = this.nowMs + HOUR;
    const scope = draw(2) ? 'all' : 'leaders';
    const i = 1 + draw(7);
    const described = {incarnation: `i${i}`, address: `n${i}`, engineThreads: 1, version: '1'};
    const ways = [
      () => this.propose({type: 'set-node-state', node, state: states[draw(states.length)]!}),
      () => this.propose({type: 'set-maintenance', node, maintenance: {untilMs, scope}}),
      () => this.propose({type: 'register-node', node: {...described, zone: 'd'}, atMs: 1}),
      () => this.#report(node, {live: false, silentSinceMs: this.nowMs - draw(3) * HOUR}),
      () => this.#report(node, {live: true, silentSinceMs: undefined}),
      () => this.#report(node, {diskFree: [0.9, 0.5, 0.1, 0.01][draw(4)]!}),
      () => this.#report(node, {clockOffsetMs: draw(2) * 60_000}),
      () => this.#report(node, {diskTotalBytes: 1_000 * MB}),
      () => {
        const rates = [...(report?.replicas.keys() ?? [])].map(
          (replica) => [replica, draw(4) * 10 * MB] as const,
        );
        const bytesPerSecond = rates.reduce((sum, [, rate]) => sum + rate, 0);
        this.#report(node, {writes: {bytesPerSecond, byReplica: new Map(rates)}});
      },
      // It began anew, and what is known of it is another map.
      () => this.#report(node, {replicas: new Map(draw(2) ? report?.replicas : [])}),
      () => this.reports.delete(node),
    ];
    ways[draw(ways.length)]!();
  }

  #reportAll(draw: Draw): void {
    for (const set of [...this.#sets(), this.catalog.metaSet()!])
      this.reportWhole(set, draw(set.replicas.length));
  }

  #reportOne(draw: Draw): void {
    const sets = [...this.#sets(), this.catalog.metaSet()!];
    const set = sets[draw(sets.length)]!;
    const placed = set.replicas[draw(set.replicas.length)]!;
    const report = this.reports.get(placed.node)?.replicas.get(placed.replica);
    switch (draw(5)) {
      case 0:
        if (report !== undefined) this.#remove(placed.node, report);
        break;
      case 1: {
        // No placement names it.
        const stray = {...placed, replica: (1_000 + draw(20)) as ReplicaId};
        this.#put((1 + (stray.replica % 5)) as NodeId, reportOf(set, stray, draw(3) === 0, draw));
        break;
      }
      default:
        this.#put(placed.node, reportOf(set, placed, draw(2) === 0, draw));
    }
  }

  #pass(draw: Draw): void {
    this.nowMs += [200, 60_000, 20 * 60_000, DAY, 8 * DAY, -HOUR][draw(6)]!;
  }

  #act(draw: Draw): void {
    for (const action of this.last)
      if (action.type === 'propose' && draw(4) > 0) this.propose(action.command);
  }

  /** As a receiver of reports does: the same map while its node answers. */
  #put(node: NodeId, report: ReplicaReport): void {
    if (!this.reports.has(node)) this.#report(node, {});
    const replicas = this.reports.get(node)!.replicas as Map<ReplicaId, ReplicaReport>;
    replicas.set(report.replica, report);
    this.planner.reportChanged(node, report);
  }

  #remove(node: NodeId, report: ReplicaReport): void {
    const {replicas} = this.reports.get(node)!;
    (replicas as Map<ReplicaId, ReplicaReport>).delete(report.replica);
    this.planner.reportChanged(node, report);
  }

  #report(node: NodeId, told: Partial<NodeReport>): void {
    const before = this.reports.get(node) ?? {
      node,
      live: true,
      clockOffsetMs: 0,
      diskFree: 1,
      writes: {bytesPerSecond: 0, byReplica: new Map()},
      replicas: new Map(),
    };
    this.reports.set(node, {...before, ...told});
  }

  #sets(): ReplicaSet[] {
    return [...this.catalog.replicaSets()];
  }

  #set(draw: Draw): ReplicaSet | undefined {
    const sets = this.#sets();
    const at = draw(sets.length + 1);
    return at === sets.length ? this.catalog.metaSet() : sets[at];
  }

  #node(draw: Draw): NodeId {
    const nodes = [...this.catalog.nodes()];
    return nodes[draw(nodes.length)]!.id;
  }
}

/** Mostly as it should be: each draw of 0 leaves something as it is wanted. */
function reportOf(
  set: ReplicaSet,
  {replica}: ReplicaPlacement,
  leads: boolean,
  draw: Draw,
): ReplicaReport {
  const idsOf = (role: ReplicaPlacement['role']): number[] =>
    set.replicas.filter((placed) => placed.role === role).map((placed) => placed.replica);
  const isOdd = (odds: number) => draw(odds) === odds - 1 && odds > 1 && draw(2) === 1;
  const voters = [...idsOf('voter'), ...(isOdd(6) ? [2_000] : [])].slice(isOdd(6) ? 1 : 0);
  const learners = [...idsOf('learner'), ...(isOdd(6) ? [2_001] : [])].slice(isOdd(6) ? 1 : 0);
  const states = ['replicate', 'replicate', 'snapshot', 'probe'] as const;
  const progress = [...voters, ...learners].map(
    (member): MemberProgress => ({
      replica: member as ReplicaId,
      matchIndex: isOdd(5) ? 10 : 5_000,
      state: states[draw(states.length)]!,
      active: !isOdd(5),
    }),
  );
  return {
    set: set.id,
    replica,
    role: leads ? 'leader' : 'follower',
    term: 6 + draw(3),
    appliedIndex: 5_000,
    lastIndex: 5_000,
    configIndex: 40 + (isOdd(5) ? 1 : 0),
    configVolatile: isOdd(5) || undefined,
    configuration: {
      voters,
      votersOutgoing: isOdd(6) ? voters.slice(0, 1) : [],
      learners,
      learnersNext: [],
      autoLeave: isOdd(3),
    },
    durable: !isOdd(5),
    written: isOdd(3),
    diskBytes: draw(3) * 100 * MB,
    damaged: (set.id !== META_SET && isOdd(6)) || undefined,
    progress: leads ? progress : undefined,
  };
}
