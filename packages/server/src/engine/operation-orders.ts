// What people order of replica sets and nodes, by whatever door it came: each order is one operation in
// the catalog, made by the same command. What places something says that its set is to be pinned, or the cluster
// would even it out again: a meta leader of this build does that when it is done, an older one at once.

import {type Clock, DbError, type NodeId, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import type {Command, Operation, ReplicaSet} from '@flotilla/catalog';
import type {MetaClient} from '@flotilla/meta';
import type {CatalogAccess} from './catalog-access.ts';

export interface OperationOrdersDeps {
  readonly access: CatalogAccess;
  readonly meta: Pick<MetaClient, 'propose'>;
  readonly clock: Pick<Clock, 'wallMs'>;
}

type Wanted = Omit<Extract<Command, {type: 'create-operation'}>, 'type' | 'atMs' | 'startedBy'>;

/** What is ordered of a set as it stands: none of its replicas is put anywhere by hand. */
export type WholeSetKind = 'compact' | 'checksum' | 'destroy-replica-set';

/** Under which an order is given. */
export interface OrderTerms {
  readonly deadlineMs: number;
  /** Name of the token that it was given with; absent where none is asked for. */
  readonly by: string | undefined;
}

/** In records of who ordered something, for whoever was not asked for a token. */
export const NAMELESS = 'operator';

/** All look the set up in this thread's copy: bring that up to date before. */
export class OperationOrders {
  readonly #deps: OperationOrdersDeps;

  constructor(deps: OperationOrdersDeps) {
    this.#deps = deps;
  }

  set(id: ReplicaSetId): ReplicaSet {
    const set = this.#deps.access.catalog.replicaSet(id);
    if (set === undefined) throw new DbError('NOT_FOUND', `no replica set ${id}`);
    return set;
  }

  /** The set that has this replica. */
  setOf(replica: ReplicaId): ReplicaSet {
    const set = this.#deps.access.catalog.replicaSetOf(replica);
    if (set === undefined) throw new DbError('NOT_FOUND', `no replica ${replica}`);
    return set;
  }

  replicaOn(set: ReplicaSet, node: NodeId): ReplicaId {
    const found = set.replicas.find((replica) => replica.node === node);
    if (found !== undefined) return found.replica;
    const nodes = set.replicas.map((replica) => replica.node).sort((a, b) => a - b);
    throw new DbError(
      'NOT_FOUND',
      `replica set ${set.id} has no replica on node ${node}; it has some on ${nodes.join(', ')}`,
    );
  }

  addReplica({id}: ReplicaSet, targetNode: NodeId, terms: OrderTerms): Promise<Operation> {
    return this.start({kind: 'add-replica', replicaSet: id, targetNode}, terms);
  }

  removeReplica(
    {id}: ReplicaSet,
    source: ReplicaId,
    {allowFewerVoters, ...terms}: OrderTerms & {readonly allowFewerVoters: boolean},
  ): Promise<Operation> {
    const wanted = {kind: 'remove-replica', replicaSet: id, source, allowFewerVoters} as const;
    return this.start(wanted, terms);
  }

  moveReplica(
    {id}: ReplicaSet,
    {source, targetNode}: {source: ReplicaId; targetNode: NodeId},
    terms: OrderTerms,
  ): Promise<Operation> {
    return this.start({kind: 'move-replica', replicaSet: id, source, targetNode}, terms);
  }

  transferLeader({id}: ReplicaSet, target: ReplicaId, terms: OrderTerms): Promise<Operation> {
    return this.start({kind: 'transfer-leader', replicaSet: id, target}, terms);
  }

  /** Places nothing. */
  ofWholeSet(kind: WholeSetKind, {id}: ReplicaSet, terms: OrderTerms): Promise<Operation> {
    return this.start({kind, replicaSet: id, pin: false}, terms);
  }

  async start(wanted: Wanted, {deadlineMs, by = NAMELESS}: OrderTerms): Promise<Operation> {
    const {access, meta, clock} = this.#deps;
    const atMs = clock.wallMs();
    const {operation} = await meta.propose(
      {type: 'create-operation', pin: true, ...wanted, startedBy: by, atMs},
      {deadlineMs},
    );
    await access.refresh(deadlineMs);
    const found = access.catalog.operation(operation);
    if (found === undefined)
      throw new DbError('NOT_FOUND', `operation ${operation} has gone again`);
    return found;
  }
}
