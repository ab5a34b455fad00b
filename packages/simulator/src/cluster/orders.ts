// What people order of a running cluster beside moves and drops: which kinds of it a seed has is drawn, as its
// faults are. Without them a run is as it was before there were any.

import type {ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {StateMachine} from '@flotilla/multiraft';
import {chanceOf} from '../kernel/chance.ts';
import type {SimulationOptions} from '../simulation.ts';
import {ChangedValues} from './changed-values.ts';
import {FarClocks} from './far-clocks.ts';
import {FewSeries} from './few-series.ts';
import type {Operator} from './operator.ts';
import type {OrderPorts} from './order-ports.ts';
import {Recovery} from './recovery.ts';
import {newestCatalog} from './rest.ts';
import {Rests} from './rests.ts';
import {SetOrders} from './set-orders.ts';

export interface OrdersPorts extends Omit<OrderPorts, 'chance' | 'order' | 'wallMs'> {
  readonly options: Pick<SimulationOptions, 'seed' | 'orders' | 'series'>;
  readonly operator: Operator;
  readonly databases: readonly string[];
  readonly replicasMin: number;
}

/** Of each kind. */
const ODDS = 0.6;

export class Orders {
  readonly #nodes: OrdersPorts['nodes'];
  readonly #clocks: FarClocks | undefined;
  readonly #values: ChangedValues | undefined;
  readonly #recovery: Recovery | undefined;
  readonly #rests: Rests | undefined;
  readonly #sets: SetOrders | undefined;
  readonly #series: FewSeries | undefined;

  constructor({options, operator, databases, replicasMin, ...ports}: OrdersPorts) {
    const {seed} = options;
    const {kernel} = ports;
    this.#nodes = ports.nodes;
    const shared = (name: string): OrderPorts => ({
      ...{...ports, chance: chanceOf(seed, name)},
      order: (command, what) => operator.order(command, what),
      wallMs: () => Math.floor(kernel.wallStartMs + kernel.nowMs),
    });
    if (hasSeries(options)) this.#series = new FewSeries(shared('few series'));
    if (!hasOrders(options)) return;
    const swarm = chanceOf(seed, 'kinds of orders');
    if (swarm.odds(ODDS)) this.#clocks = new FarClocks(shared('far clocks'));
    if (swarm.odds(ODDS)) this.#values = new ChangedValues(shared('changed values'));
    if (swarm.odds(ODDS)) this.#recovery = new Recovery(shared('recovery'));
    if (swarm.odds(ODDS)) this.#rests = new Rests(shared('rests'));
    if (!swarm.odds(ODDS)) return;
    const isHeld = (): boolean => kernel.nowMs < operator.heldUntilMs;
    this.#sets = new SetOrders({...shared('set orders'), databases, replicasMin, isHeld});
  }

  start(): void {
    for (const kind of this.#kinds()) kind.start();
  }

  stop(): void {
    for (const kind of this.#kinds()) kind.isStopped = true;
  }

  /** Before anybody else hears what a machine applied. */
  watch(set: ReplicaSetId, replica: ReplicaId, machine: StateMachine): void {
    this.#values?.watch(set, replica, machine);
  }

  /** One step towards rest; what keeps from it. */
  settle(): string[] {
    const catalog = newestCatalog(this.#nodes);
    if (catalog === undefined) return [];
    return [
      ...(this.#clocks?.settle() ?? []),
      ...(this.#rests?.settle(catalog) ?? []),
      ...(this.#values?.settle(catalog) ?? []),
      ...(this.#recovery?.settle(catalog) ?? []),
      ...(this.#series?.settle(catalog) ?? []),
    ];
  }

  #kinds() {
    const all = [this.#clocks, this.#values, this.#recovery, this.#rests, this.#sets, this.#series];
    return all.filter((kind) => kind !== undefined);
  }
}

/** A stream of its own, as that of orders. */
function hasSeries({seed, series}: Pick<SimulationOptions, 'seed' | 'series'>): boolean {
  return series ?? chanceOf(seed, 'series').odds(0.4);
}

function hasOrders({seed, orders}: Pick<SimulationOptions, 'seed' | 'orders'>): boolean {
  return orders ?? chanceOf(seed, 'orders').odds(0.7);
}
