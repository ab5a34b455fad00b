// Replicas that stopped themselves at an entry that they cannot apply. By order they are opened anew, as a
// restart would, after an upgrade say; and by themselves once it is decided what becomes of the entry.
// Law: a replica promises to stop before an entry only if it has not applied it, for an order that stands open
// in the catalog, and once that is durable here (`entry-orders.ts`); it goes on when the catalog says how the
// order ended.

import {
  DbError,
  type Log,
  type ReplicaId,
  type ReplicaSetId,
  type RpcHandlers,
} from '@flotilla/base';
import type {Host, ReplicaStatus} from '@flotilla/multiraft';
import {z} from 'zod';
import type {CatalogCopy} from './catalog-copy.ts';
import type {EntryOrderBook} from './entry-orders.ts';

export const RETRY_METHOD = 'replica.retry';
export const HOLD_METHOD = 'replica.hold-entry';

/** The catalog reaches every node within some milliseconds, or it is cut off. */
const CATALOG_WAIT_MS = 2_000;

interface SetReplica {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
}

const holdRequest = z.object({
  replica: z.int().min(1),
  index: z.int().min(1),
  order: z.int().min(1),
});
export type HoldRequest = z.infer<typeof holdRequest>;

/** What a replica says that has promised. */
export const holdAnswer = z.object({
  appliedIndex: z.int(),
  /** Of its group, at that index. */
  members: z.array(z.int()),
});

export interface StoppedReplicasDeps {
  readonly host: Pick<Host, 'reopenReplica' | 'stoppedReplicas' | 'status'>;
  readonly copy: Pick<CatalogCopy, 'catalog' | 'waitForVersion' | 'onUpdate'>;
  readonly orders: EntryOrderBook;
  readonly log: Log;
  readonly monotonicMs: () => number;
  /** A replica of the set was opened in this thread. */
  readonly onOpened: (set: ReplicaSetId) => void;
}

export class StoppedReplicas {
  readonly #deps: StoppedReplicasDeps;
  readonly #reopening = new Set<ReplicaSetId>();
  #settling: Promise<void> | undefined;

  constructor(deps: StoppedReplicasDeps) {
    this.#deps = deps;
    deps.copy.onUpdate(() => void this.#settleOrders());
  }

  /** Opens those for whose entry it is decided by now. Called every second or so. */
  settle(): void {
    void this.#settleOrders();
    const {host, orders, log} = this.#deps;
    for (const {set, replica, failedIndex} of [...host.stoppedReplicas()]) {
      if (failedIndex === undefined || this.#reopening.has(set)) continue;
      if (orders.of({set, replica})?.skipped.includes(failedIndex) !== true) continue;
      log.warn({set, replica, index: failedIndex}, 'an entry is passed over, as ordered');
      this.#reopen({set, replica});
    }
  }

  async retry({set, replica}: SetReplica): Promise<void> {
    await this.#settleOrders();
    await this.#deps.host.reopenReplica({set, replica});
    this.#deps.onOpened(set);
  }

  /** Orders name the replica: one that took its place is not meant. */
  handlers(): RpcHandlers {
    const retry = async (payload: Uint8Array, {set}: {readonly set: ReplicaSetId}) => {
      const replica = Number(new TextDecoder().decode(payload)) as ReplicaId;
      if (!Number.isSafeInteger(replica))
        throw new DbError('INVALID_ARGUMENT', 'the order names no replica');
      this.#deps.log.warn({set, replica}, 'a stopped replica is opened anew, as ordered');
      await this.retry({set, replica});
      return new Uint8Array(0);
    };
    const hold = async (payload: Uint8Array, {set}: {readonly set: ReplicaSetId}) => {
      const answer = await this.#hold(set, decodeHold(payload));
      return new TextEncoder().encode(JSON.stringify(answer));
    };
    const call = new Map([
      [RETRY_METHOD, retry],
      [HOLD_METHOD, hold],
    ]);
    return {call, stream: new Map()};
  }

  async #hold(
    set: ReplicaSetId,
    {replica, index, order}: HoldRequest,
  ): Promise<z.infer<typeof holdAnswer>> {
    const {host, copy, orders, log, monotonicMs} = this.#deps;
    await copy.waitForVersion(order, monotonicMs() + CATALOG_WAIT_MS);
    const open = copy.catalog.replicaSet(set)?.skipOrder;
    if (open?.order !== order || open.index !== index)
      throw new DbError('CONFLICT', `the order to skip entry ${index} was withdrawn meanwhile`);
    const status = host.status(set);
    const store = status?.store;
    if (status?.replica !== replica || store === undefined)
      throw new DbError('REPLICA_GONE', `replica ${replica} of set ${set} is not open here`);
    if (reachedIndex(status) >= index)
      throw new DbError('CONFLICT', `replica ${replica} has applied entry ${index} meanwhile`);
    // Nothing is awaited between the question and the promise.
    await orders.hold({set, replica: status.replica, store}, {index, order});
    log.warn(
      {set, replica, index, order},
      'this replica stops before an entry that may be skipped',
    );
    const {appliedIndex, configuration} = host.status(set) ?? status;
    const {voters, votersOutgoing, learners} = configuration;
    return {appliedIndex, members: [...new Set([...voters, ...votersOutgoing, ...learners])]};
  }

  #settleOrders(): Promise<void> {
    this.#settling ??= this.#settleOnce().finally(() => {
      this.#settling = undefined;
    });
    return this.#settling;
  }

  /** Where an order was withdrawn, what stopped before its entry goes on too. */
  async #settleOnce(): Promise<void> {
    const {host, orders, log} = this.#deps;
    try {
      const settled = await orders.settle();
      for (const {set, replica, failedIndex} of [...host.stoppedReplicas()]) {
        const isMeant = settled.has(set) && failedIndex !== undefined;
        if (isMeant && !this.#reopening.has(set)) this.#reopen({set, replica});
      }
    } catch (error) {
      // They stay as they are, stopped before the entry; a second later it is tried again.
      log.error({err: error}, 'what was decided of skipped entries is not on disk');
    }
  }

  #reopen({set, replica}: SetReplica): void {
    const {host, log, onOpened} = this.#deps;
    this.#reopening.add(set);
    host
      .reopenReplica({set, replica})
      .then(() => onOpened(set))
      .catch((error: unknown) => log.error({set, replica, err: error}, 'replica not opened'))
      .finally(() => this.#reopening.delete(set));
  }
}

/** What its state holds, or a snapshot that it is about to take over. */
function reachedIndex({appliedIndex, firstIndex, flushedIndex}: ReplicaStatus): number {
  return Math.max(appliedIndex, firstIndex - 1, flushedIndex);
}

function decodeHold(payload: Uint8Array): HoldRequest {
  try {
    return holdRequest.parse(JSON.parse(new TextDecoder().decode(payload)));
  } catch (error) {
    throw new DbError('INVALID_ARGUMENT', 'malformed order to stop before an entry', {}, error);
  }
}
