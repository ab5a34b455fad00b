// The statements about replica sets, replicas and operations: SHOW from what the nodes tell now, and orders
// that are the operations of the command line. The answer to an order is the operation that it began.

import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {Operation} from '@flotilla/catalog';
import type {ReplicaOrder, ResultBatch} from '@flotilla/query';
import type {ReplicaSetView, ReplicaView} from './cluster-view.ts';
import {OperationOrders, type OrderTerms} from './operation-orders.ts';
import {OPERATION_COLUMNS, operationRow, viewAll, viewBegun} from './operation-view.ts';
import type {SqlServiceDeps} from './statement-context.ts';
import {type Cell, type TextColumn, textRows} from './text-rows.ts';

type Rows = AsyncIterable<ResultBatch>;

/** CnosDB's five are of the set, and first; the others of the replica. */
const REPLICA_COLUMNS: readonly TextColumn[] = [
  {name: 'replica_id', type: 'integer'},
  {name: 'location', type: 'string'},
  {name: 'database', type: 'string'},
  {name: 'start_time', type: 'string'},
  {name: 'end_time', type: 'string'},
  {name: 'vnode_id', type: 'integer'},
  {name: 'node_id', type: 'integer'},
  {name: 'role', type: 'string'},
  {name: 'term', type: 'integer'},
  {name: 'commit', type: 'integer'},
  {name: 'applied', type: 'integer'},
  {name: 'lag', type: 'integer'},
  {name: 'health', type: 'string'},
];
const BEGUN_COLUMNS = OPERATION_COLUMNS.slice(0, 3);

/** States that say that something is wrong with a replica; the others are Raft's roles. */
const ILL: ReadonlySet<string> = new Set(['missing', 'unreachable', 'failed', 'stopped', 'wedged']);

export class ReplicaStatements {
  readonly #deps: SqlServiceDeps;
  readonly #orders: OperationOrders;

  constructor(deps: SqlServiceDeps) {
    this.#deps = deps;
    this.#orders = new OperationOrders(deps);
  }

  async replicas(): Promise<Rows> {
    const {sets} = await this.#deps.view.facts();
    return textRows(REPLICA_COLUMNS, sets.flatMap(replicaRows));
  }

  async operations(): Promise<Rows> {
    const {view, clock, access} = this.#deps;
    const operations = await viewAll({catalog: access.catalog, view, nowMs: clock.wallMs()});
    return textRows(OPERATION_COLUMNS, operations.map(operationRow));
  }

  async order(order: ReplicaOrder, terms: OrderTerms): Promise<Rows> {
    // What it names may have been made through another node a moment ago.
    const {access, clock} = this.#deps;
    await access.refresh(terms.deadlineMs);
    const begun = await this.#begin(order, terms);
    const now = {catalog: access.catalog, nowMs: clock.wallMs()};
    const rows = begun.map((operation) =>
      operationRow(viewBegun(operation, now)).slice(0, BEGUN_COLUMNS.length),
    );
    return textRows(BEGUN_COLUMNS, rows);
  }

  async #begin(order: ReplicaOrder, terms: OrderTerms): Promise<Operation[]> {
    if (order.type !== 'compact') return [await this.#beginOne(order, terms)];
    const sets = new Set(order.replicas.map((id) => this.#orders.setOf(id as ReplicaId)));
    const begun: Operation[] = [];
    for (const set of sets) begun.push(await this.#orders.ofWholeSet('compact', set, terms));
    return begun;
  }

  #beginOne(
    order: Exclude<ReplicaOrder, {type: 'compact'}>,
    terms: OrderTerms,
  ): Promise<Operation> {
    const orders = this.#orders;
    switch (order.type) {
      case 'add-replica':
        return orders.addReplica(orders.set(idOf(order.set)), nodeOf(order.node), terms);
      case 'transfer-leader': {
        const set = orders.set(idOf(order.set));
        return orders.transferLeader(set, orders.replicaOn(set, nodeOf(order.node)), terms);
      }
      case 'remove-replica-on': {
        const set = orders.set(idOf(order.set));
        return this.#remove(orders.replicaOn(set, nodeOf(order.node)), terms);
      }
      case 'remove-replica':
        return this.#remove(order.replica as ReplicaId, terms);
      case 'move-replica': {
        const source = order.replica as ReplicaId;
        const target = {source, targetNode: nodeOf(order.node)};
        return orders.moveReplica(orders.setOf(source), target, terms);
      }
      case 'copy-replica': {
        const set = orders.setOf(order.replica as ReplicaId);
        return orders.addReplica(set, nodeOf(order.node), terms);
      }
      case 'checksum':
        return orders.ofWholeSet('checksum', orders.set(idOf(order.set)), terms);
      case 'destroy':
        return orders.ofWholeSet('destroy-replica-set', orders.set(idOf(order.set)), terms);
      default:
        return order satisfies never;
    }
  }

  /** Never below the voters that there are: that asks for a word that SQL has not. */
  #remove(replica: ReplicaId, terms: OrderTerms): Promise<Operation> {
    const set = this.#orders.setOf(replica);
    return this.#orders.removeReplica(set, replica, {allowFewerVoters: false, ...terms});
  }
}

function replicaRows(set: ReplicaSetView): Cell[][] {
  const location = set.replicas.map(({node, leader}) => `${node}${leader ? '*' : ''}`).join(',');
  const ofSet: Cell[] = [set.id, location, set.database, set.bucket.start, set.bucket.end];
  return set.replicas.map((replica) => [...ofSet, ...replicaCells(replica)]);
}

function replicaCells(replicaView: ReplicaView): Cell[] {
  const {replica, node, role, leader, state, term} = replicaView;
  const {commitIndex, appliedIndex, lag} = replicaView;
  const isIll = ILL.has(state);
  const roleNow = leader ? 'leader' : isIll ? role : state;
  return [replica, node, roleNow, term, commitIndex, appliedIndex, lag, isIll ? state : 'ok'];
}

function idOf(set: number): ReplicaSetId {
  return set as ReplicaSetId;
}

function nodeOf(node: number): NodeId {
  return node as NodeId;
}
