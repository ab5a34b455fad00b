// Pauses of what the cluster does by itself, and nodes in maintenance, as people order them: some end by
// themselves, some are taken back. While repair is paused nothing is repaired; a node in maintenance is not
// replaced while it is silent, and in peace leads nothing that another could lead.

import type {NodeId, ReplicaSetId} from '@flotilla/base';
import {
  type AutomationKind,
  type AutomationPause,
  type Catalog,
  isFinished,
  maintenanceOf,
  type Operation,
  pausesOf,
  type ReplicaSet,
} from '@flotilla/catalog';
import {repeat} from '../kernel/repeat.ts';
import type {SimNode} from '../world/node.ts';
import type {OrderPorts} from './order-ports.ts';
import {leaderOf, newestCatalog} from './rest.ts';

const PAUSE_MS = 15_000;
const MAINTENANCE_MS = 15_000;
const LOOK_MS = 1_000;
/** What was planned before an order was known has been carried out by then, or never will be. */
const GRACE_MS = 30_000;
const HOUR_MS = 3_600_000;

interface Seen<Order> {
  readonly order: Order;
  readonly seenMs: number;
}

/** Of one replica set, as it was looked at last. */
interface Placed {
  readonly replicas: number;
  readonly isBusy: boolean;
}

export class Rests {
  readonly #ports: OrderPorts;
  isStopped = false;
  #version = 0;
  #pauses: Seen<AutomationPause>[] = [];
  readonly #maintained = new Map<NodeId, Seen<number>>();
  readonly #downSince = new Map<NodeId, {readonly starts: number; readonly ms: number}>();
  #lastOperation = 0;
  #placed = new Map<ReplicaSetId, Placed>();
  readonly #leftAlone = new Set<NodeId>();

  constructor(ports: OrderPorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#repeat(PAUSE_MS, () => this.#pause());
    this.#repeat(MAINTENANCE_MS, () => this.#maintain());
    this.#look();
  }

  /** One step towards rest: pauses without an end are taken back; what keeps from it. */
  settle(catalog: Catalog): string[] {
    const all: string[] = [];
    const nowMs = this.#ports.wallMs();
    for (const {kind, untilMs} of pausesOf(catalog.cluster, nowMs)) {
      all.push(`${kind} is paused until ${untilMs}`);
      if (untilMs === undefined) this.#order([kind], false);
    }
    for (const node of catalog.nodes()) {
      if (maintenanceOf(node, nowMs) === undefined) continue;
      const led = this.#ledBy(node.id, catalog);
      if (led.length > 0) all.push(`node ${node.id} in maintenance leads sets ${led.join(', ')}`);
      else if (!this.#leftAlone.has(node.id)) {
        this.#leftAlone.add(node.id);
        this.#ports.coverage.count('rests:nodes in maintenance that led nothing in peace');
      }
    }
    return all;
  }

  #repeat(meanMs: number, act: () => void): void {
    repeat(this.#ports, {meanMs, isOver: () => this.isStopped}, act);
  }

