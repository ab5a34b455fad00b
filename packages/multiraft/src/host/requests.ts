// What callers ask of a group that lives here: entries, changes of members, reads. Each is refused at
// once, or ends by its deadline.

import {DbError, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import type {ConfigChange, ConfigChangeMode} from '@flotilla/raft';
import type {Driver} from './driver.ts';
import type {ProposalKind} from './host-counts.ts';
import type {HostedGroup} from './hosted-group.ts';
import type {HostLimits, HostOptions} from './options.ts';
import type {Ticker} from './ticker.ts';
import type {Timing} from './timing.ts';
import type {HostWaits, Wait} from './waits.ts';

export interface ProposeOptions {
  /** On the host's monotonic clock. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Also where the disk is below its reserve: what frees space, or hardly takes any. */
  readonly onFullDisk?: boolean | undefined;
  /** By which it is counted; `control` by default. */
  readonly kind?: Exclude<ProposalKind, 'members'> | undefined;
  /** Called once this replica knows what became of it, be it after the deadline; not where it was never proposed. */
  readonly onDecided?: (() => void) | undefined;
}

export interface ProposeConfigOptions {
  readonly expectedConfigIndex?: number | undefined;
  readonly deadlineMs: number;
}

export interface RequestsOptions {
  readonly clock: HostOptions['clock'];
  readonly bootEpoch: HostOptions['bootEpoch'];
  readonly timing: Timing;
  readonly limits: HostLimits;
  readonly driver: Driver;
  readonly ticker: Ticker;
  /** Of all groups together. */
  readonly waits: HostWaits;
  readonly isClosed: () => boolean;
  readonly broken: ReadonlyMap<
    ReplicaSetId,
    {readonly replica: ReplicaId; readonly reason: string}
  >;
}

/** Ids of proposals and reads are safe integers: 21 bits for the boot, 32 to count within it. */
const BOOTS_DISTINCT = 2 ** 21;
const IDS_PER_BOOT = 2 ** 32;
/** Of a stall: reads wait out a flush, and not a follower that applies nothing for longer. */
const STILL_STALLS = 3;
/** A proposal's weight in the budgets beside its payload. */
const PROPOSAL_OVERHEAD_BYTES = 64;

export class Requests {
  readonly #options: RequestsOptions;
  /** Of a proposal or read. */
  #lastId: number;

  constructor(options: RequestsOptions) {
    this.#options = options;
    // A late answer to a read of the process before must find no read of this one: it may be too old.
    this.#lastId = (options.bootEpoch % BOOTS_DISTINCT) * IDS_PER_BOOT;
  }

  /** What apply made of the payload, once it is committed and applied here. */
  async propose(
    set: ReplicaSetId,
    payload: Uint8Array,
    {deadlineMs, signal, onFullDisk, kind = 'control', onDecided}: ProposeOptions,
  ): Promise<unknown> {
    const group = this.ready(set, deadlineMs);
    if (signal?.aborted === true)
      throw new DbError('CANCELLED', 'cancelled before it was proposed');
    const bytes = payload.length + PROPOSAL_OVERHEAD_BYTES;
    this.#admit(group, bytes, onFullDisk === true);
    return new Promise((resolve, reject) => {
      const proposalId = this.#nextId();
      const proposedMs = this.#options.clock.monotonicMs();
      const wait = {resolve, reject, deadlineMs, signal};
      group.waits.addProposal(proposalId, {kind, bytes, proposedMs, onDecided, ...wait});
      this.wakeStep(group, {type: 'propose', entries: [{proposalId, payload}]});
    });
  }

  /** Resolves when the change is applied here. */
  async proposeConfig(
    set: ReplicaSetId,
    changes: readonly ConfigChange[],
    mode: ConfigChangeMode,
    {expectedConfigIndex, deadlineMs}: ProposeConfigOptions,
  ): Promise<void> {
    const group = this.ready(set, deadlineMs);
    await new Promise((resolve, reject) => {
      const proposalId = this.#nextId();
      const proposedMs = this.#options.clock.monotonicMs();
      const counted = {kind: 'members', bytes: 0, proposedMs} as const;
      group.waits.addProposal(proposalId, {...counted, resolve, reject, deadlineMs});
      this.wakeStep(group, {
        type: 'proposeConfig',
        proposalId,
        changes,
        mode,
        expectedConfigIndex,
      });
    });
  }

  /** An index that covers every write acknowledged before the call; resolves once it is applied here. */
  async readIndex(set: ReplicaSetId, {deadlineMs}: {readonly deadlineMs: number}): Promise<number> {
    const group = this.ready(set, deadlineMs);
    const {driver, ticker} = this.#options;
    // What applies nothing now would keep its reader waiting: the leader need not.
    const isStuck = group.isInstalling || driver.applier.isWedged(group);
    if (isStuck && !group.isLeader) throw group.waits.notLeading();
    ticker.wake(group);
    return new Promise((resolve, reject) => this.#read(group, {resolve, reject, deadlineMs}));
  }

  /** A read that nobody waits for: one that fails leaves the replica as old as it was. */
  confirm(group: HostedGroup, deadlineMs: number): void {
    const nothing = (): void => undefined;
    this.#options.ticker.stir(group);
    this.#read(group, {resolve: nothing, reject: nothing, deadlineMs});
  }

  /** Called at each tick. */
  expire(nowMs: number): void {
    const {timing} = this.#options;
    const {waiting} = this.#options.waits;
    for (const waits of waiting) {
      waits.expire(nowMs, STILL_STALLS * timing.stallMs);
      if (waits.isEmpty) waiting.delete(waits);
    }
  }

  /** The group, or why it takes nothing. */
  live(set: ReplicaSetId): HostedGroup {
    const {driver, broken, isClosed} = this.#options;
    const group = driver.groups.get(set);
    const failed = broken.get(set);
    if (isClosed()) throw new DbError('DRAINING', 'the node is stopping');
    if (failed !== undefined) throw new DbError('REPLICA_STOPPED', failed.reason);
    if (group === undefined) throw new DbError('REPLICA_GONE', `no replica of set ${set} here`);
    if (group.stopped !== undefined) throw new DbError('REPLICA_STOPPED', group.stopped);
    return group;
  }

  ready(set: ReplicaSetId, deadlineMs: number): HostedGroup {
    const group = this.live(set);
    if (deadlineMs <= this.#options.clock.monotonicMs())
      throw new DbError('DEADLINE_EXCEEDED', 'the deadline passed before anything was proposed');
    return group;
  }

  wakeStep(group: HostedGroup, input: Parameters<Driver['step']>[1]): void {
    this.#options.ticker.wake(group);
    this.#options.driver.step(group, input);
  }

  #read(group: HostedGroup, {resolve, ...wait}: Wait<number>): void {
    const beganMs = this.#options.clock.monotonicMs();
    const readId = this.#nextId();
    const confirmed = (index: number): void => {
      group.freshness.confirmed(beganMs, group.appliedIndex);
      resolve(index);
    };
    group.waits.addRead(readId, {...wait, resolve: confirmed});
    this.#options.driver.step(group, {type: 'readIndex', readId});
  }

  #admit(group: HostedGroup, bytes: number, onFullDisk: boolean): void {
    if (!group.isLeader) throw group.waits.notLeading();
    if (group.store.isFull && !onFullDisk)
      throw new DbError('DISK_FULL', `store ${group.store.store} is full`);
    const {driver, limits, waits} = this.#options;
    if (!group.machine.canTake()) {
      driver.applier.block(group);
      throw new DbError('OVERLOADED', 'the replica must flush before it takes more');
    }
    const {groupProposalsBytesMax, proposalsBytesMax} = limits;
    const all = waits.bytes + bytes;
    if (group.waits.bytes + bytes > groupProposalsBytesMax || all > proposalsBytesMax)
      throw new DbError('OVERLOADED', 'too many proposals wait', {
        limit: 'proposals_in_flight_bytes_max',
      });
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }
}
