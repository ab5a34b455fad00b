// The laboratory: replicas of one group wired by hand in one thread. Nothing moves unless told, so a
// scenario is a script: who campaigns, which message arrives, which disk finishes, who applies.

import {assert} from '@flotilla/base';
import type {ConfigChange, ConfigChangeMode, Configuration} from '../configuration.ts';
import {EMPTY_CONFIGURATION} from '../configuration.ts';
import type {Entry, EntryType} from '../entry.ts';
import type {FailoverMode} from '../input.ts';
import {MESSAGE_TYPES, type Message} from '../message.ts';
import type {Role} from '../output.ts';
import type {ProgressState} from '../progress.ts';
import {LabDisk, type LabSnapshot} from './disk.ts';
import {mustBeCount, mustBeOneOf, mustKnow} from './misuse.ts';
import {type LabNodesOptions, labOptions, NODE_OPTIONS} from './node-options.ts';
import {type LabEvents, LabReplica, textOf} from './replica.ts';

export interface LabEntry {
  readonly term: number;
  /** If given, checked: entries follow one another from the log's beginning. */
  readonly index?: number;
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
  /**
   * `leader`: elected in `term` by votes made up for it, so its log ends in a noop of that term.
   * `candidate`: stands in `term`; `preCandidate` (needs `preVote`): asks about the term after it. What
   * they ask of others is not sent.
   */
  readonly role?: Role;
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

const STATE_OPTIONS: readonly string[] = [
  'term',
  'vote',
  'commit',
  'entries',
  'config',
  'role',
] satisfies (keyof LabState)[];
const ROLES: readonly Role[] = ['follower', 'preCandidate', 'candidate', 'leader'];
const FAILOVER_MODES: readonly FailoverMode[] = ['automatic', 'manual'];
const FILTER_OPTIONS: readonly string[] = [
  'from',
  'to',
  'type',
  'drop',
  'count',
] satisfies (keyof MessageFilter)[];

/** A scenario that has not come to rest by then goes in circles. */
const STABILIZE_ROUNDS_MAX = 1_000;

export class RaftLab {
  readonly #replicas = new Map<number, LabReplica>();
  #network: InFlight[] = [];
  /** Contents of snapshots on their way, by the metadata object of their message. */
  readonly #contents = new Map<object, LabSnapshot>();
  #lastProposalId = 0;
  #lastReadId = 0;
  /** Of a log that began empty. */
  #firstMembers = EMPTY_CONFIGURATION;

  /** Adds `count` replicas with the next free ids. Returns the ids. */
  addNodes(count: number, options: LabNodesOptions = {}): number[] {
    const {voters, learners, index = 0, term, ...rest} = options;
    mustBeCount(count, 'the number of nodes');
    mustBeCount(index, 'index');
    mustKnow(rest, NODE_OPTIONS, 'addNodes');
    const configuration = this.#membersAt(index, voters, learners);
    const snapshotTerm = term ?? (index === 0 ? 0 : 1);
    const ids: number[] = [];
    for (let i = 0; i < count; i++) {
      const id = this.#replicas.size + 1;
      const disk = new LabDisk({
        hardState: {term: term ?? 0, vote: 0, commit: index},
        log: {snapshotIndex: index, snapshotTerm, entries: []},
        appliedIndex: index,
        configuration,
      });
      this.#replicas.set(id, new LabReplica(labOptions(id, rest), disk, (m) => this.#post(m)));
      ids.push(id);
    }
    return ids;
  }

  /**
   * Who comes later to a log that began empty replays the history of its members, so unless told it
   * begins with those that the first ones began with.
   */
  #membersAt(
    index: number,
    voters: readonly number[] | undefined,
    learners: readonly number[] | undefined,
  ): Configuration {
    if (voters === undefined && learners === undefined) {
      return index === 0 ? this.#firstMembers : EMPTY_CONFIGURATION;
    }
    const members = {voters: sorted(voters ?? []), learners: sorted(learners ?? [])};
    const configuration = {...EMPTY_CONFIGURATION, ...members};
    if (index === 0 && this.#replicas.size === 0) this.#firstMembers = configuration;
    return configuration;
  }

  /** Puts a replica into a state that a scenario begins with. Its process starts anew. */
  setState(id: number, wanted: LabState): void {
    const {disk} = this.replica(id);
    const {term, vote, entries, config, role = 'follower'} = wanted;
    mustKnow(wanted, STATE_OPTIONS, 'setState');
    mustBeOneOf(role, ROLES, 'role');
    if (entries !== undefined) disk.entries = entriesAfter(disk.snapshotIndex, entries);
    if (config !== undefined) {
      const configuration = {...EMPTY_CONFIGURATION, ...config};
      disk.checkpoint = {...disk.checkpoint, configuration};
    }
    const lastTerm = disk.entries.at(-1)?.term ?? 0;
    assert(term === undefined || term >= lastTerm, () => `term ${term} is before ${lastTerm}`);
    disk.hardState = {
      term: term ?? Math.max(disk.hardState.term, lastTerm),
      vote: vote ?? (term === undefined ? disk.hardState.vote : 0),
      commit: wanted.commit ?? disk.hardState.commit,
    };
    if (role === 'follower') this.restart(id);
    else if (role === 'preCandidate') this.#stand(id, role);
    else if (role === 'candidate') this.#candidate(id);
    else this.#elect(id);
  }

  /** Campaigns as a new process. What it sends is lost. */
  #stand(id: number, role: Role): void {
    this.restart(id);
    const replica = this.replica(id);
    const before = [...this.#network];
    // Under lease reads a new process withholds its vote, the own one too, for one timeout.
    if (replica.options.leaseReads === true) {
      const {electionTicks} = replica.options.timing;
      for (let i = 0; i < electionTicks && this.status(id).role === 'follower'; i++) this.tick(id);
    }
    if (this.status(id).role === 'follower') this.campaign(id);
    replica.process();
    this.#network = before;
    const found = this.status(id).role;
    assert(found === role, () => `replica ${id} cannot be ${role}: it is ${found}`);
  }

  #candidate(id: number): void {
    const replica = this.replica(id);
    const {hardState, checkpoint} = replica.disk;
    assert(hardState.term > 0, 'a candidate needs a term');
    replica.disk.hardState = {...hardState, term: hardState.term - 1, vote: 0};
    const before = [...this.#network];
    this.#stand(id, replica.options.preVote ? 'preCandidate' : 'candidate');
    if (replica.options.preVote) this.#grant(id, checkpoint.configuration, 'preVoteReply');
    this.replica(id).process();
    this.replica(id).persist();
    this.#network = before;
  }

  /** By made-up votes. What the candidate sent is lost, what the leader sends first stays. */
  #elect(id: number): void {
    const {configuration} = this.replica(id).disk.checkpoint;
    this.#candidate(id);
    this.#grant(id, configuration, 'voteReply');
    const replica = this.replica(id);
    replica.process();
    replica.persist();
    const {role} = this.status(id);
    assert(role === 'leader', () => `replica ${id} cannot be leader: it is ${role}`);
  }

