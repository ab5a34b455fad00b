// An operator who is never content: moves, additions, removals, transfers, drains and their
// cancellations, rebalances, comparisons, pauses and maintenance, a database dropped and recovered;
// several under way at once, ordered through whichever node answers. What is refused is refused; what
// was begun must come to an end.

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
import {SpareDatabase} from './spare-database.ts';

const PAUSE_MS_MAX = 3_000;
const CALL_MS_MAX = 10_000;
const DRAIN_MS_MIN = 4_000;
const DRAIN_MS_MAX = 15_000;
/** Of a pause or a maintenance: repairs must not wait longer than a damage is waited for. */
const REST_MS_MAX = 10_000;
/** Ends by itself where nobody can end it. */
const REST_FOR = '20s';
/** More at once only wait for each other. */
const UNDER_WAY_MAX = 6;
const REPLICAS_MAX = 4;

/** How often each is thought of. */
const ORDERS = {
  ...{move: 3, transfer: 1, add: 1, remove: 1, drain: 1, cancel: 2, decommission: 1, rebalance: 1},
  ...{checksum: 1, compact: 1, pause: 1, maintain: 1, spare: 3},
} as const;
type Order = keyof typeof ORDERS;
const DECK = (Object.keys(ORDERS) as Order[]).flatMap((order) =>
  Array.from({length: ORDERS[order]}, () => order),
);

interface Situation {
  readonly sets: readonly ReplicaSet[];
  readonly nodes: readonly Entity[];
  readonly open: readonly Operation[];
}

export class Operator {
  readonly #client: FlotillaClient;
  readonly #random: SeededRandom;
  /** Orders taken, by kind; `refused` counts the rest. */
  readonly counts = Object.fromEntries([...DECK, 'refused'].map((order) => [order, 0])) as Record<
    Order | 'refused',
    number
  >;
  /** What was taken and should have been refused. */
  readonly violations: string[] = [];
  readonly #spare: SpareDatabase;
  #drainUntilMs = 0;
  /** Of a pause or a maintenance; undefined: there is none. */
  #restUntilMs: number | undefined;

  constructor(urls: readonly string[], seed: number) {
    this.#client = new FlotillaClient({urls, database: DATABASE, timeoutMs: CALL_MS_MAX});
    this.#random = new SeededRandom(seed);
    this.#spare = new SpareDatabase(this.#client);
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

  /** Takes back what it ordered for a while. Rejects where the cluster does not answer. */
  async settle(): Promise<void> {
    for (const node of await this.#client.admin.nodes())
      if (isDrained(node)) await this.#client.admin.undrainNode(node['id'] as Id);
    await this.#endRests();
    await this.#spare.settle();
  }

  /** Rows of the database that was dropped and recovered. Requires that all is settled. */
  spareRowsLost(): Promise<number> {
    return this.#spare.lost();
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
    if (this.#restUntilMs !== undefined && performance.now() > this.#restUntilMs)
      await this.#endRests();
    const open = operations.filter((operation) => !isFinal(operation));
    const order = this.#pick(DECK)!;
    if (order !== 'cancel' && open.length >= UNDER_WAY_MAX) return;
    if (await this.#give(order, {sets, nodes, open})) this.counts[order] += 1;
  }

  /** False where there was nothing to order. */
  async #give(order: Order, {sets, nodes, open}: Situation): Promise<boolean> {
    if (order === 'cancel') return this.#cancel(open);
    if (order === 'drain') return this.#drainOne(nodes);
    if (order === 'pause' || order === 'maintain') return this.#rest(order, nodes);
    if (order === 'spare' || order === 'rebalance') {
      await (order === 'spare' ? this.#spare.turn() : this.#client.admin.rebalance());
      return true;
    }
    return this.#change(order, {sets, nodes, open});
  }

  async #change(
    order: Exclude<Order, 'cancel' | 'drain' | 'pause' | 'maintain' | 'spare' | 'rebalance'>,
    {sets, nodes}: Situation,
  ): Promise<boolean> {
    const set = this.#pick(sets.filter(({replicas}) => replicas.length > 0));
    if (set === undefined) return false;
    const members = set.replicas.map(({node}) => node);
    const others = nodes.filter(({id, state}) => state === 'active' && !members.includes(id as Id));
    const other = this.#pick(others)?.['id'] as Id | undefined;
    const member = this.#pick(members)!;
    const {admin} = this.#client;
    if (order === 'checksum') await admin.checksumReplicaSet(set.id);
    else if (order === 'compact') await admin.compactReplicaSet(set.id);
    else if (order === 'decommission') await this.#decommission(member, nodes);
    else if (order === 'transfer') {
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

  /** It holds replicas, and forgetting it would lose them. */
  async #decommission(node: Id, nodes: readonly Entity[]): Promise<void> {
    if (nodes.find(({id}) => id === node)?.['state'] !== 'active') return;
    await this.#client.admin.decommissionNode(node);
    this.violations.push(`node ${node} was decommissioned while it held replicas`);
  }

  async #rest(order: 'pause' | 'maintain', nodes: readonly Entity[]): Promise<boolean> {
    const node = this.#pick(nodes.filter(({state}) => state === 'active'))?.['id'] as Id;
    if (this.#restUntilMs !== undefined || node === undefined) return false;
    // Before the order: it may be taken and its answer lost.
    this.#restUntilMs = performance.now() + this.#random.below(REST_MS_MAX);
    const {admin} = this.#client;
    if (order === 'pause') await admin.pauseAutomation({what: 'all', for: REST_FOR});
    else await admin.maintainNode(node, {for: REST_FOR});
    return true;
  }

  async #endRests(): Promise<void> {
    const {admin} = this.#client;
    await admin.resumeAutomation('all');
    for (const node of await admin.nodes())
      if (node['state'] !== 'decommissioned' && isResting(node))
        await admin.maintainNode(node['id'] as Id, {end: true});
    this.#restUntilMs = undefined;
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

/** One that has ended stays on record. */
function isResting({maintenance}: Entity): boolean {
  const {untilMs = 0} = (maintenance ?? {}) as {readonly untilMs?: number};
  return untilMs > Date.now();
}

function isDrained({state}: Entity): boolean {
  return state === 'draining' || state === 'drained';
}
