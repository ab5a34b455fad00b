// An operator who is never content: moves, additions, removals, transfers, drains, rebalances, comparisons,
// compactions, pauses, maintenance, failover by hand, a database dropped and recovered; several under way at
// once, ordered through whichever node answers, and many taken back at a moment that chance picks. What is
// refused is refused; what was begun must come to an end.

import {setTimeout as sleep} from 'node:timers/promises';
import {SeededRandom} from '@flotilla/base';
import {
  type Entity,
  FlotillaClient,
  FlotillaError,
  type Id,
  isFinal,
  type Operation,
} from '@flotilla/client';
import type {Availability} from './availability.ts';
import {DATABASE} from './load.ts';
import {ManualFailover} from './manual-failover.ts';
import {misuse, ORDERS, pick, type Situation} from './orders.ts';
import type {Outcomes} from './report.ts';
import {ENDS, RESTS, type Rest, Rests} from './rests.ts';
import {SpareDatabase} from './spare-database.ts';

const PAUSE_MS_MAX = 2_500;
const CALL_MS_MAX = 10_000;
/** More at once only wait for each other. */
const UNDER_WAY_MAX = 6;
/** Of what was just begun. */
const CANCELLED_SHARE = 0.5;
/** A move of so little takes some half a second: half of the moments lie in the first quarter of this. */
const CANCELLED_AFTER_MS_MAX = 1_200;

type Order = keyof typeof ORDERS | Rest | 'spare' | 'cancel' | 'misuse';

/** How often each is thought of. */
const WEIGHTS: Readonly<Record<Order, number>> = {
  ...{move: 5, add: 2, remove: 1, transfer: 1, checksum: 1, compact: 1, unpin: 2, rebalance: 2},
  ...{retry: 1, evacuate: 1, drain: 2, pauseAutomation: 1, maintenance: 1, replicas: 1},
  ...{manual: 3, spare: 3, cancel: 1, misuse: 1},
};
const DECK = (Object.keys(WEIGHTS) as Order[]).flatMap((order) =>
  Array.from({length: WEIGHTS[order]}, () => order),
);

export interface OperatorPlace {
  readonly urls: readonly string[];
  readonly seed: number;
  readonly availability: Availability;
  /** Nodes that go for good: not to be taken back. */
  readonly leaving: ReadonlySet<Id>;
}

export class Operator {
  readonly #client: FlotillaClient;
  readonly #random: SeededRandom;
  readonly #rests: Rests;
  readonly #manual: ManualFailover;
  readonly #spare: SpareDatabase;
  readonly #counts = new Map<string, number>();
  /** Whom the meta group was last seen to consist of. */
  #metaVoters: string | undefined;
  /** What was taken and should have been refused. */
  readonly violations: string[] = [];

  constructor({urls, seed, availability, leaving}: OperatorPlace) {
    this.#client = new FlotillaClient({urls, database: DATABASE, timeoutMs: CALL_MS_MAX});
    this.#random = new SeededRandom(seed);
    this.#manual = new ManualFailover(this.#client, availability);
    this.#rests = new Rests(this.#client, this.#manual, leaving);
    this.#spare = new SpareDatabase(this.#client);
  }

