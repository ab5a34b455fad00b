// Orders to create and destroy replicas, and the opening of those that a store holds. Per set one after
// another; the log's record comes first, so that after a crash the next start finishes what it names.

import {
  DbError,
  FatalError,
  handledElsewhere,
  isPassing,
  type ReplicaId,
  type ReplicaSetId,
} from '@flotilla/base';
import {BOOTSTRAP_INDEX, BOOTSTRAP_TERM} from '@flotilla/raft';
import type {LogItem} from '../log/log-item.ts';
import type {StateMachine} from '../state-machine.ts';
import type {Driver} from './driver.ts';
import type {HostedGroup} from './hosted-group.ts';
import {OLD_IMAGE} from './old-image.ts';
import {
  bury,
  buryLeftovers,
  discardStaging,
  foundingConfiguration,
  type OpeningContext,
  openGroup,
  type SetReplica,
} from './opening.ts';
import type {HostOptions} from './options.ts';
import {retryDelayMs} from './retry-delay.ts';
import type {Store} from './store.ts';
import {applyWholeLog, goOnAs} from './take-over.ts';

export interface CreateOrder extends SetReplica {
  /** Given for a replica that begins with its group: all of them are told the same. */
  readonly founding?:
    | {readonly voters: readonly ReplicaId[]; readonly learners: readonly ReplicaId[]}
    | undefined;
}

export interface TakeOverOrder extends SetReplica {
  /** Which lives here and has lost its majority for good. */
  readonly from: ReplicaId;
}

export interface OrderHooks {
  opened(group: HostedGroup): void;
  /** Its group is new, and it is the one of the voters that should lead first. */
  founded(group: HostedGroup): void;
  openFailed(key: SetReplica, reason: string): void;
  /** What could not be opened is open after all, by itself. */
  reopened(key: SetReplica): void;
  /** Resolves when nothing touches the group's state any more. */
  forget(group: HostedGroup): Promise<void>;
}

export interface BrokenReplica {
  readonly replica: ReplicaId;
  readonly reason: string;
  /** It will never be opened again: what it held is of no use to anybody. */
  readonly isLost: boolean;
  /** Present where the reason says nothing of what it holds, and passes: it is tried again by itself. */
  readonly retry?: Retry | undefined;
}

interface Retry {
  /** How often it was tried. */
  readonly attempts: number;
  /** When next, on the host's clock. */
  readonly atMs: number;
}

type OrderOptions = Pick<HostOptions, 'clock' | 'log' | 'storeOf' | 'observer' | 'entryOrders'> &
  Omit<OpeningContext, 'store'>;

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Groups opened at a time: enough to keep the disk busy, few enough to bound memory. */
const OPENING_AT_A_TIME = 32;

export class ReplicaOrders {
  /** Replicas that could not be opened, and why. */
  readonly broken = new Map<ReplicaSetId, BrokenReplica>();
  /** Another host of this node has a store that does not know who lived in it. */
  isLossElsewhere = false;
  readonly #options: OrderOptions;
  readonly #stores: readonly Store[];
  readonly #driver: Driver;
  readonly #hooks: OrderHooks;
  /** State machines of broken replicas that could not be closed. */
  readonly #unclosed = new Map<
    ReplicaSetId,
    {readonly replica: ReplicaId; readonly machine: StateMachine}
  >();
  /** The last order of each set, settled or not. */
  readonly #changing = new Map<ReplicaSetId, Promise<void>>();
  /** Sets that are tried again now. */
  readonly #retrying = new Set<ReplicaSetId>();
  #isClosed = false;

  constructor(options: OrderOptions, stores: readonly Store[], driver: Driver, hooks: OrderHooks) {
    this.#options = options;
    this.#stores = stores;
    this.#driver = driver;
    this.#hooks = hooks;
  }

  /** In whichever store of the node: sets are dealt out anew where the number of threads has changed. */
  get hasLoss(): boolean {
    return this.isLossElsewhere || this.#stores.some((store) => store.hasLoss);
  }

