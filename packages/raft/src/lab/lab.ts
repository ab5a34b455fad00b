// The laboratory: replicas of one group wired by hand in one thread. Nothing moves unless told, so a
// scenario is a script: who campaigns, which message arrives, which disk finishes, who applies.

import {assert, SeededRandom} from '@flotilla/base';
import type {ConfigChange, ConfigChangeMode, Configuration} from '../configuration.ts';
import {EMPTY_CONFIGURATION} from '../configuration.ts';
import type {Entry, EntryType} from '../entry.ts';
import type {Message} from '../message.ts';
import type {Limits} from '../options.ts';
import type {Role} from '../output.ts';
import type {ProgressState} from '../progress.ts';
import {LabDisk, type LabSnapshot} from './disk.ts';
import {type LabEvents, type LabOptions, LabReplica, textOf} from './replica.ts';

export interface LabNodesOptions extends Partial<Omit<LabOptions, 'id' | 'limits'>> {
  readonly voters?: readonly number[];
  readonly learners?: readonly number[];
  /** Where the log begins: a snapshot at this index. 0, an empty log, unless given. */
  readonly index?: number;
  /** Of that snapshot: 1 unless given. */
  readonly term?: number;
  readonly limits?: Partial<Limits>;
}

export interface LabEntry {
  readonly term: number;
  readonly data?: string;
  readonly type?: EntryType;
}

export interface LabState {
  readonly term?: number;
  readonly vote?: number;
  readonly commit?: number;
  /** What follows the log's beginning; replaces all that was there. */
  readonly entries?: readonly LabEntry[];
  readonly config?: Partial<Configuration>;
  /** `leader`: elected in `term` by votes made up for it, so its log ends in a noop of that term. */
  readonly role?: 'follower' | 'leader';
}

export interface LabStatus {
  readonly role: Role;
  readonly term: number;
  readonly vote: number;
  readonly leader: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
}

export interface LabProgress {
  readonly state: ProgressState;
  readonly matchIndex: number;
  readonly nextIndex: number;
  readonly inflight: number;
}

export interface MessageFilter {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly type?: Message['type'] | undefined;
  /** Lost instead of delivered. */
  readonly drop?: boolean | undefined;
  /** The oldest so many; all unless given. */
  readonly count?: number | undefined;
}

interface InFlight {
  readonly message: Message;
  readonly contents: LabSnapshot | undefined;
}

const LIMITS: Limits = {
  messageBytesMax: 1 << 20,
  inflightMessagesMax: 256,
  inflightBytesMax: 1 << 24,
  uncommittedBytesMax: 1 << 24,
  appliedBytesPerOutput: 1 << 20,
};

/** A scenario that has not come to rest by then goes in circles. */
const STABILIZE_ROUNDS_MAX = 1_000;

export class RaftLab {
  readonly #replicas = new Map<number, LabReplica>();
  #network: InFlight[] = [];
  /** Contents of snapshots on their way, by the metadata object of their message. */
  readonly #contents = new Map<object, LabSnapshot>();
  #lastProposalId = 0;
  #lastReadId = 0;

  /** Adds `count` replicas with the next free ids. Returns the ids. */
  addNodes(count: number, options: LabNodesOptions = {}): number[] {
    const {voters = [], learners = [], index = 0, term = index === 0 ? 0 : 1, ...rest} = options;
    const configuration = {...EMPTY_CONFIGURATION, voters, learners};
    const ids: number[] = [];
    for (let i = 0; i < count; i++) {
      const id = this.#replicas.size + 1;
      const disk = new LabDisk({
        hardState: {term, vote: 0, commit: index},
        log: {snapshotIndex: index, snapshotTerm: term, entries: []},
        appliedIndex: index,
        configuration,
      });
      this.#replicas.set(id, new LabReplica(labOptions(id, rest), disk, (m) => this.#post(m)));
      ids.push(id);
    }
    return ids;
  }

  /** Puts a replica into a state that a scenario begins with. Its process starts anew. */
  setState(id: number, wanted: LabState): void {
    const {disk} = this.replica(id);
    const {term, vote, entries, config} = wanted;
    if (entries !== undefined) disk.entries = entriesAfter(disk.snapshotIndex, entries);
    if (config !== undefined) {
      const configuration = {...EMPTY_CONFIGURATION, ...config};
      disk.checkpoint = {...disk.checkpoint, configuration};
    }
    disk.hardState = {
      term: term ?? Math.max(disk.hardState.term, disk.entries.at(-1)?.term ?? 0),
      vote: vote ?? 0,
      commit: wanted.commit ?? disk.hardState.commit,
    };
    if (wanted.role === 'leader') this.#elect(id);
    else this.#replicas.set(id, this.replica(id).restart());
  }

