// Giving leadership away: on a clean stop, from a store whose writes stand still, from one that is
// full, from a replica that applies nothing. It goes to the voter that holds most of the log among
// those that answer; where nobody decides by himself who leads (manual failover) only the clean stop
// and an order move it.

import type {Clock, Log, ReplicaId} from '@flotilla/base';
import {isVoter} from '@flotilla/raft';
import type {Driver} from './driver.ts';
import type {HostedGroup} from './hosted-group.ts';
import type {HostLimits} from './options.ts';
import {replicaStatus} from './status.ts';
import type {Store} from './store.ts';
import type {Ticker} from './ticker.ts';
import type {Timing} from './timing.ts';
import {type Blocked, isWedged, OFFER_MS} from './wedged.ts';

/** A clean stop waits this long for leaders to be taken over. */
const HANDOVER_MS_MAX = 2_000;

export interface HandoverDeps {
  readonly driver: Driver;
  readonly ticker: Ticker;
  readonly clock: Clock;
  readonly log?: Log | undefined;
  readonly timing: Timing;
  readonly limits: HostLimits;
  /** Whether, as far as its node has told, neither is its disk full nor does its thread stand still. */
  readonly isFit: (group: HostedGroup, replica: ReplicaId) => boolean;
  /** Whether, as far as its node has told, its disk takes what it is given. */
  readonly isQuick: (group: HostedGroup, replica: ReplicaId) => boolean;
}

interface Wanted {
  readonly but?: ReadonlySet<ReplicaId> | undefined;
  /** It has made durable what the own disk has not, and does so still. */
  readonly isAhead?: boolean | undefined;
}

export class Handover {
  readonly #deps: HandoverDeps;
  /** Since when the write stood that a store's last line was of. */
  readonly #toldWriteMs = new Map<Store, number>();

  constructor(deps: HandoverDeps) {
    this.#deps = deps;
  }

  /** All that is led here, as far as it can be in bounded time; a transfer that is aborted is tried again. */
  async everything(): Promise<void> {
    const {driver, ticker, clock, log} = this.#deps;
    const deadlineMs = clock.monotonicMs() + HANDOVER_MS_MAX;
    const led = [...driver.groups.values()].filter((group) => this.#mayLeave(group));
    if (led.length === 0) return;
    let left = led;
    while (left.length > 0 && clock.monotonicMs() < deadlineMs) {
      const transfers = left.flatMap((group) => {
        // Nobody was heard of since it fell asleep: its heartbeats tell who is there.
        ticker.wake(group);
        const to = this.#successor(group);
        return to === undefined ? [] : [this.transfer(group, to, deadlineMs)];
      });
      await Promise.allSettled(transfers);
      left = led.filter((group) => this.#mayLeave(group));
      if (left.length > 0) await this.#tick();
    }
    log?.info({handedOver: led.length - left.length, left: left.length}, 'leaders handed over');
  }

  /** Led here, while another voter is there that may take it. */
  #mayLeave(group: HostedGroup): boolean {
    if (group.isGone || !group.isLeader) return false;
    const {members} = replicaStatus(group, (replica) => this.#deps.driver.nodeOf(group, replica));
    return members.some(
      ({replica, isReachable}) =>
        replica !== group.replica && isReachable && isVoter(group.configuration, replica),
    );
  }

  #tick(): Promise<void> {
    const {clock, timing} = this.#deps;
    return new Promise((resolve) => {
      clock.setTimer(timing.tickMs, resolve);
    });
  }

  /** Resolves when this replica has seen the other one lead. */
  transfer(group: HostedGroup, to: ReplicaId, deadlineMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      group.waits.addTransfer(to, {resolve, reject, deadlineMs});
      this.#order(group, to);
    });
  }

  /**
   * A disk that stands still must not keep leadership: what it leads goes to who has written what it has
   * not. Where all disks stand still at once (one device for several nodes, say) nobody has, and an election
   * would mend nothing.
   * @param nowMs up to when this loop has seen which writes ended
   */
  watchWrites(store: Store, nowMs: number): void {
    const since = store.writingSinceMs;
    if (since === undefined || nowMs - since < this.#deps.timing.stallMs) return;
    const offered = this.#leave(store, {isAhead: true});
    if (offered === 0 || this.#toldWriteMs.get(store) === since) return;
    this.#toldWriteMs.set(store, since);
    const facts = {store: store.store, standsMs: Math.round(nowMs - since), offered};
    this.#deps.log?.warn(facts, 'a disk stands still: others are to lead');
  }

  /** Nor must one that takes no proposals, as long as another does. */
  async watchSpace(store: Store): Promise<void> {
    const {limits, log} = this.#deps;
    try {
      await store.watchSpace(limits);
    } catch (error) {
      log?.warn({store: store.store, error: String(error)}, 'cannot tell free space');
    }
    if (store.isFull) this.#leave(store);
  }

  /** A replica that applies nothing must not lead one that could: each voter is offered its place in turn. */
  watchApply(nowMs: number): void {
    const {driver, log} = this.#deps;
    for (const group of driver.applier.blocked) {
      if (group.isGone || !isWedged(group, nowMs)) continue;
      const {set, replica, blocked} = group;
      if (!blocked!.isTold) log?.error({set, replica}, 'a replica applies nothing any more');
      blocked!.isTold = true;
      if (group.isLeader && !group.isManual && nowMs >= blocked!.offerDueMs)
        this.#offer(group, blocked!, nowMs);
    }
  }

  #offer(group: HostedGroup, blocked: Blocked, nowMs: number): void {
    blocked.offerDueMs = nowMs + OFFER_MS;
    const to = this.#successor(group, {but: blocked.offered});
    if (to === undefined) {
      blocked.offered.clear();
      return;
    }
    blocked.offered.add(to);
    const {set, replica} = group;
    this.#deps.log?.warn({set, replica, to}, 'a leader that applies nothing offers its place');
    this.#order(group, to);
  }

  /** How many sets were offered to another. */
  #leave(store: Store, only: Wanted = {}): number {
    let offered = 0;
    for (const group of this.#deps.driver.groups.values()) {
      if (group.store !== store || group.isGone || !group.isLeader || group.isManual) continue;
      const to = this.#successor(group, only);
      if (to === undefined) continue;
      this.#order(group, to);
      offered += 1;
    }
    return offered;
  }

  #order(group: HostedGroup, to: ReplicaId): void {
    this.#deps.ticker.wake(group);
    this.#deps.driver.step(group, {type: 'transferLeader', to});
  }

  /** The voter that holds most of the log, among those that are there and have room. */
  #successor(group: HostedGroup, {but, isAhead = false}: Wanted = {}): ReplicaId | undefined {
    const {driver, isFit, isQuick} = this.#deps;
    const status = replicaStatus(group, (replica) => driver.nodeOf(group, replica));
    const fit = status.members.filter(
      ({replica, state, isReachable, isRecentlyActive, matchIndex}) =>
        isReachable &&
        isRecentlyActive &&
        state !== 'snapshot' &&
        isFit(group, replica) &&
        but?.has(replica) !== true &&
        isVoter(group.configuration, replica) &&
        (!isAhead || (matchIndex > status.durableIndex && isQuick(group, replica))),
    );
    return fit.sort((a, b) => b.matchIndex - a.matchIndex)[0]?.replica;
  }
}
