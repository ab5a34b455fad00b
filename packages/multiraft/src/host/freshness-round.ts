// Replicas read now and then for no one but themselves, few at a time, so that their age is known when
// a majority is lost: then it is too late to ask.

import type {HostedGroup} from './hosted-group.ts';
import type {Timing} from './timing.ts';

/**
 * In one call, of which there is one a second: 0.2 ms of work for each read, on all its replicas
 * together (600 sleeping sets on three hosts in one thread, Node 24.21). 10,000 idle replicas of a
 * thread have their turn in twenty minutes.
 */
const CONFIRMS_PER_CALL = 8;

/**
 * Of an election timeout: so long such a read may take. It keeps the replica awake while its leader may
 * sleep: with more of it a lost answer would begin an election.
 */
const CONFIRM_SHARE = 0.75;

/** Goes round all groups, a bounded number of reads at a time. */
export class FreshnessRound {
  readonly #groups: ReadonlyMap<unknown, HostedGroup>;
  readonly #waitMsMax: number;
  #rest: Iterator<HostedGroup> | undefined;

  constructor(
    groups: ReadonlyMap<unknown, HostedGroup>,
    {electionTicks, tickMs}: Pick<Timing, 'electionTicks' | 'tickMs'>,
  ) {
    this.#groups = groups;
    this.#waitMsMax = CONFIRM_SHARE * electionTicks * tickMs;
  }

  /** Calls `confirm` for those that are due, from where the last call ended; at most once round. */
  run(nowMs: number, confirm: (group: HostedGroup, deadlineMs: number) => void): void {
    let confirms = 0;
    for (let visits = 0; visits < this.#groups.size && confirms < CONFIRMS_PER_CALL; visits++) {
      const group = this.#next();
      if (group === undefined) return;
      // Without a leader nobody would answer.
      if (group.isGone || group.isInstalling || group.role.leader === 0) continue;
      if (!group.freshness.isDue(group.appliedIndex, nowMs)) continue;
      group.freshness.tried(nowMs);
      confirm(group, nowMs + this.#waitMsMax);
      confirms++;
    }
  }

  #next(): HostedGroup | undefined {
    for (let attempt = 0; attempt < 2; attempt++) {
      this.#rest ??= this.#groups.values()[Symbol.iterator]();
      const {value, done} = this.#rest.next();
      if (done !== true) return value;
      this.#rest = undefined;
    }
    return undefined;
  }
}