  #grant(id: number, configuration: Configuration, type: 'preVoteReply' | 'voteReply'): void {
    const {term, role} = this.status(id);
    const asked = role === 'preCandidate' ? term + 1 : term;
    for (const from of new Set([...configuration.voters, ...configuration.votersOutgoing])) {
      if (from === id) continue;
      this.replica(id).receive({type, from, to: id, term: asked, granted: true});
    }
  }

  campaign(id: number): void {
    this.replica(id).step({type: 'campaign'});
  }

  /** One proposal for each text. Returns the last one's id. */
  propose(id: number, ...data: (string | Uint8Array)[]): number {
    assert(data.length > 0, 'nothing to propose');
    for (const one of data) {
      const fit = typeof one === 'string' || one instanceof Uint8Array;
      assert(fit, () => `a proposal is a text or bytes, not ${typeof one}`);
    }
    const entries = data.map((line) => ({
      proposalId: ++this.#lastProposalId,
      payload: typeof line === 'string' ? new TextEncoder().encode(line) : line,
    }));
    this.replica(id).step({type: 'propose', entries});
    return this.#lastProposalId;
  }

  proposeConfig(
    id: number,
    changes: readonly ConfigChange[],
    mode: ConfigChangeMode = 'simple',
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

  /** Whether `id` stands for election by itself. */
  setFailover(id: number, mode: FailoverMode): void {
    mustBeOneOf(mode, FAILOVER_MODES, 'failover mode');
    this.replica(id).step({type: 'setFailover', mode});
  }

  tick(id: number, count = 1): void {
    mustBeCount(count, 'the number of ticks');
    for (let i = 0; i < count; i++) this.replica(id).step({type: 'tick'});
  }

  /** Time passes at `id` without a tick, as in a paused process. Only leases go by it. */
  stall(id: number, ticks: number): void {
    mustBeCount(ticks, 'the number of ticks');
    this.replica(id).clockTicks += ticks;
  }

  /** The log of `id` begins at `firstIndex` from now on. */
  compact(id: number, firstIndex: number): void {
    const {firstIndex: first, appliedIndex} = this.replica(id).group.status();
    assert(
      firstIndex >= first && firstIndex <= appliedIndex + 1,
      () =>
        `cannot compact to ${firstIndex}: the log begins at ${first}, applied is ${appliedIndex}`,
    );
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
    if (count !== undefined) mustBeCount(count, 'the number of writes');
    return this.replica(id).persist(count);
  }

  apply(id: number, count?: number): boolean {
    if (count !== undefined) mustBeCount(count, 'the number of entries');
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
    mustKnow(filter, FILTER_OPTIONS, 'deliver');
    const {type, count} = filter;
    if (type !== undefined) mustBeOneOf(type, MESSAGE_TYPES, 'message type');
    if (count !== undefined) mustBeCount(count, 'the number of messages');
    const chosen: InFlight[] = [];
    const rest: InFlight[] = [];
    const max = count ?? Number.POSITIVE_INFINITY;
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

  /** As the replica has it now, stored or not: up to the last index of its status. */
  log(id: number): {index: number; term: number; data: string}[] {
    const {disk, group} = this.replica(id);
    const {firstIndex, cachedFrom} = group.status();
    const older = disk.entries.filter(({index}) => index >= firstIndex && index < cachedFrom);
    const entries = [...older, ...group.entriesInMemory()];
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

function entriesAfter(index: number, entries: readonly LabEntry[]): Entry[] {
  const encoder = new TextEncoder();
  return entries.map(({term, data = '', type = 'normal', ...given}, offset) => {
    const at = index + 1 + offset;
    assert((given.index ?? at) === at, () => `entry ${given.index} comes where ${at} belongs`);
    const before = entries[offset - 1]?.term ?? 0;
    assert(term >= before, () => `entry ${at} is of term ${term}, after one of term ${before}`);
    return {term, index: at, type, payload: encoder.encode(data)};
  });
}

function sorted(ids: readonly number[]): number[] {
  return [...ids].sort((a, b) => a - b);
}

function isChosen(message: Message, {from, to, type}: MessageFilter): boolean {
  if (from !== undefined && message.from !== from) return false;
  if (to !== undefined && message.to !== to) return false;
  return type === undefined || message.type === type;
}
