// Logical time for the groups that need it, and sleep for those that do not. A group sleeps once its
// core is idle and only heartbeats passed for a few ticks, far fewer than an election timeout: it does not
// matter which of its members sleeps first. What replaces the timers is the liveness of nodes: a sleeping
// follower is woken when its leader's node is suspect, gone or began anew, or says that it no longer
// leads. A stalled loop delivers one tick, never the missed ones.

import type {Clock, Timer} from '@flotilla/base';
import type {Driver} from './driver.ts';
import type {HostedGroup} from './hosted-group.ts';
import type {Timing} from './timing.ts';

const FOLLOWER_QUIET_TICKS = 2;
/**
 * Between looks while all groups sleep: what the loop itself has to do then, and the sign that it lives,
 * need no more. Far below a stall.
 */
const ASLEEP_TICKS = 2;
export class Ticker {
  readonly #clock: Clock;
  readonly #timing: Timing;
  readonly #driver: Driver;
  readonly #onTick: (nowMs: number, lateMs: number) => void;
  readonly #isLeaderAlive: (group: HostedGroup) => boolean;
  readonly #isHeld: (group: HostedGroup) => boolean;
  readonly #awake = new Set<HostedGroup>();
  #timer: Timer | undefined;
  #isSlow = false;
  #dueMs = 0;
  /** When the loop was last seen alive. */
  lastTickMs: number;
  /** What had happened by then was seen here since: the tick before, after which the loop looked. */
  seenUptoMs: number;

  constructor(
    clock: Clock,
    timing: Timing,
    driver: Driver,
    hooks: {
      readonly onTick: (nowMs: number, lateMs: number) => void;
      readonly isLeaderAlive: (group: HostedGroup) => boolean;
      /** Its time stands still. */
      readonly isHeld: (group: HostedGroup) => boolean;
    },
  ) {
    this.#clock = clock;
    this.#timing = timing;
    this.#driver = driver;
    this.#onTick = hooks.onTick;
    this.#isLeaderAlive = hooks.isLeaderAlive;
    this.#isHeld = hooks.isHeld;
    this.lastTickMs = clock.monotonicMs();
    this.seenUptoMs = this.lastTickMs;
  }

  start(): void {
    const {blocked} = this.#driver.applier;
    this.#schedule(this.#awake.size === 0 && blocked.size === 0);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #schedule(isSlow: boolean): void {
    const {tickMs} = this.#timing;
    const delayMs = isSlow ? ASLEEP_TICKS * tickMs : tickMs;
    this.#isSlow = isSlow;
    this.#dueMs = this.#clock.monotonicMs() + delayMs;
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(delayMs, () => this.#tick());
  }

  /** Its next tick should have been long ago: the loop does, or waits for, something else. */
  isLate(nowMs: number): boolean {
    return nowMs - this.#dueMs > this.#timing.lateMs;
  }

  get awake(): ReadonlySet<HostedGroup> {
    return this.#awake;
  }

  /** Something beside heartbeats happened to the group. */
  wake(group: HostedGroup): void {
    if (group.isGone) return;
    group.quietTicks = 0;
    group.isStirred = false;
    this.#rouse(group);
  }

  /**
   * A read came, or news of a node. It says nothing to the members that sleep, so a group that needs no
   * more sleeps again without the heartbeats that follow all else.
   */
  stir(group: HostedGroup): void {
    if (group.isGone) return;
    group.isStirred ||= group.isAsleep;
    if (group.isStirred) this.#rouse(group);
    else this.wake(group);
  }

  #rouse(group: HostedGroup): void {
    group.isAsleep = false;
    this.#awake.add(group);
    // Its first tick comes as soon as if the others had been awake.
    if (this.#isSlow && this.#timer !== undefined) this.#schedule(false);
  }

  /**
   * A follower sleeps while its leader may still bring others up, whose heartbeats it hears. Whether its
   * leader sleeps as well, as far as it can tell: then each member whose node is alive holds all that it does.
   */
  sleepsAsWhole({isAsleep, heardMs}: HostedGroup): boolean {
    const {electionTicks, tickMs} = this.#timing;
    return isAsleep && this.lastTickMs - heardMs > electionTicks * tickMs;
  }

  remove(group: HostedGroup): void {
    this.#awake.delete(group);
    this.#driver.changed.mark(group);
  }

  #tick(): void {
    const lateMs = this.#clock.monotonicMs() - this.#dueMs;
    this.start();
    this.seenUptoMs = this.lastTickMs;
    this.lastTickMs = this.#clock.monotonicMs();
    for (const group of this.#awake) this.#tickGroup(group);
    for (const group of this.#driver.applier.retryBlocked()) this.#driver.touch(group);
    this.#onTick(this.#clock.monotonicMs(), lateMs);
  }

  #tickGroup(group: HostedGroup): void {
    if (group.isGone) return this.remove(group);
    group.quietTicks = group.isIdle ? group.quietTicks + 1 : 0;
    const isQuiet = group.isStirred || group.quietTicks > this.#enoughQuiet(group);
    if (group.isIdle && group.waits.isEmpty && isQuiet && this.#isSafe(group)) {
      group.isAsleep = true;
      group.isStirred = false;
      this.#awake.delete(group);
      this.#driver.changed.mark(group);
      return;
    }
    if (!this.#isHeld(group)) this.#driver.tick(group);
  }

  /**
   * An idle leader's members hold and know all that it knows: each sleeps after quiet ticks of its own, and
   * would need an election timeout of them to miss the leader. One round of heartbeats goes all the same, as
   * who woke the leader may have forgotten that it leads; more say nothing, and when thousands of groups
   * have just elected they are most of all messages.
   */
  #enoughQuiet(group: HostedGroup): number {
    return group.isLeader ? this.#timing.heartbeatTicks : FOLLOWER_QUIET_TICKS;
  }

  /** A leader whose node is not alive may still have been heard last: nobody would wake its followers. */
  #isSafe(group: HostedGroup): boolean {
    return group.isLeader || this.#isLeaderAlive(group);
  }
}
