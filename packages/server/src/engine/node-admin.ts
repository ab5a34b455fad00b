// The nodes for /admin/v1: the list of them, and orders that take one in, empty it, and take it off the
// list for ever.

import {type Clock, DbError, type NodeId, type OperationId} from '@flotilla/base';
import {
  type Command,
  drainFault,
  type Node,
  type NodeDescription,
  type OperationKind,
} from '@flotilla/catalog';
import type {MetaClient} from '@flotilla/meta';
import type {CatalogAccess} from './catalog-access.ts';
import {type ClusterView, metaVoters} from './cluster-view.ts';
import type {AdminCall} from './gateway.ts';
import {nodeConditions} from './node-reasons.ts';
import type {OperationOrders, OrderTerms} from './operation-orders.ts';
import {joinFault} from './upgrade.ts';

export interface NodeAdminDeps {
  readonly access: CatalogAccess;
  readonly meta: Pick<MetaClient, 'propose'>;
  readonly view: Pick<ClusterView, 'facts'>;
  readonly clock: Clock;
  /** The answer to an order that is an operation. */
  readonly begin: (
    wanted: Parameters<OperationOrders['start']>[0],
    terms: OrderTerms,
  ) => Promise<unknown>;
  readonly cancel: (
    operation: OperationId,
    deadlineMs: number,
    by: string | undefined,
  ) => Promise<unknown>;
}

type Args = AdminCall['args'];
type Change = (args: Args, deadlineMs: number, by: string | undefined) => Promise<unknown>;

type Emptying = 'drain-node' | 'decommission-node';
/** Operations that take all replicas off a node. */
const EMPTYING: ReadonlySet<OperationKind> = new Set<Emptying>(['drain-node', 'decommission-node']);

/** Arguments are checked by the routes; the catalog's copy is up to date. */
export class NodeAdmin {
  readonly #deps: NodeAdminDeps;
  readonly changes: Readonly<Record<string, Change>> = {
    'node-join': (args, deadlineMs) => this.#takeIn(args, deadlineMs),
    'node-drain': (args, deadlineMs, by) => this.#drain(args, {deadlineMs, by}),
    'node-undrain': (args, deadlineMs, by) => this.#undrain(args, deadlineMs, by),
    'node-decommission': (args, deadlineMs, by) => this.#decommission(args, {deadlineMs, by}),
  };

  constructor(deps: NodeAdminDeps) {
    this.#deps = deps;
  }

  /** `condition` says what a person should know of a node before he goes on; absent where that is nothing. */
  async list(): Promise<unknown> {
    const {access, clock, view} = this.#deps;
    const facts = await view.facts();
    const conditions = nodeConditions(facts, clock.wallMs());
    return facts.nodes.map(({node, isReachable}) => ({
      ...node,
      isReachable,
      condition: conditions.get(node.id),
      replicas: access.catalog.replicaCount(node.id),
      leaders: facts.sets.filter(({leader}) => leader === node.id).length,
      isMetaVoter: metaVoters(facts.meta).includes(node.id),
      isMetaLeader: facts.meta.leader === node.id,
    }));
  }

  /** Registers a node (checked by node/node.ts); it starts with this copy of the catalog. */
  async #takeIn(args: Args, deadlineMs: number): Promise<unknown> {
    const {access, clock, meta} = this.#deps;
    const {isAddressFree, ...asked} = args as unknown as Extract<Command, {type: 'register-node'}>;
    const {clusterVersionMax, ...node} = asked.node as NodeDescription & {
      readonly clusterVersionMax?: number;
    };
    const fault = joinFault(access.catalog, clusterVersionMax);
    if (fault !== undefined) throw new DbError('CONFLICT', fault);
    const command = {type: 'register-node', node, isAddressFree, atMs: clock.wallMs()} as const;
    const {node: id} = await meta.propose(command, {deadlineMs});
    await access.refresh(deadlineMs);
    return {node: id, catalog: access.catalog.snapshot()};
  }

  #node(args: Args): Node {
    const id = args['id'] as NodeId;
    const node = this.#deps.access.catalog.node(id);
    if (node === undefined) throw new DbError('NOT_FOUND', `no node ${id}`);
    return node;
  }

  async #drain(args: Args, terms: OrderTerms): Promise<unknown> {
    return this.#empty(this.#node(args), 'drain-node', terms);
  }

  #empty({id}: Node, kind: Emptying, terms: OrderTerms): Promise<unknown> {
    const fault = drainFault(this.#deps.access.catalog, id);
    if (fault !== undefined) throw new DbError('NO_PLACE', fault);
    return this.#deps.begin({kind, sourceNode: id}, terms);
  }

  /** Takes replicas again: what empties it is cancelled, moves that have begun end. */
  async #undrain(args: Args, deadlineMs: number, by: string | undefined): Promise<unknown> {
    const {id, state} = this.#node(args);
    const emptying = [...this.#deps.access.catalog.unfinishedOperations()].find(
      ({kind, sourceNode}) => EMPTYING.has(kind) && sourceNode === id,
    );
    if (emptying !== undefined) await this.#deps.cancel(emptying.id, deadlineMs, by);
    else if (state !== 'active') await this.#setState(id, 'active', {state, deadlineMs});
    return this.#node(args);
  }

  /**
   * For ever. One that is gone, and that nothing is placed on, at once; any other is emptied first, and the process
   * of one that lives ends when the others let it in no more.
   */
  async #decommission(args: Args, terms: OrderTerms): Promise<unknown> {
    const {catalog} = this.#deps.access;
    const node = this.#node(args);
    const {id, state} = node;
    const {nodes} = await this.#deps.view.facts();
    const isThere = nodes.some((one) => one.node.id === id && one.isReachable);
    if (isThere || catalog.replicaCount(id) > 0)
      return this.#empty(node, 'decommission-node', terms);
    await this.#setState(id, 'decommissioned', {state, deadlineMs: terms.deadlineMs});
    return catalog.node(id);
  }

  async #setState(
    node: NodeId,
    state: Node['state'],
    now: {readonly state: Node['state']; readonly deadlineMs: number},
  ): Promise<void> {
    const {meta, access} = this.#deps;
    const command = {type: 'set-node-state', node, state, expectedState: now.state} as const;
    await meta.propose(command, {deadlineMs: now.deadlineMs});
    await access.refresh(now.deadlineMs);
  }
}