  /** Made-up votes for a term one below, so that the election ends in the term asked for. */
  #elect(id: number): void {
    const {disk} = this.replica(id);
    const {term, commit} = disk.hardState;
    assert(term > 0, 'a leader needs a term');
    disk.hardState = {term: term - 1, vote: 0, commit};
    const replica = this.replica(id).restart();
    this.#replicas.set(id, replica);
    const before = this.#network;
    replica.step({type: 'campaign'});
    const {configuration} = disk.checkpoint;
    for (const from of [...configuration.voters, ...configuration.votersOutgoing]) {
      if (from === id) continue;
      const vote = {from, to: id, term, granted: true} as const;
      replica.receive({type: 'preVoteReply', ...vote});
      replica.process();
      replica.persist();
      replica.receive({type: 'voteReply', ...vote});
    }
    replica.process();
    replica.persist();
    assert(replica.group.status().role === 'leader', () => `${id} was not elected`);
    // What the made-up election sent; what the leader sent first stays.
    this.#network = this.#network.filter(
      (sent) => before.includes(sent) || !['vote', 'preVote'].includes(sent.message.type),
    );
  }

  campaign(id: number): void {
    this.replica(id).step({type: 'campaign'});
  }

  /** Returns the proposal's id. */
  propose(id: number, ...data: string[]): number {
    const entries = data.map((line) => ({
      proposalId: ++this.#lastProposalId,
      payload: new TextEncoder().encode(line),
    }));
    this.replica(id).step({type: 'propose', entries});
    return this.#lastProposalId;
  }

  proposeConfig(
    id: number,
    changes: readonly ConfigChange[],
    mode: ConfigChangeMode,
    expectedConfigIndex?: number,
  ): number {
    const proposalId = ++this.#lastProposalId;
    const change = {proposalId, changes, mode, expectedConfigIndex};
    this.replica(id).step({type: 'proposeConfig', ...change});
    return proposalId;
  }

  transfer(id: number, to: number): void {
    this.replica(id).step({type: 'transferLeader', to});
  }

  readIndex(id: number): number {
    this.replica(id).step({type: 'readIndex', readId: ++this.#lastReadId});
    return this.#lastReadId;
  }

  forgetLeader(id: number): void {
    this.replica(id).step({type: 'forgetLeader'});
  }

  tick(id: number, count = 1): void {
    for (let i = 0; i < count; i++) this.replica(id).step({type: 'tick'});
  }

  /** Time passes at `id` without a tick, as in a paused process. Only leases go by it. */
  stall(id: number, ticks: number): void {
    this.replica(id).clockTicks += ticks;
  }

  /** The log of `id` begins at `firstIndex` from now on. */
  compact(id: number, firstIndex: number): void {
    this.replica(id).compact(firstIndex);
  }

  /** A message of `id` to `to` may be lost. */
  reportUnreachable(id: number, to: number): void {
    this.replica(id).step({type: 'unreachable', id: to});
  }

  /** The node of `to` is alive or not, as `id` sees it. */
  setReachable(id: number, to: number, reachable: boolean): void {
    this.replica(id).step({type: 'reachable', id: to, reachable});
  }

  /** Takes what `id` has to say, once. */
  process(id: number): boolean {
    return this.replica(id).process();
  }

  persist(id: number, count?: number): boolean {
    return this.replica(id).persist(count);
  }

  apply(id: number, count?: number): boolean {
    return this.replica(id).apply(count);
  }

  /** Answers what `id` wants sent as a snapshot, from its applied state. */
  sendSnapshots(id: number): boolean {
    const replica = this.replica(id);
    const wanted = replica.wanted.splice(0);
    for (const {to} of wanted) {
      const snapshot = replica.snapshot();
      if (snapshot === undefined) {
        replica.step({type: 'snapshotSent', to, ok: false});
        continue;
      }
      this.#contents.set(snapshot.meta, snapshot);
      replica.step({type: 'snapshotReady', to, snapshot: snapshot.meta});
    }
    return wanted.length > 0;
  }

  snapshotSent(id: number, to: number, ok: boolean): void {
    this.replica(id).step({type: 'snapshotSent', to, ok});
  }

  /** Loses what is not durable and starts again. */
  restart(id: number): void {
    this.#replicas.set(id, this.replica(id).restart());
  }

  /** Delivers or drops the matching messages that wait now. Returns them. */
  deliver(filter: MessageFilter = {}): Message[] {
    const chosen: InFlight[] = [];
    const rest: InFlight[] = [];
    const max = filter.count ?? Number.POSITIVE_INFINITY;
    for (const sent of this.#network) {
      (chosen.length < max && isChosen(sent.message, filter) ? chosen : rest).push(sent);
    }
    this.#network = rest;
    if (filter.drop !== true) {
      for (const {message, contents} of chosen) {
        this.#replicas.get(message.to)?.receive(message, contents);
      }
    }
    return chosen.map(({message}) => message);
  }

  /** Everything moves among `ids` (all unless given) until nothing is left to move. */
  stabilize(ids: readonly number[] = this.ids()): void {
    for (let round = 0; round < STABILIZE_ROUNDS_MAX; round++) {
      let moved = false;
      for (const id of ids) {
        const replica = this.replica(id);
        while (replica.process()) moved = true;
        if (replica.persist()) moved = true;
        if (replica.apply()) moved = true;
        if (this.sendSnapshots(id)) moved = true;
      }
      for (const from of ids) {
        for (const to of ids) if (this.deliver({from, to}).length > 0) moved = true;
      }
      if (!moved) return;
    }
    assert(false, 'the group does not come to rest');
  }

  ids(): number[] {
    return [...this.#replicas.keys()];
  }

  replica(id: number): LabReplica {
    const replica = this.#replicas.get(id);
    assert(replica !== undefined, () => `no replica ${id}`);
    return replica;
  }

  /** In flight, oldest first. */
  messages(): Message[] {
    return this.#network.map(({message}) => message);
  }

  status(id: number): LabStatus {
    const {role, term, vote, leader, ...rest} = this.replica(id).group.status();
    const {commitIndex, appliedIndex, lastIndex} = rest;
    return {role, term, vote, leader, commitIndex, appliedIndex, lastIndex};
  }

  /** As stored and about to be stored, so that it shows what the replica would tell others. */
  log(id: number): {index: number; term: number; data: string}[] {
    const {disk, writes} = this.replica(id);
    let entries: Entry[] = [...disk.entries];
    for (const write of writes) {
      const from = write.truncateFrom ?? Number.MAX_SAFE_INTEGER;
      if (write.snapshot !== undefined) entries = [];
      entries = [...entries.filter(({index}) => index < from), ...write.entries];
    }
    return entries.map((entry) => ({index: entry.index, term: entry.term, data: textOf(entry)}));
  }

  progress(id: number): Map<number, LabProgress> {
    const all = new Map<number, LabProgress>();
    for (const [member, progress] of this.replica(id).group.status().progress) {
      const {state, matchIndex, nextIndex, inflightMessages: inflight} = progress;
      all.set(member, {state, matchIndex, nextIndex, inflight});
    }
    return all;
  }

  config(id: number): Configuration {
    return this.replica(id).group.status().configuration;
  }

  takeEvents(id: number): LabEvents {
    return this.replica(id).takeEvents();
  }

  #post(message: Message): void {
    const contents = message.type === 'snapshot' ? this.#contents.get(message.snapshot) : undefined;
    this.#network.push({message, contents});
  }
}

function labOptions(
  id: number,
  rest: Partial<Omit<LabOptions, 'id' | 'limits'>> & {limits?: Partial<Limits>},
): LabOptions {
  return {
    random: new SeededRandom(id),
    timing: {electionTicks: 10, heartbeatTicks: 1},
    preVote: false,
    checkQuorum: false,
    ...rest,
    id,
    limits: {...LIMITS, ...rest.limits},
  };
}

function entriesAfter(index: number, entries: readonly LabEntry[]): Entry[] {
  const encoder = new TextEncoder();
  return entries.map(({term, data = '', type = 'normal'}, offset) => ({
    term,
    index: index + 1 + offset,
    type,
    payload: encoder.encode(data),
  }));
}

function isChosen(message: Message, {from, to, type}: MessageFilter): boolean {
  if (from !== undefined && message.from !== from) return false;
  if (to !== undefined && message.to !== to) return false;
  return type === undefined || message.type === type;
}
