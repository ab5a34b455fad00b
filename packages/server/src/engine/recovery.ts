// Replica sets that have lost their majority: what is left of each, and its recovery by order. The plan
// is made of what the nodes themselves say, by this node's own copy of the catalog, so it needs no meta
// group; carrying it out does. Law: no node that answers is ever declared lost, and of a set that is led
// nothing is touched. Each set is one command, fenced by its epoch; the reconciler does the rest, so the
// same plan may be applied again after any failure.

import {type Clock, DbError, type NodeId, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';
import type {MetaClient} from '@flotilla/meta';
import type {CatalogAccess} from './catalog-access.ts';
import type {ClusterFacts, ClusterView, ReplicaSetView, ReplicaView} from './cluster-view.ts';
import type {AdminCall} from './gateway.ts';

/** Of one command. */
const PROPOSE_MS_MAX = 10_000;
/** Commands under way at once. */
const AT_ONCE = 32;

export interface PlannedSet {
  readonly set: ReplicaSetId;
  readonly tenant: string;
  readonly database: string;
  readonly start: string;
  readonly end: string;
  readonly shard: number;
  readonly epoch: number;
  /** 'none': what is left cannot be opened now. */
  readonly action: 'take-over' | 'begin-empty' | 'none';
  readonly node?: NodeId | undefined;
  /** What is left; it goes on under a new id. */
  readonly replica?: ReplicaId | undefined;
  readonly lastTerm?: number | undefined;
  readonly lastIndex?: number | undefined;
  /** What may be lost, in words. */
  readonly loses: string;
}

export interface RecoveryPlan {
  readonly cluster: string;
  readonly madeAt: string;
  /** No answer came from them, or they were declared lost before. */
  readonly lost: readonly {readonly node: NodeId; readonly address: string}[];
  readonly metaLeader?: NodeId | undefined;
  /** That keep a majority. */
  readonly setsKept: number;
  readonly sets: readonly PlannedSet[];
}

export interface RecoveryDeps {
  readonly access: CatalogAccess;
  readonly meta: Pick<MetaClient, 'propose'>;
  readonly view: Pick<ClusterView, 'facts'>;
  readonly clock: Clock;
}

/** Checked by the route (http/routes/admin.ts). */
interface Order {
  readonly cluster: string;
  readonly lost: readonly NodeId[];
  readonly sets: readonly OrderedSet[];
}
interface OrderedSet {
  readonly set: ReplicaSetId;
  readonly epoch: number;
  readonly node: NodeId;
  readonly replica?: ReplicaId | undefined;
  readonly lastIndex?: number | undefined;
}

type Outcome = {readonly set: ReplicaSetId} & (
  | {readonly replica: ReplicaId}
  | {readonly why: string}
);

export class Recovery {
  readonly #deps: RecoveryDeps;

  constructor(deps: RecoveryDeps) {
    this.#deps = deps;
  }

  async plan(): Promise<RecoveryPlan> {
    const {access, view, clock} = this.#deps;
    return planRecovery(access.catalog, await view.facts(), clock.wallMs());
  }

  async apply(args: AdminCall['args']): Promise<unknown> {
    const {cluster, lost, sets} = args as unknown as Order;
    const {access, view} = this.#deps;
    const id = access.catalog.cluster?.id;
    if (id !== cluster)
      throw new DbError('CONFLICT', `the plan is of cluster ${cluster}, this is ${id}`);
    const facts = await view.facts();
    for (const node of lost) {
      const isAlive = facts.nodes.some((each) => each.node.id === node && each.isReachable);
      if (isAlive) throw new DbError('CONFLICT', `node ${node} answers: it is not lost`, {node});
    }
    await this.#propose({type: 'declare-lost', nodes: lost, atMs: this.#deps.clock.wallMs()});
    const led = new Set(facts.sets.filter(({leader}) => leader !== undefined).map((set) => set.id));
    const outcomes: Outcome[] = [];
    for (let at = 0; at < sets.length; at += AT_ONCE) {
      const some = sets.slice(at, at + AT_ONCE);
      outcomes.push(...(await Promise.all(some.map((set) => this.#recover(set, led)))));
    }
    return {
      lost,
      recovered: outcomes.filter((outcome) => 'replica' in outcome),
      skipped: outcomes.filter((outcome) => 'why' in outcome),
    };
  }

  async #recover(ordered: OrderedSet, led: ReadonlySet<ReplicaSetId>): Promise<Outcome> {
    const {set, epoch: expectedEpoch, node, replica, lastIndex} = ordered;
    const placed = this.#deps.access.catalog.replicaSet(set)?.replicas ?? [];
    const done = placed.find(({from}) => from !== undefined && from === replica);
    if (done !== undefined) return {set, replica: done.replica};
    if (led.has(set)) return {set, why: 'it is led: nothing of it is lost'};
    const atMs = this.#deps.clock.wallMs();
    try {
      const subject = {set, expectedEpoch, node, replica, lastIndex, atMs};
      const value = await this.#propose({type: 'recover-replica-set', ...subject});
      return {set, replica: (value as {replica: ReplicaId}).replica};
    } catch (error) {
      if (!(error instanceof DbError) || !['CONFLICT', 'NOT_FOUND'].includes(error.code))
        throw error;
      return {set, why: error.message};
    }
  }

  #propose(command: Parameters<MetaClient['propose']>[0]): Promise<unknown> {
    const {meta, clock} = this.#deps;
    return meta.propose(command, {deadlineMs: clock.monotonicMs() + PROPOSE_MS_MAX});
  }
}

/** Pure: sets without a majority of voters that answer, and the most advanced replica of each. */
export function planRecovery(catalog: Catalog, facts: ClusterFacts, nowMs: number): RecoveryPlan {
  const silent = facts.nodes.filter(({isReachable}) => !isReachable).map(({node}) => node.id);
  const placed = facts.sets.flatMap(({replicas}) => replicas.map(({node}) => node));
  const expelled = placed.filter((node) => catalog.node(node)?.state === 'decommissioned');
  const lost = [...new Set([...silent, ...expelled])].sort((a, b) => a - b);
  const open = facts.sets.filter(({state}) => state !== 'dropping');
  const sets = open.filter((set) => !hasMajority(set));
  return {
    cluster: catalog.cluster?.id ?? '',
    madeAt: new Date(nowMs).toISOString(),
    lost: lost.map((node) => ({node, address: catalog.node(node)?.address ?? ''})),
    metaLeader: facts.meta.leader,
    setsKept: open.length - sets.length,
    sets: sets.map((set) => planSet(set, catalog, facts)),
  };
}

/** One that cannot apply an entry votes all the same. */
const GONE = ['unreachable', 'missing', 'stopped'];

function hasMajority({replicas}: ReplicaSetView): boolean {
  const voters = replicas.filter(({role}) => role === 'voter');
  const answering = voters.filter(({state}) => !GONE.includes(state));
  return 2 * answering.length > voters.length;
}

function planSet(view: ReplicaSetView, catalog: Catalog, facts: ClusterFacts): PlannedSet {
  const {id: set, tenant, database, bucket, shard, epoch, replicas} = view;
  const {start, end} = bucket;
  const subject = {set, tenant, database, start, end, shard, epoch};
  const [best] = replicas.filter(isOpen).sort(compareLogs);
  if (best !== undefined) {
    const {node, replica, lastTerm, lastIndex} = best;
    const loses = lossOf(view, best);
    return {...subject, action: 'take-over', node, replica, lastTerm, lastIndex, loses};
  }
  const stopped = replicas.find((one) => one.stopped !== undefined);
  if (stopped !== undefined) {
    const loses = `the replica on node ${stopped.node} has stopped: ./flotilla replica-set retry ${set}, then plan anew`;
    return {...subject, action: 'none', loses};
  }
  const node = emptiest(catalog, facts);
  const loses = 'all of its rows: no copy of them is left';
  return {...subject, action: node === undefined ? 'none' : 'begin-empty', node, loses};
}

type Open = ReplicaView & {readonly lastTerm: number; readonly lastIndex: number};

/** One that waits for its first snapshot holds nothing. */
function isOpen(replica: ReplicaView): replica is Open {
  const {lastTerm, lastIndex = 0, stopped} = replica;
  return lastTerm !== undefined && lastIndex > 0 && stopped === undefined;
}

/** The most advanced first, as voters see it. */
function compareLogs(a: Open, b: Open): number {
  return b.lastTerm - a.lastTerm || b.lastIndex - a.lastIndex || a.node - b.node;
}

function lossOf({replicas}: ReplicaSetView, {lastIndex, commitIndex}: Open): string {
  const gone = replicas.filter(({state, role}) => state === 'unreachable' && role === 'voter');
  const nodes = gone.map(({node}) => node).join(', ');
  const open = lastIndex - (commitIndex ?? lastIndex);
  const also = open === 0 ? '' : `; ${open} entries before it count now, confirmed or not`;
  return `writes behind entry ${lastIndex} that only nodes ${nodes} confirmed${also}`;
}

function emptiest(catalog: Catalog, {nodes}: ClusterFacts): NodeId | undefined {
  const able = nodes.filter(({node, isReachable}) => isReachable && node.state === 'active');
  const loads = able.map(({node}) => ({id: node.id, count: catalog.replicaCount(node.id)}));
  return loads.sort((a, b) => a.count - b.count || a.id - b.id)[0]?.id;
}
