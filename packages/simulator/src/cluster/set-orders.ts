// Orders about replica sets and the cluster beside the moves of `operator.ts`: checksums, compactions, other
// numbers of replicas, evening out, and operations that are cancelled at whatever step they stand.

import {META_SET} from '@flotilla/base';
import {type Catalog, type Command, isFinished, type OperationKind} from '@flotilla/catalog';
import {repeat} from '../kernel/repeat.ts';
import type {OrderPorts} from './order-ports.ts';
import {TENANT} from './registers.ts';
import {newestCatalog} from './rest.ts';

export interface SetOrderPorts extends OrderPorts {
  readonly databases: readonly string[];
  /** The least that a database may have of each row. */
  readonly replicasMin: number;
  /** A node lost what it held: nothing is ordered that would leave fewer voters. */
  readonly isHeld: () => boolean;
}

const ORDER_MS = 5_000;
const CANCEL_MS = 3_000;
const REPLICAS_MAX = 5;
/** Those that have steps to be stopped at. */
const CANCELLED: readonly OperationKind[] = [
  'move-replica',
  'add-replica',
  'drain-node',
  'repair',
  'destroy-replica-set',
];

export class SetOrders {
  readonly #ports: SetOrderPorts;
  isStopped = false;

  constructor(ports: SetOrderPorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#repeat(ORDER_MS, (catalog) => this.#order(catalog));
    this.#repeat(CANCEL_MS, (catalog) => this.#cancel(catalog));
  }

  #repeat(meanMs: number, act: (catalog: Catalog) => void): void {
    repeat(this.#ports, {meanMs, isOver: () => this.isStopped}, () => {
      const catalog = newestCatalog(this.#ports.nodes);
      if (catalog !== undefined) act(catalog);
    });
  }

  #order(catalog: Catalog): void {
    const {chance, order} = this.#ports;
    const draw = chance.below(10);
    const command =
      draw < 5
        ? this.#work(catalog, draw < 3 ? 'checksum' : 'compact')
        : draw < 7
          ? this.#rebalance()
          : draw < 8
            ? this.#unpin(catalog)
            : this.#alter();
    if (command === undefined) return;
    const what = command.type === 'create-operation' ? command.kind : command.type;
    order(command, what);
  }

  /** Of one replica, or of all: a checksum compares all in any case. */
  #work(catalog: Catalog, kind: 'checksum' | 'compact'): Command | undefined {
    const {chance, wallMs} = this.#ports;
    const sets = [...catalog.replicaSets()].filter(({state}) => state === 'open');
    if (sets.length === 0) return undefined;
    const {id: replicaSet, replicas} = chance.pick(sets);
    const isOne = kind === 'compact' && chance.odds(0.3);
    const source = isOne ? chance.pick(replicas).replica : undefined;
    const wish = {kind, replicaSet, source, startedBy: 'operator', atMs: wallMs()};
    return {type: 'create-operation', ...wish};
  }

  #rebalance(): Command {
    const atMs = this.#ports.wallMs();
    return {type: 'create-operation', kind: 'rebalance', startedBy: 'operator', atMs};
  }

  #unpin(catalog: Catalog): Command | undefined {
    const pinned = [...catalog.replicaSets()].filter(({pinned: is, id}) => is && id !== META_SET);
    if (pinned.length === 0) return undefined;
    const {id: set} = this.#ports.chance.pick(pinned);
    return {type: 'pin-replica-set', set, pinned: false};
  }

  #alter(): Command | undefined {
    const {chance, databases, nodes, replicasMin, isHeld} = this.#ports;
    if (isHeld()) return undefined;
    const most = Math.min(REPLICAS_MAX, nodes.length);
    const replicas = Math.min(most, replicasMin + chance.below(REPLICAS_MAX - replicasMin + 1));
    return {type: 'alter-database', name: chance.pick(databases), options: {replicas}, ...TENANT};
  }

  #cancel(catalog: Catalog): void {
    const {chance, coverage, order, wallMs} = this.#ports;
    const running = [...catalog.operations()].filter(
      (operation) => !isFinished(operation) && CANCELLED.includes(operation.kind),
    );
    if (running.length === 0 || chance.odds(0.5)) return;
    const {id: operation, kind, step} = chance.pick(running);
    coverage.count(`cancels:${kind} at ${step}`);
    const command = {type: 'update-operation' as const, operation, expectedStep: step};
    order({...command, state: 'cancelling', atMs: wallMs()}, 'cancel');
  }
}