  #pause(): void {
    const {chance} = this.#ports;
    const kinds = chance.pick<readonly AutomationKind[]>([
      ['repair'],
      ['rebalance'],
      ['repair', 'rebalance'],
    ]);
    const isPaused = chance.odds(0.6);
    const forMs = isPaused && chance.odds(0.6) ? chance.pick([2_000, 20_000, 60_000]) : undefined;
    this.#order(kinds, isPaused, forMs);
  }

  #order(kinds: readonly AutomationKind[], paused: boolean, forMs?: number): void {
    const atMs = this.#ports.wallMs();
    const untilMs = forMs === undefined ? undefined : atMs + forMs;
    const what = paused ? (forMs === undefined ? 'pause' : 'pause for a time') : 'resume';
    this.#ports.order({type: 'set-automation', kinds, paused, untilMs, atMs}, what);
  }

  #maintain(): void {
    const {chance, nodes, wallMs} = this.#ports;
    const {id: node} = chance.pick(nodes);
    const scope = chance.pick(['leaders', 'all'] as const);
    const untilMs = wallMs() + chance.pick([0, 5_000, 60_000, HOUR_MS]);
    const what = scope === 'all' ? 'maintenance' : 'evacuate leaders';
    this.#ports.order({type: 'set-maintenance', node, maintenance: {untilMs, scope}}, what);
  }

  /** What it leads though another voter could, on a node that may lead. */
  #ledBy(id: NodeId, catalog: Catalog): ReplicaSetId[] {
    const {nodes, wallMs} = this.#ports;
    const mayLead = (other: NodeId): boolean => {
      const node = catalog.node(other);
      return node?.state === 'active' && maintenanceOf(node, wallMs()) === undefined;
    };
    const meta = catalog.metaSet();
    const sets = [...(meta === undefined ? [] : [meta]), ...catalog.replicaSets()];
    return sets
      .filter(({id: set, replicas}) => {
        const leader = leaderOf(nodes, set);
        const placed = replicas.find(({replica}) => replica === leader?.replica);
        if (leader === undefined || placed?.node !== id) return false;
        const {voters} = leader.configuration;
        return replicas.some(({node, replica}) => voters.includes(replica) && mayLead(node));
      })
      .map(({id: set}) => set);
  }

  #look(): void {
    const {kernel, nodes} = this.#ports;
    kernel.after(LOOK_MS, () => {
      this.#look();
      for (const node of nodes) this.#lookAt(node);
      const catalog = newestCatalog(nodes);
      // Whoever knew more may just have ended.
      if (catalog === undefined || catalog.version < this.#version) return;
      this.#version = catalog.version;
      this.#watch(catalog);
    });
  }

  #lookAt({id, isUp, starts}: SimNode): void {
    const known = this.#downSince.get(id);
    if (isUp) this.#downSince.delete(id);
    else if (known?.starts !== starts)
      this.#downSince.set(id, {starts, ms: this.#ports.kernel.nowMs});
  }

  #watch(catalog: Catalog): void {
    const {nowMs} = this.#ports.kernel;
    const before = this.#lastOperation;
    // Those that were taken back since the last look say nothing of what was begun after that.
    this.#pauses = (catalog.cluster?.pauses ?? []).map((order) => {
      const known = this.#pauses.find(
        (one) => one.order.kind === order.kind && one.order.sinceMs === order.sinceMs,
      );
      return {order, seenMs: known?.seenMs ?? nowMs};
    });
    for (const {id, maintenance} of catalog.nodes()) {
      const untilMs = maintenance?.scope === 'all' ? maintenance.untilMs : 0;
      if (this.#maintained.get(id)?.order !== untilMs)
        this.#maintained.set(id, {order: untilMs, seenMs: nowMs});
    }
    const fresh = [...catalog.operations()].filter(({id}) => id > before);
    for (const operation of fresh) this.#judge(operation, catalog);
    this.#judgeGrowth(catalog, new Set(fresh.map(({replicaSet}) => replicaSet)));
    this.#lastOperation = Math.max(before, ...fresh.map(({id}) => id));
  }

  /** The planner said by which time it planned. */
  #judge(operation: Operation, catalog: Catalog): void {
    const {kind, startedBy, createdAtMs, id} = operation;
    if (startedBy !== 'reconciler') return;
    const {coverage, fail} = this.#ports;
    const automation = kind === 'rebalance' ? 'rebalance' : 'repair';
    if (this.#isPaused(automation, createdAtMs))
      fail('pauses', `operation ${id} (${kind}) was begun though ${automation} is paused`);
    coverage.count(`rests:${kind} begun by itself`);
    if (kind === 'repair' && this.#isInMaintenance(operation, catalog))
      fail('maintenance', `operation ${id} replaces what node ${operation.sourceNode} holds`);
  }

  #isPaused(kind: AutomationKind, atMs: number): boolean {
    const {nowMs} = this.#ports.kernel;
    return this.#pauses.some(
      ({order, seenMs}) =>
        order.kind === kind &&
        seenMs <= nowMs - GRACE_MS &&
        (order.untilMs === undefined || order.untilMs > atMs),
    );
  }

  /** Silent for long, whole as far as anybody knows, and not to be expected back yet. */
  #isInMaintenance({sourceNode, source, createdAtMs}: Operation, catalog: Catalog): boolean {
    const {kernel, nodes} = this.#ports;
    const sinceMs = kernel.nowMs - GRACE_MS;
    const maintained = this.#maintained.get(sourceNode!);
    const down = this.#downSince.get(sourceNode!);
    if (maintained === undefined || maintained.seenMs > sinceMs) return false;
    if (down === undefined || down.ms > sinceMs || nodes[sourceNode! - 1]!.wasDamaged) return false;
    const operations = [...catalog.operations()];
    if (operations.some(({differing}) => differing?.includes(source!))) return false;
    return maintained.order > createdAtMs;
  }

  /** A set has more replicas only by an operation, where nothing is healed. */
  #judgeGrowth(catalog: Catalog, changed: ReadonlySet<Operation['replicaSet']>): void {
    const {nowMs} = this.#ports.kernel;
    const isPaused = this.#pauses.some(
      ({order, seenMs}) =>
        order.kind === 'repair' && order.untilMs === undefined && seenMs <= nowMs - GRACE_MS,
    );
    const meta = catalog.metaSet();
    const sets = [...(meta === undefined ? [] : [meta]), ...catalog.replicaSets()];
    for (const {id, replicas} of isPaused ? sets : []) {
      const before = this.#placed.get(id);
      if (before === undefined || before.isBusy || changed.has(id)) continue;
      if (replicas.length > before.replicas)
        this.#ports.fail('pauses', `set ${id} was given a replica though repair is paused`);
    }
    this.#placed = new Map(sets.map((set) => [set.id, placedOf(set, catalog)]));
  }
}

function placedOf({id, replicas}: ReplicaSet, catalog: Catalog): Placed {
  const operation = catalog.operationOf(id);
  const isBusy = operation !== undefined && !isFinished(operation);
  return {replicas: replicas.length, isBusy};
}
