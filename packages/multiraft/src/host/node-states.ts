// What the node-level liveness says, told to the groups. A dead node's groups are not left to their
// own timers: their followers forget the leader and campaign at once, one a little before the other,
// under pre-vote, so that one wins without disturbing the others.

import type {NodeId, ReplicaId} from '@flotilla/base';
import {isVoter, membersOf, voteResult} from '@flotilla/raft';
import type {Driver} from './driver.ts';
import {FirstElections} from './first-elections.ts';
import type {ElectionCause} from './host-counts.ts';
import type {HostedGroup} from './hosted-group.ts';
import type {HostOptions} from './options.ts';
import {SlowDisks} from './slow-disks.ts';
import type {Store} from './store.ts';
import type {Ticker} from './ticker.ts';
import type {Timing} from './timing.ts';

export interface NodeState {
  /** `gone`: its connection was reset or closed. */
  readonly state: 'alive' | 'suspect' | 'gone';
  readonly bootEpoch: number;
  /** Engine threads of the node that stand still: what they lead counts as led by a dead node. */
  readonly stalledThreads?: readonly number[] | undefined;
  /** Those whose disk has taken nothing for half as long: they should be given nothing to lead. */
  readonly slowThreads?: readonly number[] | undefined;
  /** Some store of it takes no proposals: it should lead nothing. */
  readonly isFull?: boolean | undefined;
}

/** Of a node that has told nothing yet: whatever it tells is of a later life. */
export const MISSED: NodeState = {state: 'gone', bootEpoch: 0};

/** Of elections, by what became of the leader's node. */
const CAUSES = {
  alive: 'node_restarted',
  suspect: 'node_silent',
  gone: 'connection_lost',
} as const satisfies Record<NodeState['state'], ElectionCause>;

/** Before the group's own election timer takes over. */
const CAMPAIGNS_MAX = 4;
/**
 * In spreads of the preset: so long an election may take, with two round trips and two writes on a busy
 * machine, before it is begun anew; and so long the others wait for one that they gave a vote to. Less
 * ends elections that were about to be won, by a higher term: measured, 20 ms of network and 40 ms of
 * disk made a median of 550 ms of what takes 190.
 */
const ELECTION_SPREADS = 6;
/** In elections: nodes that start together have connected by then. */
const MISSED_ELECTIONS = 2;

export class NodeStates {
  readonly #options: HostOptions;
  readonly #timing: Timing;
  readonly #driver: Driver;
  readonly #ticker: Ticker;
  readonly #states = new Map<NodeId, NodeState>();
  readonly #slowDisks: SlowDisks;
  /** Led from a thread that stands still, while this one or its disk does too, or did; since when it was told. */
  readonly #postponed = new Map<HostedGroup, number>();
  readonly #first: FirstElections;
  /** In this life of the host. */
  readonly #heardFrom = new Set<NodeId>();
  readonly #missedFromMs: number;
  #isVouched: boolean;
  /** When this loop was last late. */
  #lateAtMs = -Infinity;

  constructor(options: HostOptions, timing: Timing, driver: Driver, ticker: Ticker) {
    this.#options = options;
    this.#timing = timing;
    this.#driver = driver;
    this.#ticker = ticker;
    this.#slowDisks = new SlowDisks(timing);
    const standing = {
      isDue: (group: HostedGroup, hasCome: (node: NodeId) => boolean) =>
        this.#isDueFirst(group, hasCome),
      stand: (group: HostedGroup) => {
        group.electionCause = 'first_leader';
        this.#stand(group);
      },
    };
    const patienceMs = timing.electionTicks * timing.tickMs;
    this.#first = new FirstElections(driver, standing, patienceMs);
    this.#isVouched = options.awaitsVouching !== true;
    this.#missedFromMs = options.clock.monotonicMs() + MISSED_ELECTIONS * patienceMs;
  }

