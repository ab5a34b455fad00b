// The nodes for /admin/v1: the list of them, and orders that take one in, empty it, and take it off the
// list for ever.

import {type Clock, DbError, type NodeId, type OperationId} from '@flotilla/base';
import {
  type Command,
  drainFault,
  isFinished,
  type Node,
  type NodeDescription,
} from '@flotilla/catalog';
import type {MetaClient} from '@flotilla/meta';
import type {CatalogAccess} from './catalog-access.ts';
import type {ClusterView} from './cluster-view.ts';
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

/** Arguments are checked by the routes; the catalog's copy is up to date. */
export class NodeAdmin {
  readonly #deps: NodeAdminDeps;
  readonly changes: Readonly<Record<string, Change>> = {
    'node-join': (args, deadlineMs) => this.#takeIn(args, deadlineMs),
    'node-drain': (args, deadlineMs, by) => this.#drain(args, {deadlineMs, by}),
    'node-undrain': (args, deadlineMs, by) => this.#undrain(args, deadlineMs, by),
    'node-decommission': (args, deadlineMs) => this.#decommission(args, deadlineMs),
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
      isMetaVoter: facts.meta.voters.includes(node.id),
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

  #drain(args: Args, terms: OrderTerms): Promise<unknown> {
    const {id} = this.#node(args);
    const fault = drainFault(this.#deps.access.catalog, id);
    if (fault !== undefined) throw new DbError('NO_PLACE', fault);
    return this.#deps.begin({kind: 'drain-node', sourceNode: id}, terms);
  }

  /** Takes replicas again: a drain that is under way is cancelled, moves that have begun end. */
  async #undrain(args: Args, deadlineMs: number, by: string | undefined): Promise<unknown> {
    const {id, state} = this.#node(args);
    const drain = [...this.#deps.access.catalog.operations()].find(
      (one) => one.kind === 'drain-node' && one.sourceNode === id && !isFinished(one),
    );
    if (drain !== undefined) await this.#deps.cancel(drain.id, deadlineMs, by);
    else if (state !== 'active') await this.#setState(id, 'active', {state, deadlineMs});
    return this.#node(args);
  }

  /** For ever, and therefore only of a node that is gone and that nothing is placed on. */
  async #decommission(args: Args, deadlineMs: number): Promise<unknown> {
    const {id, state} = this.#node(args);
    const {nodes} = await this.#deps.view.facts();
    if (nodes.some(({node, isReachable}) => node.id === id && isReachable))
      throw new DbError('CONFLICT', `node ${id} answers: stop it first`);
    const replicas = this.#deps.access.catalog.replicaCount(id);
    if (replicas > 0) {
      const message = `node ${id} still holds ${replicas} replicas: move them, or wait until they are made anew on other nodes, 10 minutes after it fell silent`;
      throw new DbError('CONFLICT', message);
    }
    await this.#setState(id, 'decommissioned', {state, deadlineMs});
    return this.#deps.access.catalog.node(id);
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
