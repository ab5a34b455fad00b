// All groups of one engine thread, behind one door. Driven by its ports alone: frames come in through
// `receive`, changes of nodes through `nodeChanged`, time through the clock, durability through the
// disks. Same ports, same seed: same run.

import {
  type Channel,
  DbError,
  type FatalError,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
} from '@flotilla/base';
import type {ConfigChange, ConfigChangeMode, FailoverMode} from '@flotilla/raft';
import {frameKind, frameThread, readItems, type StoreBeat} from '@flotilla/wire';
import {Snapshots} from '../snapshot/snapshots.ts';
import type {StateMachine} from '../state-machine.ts';
import {flushBeforeClose} from './closing.ts';
import {Driver} from './driver.ts';
import {failoverModes, type SetFailover, setFailover} from './failover-modes.ts';
import {FreshnessRound} from './freshness-round.ts';
import {Handover} from './handover.ts';
import type {LeadershipListener, StoppedListener} from './host-events.ts';
import {countsOf, type HostMetrics, logMetrics, rolesOf, wedgedOf} from './host-metrics.ts';
import type {HostedGroup} from './hosted-group.ts';
import {Inbox} from './inbox.ts';
import {MISSED, type NodeState, NodeStates} from './node-states.ts';
import {Notices} from './notices.ts';
import {disownAll, disownOldImages, type RememberedRecord} from './old-image.ts';
import type {SetReplica} from './opening.ts';
import {checkLimits, HOST_LIMITS, type HostLimits, type HostOptions} from './options.ts';
import {
  type BrokenReplica,
  type CreateOrder,
  ReplicaOrders,
  type TakeOverOrder,
} from './replica-orders.ts';
import {type ProposeConfigOptions, type ProposeOptions, Requests} from './requests.ts';
import {Retention} from './retention.ts';
import {type ReplicaStatus, replicaStatus} from './status.ts';
import {Store} from './store.ts';
import {Ticker} from './ticker.ts';
import {checkTiming, HOUSEKEEPING_MS, TIMINGS, type Timing} from './timing.ts';
import type {HostWaits} from './waits.ts';

export class Host {
  readonly #options: HostOptions;
  readonly #limits: HostLimits;
  readonly #stores: Store[];
  readonly #driver: Driver;
  readonly #ticker: Ticker;
  readonly #notices: Notices;
  readonly #nodes: NodeStates;
  readonly #inbox: Inbox;
  readonly #snapshots: Snapshots;
  readonly #retention: Retention;
  readonly #orders: ReplicaOrders;
  readonly #freshness: FreshnessRound;
  readonly #handover: Handover;
  readonly #leadershipListeners = new Set<LeadershipListener>();
  readonly #stoppedListeners = new Set<StoppedListener>();
  readonly #stoppedGroups = new Set<HostedGroup>();
  readonly #hostWaits: HostWaits = {bytes: 0, waiting: new Set()};
  readonly #requests: Requests;
  #housekeepingDueMs = 0;
  #isClosed = false;

