// The replicas of one group with their disks, clocks and network, and the steps that each may take.
// After every step the laws are checked, against what was said, what is durable and what was applied.

import {assert, type SeededRandom} from '@flotilla/base';
import {EMPTY_CONFIGURATION, membersOf} from '../configuration.ts';
import type {Input} from '../input.ts';
import {LabDisk, type LabOptions, LabReplica, type LabSnapshot} from '../lab/index.ts';
import type {Message} from '../message.ts';
import {bootstrapState, emptyState} from '../options.ts';
import {Clock} from './clock.ts';
import {ClockLaws} from './clock-laws.ts';
import {Laws} from './laws.ts';
import {Network, type NetworkOptions, type Parcel} from './network.ts';
import {payloadOf, Requests} from './requests.ts';

export interface ClusterOptions {
  readonly voters: number;
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  readonly leaseReads: boolean;
  readonly commitWaits: boolean;
  readonly uncommittedBytesMax: number;
  readonly network: Omit<NetworkOptions, 'random'>;
}

export const ELECTION_TICKS = 8;

/** Whoever does not lead, or whom nobody answers, learns of nothing later than this. */
const PATIENCE_TICKS = 2 * ELECTION_TICKS;

const encoder = new TextEncoder();

export class Cluster {
  readonly random: SeededRandom;
  readonly replicas = new Map<number, LabReplica>();
  readonly laws: Laws;
  readonly network: Network;
  readonly #options: ClusterOptions;
  /** Of the process that runs now. */
  readonly #clockLaws = new Map<number, ClockLaws>();
  readonly #clocks = new Map<number, Clock>();
  /** By the node's clock: a process counts from its start. */
  readonly #startedAt = new Map<number, number>();
  readonly #contents = new Map<object, LabSnapshot>();
  readonly #requests = new Requests();
  #lastId = 0;
  /** Snapshots on their way whose sender has not been told the outcome. */
  #transfers: {from: number; to: number}[] = [];
  /** Nodes reported gone, as "to>whom". */
  readonly #gone = new Set<string>();

  constructor(options: ClusterOptions, random: SeededRandom) {
    this.#options = options;
    this.random = random;
    this.laws = new Laws(this.replicas, options.commitWaits);
    this.network = new Network({...options.network, random});
    const voters = Array.from({length: options.voters}, (_, i) => i + 1);
    const learners = [options.voters + 1, options.voters + 2];
    const configuration = {...EMPTY_CONFIGURATION, voters, learners};
    for (const id of membersOf(configuration))
      this.#add(id, new LabDisk(bootstrapState(configuration)));
  }

  get leaseReads(): boolean {
    return this.#options.leaseReads;
  }

  /** A replica that nobody counts yet. */
  addEmpty(id: number): void {
    this.#add(id, new LabDisk(emptyState()));
  }

