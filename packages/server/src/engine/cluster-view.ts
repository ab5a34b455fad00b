// What is true of the replicas of the whole cluster now: the catalog's placement beside what each
// node reports. For operators; nothing is decided from it.

import {
  type Clock,
  DbError,
  META_SET,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  type ReplicaWorkProgress,
  type Rpc,
  type RpcHandlers,
} from '@flotilla/base';
import {
  type Catalog,
  differingReplicas,
  type FailoverMode,
  isPassedOver,
  type Node,
  type RepairHalt,
  type ReplicaSet,
  repairHalt,
  type ScantVoters,
  scantVoters,
  type Transfer,
} from '@flotilla/catalog';
import {type CreationView, creationsAmong} from './bucket-creations.ts';
import {askCondition, type NodeCondition} from './node-condition.ts';
import type {NodeReplicas} from './replica-host.ts';
import {LAG_MAX, type ReplicaNote, UNOPENED_ROLE} from './replica-notes.ts';

const NOTES_METHOD = 'node.notes';
const RECEIVED_METHOD = 'node.received';
const WORK_METHOD = 'node.work';
const NOTES_MS_MAX = 1_500;

type Status = ReplicaNote['status'];
type Received = readonly (readonly [ReplicaId, Transfer])[];
type Work = readonly (readonly [ReplicaId, ReplicaWorkProgress])[];

export interface ReplicaView
  extends Partial<
    Pick<
      Status,
      | 'term'
      | 'appliedIndex'
      | 'commitIndex'
      | 'lastIndex'
      | 'lastTerm'
      | 'failover'
      | 'stopped'
      | 'failedIndex'
      | 'isLost'
      | 'voting'
    >
  > {
  readonly replica: ReplicaId;
  readonly node: NodeId;
  readonly address: string | undefined;
  readonly role: 'voter' | 'learner';
  readonly leader: boolean;
  /**
   * Raft's role, 'failed' (it cannot apply an entry), 'stopped' (for another reason), 'wedged' (it has applied nothing for long), 'missing' (the node has none) or
   * 'unreachable' (the node does not answer).
   */
  readonly state: string;
  /** Entries that it has not applied, by the most advanced replica. */
  readonly lag?: number | undefined;
  /** Its log ends so far before the leader's that it confirms no write before it has caught up. */
  readonly isLate?: true | undefined;
  /** It could not be opened: all its numbers say nothing. */
  readonly isUnopened?: true | undefined;
  /** It lost what it held, whether or not it runs: it is to be made anew. */
  readonly damaged?: true | undefined;
  /** A checksum found that its rows are others than the majority's: it is to be made anew. */
  readonly differs?: true | undefined;
}

export interface ReplicaSetView {
  readonly id: ReplicaSetId;
  readonly database: string;
  readonly tenant: string;
  readonly bucket: {readonly id: number; readonly start: string; readonly end: string};
  readonly shard: number;
  readonly epoch: number;
  readonly state: ReplicaSet['state'];
  /** Placed by hand: evening out leaves it alone. */
  readonly pinned: boolean;
  /** As itself, its database or the cluster wants it. */
  readonly failover: FailoverMode | undefined;
  readonly leader: NodeId | undefined;
  /** Passed over by order on every replica. */
  readonly skippedEntries?: ReplicaSet['skippedEntries'];
  /** Its replicas are asked for their promise. */
  readonly skipOrder?: ReplicaSet['skipOrder'];
  readonly replicas: readonly ReplicaView[];
}

