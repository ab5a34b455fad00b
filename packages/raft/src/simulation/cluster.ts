// A seeded run of one group under trouble: messages are lost, doubled and reordered, disks are late,
// processes crash and lose what was not durable, members come and go. After every step the laws of the
// paper (figure 3) are checked against what is durable and what was applied.

import {SeededRandom} from '@flotilla/base';
import type {ConfigChange, Configuration} from '../configuration.ts';
import {EMPTY_CONFIGURATION, isJoint, isVoter, membersOf} from '../configuration.ts';
import {LabDisk, type LabOptions, LabReplica, type LabSnapshot} from '../lab/index.ts';
import type {Message} from '../message.ts';
import {bootstrapState, emptyState} from '../options.ts';
import {type EventName, LEADER_EVENTS, WEIGHTS} from './events.ts';
import {Laws} from './laws.ts';
import {payloadOf, Requests} from './requests.ts';

export interface ClusterOptions {
  readonly seed: number;
  readonly voters: number;
  /** Ids available to later members. */
  readonly replicasMax: number;
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  readonly leaseReads: boolean;
}

interface InFlight {
  readonly message: Message;
  readonly contents: LabSnapshot | undefined;
}

const IN_FLIGHT_MAX = 40;

const ELECTION_TICKS = 8;

const encoder = new TextEncoder();

