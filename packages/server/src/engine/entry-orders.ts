// Which entries the replicas of this thread stop before, or pass over, by an operator's order: kept in the
// store's manifest, beside a replica's birth, since a node that restarts applies its log before it has heard
// from the catalog.
// Law: what a replica has promised stands in memory before the answer to whether it has applied the entry can
// become another, and on disk before it is told. It is forgotten only by a copy of the catalog that has the
// order and says how it ended; or with the replica.

import {
  FatalError,
  handledElsewhere,
  type ReplicaId,
  type ReplicaSetId,
  type StoreId,
  shape,
} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';
import type {EntryOrders} from '@flotilla/multiraft';
import type {Manifest} from '@flotilla/storage';

const RECORD_VERSION = 1;
const PREFIX = 'entry-orders/';

interface SetReplica {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
}

/** One entry, by one order of the catalog. */
export interface EntryOrder {
  readonly index: number;
  readonly order: number;
  /** All replicas pass over it; else this one stops before it. */
  readonly isDecided: boolean;
}

interface Held extends SetReplica {
  readonly manifest: Manifest;
  orders: readonly EntryOrder[];
}

type Manifests = ReadonlyMap<StoreId, Manifest>;

export class EntryOrderBook {
  readonly #manifests: Manifests;
  readonly #catalog: () => Catalog | undefined;
  readonly #held = new Map<ReplicaId, Held>();
  /** Changes of what is on disk, one after another. */
  #tail: Promise<void> = Promise.resolve();

  /** @param catalog  this thread's copy; absent while the thread starts */
  constructor(manifests: Manifests, catalog: () => Catalog | undefined) {
    this.#manifests = manifests;
    this.#catalog = catalog;
    for (const manifest of manifests.values())
      for (const [key, value] of manifest.rows(PREFIX)) {
        const [set, replica] = key.slice(PREFIX.length).split('/').map(Number);
        const identity = {set: set as ReplicaSetId, replica: replica as ReplicaId};
        this.#held.set(identity.replica, {...identity, manifest, orders: decode(key, value)});
      }
  }

  /** As the host wants them. What the catalog has decided counts before it stands here. */
  of({set, replica}: SetReplica): EntryOrders | undefined {
    const decided = this.#catalog()?.replicaSet(set)?.skippedEntries;
    const own = this.#held.get(replica)?.orders;
    if (decided === undefined && own === undefined) return undefined;
    const passed = own?.filter(({isDecided}) => isDecided) ?? [];
    const skipped = [...passed, ...(decided ?? [])].map(({index}) => index);
    const waiting = own?.filter(({index}) => !skipped.includes(index)) ?? [];
    return {skipped, held: waiting.map(({index}) => index)};
  }

  /**
   * The replica stops before the entry from this call on; durable when it resolves. Requires that it has not
   * applied the entry.
   */
  hold(
    at: SetReplica & {readonly store: StoreId},
    {index, order}: Omit<EntryOrder, 'isDecided'>,
  ): Promise<void> {
    return this.#add(at, [{index, order, isDecided: false}]);
  }

  /** Of a replica that is about to be made: what its set has ordered by now. */
  async bear(at: SetReplica & {readonly store: StoreId}): Promise<void> {
    const {skippedEntries = [], skipOrder} = this.#catalog()?.replicaSet(at.set) ?? {};
    const orders = skippedEntries.map(({index, order = 0}) => ({index, order, isDecided: true}));
    if (skipOrder !== undefined) {
      const {index, order} = skipOrder;
      orders.push({index, order, isDecided: false});
    }
    if (orders.length > 0) await this.#add(at, orders);
  }

  /** Of the replica and those of the set before it: none lives here any more. */
  forget({set, replica: upto}: SetReplica): Promise<void> {
    return this.#change(async () => {
      for (const held of [...this.#held.values()]) {
        if (held.set !== set || held.replica > upto) continue;
        await held.manifest.commit({remove: [keyOf(held)]});
        this.#held.delete(held.replica);
      }
    });
  }

  /** Takes over how the catalog has ended orders. Resolves when durable, with the sets for which some did. */
  async settle(): Promise<ReadonlySet<ReplicaSetId>> {
    const settled = new Set<ReplicaSetId>();
    // Nothing is open nearly always: nobody waits for the disk then.
    if (![...this.#held.values()].some((held) => this.#isDue(held))) return settled;
    await this.#change(async () => {
      for (const held of this.#held.values()) {
        if (!this.#isDue(held)) continue;
        const orders = held.orders.flatMap((order) => this.#settled(held.set, order));
        await write({...held, orders});
        // What was promised meanwhile stands in memory alone.
        held.orders = held.orders.flatMap((order) => this.#settled(held.set, order));
        settled.add(held.set);
      }
    });
    return settled;
  }

  #isDue({set, orders}: Held): boolean {
    return orders.some((order) => this.#settled(set, order)[0] !== order);
  }

  /** The same object while it is open; empty where it was withdrawn. */
  #settled(set: ReplicaSetId, order: EntryOrder): readonly EntryOrder[] {
    const catalog = this.#catalog();
    if (order.isDecided || catalog === undefined) return [order];
    const {skippedEntries = [], skipOrder, skipWithdrawn = 0} = catalog.replicaSet(set) ?? {};
    if (skippedEntries.some(({index}) => index === order.index))
      return [{...order, isDecided: true}];
    // That a copy knows nothing of an order is no sign that it was withdrawn: it may be too old, or the catalog
    // was put back to an older one by hand.
    const isOver = skipWithdrawn >= order.order || (skipOrder?.order ?? 0) > order.order;
    return isOver ? [] : [order];
  }

  async #add(
    {set, replica, store}: SetReplica & {readonly store: StoreId},
    orders: readonly EntryOrder[],
  ): Promise<void> {
    const manifest = this.#manifests.get(store)!;
    const held = this.#held.get(replica) ?? {set, replica, manifest, orders: []};
    const isNew = ({index}: EntryOrder) => !orders.some((order) => order.index === index);
    held.orders = [...held.orders.filter(isNew), ...orders];
    this.#held.set(replica, held);
    await this.#change(() => write(held));
  }

  #change(change: () => Promise<void>): Promise<void> {
    const result = this.#tail.then(change);
    // Who asked for it hears of its failure; the next is made of what stands in memory.
    this.#tail = handledElsewhere(result);
    return result;
  }
}

function keyOf({set, replica}: SetReplica): string {
  return `${PREFIX}${set}/${replica}`;
}

function write({manifest, orders, ...key}: Held): Promise<void> {
  if (orders.length === 0) return manifest.commit({remove: [keyOf(key)]});
  const record = {version: RECORD_VERSION, orders};
  const value = new TextEncoder().encode(JSON.stringify(record));
  return manifest.commit({put: [[keyOf(key), value]]});
}

const {count, fieldsOf, flag, listOf} = shape;
const checkVersion = fieldsOf({version: count});
const checkOrders = fieldsOf({
  orders: listOf(fieldsOf({index: count, order: count, isDecided: flag})),
});

function decode(key: string, value: Uint8Array): readonly EntryOrder[] {
  const what = `row ${key}`;
  const record = shape.parseJson(value, what) as {
    readonly version: number;
    readonly orders: readonly EntryOrder[];
  };
  checkVersion(record, what);
  const {version, orders} = record;
  if (version !== RECORD_VERSION)
    throw new FatalError(`${what}: want version ${RECORD_VERSION}; have ${version}`);
  checkOrders(record, what);
  return orders;
}