export interface ClusterFacts {
  readonly sets: readonly ReplicaSetView[];
  /** Only where a majority of it answers is there a leader. */
  readonly meta: {
    readonly leader: NodeId | undefined;
    readonly replicas: readonly ReplicaView[];
  };
  readonly nodes: readonly {
    readonly node: Node;
    readonly isReachable: boolean;
    /** Absent where it did not say. */
    readonly condition?: NodeCondition | undefined;
  }[];
  /** Kept since a recovery of the meta group, which knew nothing of them. */
  readonly unknownSets?: readonly UnknownSet[] | undefined;
  /** So many nodes do not answer that their replicas are not made anew. */
  readonly repairHalt?: RepairHalt | undefined;
  /** Sets that have fewer voters than the members allow, and no node for another. */
  readonly scant?: ScantVoters | undefined;
  /** Buckets that are not open yet. */
  readonly creations?: readonly CreationView[] | undefined;
}

export interface UnknownSet {
  readonly set: ReplicaSetId;
  readonly nodes: readonly NodeId[];
}

export interface ClusterViewDeps {
  readonly rpc: Rpc;
  readonly clock: Clock;
  readonly catalog: () => Catalog;
}

/** The node's side: what its replicas are now. Thread 0 serves it for all threads. */
export function notesHandler(replicas: NodeReplicas): RpcHandlers {
  const notes = async (): Promise<Uint8Array> =>
    new TextEncoder().encode(JSON.stringify([...replicas.notes()].map(({status}) => status)));
  const received = async (): Promise<Uint8Array> => {
    const reports = [...replicas.notes()].map(({report}) => report);
    const told = reports.flatMap(({replica, received: bytes}) => (bytes ? [[replica, bytes]] : []));
    return new TextEncoder().encode(JSON.stringify(told));
  };
  const work = async (): Promise<Uint8Array> => {
    const told = [...replicas.notes()].flatMap(({report: {replica, work: one}, workRead}) =>
      one === undefined ? [] : [[replica, {...one, ...workRead}]],
    );
    return new TextEncoder().encode(JSON.stringify(told));
  };
  const call = new Map([
    [NOTES_METHOD, notes],
    [RECEIVED_METHOD, received],
    [WORK_METHOD, work],
  ]);
  return {call, stream: new Map()};
}

export class ClusterView {
  readonly #deps: ClusterViewDeps;

  constructor(deps: ClusterViewDeps) {
    this.#deps = deps;
  }

