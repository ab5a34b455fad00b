// Who stands where nobody leads, when a node comes: a cluster that was started has thousands of groups
// without a leader, and need not wait until their timers run out. Of each group's members one stands,
// the same by everybody's count, so that no two ask each other at once; the timers are there for when it
// does not. A node counts as come once a frame came from it: its beats begin before its groups are open,
// and what is sent to them then is lost. To be told from, a few groups begin without that.

import type {NodeId} from '@flotilla/base';
import type {Driver} from './driver.ts';
import type {HostedGroup} from './hosted-group.ts';

/** Begun with a node that has not sent anything: one answer is enough, more in case some have a leader. */
const PROBES = 8;
/**
 * Begun in one tick: 512 elections are some 20 ms of work for a member, so a turn stays far below what
 * makes a thread count as stalled, and the votes of hundreds of groups still share records and frames.
 */
const STANDING_PER_TICK = 512;

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
  #queue = new Set<HostedGroup>();

  constructor(driver: Driver, standing: Standing) {
    this.#driver = driver;
    this.#standing = standing;
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
    for (const group of this.#driver.groups.values())
      if (isLeaderless(group)) this.#queue.add(group);
  }

  /** Called at each tick. */
  run(): void {
    let stood = 0;
    for (const group of this.#queue) {
      if (stood === STANDING_PER_TICK) return;
      this.#queue.delete(group);
      if (!this.#isDue(group, (node) => this.#come.has(node))) continue;
      this.#standing.stand(group);
      stood += 1;
    }
  }

  #isDue(group: HostedGroup, hasCome: (node: NodeId) => boolean): boolean {
    return isLeaderless(group) && this.#standing.isDue(group, hasCome);
  }
}

/** A candidate's election is under way; one that asks for pre-votes may have asked who was not there. */
function isLeaderless({isGone, isManual, role}: HostedGroup): boolean {
  return !isGone && !isManual && role.leader === 0 && role.role !== 'candidate';
}
