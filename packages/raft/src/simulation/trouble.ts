// Random trouble for a cluster: messages are lost, doubled and reordered, disks are late, processes
// crash and stand still, members come and go. What is frequent and what is rare, the seed decides.

import type {ConfigChange, Configuration} from '../configuration.ts';
import {isJoint, membersOf} from '../configuration.ts';
import type {LabReplica} from '../lab/index.ts';
import type {Cluster} from './cluster.ts';
import {coup, failedRead, lostAnswers, rejoin, transferToTheDead} from './coups.ts';
import {type EventName, LEADER_EVENTS, Lottery} from './events.ts';

/** Ids available to later members. */
const REPLICAS_MAX = 12;

/** Several steps in one. */
type History = (cluster: Cluster, leader: LabReplica) => void;

export class Trouble {
  /** Whether the last event is one to see the end of. */
  restDue = false;
  readonly #cluster: Cluster;
  readonly #lottery: Lottery;
  /** Members whose disks are behind: what they acknowledge too early is lost in a crash. */
  readonly #isLazy: (id: number) => boolean;
  /** State machines that are behind. */
  readonly #isSlow: (id: number) => boolean;
  /** Payloads leave memory as soon as they may, and reading them again may fail. */
  readonly #evicts: boolean;
  /** Processes that stand still while their clocks go on. */
  readonly #paused = new Set<number>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#lottery = new Lottery(cluster.random);
    const every = cluster.pick([1, 2, 3, 3, 100]);
    const rest = cluster.random.below(every);
    this.#isLazy = (id) => id % every === rest;
    const slow = cluster.pick([2, 3, 100, 100]);
    this.#isSlow = (id) => id % slow === 0;
    this.#evicts = cluster.random.below(3) === 0;
  }

  /** One random event. */
  step(): void {
    this.restDue = false;
    const event = this.#lottery.draw();
    const replica = LEADER_EVENTS.has(event) ? this.#pickLeader() : this.#pickMember();
    this.#act(event, replica);
    const now = this.#cluster.replicas.get(replica.id)!;
    if (!this.#paused.has(now.id)) this.#serveSnapshots(now);
  }

  /** All trouble of its own ends. */
  end(): void {
    this.#paused.clear();
  }

  #act(event: EventName, replica: LabReplica): void {
    switch (event) {
      case 'deliver':
        for (let left = this.#below(6); left >= 0; left--) this.#deliver();
        break;
      case 'tick':
        this.#tick(replica);
        break;
      case 'cut':
        this.#cutLink();
        break;
      case 'isolate':
        this.#isolate(replica);
        break;
      case 'heal':
        this.#cluster.network.heal();
        break;
      case 'pause':
        this.#paused.add(replica.id);
        break;
      case 'wake':
        this.#paused.clear();
        break;
      case 'crash':
        this.#paused.delete(replica.id);
        this.#cluster.crash(replica);
        break;
      case 'endTransfers':
        this.#cluster.endTransfers();
        break;
      default:
        if (!this.#paused.has(replica.id)) this.#actOf(event, replica);
    }
  }

  /** What a process does that does not stand still. */
  #actOf(event: EventName, replica: LabReplica): void {
    const cluster = this.#cluster;
    switch (event) {
      case 'turn':
        this.#turn(replica);
        break;
      case 'process':
        cluster.process(replica);
        break;
      case 'persist':
        if (!this.#isLazy(replica.id) || this.#below(3) === 0)
          cluster.persist(replica, 1 + this.#below(2));
        break;
      case 'apply':
        cluster.apply(replica, 1 + this.#below(3));
        break;
      case 'propose':
        cluster.propose(replica, 1 + this.#below(3));
        break;
      case 'read':
        cluster.read(replica);
        break;
      case 'members':
        this.#changeMembers(replica);
        break;
      case 'compact':
        cluster.compact(replica, this.#below(3));
        break;
      case 'transfer':
        this.#transfer(replica);
        break;
      case 'campaign':
        cluster.step(replica, {type: 'campaign'});
        break;
      case 'forget':
        cluster.step(replica, {type: 'forgetLeader'});
        break;
      case 'reach':
        cluster.reportReachable(replica, this.#pickAny().id, this.#below(2) === 0);
        break;
      case 'unreachable':
        cluster.step(replica, {type: 'unreachable', id: this.#pickAny().id});
        break;
      case 'evict':
        this.#evict(replica);
        break;
      case 'replay': {
        const parcel = cluster.network.captured(replica.id);
        if (parcel !== undefined) cluster.receive(parcel);
        break;
      }
      case 'coup':
        this.#history(coup, replica);
        break;
      case 'lostAnswers':
        this.#history(lostAnswers, replica);
        break;
      case 'failedRead':
        this.#history(failedRead, replica);
        break;
      case 'rejoin':
        this.#history(rejoin, replica);
        break;
      case 'deadTransfer':
        this.#history(transferToTheDead, replica);
        break;
    }
  }

  /** What follows at once may be the end of all trouble. */
  #history(history: History, replica: LabReplica): void {
    history(this.#cluster, replica);
    this.restDue = this.#below(6) === 0;
  }

  /** One replica's clock, or under lease reads, which need clocks of about one rate, all of them. */
  #tick(replica: LabReplica): void {
    const {leaseReads, replicas} = this.#cluster;
    if (!leaseReads) {
      if (!this.#paused.has(replica.id)) this.#cluster.tick(replica);
    } else if (this.#below(replicas.size) < 2) {
      this.#cluster.passTime((id) => !this.#paused.has(id));
    }
  }

  #turn(replica: LabReplica): void {
    this.#cluster.process(replica);
    if (!this.#isLazy(replica.id)) this.#cluster.persist(replica);
    if (!this.#isSlow(replica.id)) this.#cluster.apply(replica);
    if (this.#evicts) this.#evict(replica);
    this.#cluster.process(replica);
  }

  #evict(replica: LabReplica): void {
    replica.readsFail = this.#below(3) === 0;
    this.#cluster.step(replica, {type: 'evict', uptoIndex: replica.appliedIndex});
  }

  #deliver(): void {
    const parcel = this.#cluster.network.take();
    if (parcel === undefined) return;
    // Who stands still hears it later, if at all.
    if (this.#paused.has(parcel.message.to)) this.#cluster.network.post(parcel);
    else this.#cluster.receive(parcel);
  }

  /** Mostly somebody whom a leader counts: the rest has nothing to say. */
  #pickMember(): LabReplica {
    const leader = this.#anyLeader();
    if (leader === undefined || this.#below(8) === 0) return this.#pickAny();
    const members = membersOf(this.#cluster.laws.last(leader.id)!.configuration);
    return this.#cluster.replicas.get(this.#cluster.pick(members))!;
  }

  /** Of any term: a deposed leader that does not know it is the most dangerous one. */
  #pickLeader(): LabReplica {
    const leader = this.#anyLeader();
    return leader === undefined || this.#below(4) === 0 ? this.#pickAny() : leader;
  }

  #anyLeader(): LabReplica | undefined {
    const leaders = this.#cluster.leaders();
    return leaders.length === 0 ? undefined : this.#cluster.pick(leaders);
  }

  #pickAny(): LabReplica {
    return this.#cluster.pick([...this.#cluster.replicas.values()]);
  }

  #changeMembers(replica: LabReplica): void {
    const {configuration, role, configIndex} = replica.group.status();
    if (role !== 'leader') return;
    const expectedConfigIndex = this.#cluster.pick([undefined, configIndex, configIndex - 1]);
    const fence = expectedConfigIndex === undefined ? {} : {expectedConfigIndex};
    if (isJoint(configuration)) {
      this.#cluster.proposeConfig(replica, {mode: 'leave', changes: [], ...fence});
      return;
    }
    const swap = this.#below(2) === 0;
    const changes = swap ? this.#swapVoters(configuration) : this.#randomChanges(configuration);
    const mode = this.#cluster.pick(['simple', 'joint', 'joint-explicit'] as const);
    this.#cluster.proposeConfig(replica, {mode, changes, ...fence});
  }

  /** Another half of the members votes: the joint configuration's halves share little or nothing. */
  #swapVoters(configuration: Configuration): ConfigChange[] {
    return membersOf(configuration).map((id) => {
      const votes = configuration.voters.includes(id);
      const stays = this.#below(4) === 0;
      return {type: votes === stays ? 'voter' : 'learner', id};
    });
  }

  #randomChanges(configuration: Configuration): ConfigChange[] {
    const members = membersOf(configuration);
    const changes: ConfigChange[] = [];
    const count = 1 + this.#below(3);
    for (let i = 0; i < count; i++) {
      const id = 1 + this.#below(REPLICAS_MAX);
      if (changes.some((change) => change.id === id)) continue;
      // Who was removed comes back only with its disk as it was: what it promised still holds.
      const isNew = !members.includes(id);
      if (isNew && !this.#cluster.replicas.has(id)) this.#cluster.addEmpty(id);
      const types = isNew ? (['learner', 'learner', 'voter'] as const) : CHANGES;
      changes.push({type: this.#cluster.pick(types), id});
    }
    return changes;
  }

  /** The host may fail to make one, or never say anything of it again. */
  #serveSnapshots(replica: LabReplica): void {
    for (const {to} of replica.wanted.splice(0)) {
      const fate = this.#below(6);
      if (fate === 0) this.#cluster.step(replica, {type: 'snapshotSent', to, ok: false});
      else if (fate > 1) this.#cluster.sendSnapshot(replica, to);
    }
  }

  #transfer(replica: LabReplica): void {
    const members = membersOf(replica.group.status().configuration);
    if (members.length > 0)
      this.#cluster.step(replica, {type: 'transferLeader', to: this.#cluster.pick(members)});
  }

  #cutLink(): void {
    this.#cluster.network.cut(this.#pickAny().id, this.#pickAny().id);
  }

  #isolate(replica: LabReplica): void {
    const all = [...this.#cluster.replicas.keys()];
    const alone = this.#below(2) === 0;
    const ids = alone ? [replica.id] : all.filter(() => this.#below(2) === 0);
    this.#cluster.network.isolate(ids, all);
  }

  #below(limit: number): number {
    return this.#cluster.random.below(limit);
  }
}

const CHANGES = ['voter', 'voter', 'learner', 'remove'] as const;
