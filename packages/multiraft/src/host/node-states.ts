// What the node-level liveness says, told to the groups. A dead node's groups are not left to their
// own timers: their followers forget the leader and campaign at once, spread at random, under
// pre-vote, so that one wins without disturbing the others.

import type {NodeId} from '@flotilla/base';
import {isVoter} from '@flotilla/raft';
import type {Driver} from './driver.ts';
import type {HostedGroup} from './hosted-group.ts';
import type {HostOptions} from './options.ts';
import type {Ticker} from './ticker.ts';
import type {Timing} from './timing.ts';

export interface NodeState {
  /** `gone`: its connection was reset or closed. */
  readonly state: 'alive' | 'suspect' | 'gone';
  readonly bootEpoch: number;
  /** Engine threads of the node that stand still: what they lead counts as led by a dead node. */
  readonly stalledThreads?: readonly number[] | undefined;
  /** Some store of it takes no proposals: it should lead nothing. */
  readonly isFull?: boolean | undefined;
}

/** Before the group's own election timer takes over. */
const CAMPAIGNS_MAX = 4;

export class NodeStates {
  readonly #options: HostOptions;
  readonly #timing: Timing;
  readonly #driver: Driver;
  readonly #ticker: Ticker;
  readonly #states = new Map<NodeId, NodeState>();

  constructor(options: HostOptions, timing: Timing, driver: Driver, ticker: Ticker) {
    this.#options = options;
    this.#timing = timing;
    this.#driver = driver;
    this.#ticker = ticker;
  }

  /** True if the node is a new process since it was last heard of. */
  change(node: NodeId, state: NodeState): boolean {
    const before = this.#states.get(node);
    this.#states.set(node, state);
    const isNew = before !== undefined && before.bootEpoch !== state.bootEpoch;
    this.#tellStalls(node, before?.stalledThreads ?? [], state.stalledThreads ?? []);
    if (before?.state === state.state && !isNew) return false;
    const isAlive = state.state === 'alive';
    for (const group of this.#driver.groups.values())
      if (!group.isGone) this.#tell(group, node, {isAlive, isNew});
    return isNew;
  }

  /** Whether the leader's node and engine thread are; also when nothing is known of them. */
  isLeaderAlive(group: HostedGroup): boolean {
    const {leader} = group.role;
    const node = group.nodes.get(leader);
    const known = node === undefined ? undefined : this.#states.get(node);
    if (known === undefined) return true;
    const thread = group.threads.get(leader);
    const isStalled = thread !== undefined && known.stalledThreads?.includes(thread) === true;
    return known.state === 'alive' && !isStalled;
  }

  isFull(node: NodeId | undefined): boolean {
    return node !== undefined && this.#states.get(node)?.isFull === true;
  }

  /** Tells a group that was just opened which of its members' nodes are not alive. */
  introduce(group: HostedGroup): void {
    for (const [node, {state}] of this.#states)
      if (state !== 'alive') this.#tell(group, node, {isAlive: false, isNew: false});
  }

  #tell(group: HostedGroup, node: NodeId, change: {isAlive: boolean; isNew: boolean}): void {
    const members = group.others().filter((id) => this.#driver.nodeOf(group, id) === node);
    if (members.length === 0) return;
    const {isAlive, isNew} = change;
    this.#ticker.wake(group);
    for (const id of members) this.#driver.step(group, {type: 'reachable', id, reachable: isAlive});
    const wasLed = members.some((id) => id === group.role.leader);
    if (wasLed && (!isAlive || isNew)) this.#depose(group);
  }

  #tellStalls(node: NodeId, before: readonly number[], now: readonly number[]): void {
    const stalled = now.filter((thread) => !before.includes(thread));
    if (stalled.length === 0) return;
    for (const group of this.#driver.groups.values()) {
      const {leader} = group.role;
      if (group.isGone || group.isLeader || group.nodes.get(leader) !== node) continue;
      const thread = group.threads.get(leader);
      if (thread !== undefined && stalled.includes(thread)) this.#depose(group);
    }
  }

  #depose(group: HostedGroup): void {
    this.#ticker.wake(group);
    this.#driver.step(group, {type: 'forgetLeader'});
    this.campaignSoon(group);
  }

  /** Soon, at random, and a few times more while nobody leads. */
  campaignSoon(group: HostedGroup, left = CAMPAIGNS_MAX): void {
    const {clock, random} = this.#options;
    const spreadMs = this.#timing.campaignSpreadMs;
    const pauseMs = left === CAMPAIGNS_MAX ? 0 : 2 * spreadMs;
    clock.setTimer(pauseMs + random.next() * spreadMs, () => {
      if (group.isGone || group.isManual || group.role.leader !== 0 || group.isLeader) return;
      if (!isVoter(group.configuration, group.replica)) return;
      this.#ticker.wake(group);
      this.#driver.step(group, {type: 'campaign'});
      if (left > 1) this.campaignSoon(group, left - 1);
    });
  }
}