  /** Asks every node at once; those that do not answer in time are unreachable. */
  async facts(only: (set: ReplicaSet) => boolean = () => true): Promise<ClusterFacts> {
    const catalog = this.#deps.catalog();
    const nodes = [...catalog.nodes()].filter(({state}) => state !== 'decommissioned');
    const [statuses, conditions] = await Promise.all([
      this.#statuses(nodes.map(({id}) => id)),
      Promise.all(nodes.map(({id}) => askCondition(id, this.#deps))),
    ]);
    const differing = differingReplicas(catalog);
    const sets = [...catalog.replicaSets()]
      .filter(only)
      .map((set) => viewOf(catalog, set, statuses, differing));
    const metaSet = catalog.metaSet();
    const meta = metaSet && viewOf(catalog, metaSet, statuses, differing);
    return {
      sets,
      meta: {leader: meta?.leader, replicas: meta?.replicas ?? []},
      nodes: nodes.map((node, i) => {
        return {node, isReachable: statuses.has(node.id), condition: conditions[i]};
      }),
      unknownSets: unknownSets(catalog, statuses),
      repairHalt: repairHalt(catalog, (node) => !statuses.has(node)),
      scant: scantVoters(catalog),
      creations: creationsAmong(catalog, sets),
    };
  }

  /** Asks the nodes of its members alone. */
  async replicaSet(set: ReplicaSet): Promise<ReplicaSetView> {
    return (await this.replicaSets([set]))[0]!;
  }

  /** In their order. Asks the nodes of their members alone. */
  async replicaSets(sets: readonly ReplicaSet[]): Promise<ReplicaSetView[]> {
    const nodes = new Set(sets.flatMap(({replicas}) => replicas.map(({node}) => node)));
    const statuses = await this.#statuses([...nodes]);
    const catalog = this.#deps.catalog();
    const differing = differingReplicas(catalog);
    return sets.map((set) => viewOf(catalog, set, statuses, differing));
  }

  async #statuses(nodes: readonly NodeId[]): Promise<Statuses> {
    const answers = await Promise.all(nodes.map((id) => this.#ask(id)));
    const statuses = new Map<NodeId, Map<ReplicaSetId, Status>>();
    for (const [i, answer] of answers.entries()) {
      if (answer !== undefined)
        statuses.set(nodes[i]!, new Map(answer.map((status) => [status.set, status])));
    }
    return statuses;
  }

  /** What the nodes' replicas have received of the last snapshot that each was sent. */
  async received(nodes: Iterable<NodeId>): Promise<ReadonlyMap<ReplicaId, Transfer>> {
    const asked = [...new Set(nodes)].map((node) => this.#call<Received>(node, RECEIVED_METHOD));
    return new Map((await Promise.all(asked)).flatMap((answer) => answer ?? []));
  }

  /** What the nodes' replicas do for operations, or did last; nothing of a node that does not answer. */
  async work(
    nodes: Iterable<NodeId>,
  ): Promise<ReadonlyMap<NodeId, ReadonlyMap<ReplicaId, ReplicaWorkProgress>>> {
    const asked = [...new Set(nodes)].map(async (node) => {
      const answer = await this.#call<Work>(node, WORK_METHOD);
      return answer === undefined ? [] : [[node, new Map(answer)] as const];
    });
    return new Map((await Promise.all(asked)).flat());
  }

  #ask(node: NodeId): Promise<readonly Status[] | undefined> {
    return this.#call<readonly Status[]>(node, NOTES_METHOD);
  }

  async #call<Answer>(node: NodeId, method: string): Promise<Answer | undefined> {
    const {rpc, clock} = this.#deps;
    const target = {node, set: META_SET};
    try {
      const options = {deadlineMs: clock.monotonicMs() + NOTES_MS_MAX};
      const answer = await rpc.call(target, method, new Uint8Array(0), options);
      return JSON.parse(new TextDecoder().decode(answer)) as Answer;
    } catch (error) {
      // That a node does not answer is itself what there is to say of it.
      if (error instanceof DbError) return undefined;
      throw error;
    }
  }
}

type Statuses = ReadonlyMap<NodeId, ReadonlyMap<ReplicaSetId, Status>>;

function unknownSets(catalog: Catalog, statuses: Statuses): UnknownSet[] {
  const holders = new Map<ReplicaSetId, NodeId[]>();
  for (const [node, replicas] of statuses) {
    for (const set of replicas.keys()) {
      if (catalog.replicaSet(set) !== undefined) continue;
      if (isPassedOver(catalog, 'replicaSet', set))
        holders.set(set, [...(holders.get(set) ?? []), node]);
    }
  }
  return [...holders].map(([set, nodes]) => ({set, nodes})).sort((a, b) => a.set - b.set);
}

/** Its node does not answer, has none, or it stands still; one that cannot apply an entry still has its log. */
export const GONE: readonly string[] = ['unreachable', 'missing', 'stopped'];

/**
 * Its only voter, where that lost what it held and no other replica has its rows: nothing but an order goes on
 * from there. By the placement, and by what the nodes say.
 */
export function lastCopyDamaged({replicas}: ReplicaSetView): ReplicaView | undefined {
  const voters = replicas.filter(({role}) => role === 'voter');
  const [sole] = voters;
  if (voters.length !== 1 || sole?.damaged !== true) return undefined;
  const isHeld = replicas.some(
    ({replica, state, damaged, lastIndex = 0, lag = Infinity}) =>
      replica !== sole.replica &&
      damaged !== true &&
      (state === 'unreachable' || (!GONE.includes(state) && lastIndex > 0 && lag <= LAG_MAX)),
  );
  return isHeld ? undefined : sole;
}

/** As they are placed. */
export function metaVoters({replicas}: ClusterFacts['meta']): NodeId[] {
  return replicas.filter(({role}) => role === 'voter').map(({node}) => node);
}

/** By their leader's word and their own: a leader that has just been elected knows of nobody yet. */
function lateReplicas(set: ReplicaSet, statuses: Statuses): ReadonlySet<ReplicaId> {
  const leader = leaderOf(set, statuses);
  const status = leader === undefined ? undefined : statuses.get(leader)?.get(set.id);
  const isFar = (node: NodeId, replica: ReplicaId): boolean => {
    const own = statuses.get(node)?.get(set.id);
    return own?.replica === replica && status!.lastIndex - own.lastIndex > LAG_MAX;
  };
  const told = status?.late ?? [];
  const late = set.replicas.filter(
    ({node, replica}) => told.includes(replica) && isFar(node, replica),
  );
  return new Set(late.map(({replica}) => replica));
}

/** The node that leads in the highest term: an old leader that is cut off may still believe it does. */
function leaderOf(set: ReplicaSet, statuses: Statuses): NodeId | undefined {
  let best: {node: NodeId; term: number} | undefined;
  for (const {node} of set.replicas) {
    const status = statuses.get(node)?.get(set.id);
    if (status?.role !== 'leader') continue;
    if (best === undefined || status.term > best.term) best = {node, term: status.term};
  }
  return best?.node;
}

function viewOf(
  catalog: Catalog,
  set: ReplicaSet,
  statuses: Statuses,
  differing: ReadonlySet<ReplicaId>,
): ReplicaSetView {
  const bucket = catalog.bucket(set.bucket);
  const database = catalog.database(set.database);
  const leader = leaderOf(set, statuses);
  const applied = set.replicas.map(({node}) => statuses.get(node)?.get(set.id)?.appliedIndex ?? 0);
  const newest = Math.max(0, ...applied);
  const late = lateReplicas(set, statuses);
  return {
    id: set.id,
    database: database?.name ?? `${set.database}`,
    tenant: (database && catalog.tenant(database.tenant)?.name) ?? '',
    bucket: {id: set.bucket, start: timeText(bucket?.startMs), end: timeText(bucket?.endMs)},
    shard: set.shard,
    epoch: set.epoch,
    state: set.state,
    pinned: set.pinned === true,
    failover: catalog.failoverOf(set.id),
    leader,
    skippedEntries: set.skippedEntries,
    skipOrder: set.skipOrder,
    replicas: set.replicas.map(({replica, node, role}) => {
      const address = catalog.node(node)?.address;
      const all = statuses.get(node);
      const status = all?.get(set.id);
      const differs = differing.has(replica) ? true : undefined;
      if (status === undefined || status.replica !== replica) {
        const state = all === undefined ? 'unreachable' : 'missing';
        return {replica, node, address, role, leader: false, state, differs};
      }
      const {term, appliedIndex, commitIndex, lastIndex, lastTerm} = status;
      const {failover, stopped, failedIndex, voting} = status;
      const lag = newest - appliedIndex;
      return {
        replica,
        node,
        address,
        role,
        leader: node === leader,
        state: stateOf(status),
        term,
        appliedIndex,
        commitIndex,
        lastIndex,
        lastTerm,
        lag,
        isLate: late.has(replica) ? true : undefined,
        failover,
        stopped,
        failedIndex,
        isUnopened: status.role === UNOPENED_ROLE ? true : undefined,
        isLost: status.isLost,
        voting,
        damaged: (status.damaged ?? status.isLost) === true ? true : undefined,
        differs,
      };
    }),
  };
}

function stateOf({role, stopped, failedIndex, isWedged}: Status): string {
  if (stopped !== undefined) return failedIndex === undefined ? 'stopped' : 'failed';
  return isWedged === true ? 'wedged' : role;
}

function timeText(ms: number | undefined): string {
  return ms === undefined || Math.abs(ms) > 8.64e15 ? String(ms ?? '') : new Date(ms).toISOString();
}