  #add(id: number, disk: LabDisk): void {
    this.#clocks.set(id, new Clock(this.random));
    this.#run(new LabReplica(this.#labOptions(id), disk, (m) => this.#post(m)));
  }

  /** A new process. */
  #run(replica: LabReplica): void {
    this.replicas.set(replica.id, replica);
    this.#startedAt.set(replica.id, this.#clocks.get(replica.id)!.now);
    const {checkQuorum} = this.#options;
    const law = {electionTicks: ELECTION_TICKS, checkQuorum};
    this.#clockLaws.set(replica.id, new ClockLaws(law, replica.group.status()));
  }

  #labOptions(id: number): LabOptions {
    const {preVote, checkQuorum, leaseReads, commitWaits, uncommittedBytesMax} = this.#options;
    // Where commits wait, heartbeats are seldom enough to leave their telling to the tick.
    const heartbeatTicks = commitWaits ? 2 : 1;
    return {
      id,
      random: this.random,
      timing: {electionTicks: ELECTION_TICKS, heartbeatTicks, commitWaits},
      limits: {
        messageBytesMax: 60,
        inflightMessagesMax: 4,
        inflightBytesMax: 200,
        uncommittedBytesMax,
        appliedBytesPerOutput: 60,
      },
      preVote,
      checkQuorum,
      leaseReads,
    };
  }

  #post(message: Message): void {
    const sender = this.replicas.get(message.from);
    if (sender !== undefined) this.laws.sent(message, sender);
    const contents = message.type === 'snapshot' ? this.#contents.get(message.snapshot) : undefined;
    this.network.post({message, contents});
  }

  step(replica: LabReplica, input: Input): void {
    replica.step(input);
    this.#check(replica);
  }

  receive({message, contents}: Parcel): void {
    const replica = this.replicas.get(message.to);
    if (replica === undefined) return;
    replica.receive(message, contents);
    const fault = this.#clockLaws.get(replica.id)!.received(message, replica.group.status());
    assert(fault === undefined, () => `${fault}`);
    this.#check(replica);
  }

  tick(replica: LabReplica): void {
    this.laws.ticks(replica);
    replica.step({type: 'tick'});
    const fault = this.#clockLaws.get(replica.id)!.ticked(replica.group.status());
    assert(fault === undefined, () => `${fault}`);
    this.#check(replica);
  }

  /** A tick's time for all clocks; only who is awake sees the tick. */
  passTime(isAwake: (id: number) => boolean = () => true): void {
    for (const [id, clock] of this.#clocks) {
      const replica = this.replicas.get(id)!;
      if (clock.advance() && isAwake(id)) this.tick(replica);
      replica.clockTicks = clock.now - this.#startedAt.get(id)!;
    }
  }

  process(replica: LabReplica): boolean {
    if (!replica.process()) return false;
    this.#check(replica);
    this.laws.outputTaken(replica);
    const {ticks} = this.#clockLaws.get(replica.id)!;
    const overdue = this.#requests.overdue(replica, ticks, PATIENCE_TICKS);
    assert(overdue === undefined, () => `at ${replica.id} ${overdue}`);
    return true;
  }

  persist(replica: LabReplica, count?: number): void {
    if (replica.persist(count)) this.#check(replica);
  }

  apply(replica: LabReplica, count?: number): void {
    if (replica.apply(count)) this.#check(replica);
  }

  #check(replica: LabReplica): void {
    const {id, events, group} = replica;
    const status = group.status();
    for (const {index, read} of this.#requests.take(replica, events))
      this.laws.readServed(replica, index, read);
    this.laws.check(replica, status);
    replica.takeEvents();
    this.#clockLaws.get(id)!.stepped(status);
  }

  propose(replica: LabReplica, count: number): void {
    const {transferTo, role, uncommittedBytes, commitIndex, lastIndex} = replica.group.status();
    const isFull = uncommittedBytes > this.#options.uncommittedBytesMax && commitIndex < lastIndex;
    const entries = Array.from({length: count}, () => {
      const proposalId = ++this.#lastId;
      this.#requests.proposed(replica, proposalId);
      if (isFull) this.#requests.forbid(proposalId, 'its uncommitted tail is full');
      if (role === 'leader' && transferTo !== 0)
        this.#requests.forbid(proposalId, 'it hands over leadership');
      return {proposalId, payload: encoder.encode(payloadOf(proposalId))};
    });
    this.step(replica, {type: 'propose', entries});
  }

  /** A change of members, made for those that the configuration of `expectedConfigIndex` holds. */
  proposeConfig(
    replica: LabReplica,
    change: Omit<Extract<Input, {type: 'proposeConfig'}>, 'type' | 'proposalId'>,
  ): void {
    const proposalId = ++this.#lastId;
    this.#requests.proposed(replica, proposalId);
    const {expectedConfigIndex} = change;
    const {configIndex} = replica.group.status();
    if (expectedConfigIndex !== undefined && expectedConfigIndex !== configIndex)
      this.#requests.forbid(proposalId, 'the members are others');
    this.step(replica, {type: 'proposeConfig', proposalId, ...change});
  }

  read(replica: LabReplica): void {
    const readId = ++this.#lastId;
    const status = replica.group.status();
    const {term} = status;
    const leading =
      status.role === 'leader' ? {term, round: this.laws.lastRound(status)} : undefined;
    const deadline = this.#clockLaws.get(replica.id)!.ticks + PATIENCE_TICKS;
    const atLeast = this.laws.highestApplied;
    this.#requests.read(readId, {replica, atLeast, leading, deadline});
    this.step(replica, {type: 'readIndex', readId});
  }

  /** The process ends, in the midst of its writes and messages, and another begins over its disk. */
  crash(replica: LabReplica): void {
    const {id} = replica;
    if (this.random.below(2) === 0) replica.persist(this.random.below(3));
    if (this.random.below(2) === 0 && replica.group.status().pendingSnapshotIndex === 0) {
      replica.checkpoint();
    }
    this.#check(replica);
    this.#requests.crashed(replica);
    this.#run(replica.restart());
    this.laws.restarted(id, replica.disk);
  }

  /** Cuts the log down to its last `keep` applied entries. */
  compact(replica: LabReplica, keep: number): void {
    const {appliedIndex, stableIndex, pendingSnapshotIndex} = replica.group.status();
    if (pendingSnapshotIndex > 0) return;
    const boundary = Math.min(appliedIndex, stableIndex, replica.disk.lastIndex);
    replica.compact(boundary + 1 - keep);
  }

  /** Answers what a leader asked its host for. */
  sendSnapshot(replica: LabReplica, to: number): void {
    const snapshot = replica.snapshot();
    if (snapshot === undefined) {
      this.step(replica, {type: 'snapshotSent', to, ok: false});
      return;
    }
    this.#contents.set(snapshot.meta, snapshot);
    this.step(replica, {type: 'snapshotReady', to, snapshot: snapshot.meta});
    this.#transfers.push({from: replica.id, to});
  }

  endTransfers(): void {
    for (const {from, to} of this.#transfers.splice(0)) {
      const ok = this.random.below(2) === 0;
      const replica = this.replicas.get(from);
      if (replica !== undefined) this.step(replica, {type: 'snapshotSent', to, ok});
    }
  }

  reportReachable(replica: LabReplica, id: number, reachable: boolean): void {
    replica.step({type: 'reachable', id, reachable});
    if (reachable) this.#clockLaws.get(replica.id)!.reported(id);
    this.#check(replica);
    if (reachable) this.#gone.delete(`${replica.id}>${id}`);
    else this.#gone.add(`${replica.id}>${id}`);
  }

  /** Tells each replica that the nodes it was told were gone are back; nobody else is reset. */
  bringBack(): void {
    for (const replica of this.replicas.values()) {
      for (const id of this.replicas.keys())
        if (this.#gone.has(`${replica.id}>${id}`)) this.reportReachable(replica, id, true);
    }
  }

  /** Requires all trouble ended, and two election timeouts since. What became of requests, if wrong. */
  requestFault(): string | undefined {
    return this.#requests.fault(this.laws.appliedData());
  }

  leaders(): LabReplica[] {
    return [...this.replicas.values()].filter(({id}) => this.laws.last(id)?.role === 'leader');
  }

  pick<Value>(values: readonly Value[]): Value {
    return values[this.random.below(values.length)]!;
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