  create(order: CreateOrder): Promise<void> {
    return this.#oneByOne(order.set, async () => {
      const {set, replica} = order;
      const present = this.#present(set);
      if (present === replica) return;
      if (present !== undefined)
        throw new DbError('CONFLICT', `replica ${present} of set ${set} lives here`);
      const tombstone = this.#tombstone(set);
      if (replica <= tombstone)
        throw new DbError(
          'CONFLICT',
          `replica ids of set ${set} up to ${tombstone} are used up here`,
        );
      if (this.hasLoss)
        throw new DbError('UNAVAILABLE', 'who lived in a store of this node is not known yet');
      const store = this.#storeFor(set);
      const founding = order.founding && {
        index: BOOTSTRAP_INDEX,
        term: BOOTSTRAP_TERM,
        configuration: foundingConfiguration(order.founding),
      };
      await store.log.append([{type: 'create', set, replica, founding}]);
      await this.#openPlace(store, set);
      // One of the founders begins at once: a new group need not wait for a timeout.
      const group = this.#driver.groups.get(set);
      if (group !== undefined && founding?.configuration.voters[0] === replica)
        this.#hooks.founded(group);
    });
  }

  /** The replica may have lived here, and nothing here tells of it: it never takes part under that id. */
  bringBackLost({set, replica}: SetReplica): Promise<void> {
    return this.#oneByOne(set, async () => {
      const store = this.#storeFor(set);
      const isKnown = this.#storeHolding(set) !== undefined || replica <= this.#tombstone(set);
      if (isKnown || !this.hasLoss) return;
      await store.log.append([
        {type: 'create', set, replica, founding: undefined},
        {type: 'damaged', set, replica},
      ]);
      await this.#openPlace(store, set);
    });
  }

  /** Of the replica and all of the set before it: none lives here by then, or ever will, nor is its data left. */
  destroy({set, replica}: SetReplica): Promise<void> {
    return this.#oneByOne(set, async () => {
      const store = this.#storeHolding(set);
      const present = store?.log.group(set)?.replica;
      const group = this.#driver.groups.get(set);
      const isHere = present !== undefined && present <= replica;
      if (isHere) await this.#entomb(store!, {set, replica: present}, {upto: replica, group});
      // What lives here, if anything, came after it.
      else if (replica > this.#tombstone(set))
        await (store ?? this.#storeFor(set)).log.append([
          {type: 'tombstone', set, replica, dataGone: true},
        ]);
      // An order that is repeated is done when that is which was begun before.
      await this.#buryAll({set, replica}, isHere ? group : undefined);
    });
  }

  /**
   * Opens a replica anew that had stopped itself or could not be opened, as a restart of the node would. One
   * that had not stopped stays as it is.
   * Law: what the stopped core had handed to the log is durable, and what it had not is dropped, before the
   * next core begins with what the log holds.
   */
  reopen({set, replica}: SetReplica): Promise<void> {
    return this.#oneByOne(set, async () => {
      const group = this.#driver.groups.get(set);
      const broken = this.broken.get(set);
      const store = this.#storeHolding(set);
      if (store === undefined || (group?.replica ?? broken?.replica) !== replica)
        throw new DbError('REPLICA_GONE', `replica ${replica} of set ${set} does not live here`);
      if (broken?.isLost === true)
        throw new DbError(
          'CONFLICT',
          `replica ${replica} has lost data: it is made anew elsewhere`,
        );
      if (group !== undefined) {
        if (group.stopped === undefined) return;
        await this.#hooks.forget(group);
        store.forget({set, replica});
        // One write after the other: when this one is durable, so is all that came before.
        await store.log.append([{type: 'failover', set, replica, manual: group.isManual}]);
        await this.#close(group);
      } else await this.#closeAgain({set, replica});
      await this.#openPlace(store, set);
    });
  }

  /**
   * Opens a replica anew, as by order, that has stopped for a reason that passes. Where its opening meets that as
   * well it is tried again like all that could not be opened; nobody waits for it.
   */
  stopped({set, replica}: SetReplica, cause: unknown): void {
    if (!isPassing(cause)) return;
    const opening = this.reopen({set, replica}).then(() => {
      if (this.#driver.groups.has(set)) this.#hooks.reopened({set, replica});
    });
    void handledElsewhere(opening);
  }

  /** Tries again, where it is due, what could not be opened for a reason that passes. */
  retry(nowMs: number): void {
    for (const [set, {replica, retry}] of this.broken) {
      if (this.#retrying.size >= OPENING_AT_A_TIME) return;
      if (retry === undefined || nowMs < retry.atMs || this.#changing.has(set)) continue;
      this.#retrying.add(set);
      const tried = this.#oneByOne(set, () => this.#retryOne({set, replica}));
      // What came of it stands in `broken`.
      void handledElsewhere(tried).then(() => this.#retrying.delete(set));
    }
  }

  async #retryOne({set, replica}: SetReplica): Promise<void> {
    const broken = this.broken.get(set);
    const store = this.#storeHolding(set);
    if (broken?.replica !== replica || broken.retry === undefined) return;
    if (store === undefined) return;
    await this.#closeAgain({set, replica});
    await this.#openPlace(store, set);
    if (this.#driver.groups.has(set)) this.#hooks.reopened({set, replica});
  }

  /**
   * Requires that its group is forgotten. Law: no state machine is opened over one that is open still; where
   * the old one cannot be closed the replica counts as one that could not be opened, until it can be.
   */
  async #close({
    set,
    replica,
    machine,
  }: Pick<HostedGroup, 'set' | 'replica' | 'machine'>): Promise<void> {
    try {
      await machine.close();
      this.#unclosed.delete(set);
    } catch (error) {
      this.#unclosed.set(set, {replica, machine});
      const reason = `cannot be closed: ${reasonOf(error)}`;
      this.#setBroken({set, replica}, reason, error);
      const message = `replica ${replica} of set ${set} ${reason}; it is not opened anew: restart its node`;
      throw new DbError('REPLICA_STOPPED', message, {}, error);
    }
  }

  async #closeAgain(key: SetReplica): Promise<void> {
    const unclosed = this.#unclosed.get(key.set);
    if (unclosed?.replica === key.replica) await this.#close({...key, machine: unclosed.machine});
  }

  #setBroken({set, replica}: SetReplica, reason: string, cause: unknown, isLost = false): void {
    const before = this.broken.get(set);
    const attempts = before?.replica === replica ? (before.retry?.attempts ?? 0) : 0;
    const retry = !isLost && isPassing(cause) ? this.#retryAfter(attempts) : undefined;
    this.broken.set(set, {replica, reason, isLost, retry});
    const {log} = this.#options;
    if (retry === undefined) log?.error({set, replica, reason}, 'cannot open replica');
    else log?.warn({set, replica, reason, attempts}, 'cannot open replica now, and tries it again');
    this.#hooks.openFailed({set, replica}, reason);
  }

  #retryAfter(attempts: number): Retry {
    const atMs = this.#options.clock.monotonicMs() + retryDelayMs(attempts);
    return {attempts: attempts + 1, atMs};
  }

  /**
   * A replica that has lost its majority goes on under a new id as the only voter, with all that its log
   * holds, committed or not: whoever was acknowledged by a majority of which it was one finds it there.
   */
  takeOver({set, replica, from}: TakeOverOrder): Promise<void> {
    return this.#oneByOne(set, async () => {
      // An order that is repeated is done when that is which was begun before.
      if (this.#present(set) === replica) return this.#buryAll({set, replica: from}, undefined);
      const group = this.#driver.groups.get(set);
      if (group === undefined || group.replica !== from)
        throw new DbError('REPLICA_GONE', `replica ${from} of set ${set} is not open here`);
      const {store, stopped} = group;
      if (stopped !== undefined)
        throw new DbError('REPLICA_STOPPED', `replica ${from} of set ${set} stopped: ${stopped}`);
      await this.#hooks.forget(group);
      store.forget(group);
      await this.#goOn(group, replica);
      await this.#openPlace(store, set);
      const next = this.#driver.groups.get(set);
      if (next !== undefined) this.#hooks.founded(next);
      // Last: the set does not wait for it, and what cannot be removed now goes with the next order or start.
      await this.#buryAll({set, replica: from}, group);
    });
  }

  /** Durable when it resolves. Where it cannot, the replica is opened again as it was. */
  async #goOn(group: HostedGroup, as: ReplicaId): Promise<void> {
    const {set, replica, store, machine, appliedIndex} = group;
    // What is held nobody decides any more: there is no other replica that could differ.
    const skipped = this.#options.entryOrders?.({set, replica})?.skipped ?? [];
    try {
      await applyWholeLog(store, {set, replica, machine, appliedIndex, skipped});
      const snapshot = await machine.snapshot();
      try {
        await goOnAs(store, {set, replica: as, snapshot});
      } finally {
        snapshot.release();
      }
    } catch (error) {
      await this.#close(group);
      await this.#openPlace(store, set);
      throw error;
    }
  }

  /** The present one ends, and the id of the order, which may be above its own, is used up. */
  async #entomb(
    store: Store,
    key: SetReplica,
    {upto, group}: {readonly upto: ReplicaId; readonly group: HostedGroup | undefined},
  ): Promise<void> {
    if (group !== undefined) await this.#hooks.forget(group);
    const items: LogItem[] = [{type: 'tombstone', ...key, dataGone: false}];
    if (upto > key.replica)
      items.push({type: 'tombstone', set: key.set, replica: upto, dataGone: true});
    await store.log.append(items);
    this.broken.delete(key.set);
  }

  /** @param ended has its state machine still; of the others what is left is removed. */
  async #buryAll({set, replica: upto}: SetReplica, ended: HostedGroup | undefined): Promise<void> {
    for (const store of this.#stores)
      for (const [of, replica] of [...store.log.unburied()]) {
        if (of !== set || replica > upto) continue;
        const identity = {set, replica, store: store.store, isBuried: true};
        const isEnded = ended?.replica === replica && ended.store === store;
        const unclosed = this.#unclosed.get(set);
        const isUnclosed = unclosed?.replica === replica;
        const open = isUnclosed ? unclosed.machine : isEnded && ended.machine;
        await bury(store, {set, replica}, open || (await this.#options.openStateMachine(identity)));
        if (isUnclosed) this.#unclosed.delete(set);
      }
  }

  /** Opens all that the store holds; a replica that cannot be opened is broken, the others go on. */
  async openStore(store: Store): Promise<void> {
    await buryLeftovers(store, this.#options.openStateMachine);
    const sets = [...store.log.groups()].map(({set}) => set);
    for (let at = 0; at < sets.length; at += OPENING_AT_A_TIME) {
      const some = sets.slice(at, at + OPENING_AT_A_TIME);
      await Promise.all(some.map((set) => this.#openPlace(store, set)));
    }
    store.log.opened();
    await discardStaging(store, (set) => this.broken.has(set));
  }

  async #openPlace(store: Store, set: ReplicaSetId): Promise<void> {
    const place = store.log.group(set)!;
    const context = {...this.#options, store};
    // It may have been on its way when the store turned out to be an old image.
    const isLost = place.damaged || store.isDisowned;
    try {
      if (isLost) throw new FatalError(OLD_IMAGE);
      const group = await openGroup(place, context);
      this.#options.observer?.opened(group);
      this.#driver.groups.set(set, group);
      // Not before it is open: whoever asks in between hears of one that is here.
      this.broken.delete(set);
      this.#hooks.opened(group);
    } catch (error) {
      this.#setBroken({set, replica: place.replica}, reasonOf(error), error, isLost);
    }
  }

  /** Resolves when no order is under way any more; later ones are refused. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#changing.values());
  }

  /** Per store: ids up to these are used up. */
  *tombstones(): Generator<readonly [ReplicaSetId, ReplicaId]> {
    for (const {log} of this.#stores) yield* log.tombstones();
  }

  #tombstone(set: ReplicaSetId): number {
    return Math.max(0, ...this.#stores.map(({log}) => log.tombstone(set)));
  }

  /** Who lives here, open or not. */
  #present(set: ReplicaSetId): ReplicaId | undefined {
    return this.#storeHolding(set)?.log.group(set)?.replica;
  }

  #storeHolding(set: ReplicaSetId): Store | undefined {
    return this.#stores.find(({log}) => log.group(set) !== undefined);
  }

  #storeFor(set: ReplicaSetId): Store {
    const wanted = this.#options.storeOf?.(set);
    const store =
      wanted === undefined
        ? [...this.#stores].sort((a, b) => a.log.groupCount - b.log.groupCount)[0]
        : this.#stores.find((one) => one.store === wanted);
    if (store === undefined) throw new DbError('INVALID_ARGUMENT', `no store ${wanted} here`);
    return store;
  }

  /**
   * None while a store is dead and the process about to end: its log may hold the order that it failed with, and
   * a replica that is made in another store then lives twice at the next start.
   */
  #oneByOne(set: ReplicaSetId, change: () => Promise<void>): Promise<void> {
    const before = this.#changing.get(set) ?? Promise.resolve();
    const result = before.then(() => {
      if (this.#isClosed) throw new DbError('DRAINING', 'the node is stopping');
      const dead = this.#stores.find(({log}) => log.failure !== undefined);
      if (dead !== undefined)
        throw new DbError('REPLICA_STOPPED', `store ${dead.store} failed: ${dead.log.failure}`);
      return change();
    });
    // Whoever gave the order hears of its failure; the next one of the set only waits for its end.
    const settled = handledElsewhere(result);
    this.#changing.set(set, settled);
    void settled.then(() => {
      if (this.#changing.get(set) === settled) this.#changing.delete(set);
    });
    return result;
  }
}