  private constructor(options: HostOptions, timing: Timing, limits: HostLimits, stores: Store[]) {
    this.#options = options;
    this.#limits = limits;
    this.#stores = stores;
    this.#driver = new Driver(options, limits, stores, {
      roleChanged: (group, wasLeader) => this.#roleChanged(group, wasLeader),
      wantSnapshot: (group, to) => this.#snapshots.want(group, to),
      sendSnapshot: (group, message) => this.#snapshots.send(group, message),
      install: (group, index) => this.#snapshots.install(group, index),
      stopped: (group, reason, cause) => this.#stopped(group, reason, cause),
      storeFailed: (store, error) => this.#storeFailed(store, error),
    });
    const {clock, log} = options;
    this.#ticker = new Ticker(clock, timing, this.#driver, {
      onTick: (nowMs, lateMs) => this.#tick(nowMs, lateMs),
      isLeaderAlive: (group) => this.#nodes.isLeaderAlive(group),
      isHeld: (group) => this.#nodes.holds(group),
    });
    this.#notices = new Notices(this.#driver.outbox, timing, (group) => this.#nodesOf(group));
    this.#nodes = new NodeStates(options, timing, this.#driver, this.#ticker);
    this.#snapshots = new Snapshots(options, limits, this.#driver, this.#ticker, this.#nodes);
    this.#handover = new Handover({
      ...options,
      timing,
      limits,
      driver: this.#driver,
      ticker: this.#ticker,
      isFit: (group, replica) => this.#nodes.isFit(group, replica),
      isQuick: (group, replica) => this.#nodes.isQuick(group, replica),
    });
    this.#retention = new Retention(this.#driver, {limits, log}, this.#nodes, this.watchChanges());
    this.#freshness = new FreshnessRound(this.#driver.groups, timing);
    this.#orders = new ReplicaOrders(
      {...options, timing, limits, hostWaits: this.#hostWaits},
      stores,
      this.#driver,
      {
        opened: (group) => {
          this.#nodes.introduce(group);
          this.#wake(group);
        },
        founded: (group) => this.#nodes.campaignSoon(group),
        openFailed: ({set, replica}, reason) =>
          this.#tellStopped({set, replica, reason, isStore: false}),
        reopened: (key) => options.onReopened?.(key),
        forget: (group) => this.#forget(group),
      },
    );
    this.#requests = new Requests({
      ...options,
      timing,
      limits,
      driver: this.#driver,
      ticker: this.#ticker,
      waits: this.#hostWaits,
      isClosed: () => this.#isClosed,
      broken: this.#orders.broken,
    });
    this.#inbox = new Inbox(
      this.#driver,
      this.#ticker,
      this.#notices,
      this.#snapshots,
      this.#nodes,
    );
  }

  /** Recovers all groups of its stores. Rejects with FatalError if a store's log is damaged. */
  static async open(options: HostOptions): Promise<Host> {
    const timing = typeof options.timing === 'string' ? TIMINGS[options.timing] : options.timing;
    const limits = {...HOST_LIMITS, ...options.limits};
    checkTiming(timing);
    checkLimits(limits);
    const stores = await Promise.all(
      options.stores.map((store) => Store.open(store, options, limits)),
    );
    const host = new Host(options, timing, limits, stores);
    for (const store of stores) await host.#orders.openStore(store);
    host.#ticker.start();
    return host;
  }

  /** Resolves when durable. Idempotent. Refuses replica ids that were, or may have been, destroyed here. */
  createReplica(order: CreateOrder): Promise<void> {
    return this.#orders.create(order);
  }

  /** The only voter from then on, under its new id. Idempotent. */
  takeOver(order: TakeOverOrder): Promise<void> {
    return this.#orders.takeOver(order);
  }

  /** The tombstone is durable before any state goes. Idempotent. */
  destroyReplica(key: SetReplica): Promise<void> {
    return this.#orders.destroy(key);
  }

  /**
   * Opens a replica anew that stopped itself; one that did not is left alone. Resolves when it is open, which
   * it may not be for long: what stopped it may do so again.
   */
  reopenReplica(key: SetReplica): Promise<void> {
    return this.#orders.reopen(key);
  }

  /** Those that stopped themselves, and at which entry where that is why. */
  *stoppedReplicas(): Iterable<SetReplica & {readonly failedIndex: number | undefined}> {
    for (const {set, replica, failedIndex} of this.#stoppedGroups)
      yield {set, replica, failedIndex};
  }

  /** What apply made of the payload, once it is committed and applied here. */
  propose(set: ReplicaSetId, payload: Uint8Array, options: ProposeOptions): Promise<unknown> {
    return this.#requests.propose(set, payload, options);
  }

  /** Resolves when the change is applied here. Leaving of a joint change with auto-leave follows by itself. */
  proposeConfig(
    set: ReplicaSetId,
    changes: readonly ConfigChange[],
    mode: ConfigChangeMode,
    options: ProposeConfigOptions,
  ): Promise<void> {
    return this.#requests.proposeConfig(set, changes, mode, options);
  }

  /** An index that covers every write acknowledged before the call; resolves once it is applied here. */
  readIndex(set: ReplicaSetId, options: {readonly deadlineMs: number}): Promise<number> {
    return this.#requests.readIndex(set, options);
  }

  /**
   * The replica holds every write acknowledged so long ago, or longer; undefined: it does not know.
   * @see host/freshness.ts
   */
  ageMs(set: ReplicaSetId): number | undefined {
    return this.#driver.groups.get(set)?.freshness.ageMs(this.#options.clock.monotonicMs());
  }

  /** Resolves when this replica has seen the other one lead. */
  async transferLeader(
    set: ReplicaSetId,
    toReplica: ReplicaId,
    {deadlineMs}: {readonly deadlineMs: number},
  ): Promise<void> {
    const group = this.#requests.ready(set, deadlineMs);
    if (group.role.leader === toReplica) return;
    if (!group.isLeader) throw group.waits.notLeading();
    await this.#handover.transfer(group, toReplica, deadlineMs);
  }

  /** Starts an election, whatever the failover mode; who votes for whom is as ever. */
  campaign(set: ReplicaSetId): void {
    const group = this.#requests.live(set);
    this.#ticker.wake(group);
    this.#driver.stand(group, {type: 'campaign'}, 'ordered');
  }

  /** Resolves when durable. The meta group always fails over by itself. */
  setFailover(set: ReplicaSetId, mode: FailoverMode): Promise<void> {
    return setFailover(this.#requests, set, mode);
  }

  /** Of each of the sets (all by default) whether it was led in this life, and how it fails over. */
  failoverModes(sets: Iterable<ReplicaSetId> = this.#driver.groups.keys()): Iterable<SetFailover> {
    return failoverModes(this.#driver.groups, sets);
  }

  status(set: ReplicaSetId): ReplicaStatus | undefined {
    const group = this.#driver.groups.get(set);
    if (group === undefined) return undefined;
    const isWedged = this.#driver.applier.isWedged(group);
    return {...replicaStatus(group, (replica) => this.#driver.nodeOf(group, replica)), isWedged};
  }

  *statuses(): Iterable<ReplicaStatus> {
    for (const set of this.#driver.groups.keys()) yield this.status(set)!;
  }

  /**
   * What it returns names, at each call, the sets of which something may have changed since the call
   * before, but for what their state machines have flushed; those that are gone too, and at first all.
   */
  watchChanges(): () => Iterable<ReplicaSetId> {
    const {changed, groups, applier} = this.#driver;
    const take = changed.reader(groups.keys());
    return () => {
      const sets = take();
      for (const {set} of this.#ticker.awake) sets.add(set);
      for (const {set} of applier.blocked) sets.add(set);
      return sets;
    };
  }

  *stateMachines(): Iterable<readonly [ReplicaSetId, StateMachine]> {
    for (const {set, machine} of this.#driver.groups.values()) yield [set, machine];
  }

  /** Replicas that could not be opened, and why. */
  broken(): ReadonlyMap<ReplicaSetId, BrokenReplica> {
    return this.#orders.broken;
  }

  /** Sets of which replicas were destroyed here, and up to which id; one set may come more than once. */
  tombstones(): Iterable<readonly [ReplicaSetId, ReplicaId]> {
    return this.#orders.tombstones();
  }

  stateMachine(set: ReplicaSetId): StateMachine | undefined {
    return this.#driver.groups.get(set)?.machine;
  }

  metrics(): HostMetrics {
    const log = logMetrics(this.#stores);
    return {
      ...rolesOf(this.#driver),
      ...countsOf(this.#driver.counts),
      awake: this.#ticker.awake.size,
      brokenGroups: this.#orders.broken.size,
      proposalBytes: this.#hostWaits.bytes,
      proposalBytesMax: this.#limits.proposalsBytesMax,
      logBytes: log.bytes,
      log,
      malformedItems: this.#inbox.counts.malformed,
      itemsForGoneReplicas: this.#inbox.counts.gone,
    };
  }

  /** Replicas that could not be opened, or stopped themselves since, or apply nothing. */
  get faultyReplicas(): number {
    return this.#orders.broken.size + this.#stoppedGroups.size + wedgedOf(this.#driver);
  }

  /** Some store is below its reserve of disk space: its proposals are refused. */
  get isDiskFull(): boolean {
    return this.#stores.some(({isFull}) => isFull);
  }

  /** How long the thread and its writes have stood still: goes into the node's beats. */
  ages(): {readonly turnAgeMs: number; readonly writeAgeMs: number} {
    const nowMs = this.#options.clock.monotonicMs();
    const {lastTickMs, seenUptoMs} = this.#ticker;
    // A write that ended while this loop was late is not seen to have ended: its delay is not the disk's.
    const since = this.#stores.map((store) => seenUptoMs - (store.writingSinceMs ?? seenUptoMs));
    return {turnAgeMs: nowMs - lastTickMs, writeAgeMs: Math.max(0, ...since)};
  }

  /** What the node's beats tell of its stores. */
  durableRecords(): StoreBeat[] {
    return this.#stores.map(({store, log, isFull}) => {
      return {store, durableRecord: log.durableRecord, isFull};
    });
  }

  /** What another node remembers of this host's stores. Undefined unless one is an old image. */
  remembered(records: readonly RememberedRecord[]): Promise<unknown> | undefined {
    return disownOldImages(this.#stores, this.#driver, records);
  }

  /** Its stores were held against all that other nodes remember of them, or nobody does. Idempotent. */
  vouched(): void {
    this.#nodes.vouched();
  }

  /** Another copy of the data directory was this node, and its records are these. Resolves when it is durable. */
  disown(records: readonly RememberedRecord[]): Promise<void> {
    return disownAll(this.#stores, this.#driver, records);
  }

  /**
   * Some store of the node came back without what it had told: nothing is created until all that may have
   * lived there were brought back as lost, and that was settled.
   */
  get hasLoss(): boolean {
    return this.#orders.hasLoss;
  }

  /** Another host of this node has such a store: what belonged there once may belong here by now. */
  learnLoss(): void {
    this.#orders.isLossElsewhere = true;
  }

  /** Asked of each replica that is placed here. One that is not known though it may have lived is damaged. */
  bringBackLost(replica: SetReplica): Promise<void> {
    return this.#orders.bringBackLost(replica);
  }

  /** Requires that every host of the node has brought back what it may hold. */
  async settleLoss(): Promise<void> {
    for (const {log} of this.#stores) if (log.hasLoss) await log.settleLoss();
    this.#orders.isLossElsewhere = false;
  }

  receive(from: NodeId, _channel: Channel, frame: Uint8Array): void {
    if (this.#isClosed || frameKind(frame) !== 'groups') return;
    const thread = frameThread(frame);
    this.#nodes.heardFrom(from, thread);
    for (const item of readItems(frame)) this.#inbox.take(from, thread, item);
  }

  nodeChanged(node: NodeId, state: NodeState): void {
    if (this.#isClosed) return;
    const isNew = this.#nodes.change(node, state);
    if (state.state !== 'gone' && !isNew) return;
    this.#inbox.forget(node);
    if (isNew) this.#snapshots.forget(node);
    if (state.state === 'gone') this.#notices.forget(node);
  }

  heardNodes(): NodeId[] {
    return this.#nodes.heard();
  }

  onLeadership(listener: LeadershipListener): () => void {
    this.#leadershipListeners.add(listener);
    return () => this.#leadershipListeners.delete(listener);
  }

  /** Also tells of stores that died before anybody could listen. */
  onStopped(listener: StoppedListener): () => void {
    this.#stoppedListeners.add(listener);
    for (const {failure} of this.#stores)
      if (failure !== undefined) listener({reason: failure.message, isStore: true});
    return () => this.#stoppedListeners.delete(listener);
  }

  /** A clean stop: leaders are handed over and state is flushed, both as far as they can in bounded time. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    await this.#handover.everything();
    this.#isClosed = true;
    this.#ticker.stop();
    await this.#snapshots.close();
    await this.#orders.close();
    this.#driver.close();
    const groups = [...this.#driver.groups.values()];
    await flushBeforeClose(groups, this.#options);
    await Promise.all(groups.map((group) => this.#closeGroup(group)));
    for (const store of this.#stores) await store.log.close();
  }

  async #closeGroup(group: HostedGroup): Promise<void> {
    group.isDestroyed = true;
    this.#driver.retire(group, new DbError('DRAINING', 'the node is stopping'));
    await group.machine.close();
  }

  #tick(nowMs: number, lateMs: number): void {
    this.#requests.expire(nowMs);
    for (const store of this.#stores) {
      // An order's record may have been the one that failed, and no group has anything to write.
      if (store.log.failure !== undefined) this.#driver.failStore(store, store.log.failure);
      this.#handover.watchWrites(store, this.#ticker.seenUptoMs);
    }
    this.#handover.watchApply(nowMs);
    this.#nodes.tick(this.#stores, nowMs, lateMs);
    this.#notices.tick(nowMs, this.#driver.groups.values());
    this.#snapshots.tick(nowMs);
    if (nowMs >= this.#housekeepingDueMs) {
      this.#housekeepingDueMs = nowMs + HOUSEKEEPING_MS;
      for (const node of this.#nodes.missed(nowMs)) this.nodeChanged(node, MISSED);
      this.#nodes.remind();
      this.#retention.run(this.#stores, nowMs);
      this.#orders.retry(nowMs);
      for (const store of this.#stores) void this.#handover.watchSpace(store);
      this.#freshness.run(nowMs, (group, deadlineMs) => this.#requests.confirm(group, deadlineMs));
    }
    if (!this.#driver.outbox.isEmpty) this.#driver.schedule();
    this.#options.onTick?.(lateMs);
  }

  #roleChanged(group: HostedGroup, wasLeader: boolean): void {
    const {set, replica, role} = group;
    this.#wake(group);
    if (wasLeader === group.isLeader) return;
    if (wasLeader) this.#tellNotLeading(group);
    const change = {set, replica, isLeader: group.isLeader, term: role.term};
    for (const listener of this.#leadershipListeners) listener(change);
  }

  /** Followers may sleep, relying on this node to live. One that is gone would never acknowledge. */
  #tellNotLeading(group: HostedGroup): void {
    const {set, replica, role} = group;
    this.#notices.notLeading(set, {leader: replica, term: role.term}, this.#nodesOf(group));
  }

  /** Of its other members, but for those that are gone. */
  #nodesOf(group: HostedGroup): Set<NodeId> {
    const nodes = new Set<NodeId>();
    for (const other of group.others()) {
      const node = this.#driver.nodeOf(group, other);
      if (node !== undefined && !this.#nodes.isGone(node)) nodes.add(node);
    }
    return nodes;
  }

  #stopped(group: HostedGroup, reason: string, cause: unknown): void {
    this.#stoppedGroups.add(group);
    this.#ticker.remove(group);
    const {set, replica} = group;
    if (group.isLeader) {
      this.#tellNotLeading(group);
      const change = {set, replica, isLeader: false, term: group.role.term};
      for (const listener of this.#leadershipListeners) listener(change);
    }
    this.#tellStopped({set, replica, reason, isStore: false});
    this.#orders.stopped(group, cause);
  }

  #storeFailed(store: Store, error: FatalError): void {
    this.#options.log?.error({store: store.store, reason: error.message}, 'store stopped');
    this.#tellStopped({reason: error.message, isStore: true});
  }

  #tellStopped(stop: Parameters<StoppedListener>[0]): void {
    for (const listener of this.#stoppedListeners) listener(stop);
  }

  async #forget(group: HostedGroup): Promise<void> {
    if (group.isLeader && !group.isGone) this.#tellNotLeading(group);
    group.isDestroyed = true;
    this.#stoppedGroups.delete(group);
    this.#driver.groups.delete(group.set);
    this.#ticker.remove(group);
    this.#driver.retire(group, new DbError('REPLICA_GONE', `replica ${group.replica} was removed`));
    await this.#snapshots.abandon(group);
  }

  #wake(group: HostedGroup): void {
    this.#ticker.wake(group);
    this.#driver.touch(group);
  }
}