export class Cluster {
  readonly random: SeededRandom;
  readonly replicas = new Map<number, LabReplica>();
  readonly laws = new Laws();
  readonly #options: ClusterOptions;
  #network: InFlight[] = [];
  #contents = new Map<object, LabSnapshot>();
  readonly #requests = new Requests();
  #lastId = 0;
  /** Snapshots on their way whose sender has not been told the outcome. */
  #transfers: {from: number; to: number}[] = [];
  /** Links cut in one direction, as "from>to". */
  #cut = new Set<string>();
  /** Nodes reported gone, as "to>whom". */
  #gone = new Set<string>();
  readonly #weights: readonly (readonly [EventName, number])[];
  readonly #weightSum: number;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.random = new SeededRandom(options.seed);
    this.#weights = (Object.keys(WEIGHTS) as EventName[]).map((name) => [
      name,
      WEIGHTS[name] * this.#pick([0.3, 1, 1, 3]),
    ]);
    this.#weightSum = this.#weights.reduce((sum, [, weight]) => sum + weight, 0);
    const voters = Array.from({length: options.voters}, (_, i) => i + 1);
    const learners = [options.voters + 1, options.voters + 2];
    const configuration = {...EMPTY_CONFIGURATION, voters, learners};
    for (const id of membersOf(configuration))
      this.#add(id, new LabDisk(bootstrapState(configuration)));
  }

  #add(id: number, disk: LabDisk): void {
    this.replicas.set(id, new LabReplica(this.#labOptions(id), disk, (m) => this.#post(m)));
  }

  #labOptions(id: number): LabOptions {
    const {preVote, checkQuorum, leaseReads} = this.#options;
    return {
      id,
      random: this.random,
      timing: {electionTicks: ELECTION_TICKS, heartbeatTicks: 1},
      limits: {
        messageBytesMax: 60,
        inflightMessagesMax: 4,
        inflightBytesMax: 200,
        uncommittedBytesMax: 1_000,
        appliedBytesPerOutput: 60,
      },
      preVote,
      checkQuorum,
      leaseReads,
    };
  }

  #post(message: Message): void {
    const sender = this.replicas.get(message.from);
    if (sender !== undefined) this.laws.sent(message, sender.disk);
    if (this.#cut.has(`${message.from}>${message.to}`)) return;
    const contents = message.type === 'snapshot' ? this.#contents.get(message.snapshot) : undefined;
    this.#network.push({message, contents});
    // What waits for ever says nothing: a full network loses somebody.
    const {length} = this.#network;
    if (length > IN_FLIGHT_MAX) this.#network.splice(this.random.below(length), 1);
  }

  /** One random event, then the laws. */
  step(): void {
    const event = this.#pickEvent();
    const replica = LEADER_EVENTS.has(event) ? this.#pickLeader() : this.#pickMember();
    this.#act(event, replica);
    // A crash may have put a new process in its place.
    const now = this.replicas.get(replica.id)!;
    this.#serveSnapshots(now);
    this.#check(now);
  }

  #act(event: EventName, replica: LabReplica): void {
    switch (event) {
      case 'deliver':
        for (let left = this.random.below(6); left >= 0; left--) this.#deliver();
        break;
      case 'turn':
        this.#turn(replica);
        break;
      case 'process':
        replica.process();
        break;
      case 'persist':
        if (!this.#isLazy(replica) || this.random.below(3) === 0) {
          replica.persist(1 + this.random.below(2));
        }
        break;
      case 'apply':
        replica.apply(1 + this.random.below(3));
        break;
      case 'tick':
        this.#tick(replica);
        break;
      case 'propose':
        this.#propose(replica);
        break;
      case 'read':
        this.#read(replica);
        break;
      case 'crash':
        this.#crash(replica);
        break;
      case 'members':
        this.#changeMembers(replica);
        break;
      case 'compact':
        this.#compact(replica);
        break;
      case 'transfer':
        this.#transfer(replica);
        break;
      case 'cut':
        this.#cutLink();
        break;
      case 'isolate':
        if (this.random.below(2) === 0) this.#isolate([replica.id]);
        else this.#isolate([...this.replicas.keys()].filter(() => this.random.below(2) === 0));
        break;
      case 'heal':
        this.#cut.clear();
        break;
      case 'campaign':
        replica.step({type: 'campaign'});
        break;
      case 'forget':
        replica.step({type: 'forgetLeader'});
        break;
      case 'reach':
        this.#reportReachable(replica);
        break;
      case 'endTransfers':
        this.#endTransfers();
        break;
      case 'evict':
        replica.step({type: 'evict', uptoIndex: replica.appliedIndex});
        break;
    }
  }

  /** One replica's clock, or under lease reads, which need clocks of about one rate, all of them. */
  #tick(replica: LabReplica): void {
    if (!this.#options.leaseReads) replica.step({type: 'tick'});
    else if (this.random.below(this.replicas.size) < 2)
      for (const one of this.replicas.values()) one.step({type: 'tick'});
  }

  #turn(replica: LabReplica): void {
    replica.process();
    if (!this.#isLazy(replica)) replica.persist();
    replica.apply();
    replica.process();
  }

  /** Whose disk is behind in this run: what it acknowledges too early is lost in a crash. */
  #isLazy({id}: LabReplica): boolean {
    return (id + this.#options.seed) % 3 === 0;
  }

  #pickEvent(): EventName {
    let draw = this.random.next() * this.#weightSum;
    for (const [name, weight] of this.#weights) {
      draw -= weight;
      if (draw < 0) return name;
    }
    return 'deliver';
  }

  /** Mostly somebody whom a leader counts: the rest has nothing to say. */
  #pickMember(): LabReplica {
    const leader = this.#anyLeader();
    if (leader === undefined || this.random.below(8) === 0) return this.#pickAny();
    const members = membersOf(leader.group.status().configuration);
    return this.replicas.get(this.#pick(members))!;
  }

  /** Of any term: a deposed leader that does not know it is the most dangerous one. */
  #pickLeader(): LabReplica {
    const leader = this.#anyLeader();
    return leader === undefined || this.random.below(4) === 0 ? this.#pickAny() : leader;
  }

  #anyLeader(): LabReplica | undefined {
    const leaders = [...this.replicas.values()].filter(
      ({group}) => group.status().role === 'leader',
    );
    return leaders.length === 0 ? undefined : this.#pick(leaders);
  }

  #pickAny(): LabReplica {
    return this.#pick([...this.replicas.values()]);
  }

  #deliver(): void {
    if (this.#network.length === 0) return;
    // Mostly near the front, so that there is progress; sometimes anywhere.
    const far = this.random.below(4) === 0;
    const span = far ? this.#network.length : Math.min(3, this.#network.length);
    const at = this.random.below(span);
    const {message, contents} = this.#network[at]!;
    const fate = this.random.below(100);
    if (fate >= 6) this.#network.splice(at, 1);
    if (fate >= 94) return;
    const target = this.replicas.get(message.to);
    target?.receive(message, contents);
    if (target !== undefined) this.#check(target);
  }

  #propose(replica: LabReplica): void {
    const count = 1 + this.random.below(3);
    const entries = Array.from({length: count}, () => {
      const proposalId = ++this.#lastId;
      this.#requests.proposed(replica, proposalId);
      return {proposalId, payload: encoder.encode(payloadOf(proposalId))};
    });
    replica.step({type: 'propose', entries});
  }

  #read(replica: LabReplica): void {
    const readId = ++this.#lastId;
    this.#requests.read(replica, readId, this.laws.highestApplied);
    replica.step({type: 'readIndex', readId});
  }

  #crash(replica: LabReplica): void {
    const {id} = replica;
    if (this.random.below(2) === 0) replica.persist(this.random.below(3));
    if (this.random.below(2) === 0 && replica.group.status().pendingSnapshotIndex === 0) {
      replica.checkpoint();
    }
    this.#check(replica);
    this.#requests.crashed(replica);
    this.replicas.set(id, replica.restart());
    this.laws.restarted(id, replica.disk);
  }

  #changeMembers(replica: LabReplica): void {
    const {configuration, role} = replica.group.status();
    if (role !== 'leader') return;
    const proposalId = ++this.#lastId;
    this.#requests.proposed(replica, proposalId);
    if (isJoint(configuration)) {
      replica.step({type: 'proposeConfig', proposalId, mode: 'leave', changes: []});
      return;
    }
    const swap = this.random.below(2) === 0;
    const changes = swap ? this.#swapVoters(configuration) : this.#randomChanges(configuration);
    const mode = this.#pick(['simple', 'joint', 'joint-explicit'] as const);
    replica.step({type: 'proposeConfig', proposalId, mode, changes});
  }

  /** Another half of the members votes: the joint configuration's halves share little or nothing. */
  #swapVoters(configuration: Configuration): ConfigChange[] {
    return membersOf(configuration).map((id) => {
      const votes = configuration.voters.includes(id);
      const stays = this.random.below(4) === 0;
      return {type: votes === stays ? 'voter' : 'learner', id};
    });
  }

  #randomChanges(configuration: Configuration): ConfigChange[] {
    const members = membersOf(configuration);
    const changes: ConfigChange[] = [];
    const count = 1 + this.random.below(3);
    for (let i = 0; i < count; i++) {
      const id = 1 + this.random.below(this.#options.replicasMax);
      if (changes.some((change) => change.id === id)) continue;
      if (!members.includes(id)) {
        // A member that was here once never comes back: ids are not used again.
        if (this.replicas.has(id)) continue;
        this.#add(id, new LabDisk(emptyState()));
        changes.push({type: 'learner', id});
      } else {
        changes.push({type: this.#pick(['voter', 'voter', 'learner', 'remove'] as const), id});
      }
    }
    return changes;
  }

  #compact(replica: LabReplica): void {
    const {appliedIndex, stableIndex, pendingSnapshotIndex} = replica.group.status();
    if (pendingSnapshotIndex > 0) return;
    const boundary = Math.min(appliedIndex, stableIndex, replica.disk.lastIndex);
    replica.compact(boundary + 1 - this.random.below(3));
  }

  #serveSnapshots(replica: LabReplica): void {
    for (const {to} of replica.wanted.splice(0)) {
      const snapshot = this.random.below(4) === 0 ? undefined : replica.snapshot();
      if (snapshot === undefined) {
        replica.step({type: 'snapshotSent', to, ok: false});
        continue;
      }
      this.#contents.set(snapshot.meta, snapshot);
      replica.step({type: 'snapshotReady', to, snapshot: snapshot.meta});
      this.#transfers.push({from: replica.id, to});
    }
  }

  #endTransfers(): void {
    for (const {from, to} of this.#transfers.splice(0)) {
      const ok = this.random.below(2) === 0;
      this.replicas.get(from)?.step({type: 'snapshotSent', to, ok});
    }
  }

  #transfer(replica: LabReplica): void {
    const members = membersOf(replica.group.status().configuration);
    if (members.length > 0) replica.step({type: 'transferLeader', to: this.#pick(members)});
  }

  #cutLink(): void {
    const ids = [...this.replicas.keys()];
    this.#cut.add(`${this.#pick(ids)}>${this.#pick(ids)}`);
  }

  /** Cuts these off from the rest. */
  #isolate(ids: readonly number[]): void {
    for (const id of ids) {
      for (const other of this.replicas.keys()) {
        if (ids.includes(other)) continue;
        this.#cut.add(`${id}>${other}`);
        this.#cut.add(`${other}>${id}`);
      }
    }
  }

  #reportReachable(replica: LabReplica): void {
    const id = this.#pick([...this.replicas.keys()]);
    const reachable = this.random.below(2) === 0;
    if (this.random.below(2) === 0) {
      replica.step({type: 'unreachable', id});
      return;
    }
    replica.step({type: 'reachable', id, reachable});
    if (reachable) this.#gone.delete(`${replica.id}>${id}`);
    else this.#gone.add(`${replica.id}>${id}`);
  }

  /** Tells each replica that the nodes it was told were gone are back; nobody else is reset. */
  #bringBack(): void {
    for (const replica of this.replicas.values()) {
      for (const id of this.replicas.keys()) {
        if (!this.#gone.has(`${replica.id}>${id}`)) continue;
        replica.step({type: 'reachable', id, reachable: true});
      }
    }
  }

  #check(replica: LabReplica): void {
    this.laws.check(replica);
    for (const {index, atLeast} of this.#requests.take(replica, replica.takeEvents())) {
      this.laws.readServed(replica.id, index, atLeast);
    }
  }

  #pick<Value>(values: readonly Value[]): Value {
    return values[this.random.below(values.length)]!;
  }

  /** Ends all trouble and lets the group come to rest. True if it has a leader and agrees. */
  settle(ticksMax: number): boolean {
    this.#cut.clear();
    this.#endTransfers();
    this.#bringBack();
    for (let tick = 0; tick < ticksMax; tick++) {
      for (const replica of this.replicas.values()) replica.step({type: 'tick'});
      this.#drain();
      this.#endTransfers();
      if (this.#hasSettled()) return true;
    }
    return false;
  }

  /** Requires the group settled. What became of the requests, if it is not what must. */
  requestFault(): string | undefined {
    for (let tick = 0; tick < 2 * ELECTION_TICKS; tick++) {
      for (const replica of this.replicas.values()) replica.step({type: 'tick'});
      this.#drain();
    }
    return this.#requests.fault(this.laws.appliedData());
  }

  #drain(): void {
    for (let round = 0; round < 40; round++) {
      for (const replica of this.replicas.values()) {
        while (replica.process()) this.#check(replica);
        replica.persist();
        replica.apply();
        for (const {to} of replica.wanted.splice(0)) this.#answerSnapshot(replica, to);
        this.#check(replica);
      }
      const sent = this.#network.splice(0);
      if (sent.length === 0 && round > 0) return;
      for (const {message, contents} of sent) {
        this.replicas.get(message.to)?.receive(message, contents);
      }
    }
  }

  #answerSnapshot(replica: LabReplica, to: number): void {
    const snapshot = replica.snapshot();
    if (snapshot === undefined) {
      replica.step({type: 'snapshotSent', to, ok: false});
      return;
    }
    this.#contents.set(snapshot.meta, snapshot);
    replica.step({type: 'snapshotReady', to, snapshot: snapshot.meta});
    this.#transfers.push({from: replica.id, to});
  }

  /** One leader whose members all applied its whole log, out of any automatic joint configuration. */
  #hasSettled(): boolean {
    const leader = this.#leader();
    if (leader === undefined) return false;
    const {configuration, lastIndex} = leader.group.status();
    if (isJoint(configuration) && configuration.autoLeave) return false;
    return membersOf(configuration).every((id) => {
      const replica = this.replicas.get(id)!;
      // Under lease reads nobody that leads may rest.
      return replica.appliedIndex === lastIndex && (replica.idle || this.#options.leaseReads);
    });
  }

  #leader(): LabReplica | undefined {
    const leaders = [...this.replicas.values()].filter(
      ({group}) => group.status().role === 'leader',
    );
    leaders.sort((a, b) => b.group.status().term - a.group.status().term);
    const [leader] = leaders;
    if (leader === undefined) return undefined;
    return isVoter(leader.group.status().configuration, leader.id) ? leader : undefined;
  }

  describe(): string {
    return [...this.replicas.values()]
      .map(({group, idle}) => {
        const s = group.status();
        const progress = [...s.progress]
          .map(([id, p]) => `${id}:${p.state}/${p.matchIndex}/${p.nextIndex}`)
          .join(' ');
        return `${s.id} ${s.role} t${s.term} lead=${s.leader} last=${s.lastIndex} commit=${s.commitIndex} applied=${s.appliedIndex} idle=${idle} ${JSON.stringify(s.configuration)} ${progress}`;
      })
      .join('\n');
  }
}
