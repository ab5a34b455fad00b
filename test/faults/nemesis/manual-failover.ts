// Failover by hand: for a while no replica stands for election by itself, and somebody looks which sets have
// no leader, asks who could lead each, and has that one elected, straight through the nodes. Where status says
// that a leader's disk is full, its node gives up its leads.

import {setTimeout as sleep} from 'node:timers/promises';
import {type FlotillaClient, FlotillaError, type Id, type ReplicaSet} from '@flotilla/client';
import type {Availability} from './availability.ts';
import {DATABASE} from './load.ts';

/** Of whom it is taken: of all, of a database, of one set. */
export const SCOPES = ['cluster', 'database', 'set'] as const;
type Scope = (typeof SCOPES)[number];

/** How soon somebody looks again. */
const LOOK_MS = 500;
/** What status says to type where a leader refuses writes. */
const EVACUATE = /^flotilla node evacuate-leaders (\d+)$/;
/** Longer than a round: the disk is freed at its end. */
const EVACUATED_FOR = '15s';

export class ManualFailover {
  readonly #client: FlotillaClient;
  readonly #availability: Availability;
  /** Elections that were ordered and came about. */
  elected = 0;
  /** Nodes that were told to give up their leads, as their disks were full. */
  evacuated = 0;
  /** Orders that were refused, with a reason for a person. */
  refused = 0;
  #isWanted = false;
  #set: Id | undefined;
  #ended: ((endMs: number) => void) | undefined;

  constructor(client: FlotillaClient, availability: Availability) {
    this.#client = client;
    this.#availability = availability;
  }

  async begin(scope: Scope, set: Id | undefined): Promise<void> {
    // Before the order: it may be taken and its answer lost.
    this.#isWanted = true;
    this.#ended ??= this.#availability.beginManual(performance.now());
    const {admin} = this.#client;
    if (scope === 'cluster') await admin.alterCluster({failover: 'manual'});
    else if (scope === 'database') await admin.alterDatabase(DATABASE, {failover: 'manual'});
    else if (set !== undefined) {
      this.#set = set;
      await admin.setFailover(set, 'manual');
    }
  }

  /** Of whatever scope it was: an order whose outcome nobody told may have been carried out. */
  async end(): Promise<void> {
    const {admin} = this.#client;
    await admin.alterCluster({failover: 'automatic'});
    await admin.alterDatabase(DATABASE, {failover: 'automatic'});
    if (this.#set !== undefined) await admin.setFailover(this.#set, 'automatic');
    this.#set = undefined;
    this.#isWanted = false;
  }

  /**
   * Looks after sets without a leader until told to stop. Also when nobody wants it so any more: what the
   * catalog says reaches the nodes a moment later, and those that were cut off once they are back.
   */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#ended !== undefined) await this.#look();
      await sleep(LOOK_MS);
    }
  }

  async #look(): Promise<void> {
    try {
      const sets = await this.#client.admin.replicaSets();
      for (const set of sets) if (isManual(set) && isUnled(set)) await this.#elect(set.id);
      await this.#evacuateFull();
      if (this.#isWanted || sets.some(isManual)) return;
      this.#ended?.(performance.now());
      this.#ended = undefined;
    } catch (error) {
      if (!(error instanceof FlotillaError)) throw error;
      this.refused += 1;
    }
  }

  async #evacuateFull(): Promise<void> {
    const {admin} = this.#client;
    for (const {next} of (await admin.status()).reasons) {
      const node = EVACUATE.exec(next ?? '')?.[1];
      if (node === undefined) continue;
      await admin.evacuateLeaders(node, {for: EVACUATED_FOR});
      this.evacuated += 1;
    }
  }

  async #elect(set: Id): Promise<void> {
    const candidates = await this.#client.admin.candidates(set);
    const best = candidates.find(({canWin}) => canWin);
    if (best === undefined) return;
    await this.#client.admin.electReplica(set, best.node);
    this.elected += 1;
  }
}

/** As its replicas keep it. */
function isManual({replicas}: ReplicaSet): boolean {
  return replicas.some((replica) => replica['failover'] === 'manual');
}

function isUnled({replicas}: ReplicaSet): boolean {
  return !replicas.some(({leader}) => leader);
}