  /** How often each order was taken; those that never were too. */
  get counts(): Readonly<Record<string, number>> {
    const ends = RESTS.map((rest) => ENDS[rest]);
    const all = [...Object.keys(WEIGHTS), ...ends, 'elect', 'metaMembers', 'refused'];
    const count = (order: string) => [order, this.#counts.get(order) ?? 0] as const;
    const counts = Object.fromEntries(all.map(count));
    const refused = (this.#counts.get('refused') ?? 0) + this.#manual.refused;
    return {...counts, elect: this.#manual.elected, evacuateFull: this.#manual.evacuated, refused};
  }

  async run(signal: AbortSignal): Promise<void> {
    const watch = this.#manual.watch(signal);
    while (!signal.aborted) {
      try {
        await this.#turn();
      } catch (error) {
        if (!(error instanceof FlotillaError)) throw error;
        this.#count('refused');
      }
      await sleep(this.#random.below(PAUSE_MS_MAX));
    }
    await watch;
  }

  /** Takes back what it ordered for a while. Rejects where the cluster does not answer. */
  async settle(): Promise<void> {
    await this.#rests.endAll();
    await this.#spare.settle();
  }

  /** Rows of the database that was dropped and recovered. Requires that all is settled. */
  spareRowsLost(): Promise<number> {
    return this.#spare.lost();
  }

  /** What became of all operations, those that the cluster began by itself too. */
  async outcomes(): Promise<Outcomes> {
    const outcomes: Record<string, Record<string, number>> = {};
    for (const {kind, state} of await this.#client.admin.operations()) {
      const counts = outcomes[kind] ?? {};
      counts[state] = (counts[state] ?? 0) + 1;
      outcomes[kind] = counts;
    }
    return outcomes;
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
    this.#seeMeta(nodes);
    for (const ended of await this.#rests.endSome(nodes)) this.#count(ended);
    const order = pick(this.#random, DECK)!;
    // Buckets are made by writes: nobody can cancel that.
    const open = operations.filter((one) => !isFinal(one) && one.kind !== 'create-bucket');
    if (open.length >= UNDER_WAY_MAX && order !== 'cancel') return;
    const situation = {client: this.#client, random: this.#random, sets, nodes, operations};
    if (order === 'cancel') await this.#cancelOne(open);
    else if (order === 'misuse') await this.#misuse(situation);
    else await this.#give(order, situation);
  }

  async #give(order: Exclude<Order, 'cancel' | 'misuse'>, situation: Situation): Promise<void> {
    const given = await this.#order(order, situation);
    if (given === false) return;
    this.#count(order);
    if (given === true || this.#random.next() >= CANCELLED_SHARE) return;
    await sleep(CANCELLED_AFTER_MS_MAX * this.#random.next() ** 2);
    await this.#cancel(given);
  }

  async #order(order: Exclude<Order, 'cancel' | 'misuse'>, situation: Situation) {
    if (order === 'spare') {
      await this.#spare.turn();
      return true;
    }
    return isRest(order) ? this.#rests.begin(order, situation) : ORDERS[order](situation);
  }

  async #misuse(situation: Situation): Promise<void> {
    const done = await misuse(situation);
    if (done !== undefined) this.violations.push(done);
    this.#count('misuse');
  }

  async #cancelOne(open: readonly Operation[]): Promise<void> {
    // A lost copy is made good before the next may be lost.
    const operation = pick(
      this.#random,
      open.filter(({kind}) => kind !== 'repair'),
    );
    if (operation !== undefined) await this.#cancel(operation);
  }

  /** Straight at one node, which may be down, frozen or cut off. It may have ended meanwhile. */
  async #cancel({id}: Operation): Promise<void> {
    const url = pick(this.#random, this.#client.urls)!;
    try {
      const signal = AbortSignal.timeout(CALL_MS_MAX);
      const path = `/admin/v1/operations/${id}/cancel`;
      const answer = await fetch(`${url}${path}`, {method: 'POST', signal});
      await answer.text();
      this.#count(answer.ok ? 'cancel' : 'refused');
    } catch {
      // The one node that was asked does not answer.
      this.#count('refused');
    }
  }

  #seeMeta(nodes: readonly Entity[]): void {
    const voters = nodes.filter(({isMetaVoter}) => isMetaVoter === true).map(({id}) => id);
    const seen = voters.join(' ');
    if (this.#metaVoters !== undefined && seen !== this.#metaVoters) this.#count('metaMembers');
    this.#metaVoters = seen;
  }

  #count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }
}

function isRest(order: string): order is Rest {
  return (RESTS as readonly string[]).includes(order);
}
