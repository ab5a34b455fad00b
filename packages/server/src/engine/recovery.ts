// Replica sets that have lost their majority: what is left of each, and its recovery by order. The plan
// is made of what the nodes themselves say, by this node's own copy of the catalog, so it needs no meta
// group; carrying it out does. Law: no node that answers is ever declared lost, and of a set that is led
// nothing is touched. Each set is one command, fenced by its epoch; the reconciler does the rest, so the
// same plan may be applied again after any failure.

import {type Clock, DbError, type NodeId, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import type {Catalog, ReplicaSet} from '@flotilla/catalog';
import type {MetaClient} from '@flotilla/meta';
import type {CatalogAccess} from './catalog-access.ts';
import {
  type ClusterFacts,
  type ClusterView,
  GONE,
  lastCopyDamaged,
  type ReplicaSetView,
  type ReplicaView,
} from './cluster-view.ts';
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
    mustBeLost(lost, facts);
    await this.#propose({type: 'declare-lost', nodes: lost, atMs: this.#deps.clock.wallMs()});
    const gone = new Set(lost);
    // What the last copy of a set has lost is lost, though that copy leads.
    const kept = facts.sets.filter(
      (set) => set.leader !== undefined && lastCopyDamaged(set) === undefined,
    );
    const led = new Set(kept.map(({id}) => id));
    const outcomes: Outcome[] = [];
    for (let at = 0; at < sets.length; at += AT_ONCE) {
      const some = sets.slice(at, at + AT_ONCE);
      outcomes.push(...(await Promise.all(some.map((set) => this.#recover(set, led, gone)))));
    }
    return {
      lost,
      recovered: outcomes.filter((outcome) => 'replica' in outcome),
      skipped: outcomes.filter((outcome) => 'why' in outcome),
    };
  }

  async #recover(
    ordered: OrderedSet,
    led: ReadonlySet<ReplicaSetId>,
    lost: ReadonlySet<NodeId>,
  ): Promise<Outcome> {
    const {set, node, replica, lastIndex} = ordered;
    const present = this.#deps.access.catalog.replicaSet(set);
    const done = doneBefore(present, ordered);
    if (done !== undefined) return {set, replica: done};
    const expectedEpoch = epochNow(present, ordered, lost);
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

/** A node that is only cut off from here may lead sets with those that hear it. */
function mustBeLost(lost: readonly NodeId[], {nodes}: ClusterFacts): void {
  for (const {node, isReachable} of nodes) {
    if (!lost.includes(node.id)) continue;
    const hearer = nodes.find(({condition}) => condition?.heard.includes(node.id));
    if (!isReachable && hearer === undefined) continue;
    const message = isReachable
      ? `node ${node.id} answers: it is not lost`
      : `node ${node.id} is heard by node ${hearer!.node.id}: it is not lost; ask that node for a plan`;
    throw new DbError('CONFLICT', message, {node: node.id});
  }
}

/** To declare nodes lost takes their places where the placement has a majority without them, and raises it. */
function epochNow(
  set: ReplicaSet | undefined,
  {epoch}: OrderedSet,
  lost: ReadonlySet<NodeId>,
): number {
  const isExpelled = set?.epoch === epoch + 1 && !set.replicas.some(({node}) => lost.has(node));
  return isExpelled ? epoch + 1 : epoch;
}

/** The replica with which the set goes on, where the same order was carried out already. */
function doneBefore(
  set: ReplicaSet | undefined,
  {replica, node, epoch}: OrderedSet,
): ReplicaId | undefined {
  if (set === undefined) return undefined;
  if (replica !== undefined)
    return set.replicas.find(({from}) => from !== undefined && from === replica)?.replica;
  const [only] = set.replicas;
  const isAlone = set.epoch === epoch + 1 && set.replicas.length === 1 && only!.node === node;
  return isAlone && set.founders[0] === only!.replica ? only!.replica : undefined;
}

/** Pure: sets without a majority of voters that answer, and the most advanced replica of each. */
export function planRecovery(catalog: Catalog, facts: ClusterFacts, nowMs: number): RecoveryPlan {
  const silent = facts.nodes.filter(({isReachable}) => !isReachable).map(({node}) => node.id);
  const placed = facts.sets.flatMap(({replicas}) => replicas.map(({node}) => node));
  const expelled = placed.filter((node) => catalog.node(node)?.state === 'decommissioned');
  const lost = [...new Set([...silent, ...expelled])].sort((a, b) => a - b);
  const open = facts.sets.filter(({state}) => state !== 'dropping');
  const sets = open.filter((set) => !hasMajority(set) || lastCopyDamaged(set) !== undefined);
  return {
    cluster: catalog.cluster?.id ?? '',
    madeAt: new Date(nowMs).toISOString(),
    lost: lost.map((node) => ({node, address: catalog.node(node)?.address ?? ''})),
    metaLeader: facts.meta.leader,
    setsKept: open.length - sets.length,
    sets: sets.map((set) => planSet(set, catalog, facts)),
  };
}

/**
 * By the newest configuration that one of them knows: the placement is what meta wants, or wanted, and nodes
 * that were declared lost have no place in it. By the placement only where nobody says.
 */
function hasMajority({replicas}: ReplicaSetView): boolean {
  const answering = replicas.filter(({state}) => !GONE.includes(state));
  const ids = new Set<number>(answering.map(({replica}) => replica));
  const [newest] = answering
    .flatMap(({voting}) => (voting === undefined ? [] : [voting]))
    .sort((a, b) => b.configIndex - a.configIndex);
  const placed = replicas.filter(({role}) => role === 'voter').map(({replica}) => replica);
  const majorities = newest?.majorities ?? [placed];
  return majorities.every((half) => 2 * half.filter((id) => ids.has(id)).length > half.length);
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
  const stopped = replicas.find((one) => one.stopped !== undefined && one.damaged !== true);
  if (stopped !== undefined) {
    const loses = `the replica on node ${stopped.node} has stopped: ./flotilla replica-set retry ${set}, then plan anew`;
    return {...subject, action: 'none', loses};
  }
  const node = emptiest(catalog, facts);
  const last = replicas.find(({damaged, state}) => damaged === true && state !== 'unreachable');
  const loses =
    last === undefined
      ? 'all of its rows: no copy of them is left'
      : `all of its rows: the last copy, on node ${last.node}, is damaged; save first what can still be read of it`;
  return {...subject, action: node === undefined ? 'none' : 'begin-empty', node, loses};
}

type Open = ReplicaView & {readonly lastTerm: number; readonly lastIndex: number};

/** One that waits for its first snapshot holds nothing, and one that is damaged hands on nothing. */
function isOpen(replica: ReplicaView): replica is Open {
  const {lastTerm, lastIndex = 0, stopped, damaged} = replica;
  if (damaged === true) return false;
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
