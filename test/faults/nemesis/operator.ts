// An operator who is never content: moves, additions, removals, transfers, drains and their
// cancellations, several under way at once, ordered through whichever node answers. What is refused is
// refused; what was begun must come to an end.

import {setTimeout as sleep} from 'node:timers/promises';
import {SeededRandom} from '@flotilla/base';
import {
  type Entity,
  FlotillaClient,
  FlotillaError,
  type Id,
  isFinal,
  type Operation,
  type ReplicaSet,
} from '@flotilla/client';
import {DATABASE} from './load.ts';

const PAUSE_MS_MAX = 3_000;
const CALL_MS_MAX = 10_000;
const DRAIN_MS_MIN = 4_000;
const DRAIN_MS_MAX = 15_000;
/** More at once only wait for each other. */
const UNDER_WAY_MAX = 6;
const REPLICAS_MAX = 4;

type Order = 'move' | 'transfer' | 'add' | 'remove' | 'drain' | 'cancel';
const ORDERS: readonly Order[] = [
  ...(['move', 'move', 'move', 'transfer', 'add', 'remove', 'drain', 'cancel', 'cancel'] as const),
];

interface Situation {
  readonly sets: readonly ReplicaSet[];
  readonly nodes: readonly Entity[];
  readonly open: readonly Operation[];
}

export class Operator {
  readonly #client: FlotillaClient;
  readonly #random: SeededRandom;
  /** Orders taken, by kind; `refused` counts the rest. */
  readonly counts: Record<Order | 'refused', number> = {
    ...{move: 0, transfer: 0, add: 0, remove: 0, drain: 0, cancel: 0, refused: 0},
  };
  #drainUntilMs = 0;

  constructor(urls: readonly string[], seed: number) {
    this.#client = new FlotillaClient({urls, database: DATABASE, timeoutMs: CALL_MS_MAX});
    this.#random = new SeededRandom(seed);
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#turn();
      } catch (error) {
        if (!(error instanceof FlotillaError)) throw error;
        this.counts.refused += 1;
      }
      await sleep(this.#random.below(PAUSE_MS_MAX));
    }
  }

  close(): void {
    this.#client.close();
  }

  async #turn(): Promise<void> {
    const {admin} = this.#client;
    const [sets, nodes, operations] = await Promise.all([
      admin.replicaSets({database: DATABASE}),
      admin.nodes(),
      admin.operations(),
    ]);
    // What does not answer may be a disk that was lost: it is drained for good.
    const drained = nodes.find((node) => isDrained(node) && node['isReachable'] === true);
    if (drained !== undefined && performance.now() > this.#drainUntilMs)
      await admin.undrainNode(drained['id'] as Id);
    const open = operations.filter((operation) => !isFinal(operation));
    const order = ORDERS[this.#random.below(ORDERS.length)]!;
    if (order !== 'cancel' && open.length >= UNDER_WAY_MAX) return;
    if (await this.#give(order, {sets, nodes, open})) this.counts[order] += 1;
  }

  /** False where there was nothing to order. */
  async #give(order: Order, {sets, nodes, open}: Situation): Promise<boolean> {
    if (order === 'cancel') return this.#cancel(open);
    if (order === 'drain') return this.#drainOne(nodes);
    const set = this.#pick(sets.filter(({replicas}) => replicas.length > 0));
    if (set === undefined) return false;
    const members = set.replicas.map(({node}) => node);
    const others = nodes.filter(({id, state}) => state === 'active' && !members.includes(id as Id));
    const other = this.#pick(others)?.['id'] as Id | undefined;
    const member = this.#pick(members)!;
    const {admin} = this.#client;
    if (order === 'transfer') {
      await admin.changeReplicaSet(set.id, {action: 'transfer-leader', to: member});
    } else if (order === 'remove') {
      const learner = set.replicas.find(({role}) => role === 'learner')?.replica;
      if (learner === undefined) return false;
      await admin.changeReplicaSet(set.id, {action: 'remove-replica', replica: learner});
    } else {
      if (other === undefined) return false;
      if (order === 'add' && members.length >= REPLICAS_MAX) return false;
      const change =
        order === 'add'
          ? ({action: 'add-replica', node: other} as const)
          : ({action: 'move-replica', from: member, to: other} as const);
      await admin.changeReplicaSet(set.id, change);
    }
    return true;
  }

  async #drainOne(nodes: readonly Entity[]): Promise<boolean> {
    if (nodes.some(isDrained)) return false;
    const node = this.#pick(nodes.filter(({state}) => state === 'active'))?.['id'] as Id;
    const forMs = DRAIN_MS_MIN + this.#random.below(DRAIN_MS_MAX - DRAIN_MS_MIN);
    // Before the order: it may be taken and its answer lost.
    this.#drainUntilMs = performance.now() + forMs;
    await this.#client.admin.drainNode(node);
    return true;
  }

  async #cancel(open: readonly Operation[]): Promise<boolean> {
    // A lost copy is made good before the next may be lost.
    const operation = this.#pick(open.filter(({kind}) => kind !== 'repair'));
    const url = this.#pick(this.#client.urls)!;
    if (operation === undefined) return false;
    const path = `/admin/v1/operations/${operation.id}/cancel`;
    try {
      const signal = AbortSignal.timeout(CALL_MS_MAX);
      const answer = await fetch(`${url}${path}`, {method: 'POST', signal});
      await answer.text();
      if (!answer.ok) this.counts.refused += 1;
      return answer.ok;
    } catch {
      // The one node that was asked is down, frozen or ended meanwhile.
      this.counts.refused += 1;
      return false;
    }
  }

  #pick<T>(all: readonly T[]): T | undefined {
    return all.length === 0 ? undefined : all[this.#random.below(all.length)];
  }
}

/** Lets every node take replicas again. */
export async function undrainAll(client: FlotillaClient): Promise<void> {
  for (const node of await client.admin.nodes())
    if (isDrained(node)) await client.admin.undrainNode(node['id'] as Id);
}

function isDrained({state}: Entity): boolean {
  return state === 'draining' || state === 'drained';
}