  /** True if the node is a new process since it was last heard of. */
  change(node: NodeId, state: NodeState): boolean {
    const before = this.#states.get(node);
    this.#states.set(node, state);
    const nowMs = this.#options.clock.monotonicMs();
    this.#slowDisks.told(node, before?.slowThreads ?? [], state.slowThreads ?? [], nowMs);
    const isNew = before !== undefined && before.bootEpoch !== state.bootEpoch;
    this.#tellStalls(node, before?.stalledThreads ?? [], state.stalledThreads ?? []);
    if (before?.state === state.state && !isNew) return false;
    const isAlive = state.state === 'alive';
    for (const group of this.#driver.groups.values())
      if (!group.isGone) this.#tell(group, node, {state: state.state, isNew});
    if (isAlive) this.#first.nodeCame(node);
    else this.#first.nodeWent(node);
    return isNew;
  }

  /** A frame came from the engine thread of the node. */
  heardFrom(node: NodeId, thread: number): void {
    this.#heardFrom.add(node);
    this.#first.heard(node, thread);
  }

  /** Called at each tick, with how late it is. */
  tick(stores: readonly Store[], nowMs: number, lateMs: number): void {
    if (lateMs > this.#timing.lateMs) this.#lateAtMs = nowMs;
    this.#slowDisks.look(stores, nowMs, this.#ticker.seenUptoMs);
    this.#first.run(nowMs);
    for (const [group, toldMs] of this.#postponed) {
      const isOver = group.isGone || group.isLeader || this.isLeaderAlive(group);
      if (!isOver && this.#bearsWith(group, nowMs - toldMs)) continue;
      this.#postponed.delete(group);
      if (!isOver) this.depose(group, 'thread_stalled');
    }
  }

  /**
   * Nodes of which nothing was heard since this host began, though leaders here wait for their replicas,
   * awake, and would for as long as they are away.
   */
  missed(nowMs: number): Set<NodeId> {
    const missed = new Set<NodeId>();
    if (nowMs < this.#missedFromMs) return missed;
    for (const {node} of this.#awaited())
      if (!this.#states.has(node) && !this.#heardFrom.has(node)) missed.add(node);
    return missed;
  }

  /**
   * Tells leaders that wait, awake, for what members on gone nodes lack. They were told as it went, but for
   * whoever was no member yet, or not known to live there.
   */
  remind(): void {
    for (const {group, id, node} of this.#awaited()) {
      if (!this.isGone(node)) continue;
      const isCounted = group.raft.status().progress.get(id)?.reachable === true;
      if (isCounted) this.#driver.step(group, {type: 'reachable', id, reachable: false});
    }
  }

  /** The other members of groups that are led here and awake, since something is under way in them. */
  *#awaited(): Generator<{group: HostedGroup; id: ReplicaId; node: NodeId}> {
    for (const group of this.#ticker.awake) {
      if (!group.isLeader || group.isIdle) continue;
      for (const id of group.others()) {
        const node = this.#driver.nodeOf(group, id);
        if (node !== undefined && !group.isGone) yield {group, id, node};
      }
    }
  }

  /** Its timer waits: somebody is to stand for its first leader, or other nodes may know that it must not. */
  holds(group: HostedGroup): boolean {
    return this.#first.holds(group) || this.#awaitsVouching(group);
  }

  vouched(): void {
    if (this.#isVouched) return;
    this.#isVouched = true;
    this.#first.review();
  }

  /**
   * It would elect itself without asking anybody, from a store that may be an old image. A replica that is
   * founded in this life is not: it stands when it is made.
   */
  #awaitsVouching({configuration, replica, role}: HostedGroup): boolean {
    if (this.#isVouched || role.role === 'leader') return false;
    // Asked of each group at each tick: no majority is counted for it.
    const {voters, votersOutgoing} = configuration;
    const isAlone = (ids: readonly number[]): boolean => ids.length === 1 && ids[0] === replica;
    return isAlone(voters) && (votersOutgoing.length === 0 || isAlone(votersOutgoing));
  }

  /** Whether the leader's node and engine thread are; also when nothing is known of them. */
  isLeaderAlive(group: HostedGroup): boolean {
    const {leader} = group.role;
    const known = this.#stateOf(group, leader);
    return known === undefined || (known.state === 'alive' && !isStalled(group, leader, known));
  }

  /** Whether a follower's group sleeps as a whole, and nobody is away who may lack what it holds. */
  isAtRest(group: HostedGroup): boolean {
    if (group.role.leader === 0 || !this.#ticker.sleepsAsWhole(group)) return false;
    return group.others().every((id) => {
      const node = this.#driver.nodeOf(group, id);
      return node !== undefined && this.#states.get(node)?.state === 'alive';
    });
  }

  /** Its connection is lost: on the next one its groups begin anew. */
  isGone(node: NodeId): boolean {
    return this.#states.get(node)?.state === 'gone';
  }

  /** Whether the replica could lead, as far as its node has told. */
  isFit(group: HostedGroup, replica: ReplicaId): boolean {
    const known = this.#stateOf(group, replica);
    return known === undefined || (known.isFull !== true && !isStalled(group, replica, known));
  }

  /** Whether its disk takes what it is given, and did lately, as far as its node has told. */
  isQuick(group: HostedGroup, replica: ReplicaId): boolean {
    const thread = group.threads.get(replica);
    const node = group.nodes.get(replica);
    if (thread === undefined || node === undefined) return true;
    if (this.#states.get(node)?.slowThreads?.includes(thread) === true) return false;
    return !this.#slowDisks.wasToldSlow(node, thread, this.#options.clock.monotonicMs());
  }

  /** Those whose beats come, and whose engine threads all run. */
  heard(): NodeId[] {
    const alive = [...this.#states].filter(
      ([, {state, stalledThreads = []}]) => state === 'alive' && stalledThreads.length === 0,
    );
    return alive.map(([node]) => node);
  }

  #stateOf(group: HostedGroup, replica: number): NodeState | undefined {
    const node = group.nodes.get(replica);
    return node === undefined ? undefined : this.#states.get(node);
  }

  /** Tells a group that was just opened which of its members' nodes are not alive. */
  introduce(group: HostedGroup): void {
    for (const [node, {state}] of this.#states)
      if (state !== 'alive') this.#tell(group, node, {state, isNew: false});
  }

  #tell(
    group: HostedGroup,
    node: NodeId,
    {state, isNew}: {state: NodeState['state']; isNew: boolean},
  ): void {
    const members = group.others().filter((id) => this.#driver.nodeOf(group, id) === node);
    if (members.length === 0) return;
    const isAlive = state === 'alive';
    // Whom it concerns says so: a leader by what a member lacks, a follower by having no leader.
    if (isNew) this.#ticker.wake(group);
    else this.#ticker.stir(group);
    for (const id of members) this.#driver.step(group, {type: 'reachable', id, reachable: isAlive});
    const wasLed = members.some((id) => id === group.role.leader);
    if (wasLed && (!isAlive || isNew)) this.depose(group, CAUSES[state]);
  }

  #tellStalls(node: NodeId, before: readonly number[], now: readonly number[]): void {
    const stalled = now.filter((thread) => !before.includes(thread));
    if (stalled.length === 0) return;
    const nowMs = this.#options.clock.monotonicMs();
    for (const group of this.#driver.groups.values()) {
      const {leader} = group.role;
      if (group.isGone || group.isLeader || group.nodes.get(leader) !== node) continue;
      const thread = group.threads.get(leader);
      if (thread === undefined || !stalled.includes(thread)) continue;
      if (this.#bearsWith(group, 0)) this.#postponed.set(group, nowMs);
      else this.depose(group, 'thread_stalled');
    }
  }

  /**
   * A leader that stands still stays for now. Not for long if the own disk only was slow: one that is often
   * slow must not keep a set with a leader whose disk is gone.
   */
  #bearsWith(group: HostedGroup, stalledMs: number): boolean {
    if (this.#standsStill(group)) return true;
    const nowMs = this.#options.clock.monotonicMs();
    return stalledMs < this.#slowDisks.patienceMs && this.#slowDisks.wasSlow(group.store, nowMs);
  }

  /**
   * Whether this thread, or its disk, is as slow: what holds up both is no fault of the leader's, and who
   * cannot write could not be elected. Of the disk not as long as a stall, or the first to see one would
   * always stand.
   */
  #standsStill({store}: HostedGroup): boolean {
    const {stallMs} = this.#timing;
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#lateAtMs < stallMs || this.#ticker.isLate(nowMs)) return true;
    const since = store.writingSinceMs;
    return since !== undefined && this.#ticker.seenUptoMs - since >= stallMs / 2;
  }

  /** Its leader leads no more, as far as it concerns this replica. */
  depose(group: HostedGroup, cause: ElectionCause): void {
    this.#ticker.wake(group);
    this.#driver.step(group, {type: 'forgetLeader'});
    group.electionCause = cause;
    this.campaignSoon(group);
  }

  /**
   * Soon, and a few times more while nobody leads. Of the voters that live one is the first to try, and
   * each other a spread later: a node that dies may have led thousands of sets, and each is asked for once.
   */
  campaignSoon(group: HostedGroup): void {
    const {random} = this.#options;
    const place = this.#placeOf(group) + random.next() / 4;
    this.#campaignAfter(group, place * this.#timing.campaignSpreadMs, 1);
  }

  #campaignAfter(group: HostedGroup, delayMs: number, attempt: number): void {
    const {clock} = this.#options;
    const {campaignSpreadMs: spreadMs, lateMs} = this.#timing;
    const dueMs = clock.monotonicMs() + delayMs;
    clock.setTimer(delayMs, () => {
      // What the leader sent while this loop was late is read after its timers, and before this one.
      if (clock.monotonicMs() - dueMs > lateMs) return this.#campaignAfter(group, 0, attempt);
      // Heard again before it was told that it had none: nothing that made it doubt is a reason any more.
      if (group.role.leader !== 0) group.electionCause = 'timer';
      if (group.isGone || group.isManual || group.role.leader !== 0 || group.isLeader) return;
      if (!isVoter(group.configuration, group.replica)) return;
      const backedMs = clock.monotonicMs() - group.backedAtMs;
      if (backedMs < ELECTION_SPREADS * spreadMs) {
        this.#campaignAfter(group, this.#nextTurnMs(group) - backedMs, attempt);
        return;
      }
      this.#stand(group);
      if (attempt === CAMPAIGNS_MAX) return;
      this.#campaignAfter(group, this.#nextTurnMs(group) * 2 ** (attempt - 1), attempt + 1);
    });
  }

  #stand(group: HostedGroup): void {
    this.#ticker.wake(group);
    this.#driver.step(group, {type: 'campaign'});
  }

  /** Whether this replica has the first place, and its node with those that have come can elect it. */
  #isDueFirst(group: HostedGroup, hasCome: (node: NodeId) => boolean): boolean {
    const {configuration, replica} = group;
    if (!isVoter(configuration, replica) || this.#isBacking(group)) return false;
    if (this.#awaitsVouching(group)) return false;
    if (this.#placeOf(group) > 0) return false;
    const votes = new Map<number, boolean>();
    for (const id of membersOf(configuration)) {
      const node = this.#driver.nodeOf(group, id as ReplicaId);
      votes.set(id, id === replica || (node !== undefined && hasCome(node)));
    }
    return voteResult(configuration, votes) === 'won';
  }

  /** It gave another its vote a short while ago. */
  #isBacking(group: HostedGroup): boolean {
    const backedMs = this.#options.clock.monotonicMs() - group.backedAtMs;
    return backedMs < ELECTION_SPREADS * this.#timing.campaignSpreadMs;
  }

  /** Once an election should be over; wider apart than at first, as the nodes seem to be slow. */
  #nextTurnMs(group: HostedGroup): number {
    const place = 2 * this.#placeOf(group) + this.#options.random.next();
    return (ELECTION_SPREADS + place) * this.#timing.campaignSpreadMs;
  }

  /**
   * Among the voters that live, from 0; turned by the set's number, or one node would lead all sets. Those whose disks
   * are full come last: they would refuse what is written until they have handed over.
   */
  #placeOf(group: HostedGroup): number {
    const {configuration, replica, role, set, store} = group;
    const stateOf = (id: number): NodeState | undefined => {
      const node = this.#driver.nodeOf(group, id as ReplicaId);
      return node === undefined ? undefined : this.#states.get(node);
    };
    const isFull = (id: number): boolean =>
      id === replica ? store.isFull : stateOf(id)?.isFull === true;
    const living = membersOf(configuration).filter((id) => {
      const known = stateOf(id);
      const isAway = known !== undefined && known.state !== 'alive';
      return isVoter(configuration, id) && id !== role.leader && !(isAway && id !== replica);
    });
    const alike = living.filter((id) => isFull(id) === isFull(replica)).sort((a, b) => a - b);
    const at = alike.indexOf(replica);
    if (at < 0) return 0;
    const before = isFull(replica) ? living.length - alike.length : 0;
    return before + ((at + set) % alike.length);
  }
}

function isStalled(group: HostedGroup, replica: number, {stalledThreads}: NodeState): boolean {
  const thread = group.threads.get(replica);
  return thread !== undefined && stalledThreads?.includes(thread) === true;
}
