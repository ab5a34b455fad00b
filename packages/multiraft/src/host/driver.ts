// The turn: whatever came since the last one was stepped into the groups; now each changed group says
// what it wants, and all of it leaves together:
//   1. take   outputs of the changed groups; answers to those who wait
//   2. send   one frame per node, votes and heartbeats first; before the disk is touched, since a
//             leader may replicate what it has not yet stored itself
//   3. write  one record per store, not awaited; the next turns gather meanwhile
//   4. apply  what is committed, in a circle, for a bounded time
// When a write is durable its groups learn it, and the acknowledgements that waited for it leave.
// Laws: an acknowledgement leaves after the write that covers it; a fault of one group stops that
// group alone; a fault of a store's log stops all groups of that store and nothing is retried.

import {
  assert,
  type Clock,
  DbError,
  FatalError,
  isPassing,
  isUnreadable,
  type Log,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
} from '@flotilla/base';
import {entryBytes, type Input, type LogRead, type Message, type Output} from '@flotilla/raft';
import {Applier} from './applier.ts';
import {ChangedGroups} from './changed-groups.ts';
import {type ElectionCause, HostCounts} from './host-counts.ts';
import type {HostedGroup} from './hosted-group.ts';
import type {HostLimits, HostOptions} from './options.ts';
import {Outbox} from './outbox.ts';
import type {PendingWrite, Store} from './store.ts';

/** What a host does beside the turn, when a group asks for it. */
export interface DriverHooks {
  roleChanged(group: HostedGroup, wasLeader: boolean): void;
  /** A snapshot is wanted for a member; `snapshotReady` or `snapshotSent` must follow. */
  wantSnapshot(group: HostedGroup, to: ReplicaId): void;
  /** The message that goes beside a snapshot's contents. */
  sendSnapshot(group: HostedGroup, message: Extract<Message, {type: 'snapshot'}>): void;
  /** The log now says that the staged snapshot is the state: install it. */
  install(group: HostedGroup, index: number): void;
  /** @param cause  what it was, where that may pass. */
  stopped(group: HostedGroup, reason: string, cause: unknown): void;
  storeFailed(store: Store, error: FatalError): void;
}

const TICK: Input = {type: 'tick'};

export class Driver {
  readonly groups = new Map<ReplicaSetId, HostedGroup>();
  readonly outbox: Outbox;
  readonly changed = new ChangedGroups();
  readonly applier: Applier;
  readonly counts = new HostCounts();
  readonly #clock: Clock;
  readonly #log: Log | undefined;
  readonly #locate: HostOptions['locate'];
  readonly #observer: HostOptions['observer'];
  readonly #stores: readonly Store[];
  readonly #hooks: DriverHooks;
  #dirty = new Set<HostedGroup>();
  #isScheduled = false;
  #isClosed = false;

