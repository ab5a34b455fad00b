// What an operator orders for a while, and takes back: a drain, a pause of the automation, maintenance of a
// node, one replica more or less of everything, failover by hand. One of each at a time; each also ends by
// itself, or at the end of the run.

import type {Entity, FlotillaClient, Id} from '@flotilla/client';
import {DATABASE, REPLICAS} from './load.ts';
import {type ManualFailover, SCOPES} from './manual-failover.ts';
import {activeNodes, type Given, pick, type Situation} from './orders.ts';

/** Of a drain, so that it has an end; of failover by hand, so that some leader dies meanwhile. */
const LONG_MS_MIN = 4_000;
const LONG_MS_MAX = 15_000;
/** Repairs must not wait longer than a damage is waited for. */
const REST_MS_MAX = 10_000;
/** Ends by itself where nobody can end it. */
const REST_FOR = '20s';
const MORE_REPLICAS = 5;

export const RESTS = ['drain', 'pauseAutomation', 'maintenance', 'replicas', 'manual'] as const;
export type Rest = (typeof RESTS)[number];

/** By what takes each back. */
export const ENDS: Readonly<Record<Rest, string>> = {
  drain: 'undrain',
  pauseAutomation: 'resumeAutomation',
  maintenance: 'endMaintenance',
  replicas: 'fewerReplicas',
  manual: 'automatic',
};

export class Rests {
  readonly #client: FlotillaClient;
  readonly #manual: ManualFailover;
  /** To be left drained. */
  readonly #leaving: ReadonlySet<Id>;
  /** Until when each lasts. */
  readonly #untilMs = new Map<Rest, number>();

  constructor(client: FlotillaClient, manual: ManualFailover, leaving: ReadonlySet<Id>) {
    this.#client = client;
    this.#manual = manual;
    this.#leaving = leaving;
  }

  async begin(rest: Rest, {random, nodes, sets}: Situation): Promise<Given> {
    const node = pick(random, activeNodes(nodes));
    if (this.#untilMs.has(rest) || node === undefined) return false;
    if (rest === 'drain' && nodes.some(isDrained)) return false;
    const isLong = rest === 'drain' || rest === 'manual';
    const [min, max] = isLong ? [LONG_MS_MIN, LONG_MS_MAX] : [0, REST_MS_MAX];
    // Before the order: it may be taken and its answer lost.
    this.#untilMs.set(rest, performance.now() + min + random.below(max - min));
    const {admin} = this.#client;
    if (rest === 'drain') return admin.drainNode(node);
    if (rest === 'pauseAutomation') await admin.pauseAutomation({what: 'all', for: REST_FOR});
    else if (rest === 'maintenance') await admin.maintainNode(node, {for: REST_FOR});
    else if (rest === 'replicas') await this.#setReplicas(MORE_REPLICAS);
    else await this.#manual.begin(pick(random, SCOPES)!, pick(random, sets)?.id);
    return true;
  }

  /** Takes back what has lasted long enough; the words for what was taken back. */
  async endSome(nodes: readonly Entity[]): Promise<readonly string[]> {
    const ended: string[] = [];
    for (const [rest, untilMs] of this.#untilMs) {
      if (performance.now() < untilMs) continue;
      if (await this.#end(rest, nodes)) ended.push(ENDS[rest]);
      this.#untilMs.delete(rest);
    }
    return ended;
  }

  /** Takes back all. Rejects where the cluster does not answer. */
  async endAll(): Promise<void> {
    const nodes = await this.#client.admin.nodes();
    for (const rest of RESTS) await this.#end(rest, nodes);
    this.#untilMs.clear();
  }

  /** False where there was nothing to take back. */
  async #end(rest: Rest, nodes: readonly Entity[]): Promise<boolean> {
    const {admin} = this.#client;
    if (rest === 'drain') return this.#undrain(nodes);
    if (rest === 'maintenance') {
      const resting = nodes.filter(isResting);
      for (const {id} of resting) await admin.maintainNode(id as Id, {end: true});
      return resting.length > 0;
    }
    if (rest === 'pauseAutomation') await admin.resumeAutomation('all');
    else if (rest === 'replicas') await this.#setReplicas(REPLICAS);
    else await this.#manual.end();
    return true;
  }

  /** One that does not answer now, too: else it would stay so, and keep others from being emptied. */
  async #undrain(nodes: readonly Entity[]): Promise<boolean> {
    const drained = nodes.filter((node) => isDrained(node) && !this.#leaving.has(node['id'] as Id));
    for (const {id} of drained) await this.#client.admin.undrainNode(id as Id);
    return drained.length > 0;
  }

  async #setReplicas(replicas: number): Promise<void> {
    await this.#client.admin.alterDatabase(DATABASE, {replicas});
  }
}

/** One that has ended stays on record. */
function isResting({state, maintenance}: Entity): boolean {
  const {untilMs = 0} = (maintenance ?? {}) as {readonly untilMs?: number};
  return state !== 'decommissioned' && untilMs > Date.now();
}

function isDrained({state}: Entity): boolean {
  return state === 'draining' || state === 'drained';
}
