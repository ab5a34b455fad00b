// Who stands where nobody leads, when a node comes: a cluster that was started has thousands of groups
// without a leader, and need not wait until their timers run out. Of each group's members one stands,
// the same by everybody's count, so that no two ask each other at once; the timers are there for when it
// does not, and wait while the queue of those who are to stand is worked off. A node counts as come once a
// frame came from it: its beats begin before its groups are open, and what is sent to them then is lost.
// To be told from, a few groups begin without that.

import type {NodeId} from '@flotilla/base';
import type {Driver} from './driver.ts';
import type {HostedGroup} from './hosted-group.ts';

/** Begun with a node that has not sent anything: one answer is enough, more in case some have a leader. */
const PROBES = 8;
/**
 * Under way at once: 512 elections are some 20 ms of work for a member, so a turn stays far below what
 * makes a thread count as stalled, and the votes of hundreds of groups still share records and frames.
 * More of them, begun faster than busy machines decide them, end each other by their timers.
 */
const UNDERWAY_MAX = 512;

export interface Standing {
  /** It is this replica's place to stand, and enough members' nodes have come. */
  isDue(group: HostedGroup, hasCome: (node: NodeId) => boolean): boolean;
  stand(group: HostedGroup): void;
}

export class FirstElections {
  readonly #driver: Driver;
  readonly #standing: Standing;
  /** Engine threads of each node that have sent something in its present life. */
  readonly #come = new Map<NodeId, Set<number>>();
  readonly #queue = new Set<HostedGroup>();
  /** Where an election was begun from the queue, and when. */
  readonly #underway = new Map<HostedGroup, number>();
  readonly #patienceMs: number;

  /** @param patienceMs an election without an end keeps the next from beginning for so long. */
  constructor(driver: Driver, standing: Standing, patienceMs: number) {
    this.#driver = driver;
    this.#standing = standing;
    this.#patienceMs = patienceMs;
  }

  /** The node is alive; what it had begun before is over. */
  nodeCame(node: NodeId): void {
    this.#come.delete(node);
    let probes = 0;
    for (const group of this.#driver.groups.values()) {
      if (!this.#isDue(group, (other) => other === node || this.#come.has(other))) continue;
      this.#standing.stand(group);
      probes += 1;
      if (probes === PROBES) return;
    }
  }

  nodeWent(node: NodeId): void {
    this.#come.delete(node);
  }

  /** A frame came from the node's thread. */
  heard(node: NodeId, thread: number): void {
    const threads = this.#come.get(node) ?? new Set();
    if (threads.has(thread)) return;
    threads.add(thread);
    this.#come.set(node, threads);
    this.review();
  }

  /** More may be elected by now than before. */
  review(): void {
    for (const group of this.#driver.groups.values())
      if (isLeaderless(group)) this.#queue.add(group);
  }

  /** Called at each tick. */
  run(nowMs: number): void {
    for (const [group, sinceMs] of this.#underway) {
      const isOver = group.isGone || group.role.leader !== 0;
      if (isOver || nowMs - sinceMs >= this.#patienceMs) this.#underway.delete(group);
    }
    for (const group of this.#queue) {
      if (this.#underway.size >= UNDERWAY_MAX) return;
      this.#queue.delete(group);
      if (!this.#isDue(group, (node) => this.#come.has(node))) continue;
      this.#standing.stand(group);
      this.#underway.set(group, nowMs);
    }
  }

  /**
   * One of its members is to stand soon: its timer waits for that. Otherwise those of the last in a long
   * queue run out, of all their members, and what they ask makes the queue longer.
   */
  holds(group: HostedGroup): boolean {
    return this.#queue.size > 0 && group.ledTerm === 0 && isLeaderless(group);
  }

  #isDue(group: HostedGroup, hasCome: (node: NodeId) => boolean): boolean {
    return isLeaderless(group) && this.#standing.isDue(group, hasCome);
  }
}

/** A candidate's election is under way; one that asks for pre-votes may have asked who was not there. */
function isLeaderless({isGone, isManual, role}: HostedGroup): boolean {
  return !isGone && !isManual && role.leader === 0 && role.role !== 'candidate';
}