  constructor(
    options: HostOptions,
    limits: HostLimits,
    stores: readonly Store[],
    hooks: DriverHooks,
  ) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#locate = options.locate;
    this.#observer = options.observer;
    this.#stores = stores;
    this.#hooks = hooks;
    this.outbox = new Outbox(
      options.transport,
      options.thread ?? 0,
      limits.fragmentBytesMax,
      (set, to) => {
        const group = this.groups.get(set as ReplicaSetId);
        if (group !== undefined) this.step(group, {type: 'unreachable', id: to});
      },
    );
    this.applier = new Applier(options.clock, this.counts, {
      applied: (group) => {
        group.waits.appliedUpto(group.appliedIndex);
        this.#touchIfDue(group);
      },
      broken: (group, error, failedIndex) => {
        group.failedIndex = failedIndex;
        const what =
          failedIndex === undefined ? 'apply failed' : `cannot apply entry ${failedIndex}`;
        this.stopGroup(group, `${what}: ${String(error)}`);
      },
      entryOrders: (group) => options.entryOrders?.(group),
    });
  }

  /** Into the group's core; its output follows in the next turn. */
  step(group: HostedGroup, input: Input): void {
    if (this.#stepCore(group, input)) this.touch(group);
  }

  /** The same, of what others did: often nothing is to be said to it. */
  heard(group: HostedGroup, input: Extract<Input, {type: 'message' | 'persisted'}>): void {
    if (this.#stepCore(group, input)) this.#touchIfDue(group);
  }

  /**
   * What calls the replica to stand for leader, and why. Its core may ignore it (the call of an old leader, a
   * change of members that is not in force yet): then nothing that it does later is for that reason.
   */
  stand(
    group: HostedGroup,
    input: Extract<Input, {type: 'message' | 'campaign'}>,
    cause: ElectionCause,
  ): void {
    const before = group.raft.status();
    if (!this.#stepCore(group, input)) return;
    const {role, term} = group.raft.status();
    const hasStood = role !== 'follower' && (role !== before.role || term > before.term);
    if (hasStood) group.electionCause = cause;
    this.#touchIfDue(group);
  }

  /**
   * Most ticks of a follower only move its timer on: then the group has no part in the turn, which costs
   * ten times as much as the tick.
   */
  tick(group: HostedGroup): void {
    if (!this.#stepCore(group, TICK)) return;
    if (group.isLeader || group.raft.hasOutput()) this.touch(group);
  }

  #stepCore(group: HostedGroup, input: Input): boolean {
    if (group.isGone) return false;
    try {
      group.raft.step(input);
      return true;
    } catch (error) {
      this.stopGroup(group, `consensus core failed: ${String(error)}`);
      return false;
    }
  }

  /** A part in the turn costs several times as much as the step from which nothing follows. */
  #touchIfDue(group: HostedGroup): void {
    if (group.raft.hasOutput()) this.touch(group);
    else if (group.isAsleep) this.changed.mark(group);
  }

  touch(group: HostedGroup): void {
    if (group.isAsleep) this.changed.mark(group);
    this.#dirty.add(group);
    this.schedule();
  }

  schedule(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    this.#clock.defer(() => this.#turn());
  }

  close(): void {
    this.#isClosed = true;
  }

  nodeOf(group: HostedGroup, replica: number): NodeId | undefined {
    const known = this.#locate(group.set, replica as ReplicaId) ?? group.nodes.get(replica);
    if (known !== undefined) group.nodes.set(replica, known);
    return known;
  }

  /** @param cause  given where it may pass: the replica is opened anew then, by itself. */
  stopGroup(group: HostedGroup, reason: string, cause?: unknown): void {
    if (group.isGone) return;
    group.stopped = reason;
    const {set, replica} = group;
    this.#log?.error({set, replica, reason}, 'replica stopped');
    this.retire(group, new DbError('REPLICA_STOPPED', `replica ${replica} stopped: ${reason}`));
    this.#hooks.stopped(group, reason, cause);
  }

  /** Whoever waits for the group is told; it takes part in no turn again. */
  retire(group: HostedGroup, error: DbError): void {
    this.#dirty.delete(group);
    group.held = [];
    group.applying = undefined;
    group.waits.stop(error);
  }

  #turn(): void {
    this.#isScheduled = false;
    if (this.#isClosed) return;
    const dirty = this.#dirty;
    this.#dirty = new Set();
    for (const group of dirty) if (!group.isGone) this.#take(group);
    this.outbox.flush();
    for (const store of this.#stores) this.#write(store);
    this.applier.run();
    if (this.#dirty.size > 0 || !this.applier.isEmpty) this.schedule();
  }

  #take(group: HostedGroup): void {
    try {
      const output = group.raft.take();
      if (group.isAsleep) this.changed.mark(group);
      this.#observer?.took(group, output);
      this.#carryOut(group, output);
    } catch (error) {
      this.stopGroup(group, `output failed: ${String(error)}`);
    }
  }

  #carryOut(group: HostedGroup, output: Output): void {
    if (output.role !== undefined) this.#changeRole(group, output.role);
    for (const proposed of output.proposed) group.waits.proposed(proposed);
    for (const dropped of output.dropped) {
      if (dropped.kind === 'proposal') this.counts.proposalsDropped += 1;
      group.waits.dropped(dropped);
    }
    for (const {readId, index} of output.reads)
      group.waits.readConfirmed(readId, index, group.appliedIndex);
    for (const {to, outcome} of output.transfers) group.waits.transferFailed(to, outcome);
    this.#configure(group, output);
    for (const message of output.send) this.send(group, message);
    if (output.write !== undefined) this.#addWrite(group, output.write);
    for (const after of output.afterWrite) group.held.push(after);
    for (const {to} of output.wantSnapshot) this.#hooks.wantSnapshot(group, to as ReplicaId);
    for (const read of output.needEntries) void this.#readEntries(group, read);
    if (output.apply !== undefined) {
      assert(group.applying === undefined, 'a second batch to apply');
      group.applying = {entries: output.apply.entries, at: 0};
      this.applier.add(group);
    }
    group.isIdle = output.idle;
    if (!output.idle) group.quietTicks = 0;
  }

  #changeRole(group: HostedGroup, role: NonNullable<Output['role']>): void {
    const wasLeader = group.isLeader;
    this.counts.roleChanged(group.role, role, group);
    group.role = role;
    if (role.leader !== 0) {
      group.electionCause = 'timer';
      group.ledTerm = role.term;
      this.nodeOf(group, role.leader);
    }
    group.waits.leaderChanged(role.leader);
    this.#hooks.roleChanged(group, wasLeader);
  }

  #configure(group: HostedGroup, {configurations}: Output): void {
    const latest = configurations.at(-1);
    if (latest !== undefined) group.configuration = latest.configuration;
    const entry = group.configEntry;
    if (entry === undefined) return;
    const {set, replica} = group;
    const made = configurations.find(({index}) => index === entry.index);
    if (made !== undefined) group.store.add({type: 'configured', set, replica, index: entry.index});
    this.applier.configured(group, made?.configuration);
    group.waits.appliedUpto(group.appliedIndex);
  }

  send(group: HostedGroup, message: Message): void {
    this.counts.messagesSent[message.type] += 1;
    this.#observer?.sent(group, message);
    if (message.type === 'snapshot') {
      this.#hooks.sendSnapshot(group, message);
      return;
    }
    if ('granted' in message && message.granted) group.backedAtMs = this.#clock.monotonicMs();
    const node = this.nodeOf(group, message.to);
    if (node === undefined) return;
    this.outbox.message(node, group.set, message);
  }

  #addWrite(group: HostedGroup, write: NonNullable<Output['write']>): void {
    for (const entry of write.entries) group.cachedBytes += entryBytes(entry);
    if (write.snapshot !== undefined) {
      // What was being applied belongs to the state that goes.
      group.isInstalling = true;
      group.applying = undefined;
      group.configEntry = undefined;
    }
    group.store.addWrite(group, write);
  }

  #write(store: Store): void {
    // What was queued between turns for a replica that is destroyed meanwhile must not follow its tombstone.
    const batch = store.takeBatch(({set, replica}) => this.groups.get(set)?.replica === replica);
    if (batch === undefined || store.failure !== undefined) return;
    store.writingSinceMs ??= this.#clock.monotonicMs();
    store.log.append(batch.items).then(
      () => this.#durable(store, batch.writes),
      (error: unknown) => this.failStore(store, error),
    );
  }

  #durable(store: Store, writes: readonly PendingWrite[]): void {
    store.writingSinceMs = store.log.isWriting ? this.#clock.monotonicMs() : undefined;
    for (const {group, write} of writes) {
      if (group.isGone) continue;
      this.heard(group, {type: 'persisted', seq: write.seq});
      this.#release(group, write.seq);
      if (write.snapshot !== undefined) this.#hooks.install(group, write.snapshot.index);
    }
    if (!this.outbox.isEmpty) this.schedule();
  }

  #release(group: HostedGroup, seq: number): void {
    while (group.held.length > 0 && group.held[0]!.seq <= seq)
      for (const message of group.held.shift()!.messages) this.send(group, message);
  }

  failStore(store: Store, error: unknown): void {
    if (store.failure !== undefined) return;
    store.failure =
      error instanceof FatalError ? error : new FatalError(`store ${store.store} failed`, error);
    for (const group of this.groups.values())
      if (group.store === store) this.stopGroup(group, store.failure.message);
    this.#hooks.storeFailed(store, store.failure);
  }

  async #readEntries(group: HostedGroup, read: LogRead): Promise<void> {
    const {firstIndex, lastIndex, bytesMax} = read;
    const {log} = group.store;
    const place = log.group(group.set);
    try {
      assert(place !== undefined, 'a group without a place in the log');
      const entries = await log.read(place, {from: firstIndex, upto: lastIndex, bytesMax});
      group.unreadableIndex = 0;
      this.step(group, {type: 'entries', firstIndex, entries});
    } catch (error) {
      if (error instanceof FatalError && !isPassing(error)) {
        this.failStore(group.store, error);
        return;
      }
      if (isUnreadable(error)) this.#missEntries(group, firstIndex, error);
      this.step(group, {type: 'entries', firstIndex, entries: undefined});
    }
  }

  /** Nothing else depends on them; the member asks again with its next answer. */
  #missEntries(group: HostedGroup, firstIndex: number, error: unknown): void {
    if (group.unreadableIndex === firstIndex) return;
    group.unreadableIndex = firstIndex;
    const {set, replica} = group;
    const fields = {set, replica, firstIndex, error: String(error)};
    this.#log?.warn(fields, 'cannot read entries that a member lacks');
  }
}
