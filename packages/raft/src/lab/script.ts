// The laboratory as a dialogue: `command arguments`, input lines, `----`, expected output. Each command
// answers with what it shows and with what has become of earlier requests since.
//
//   add-nodes 3 voters=1,2,3 [learners=] [index=5] [term=5] [prevote] [check-quorum] [lease] [manual]
//             [commit-waits] [election=10] [heartbeat=1] [window=4] [window-bytes=] [message-bytes=]
//             [uncommitted-bytes=]
//   set-state 1 term=2 [vote=] [commit=] [entries=1:a,2:b] [role=leader|candidate|preCandidate]
//   campaign|forget-leader|read|restart|process|compact 1 ...      transfer 1 to=2
//   propose 1 (payloads are the input's lines)    propose-config 1 mode=joint voter:4 remove:1 [expected=5]
//   tick 1 [10]   stall 1 [10]   failover 1 manual|automatic
//   persist 1 [count]   apply 1 [count]   deliver [from=] [to=] [type=] [count=] [drop]
//   stabilize [1 2]   snapshot 1   snapshot-sent 1 to=2 [failed]   unreachable|reachable|gone 1 to=2
//   status|log|config|progress|idle 1   messages

import {assert} from '@flotilla/base';
import type {ConfigChange, ConfigChangeMode, Configuration} from '../configuration.ts';
import type {FailoverMode} from '../input.ts';
import type {Message} from '../message.ts';
import type {Role} from '../output.ts';
import {type LabEntry, RaftLab} from './lab.ts';
import type {LabNodesOptions} from './node-options.ts';

export interface Command {
  readonly name: string;
  readonly words: readonly string[];
  readonly options: ReadonlyMap<string, string>;
  readonly input: readonly string[];
}

export function parseCommand(line: string, input: readonly string[]): Command {
  const [name = '', ...rest] = line.trim().split(/\s+/);
  const words = rest.filter((word) => !word.includes('='));
  const pairs = rest.filter((word) => word.includes('=')).map((word) => word.split('='));
  return {name, words, options: new Map(pairs.map(([key, value]) => [key!, value!])), input};
}

type Handler = (lab: RaftLab, command: Command, id: number) => string[];

export class LabScript {
  readonly #lab = new RaftLab();

  /** Runs one command; returns its output, never empty. */
  run(command: Command): string {
    const handler = HANDLERS[command.name];
    assert(handler !== undefined, () => `unknown command ${command.name}`);
    const shown = handler(this.#lab, command, Number(command.words[0]));
    const lines = [...shown, ...this.#events()];
    return lines.length === 0 ? 'ok' : lines.join('\n');
  }

  #events(): string[] {
    return this.#lab.ids().flatMap((id) => {
      const {roles, proposed, dropped, reads, transfers, applied} = this.#lab.takeEvents(id);
      return [
        ...roles.map(({role, term, leader}) => `${role} term=${term} leader=${leader}`),
        ...proposed.map(
          ({proposalId, index, term}) => `proposed #${proposalId} at ${index}/${term}`,
        ),
        ...applied.map(({index, term, data}) => `applied ${index}/${term} ${data || '-'}`),
        ...reads.map(({readId, index}) => `read #${readId} at ${index}`),
        ...dropped.map((one) => {
          const subject =
            one.kind === 'read' ? `read #${one.readId}` : `proposal #${one.proposalId}`;
          const detail = one.detail === undefined ? '' : ` (${one.detail})`;
          return `dropped ${subject}: ${one.reason}, leader ${one.leaderHint}${detail}`;
        }),
        ...transfers.map(({to, outcome}) => `transfer to ${to}: ${outcome}`),
      ].map((line) => `${id}: ${line}`);
    });
  }
}

const HANDLERS: Readonly<Record<string, Handler>> = {
  'add-nodes': (lab, command, count) => {
    lab.addNodes(count, nodeOptions(command));
    return [];
  },
  'set-state': (lab, {options}, id) => {
    lab.setState(id, {
      term: numberOf(options, 'term'),
      vote: numberOf(options, 'vote'),
      commit: numberOf(options, 'commit'),
      entries: options.has('entries') ? options.get('entries')!.split(',').map(entryOf) : undefined,
      role: (options.get('role') ?? 'follower') as Role,
    });
    return [];
  },
  campaign: (lab, _, id) => quiet(() => lab.campaign(id)),
  'forget-leader': (lab, _, id) => quiet(() => lab.forgetLeader(id)),
  read: (lab, _, id) => quiet(() => lab.readIndex(id)),
  restart: (lab, _, id) => quiet(() => lab.restart(id)),
  process: (lab, _, id) => quiet(() => lab.process(id)),
  snapshot: (lab, _, id) => quiet(() => lab.sendSnapshots(id)),
  compact: (lab, {options}, id) => quiet(() => lab.compact(id, numberOf(options, 'first')!)),
  transfer: (lab, {options}, id) => quiet(() => lab.transfer(id, numberOf(options, 'to')!)),
  unreachable: (lab, {options}, id) =>
    quiet(() => lab.reportUnreachable(id, numberOf(options, 'to')!)),
  reachable: (lab, {options}, id) =>
    quiet(() => lab.setReachable(id, numberOf(options, 'to')!, true)),
  gone: (lab, {options}, id) => quiet(() => lab.setReachable(id, numberOf(options, 'to')!, false)),
  'snapshot-sent': (lab, {options, words}, id) =>
    quiet(() => lab.snapshotSent(id, numberOf(options, 'to')!, !words.includes('failed'))),
  propose: (lab, {input}, id) => quiet(() => lab.propose(id, ...input)),
  'propose-config': (lab, command, id) => proposeConfig(lab, command, id),
  stall: (lab, {words}, id) => quiet(() => lab.stall(id, Number(words[1] ?? 1))),
  failover: (lab, {words}, id) => quiet(() => lab.setFailover(id, words[1] as FailoverMode)),
  tick: (lab, {words}, id) => quiet(() => lab.tick(id, Number(words[1] ?? 1))),
  persist: (lab, {words}, id) => quiet(() => lab.persist(id, optional(words[1]))),
  apply: (lab, {words}, id) => quiet(() => lab.apply(id, optional(words[1]))),
  deliver: (lab, {options, words}) =>
    lab
      .deliver({
        from: numberOf(options, 'from'),
        to: numberOf(options, 'to'),
        type: options.get('type') as Message['type'] | undefined,
        count: numberOf(options, 'count'),
        drop: words.includes('drop'),
      })
      .map(describe),
  stabilize: (lab, {words}) =>
    quiet(() => lab.stabilize(words.length > 0 ? words.map(Number) : undefined)),
  messages: (lab) => orNone(lab.messages().map(describe)),
  status: (lab, _, id) => {
    const {role, term, vote, leader, commitIndex, appliedIndex, lastIndex} = lab.status(id);
    const {stableIndex} = lab.replica(id).group.status();
    return [
      `${role} term=${term} vote=${vote} leader=${leader} commit=${commitIndex} applied=${appliedIndex} last=${lastIndex} stable=${stableIndex}`,
    ];
  },
  idle: (lab, _, id) => [String(lab.replica(id).idle)],
  log: (lab, _, id) =>
    orNone(lab.log(id).map(({index, term, data}) => `${index}/${term} ${data || '-'}`)),
  config: (lab, _, id) => [describeConfig(lab.config(id))],
  progress: (lab, _, id) =>
    orNone(
      [...lab.progress(id)].map(
        ([member, {state, matchIndex, nextIndex, inflight}]) =>
          `${member}: ${state} match=${matchIndex} next=${nextIndex} inflight=${inflight}`,
      ),
    ),
};

function quiet(action: () => unknown): string[] {
  action();
  return [];
}

function orNone(lines: string[]): string[] {
  return lines.length === 0 ? ['none'] : lines;
}

function proposeConfig(lab: RaftLab, {options, words}: Command, id: number): string[] {
  const changes = words.slice(1).map((word): ConfigChange => {
    const [type, member] = word.split(':');
    return {type: type as ConfigChange['type'], id: Number(member)};
  });
  const mode = (options.get('mode') ?? 'simple') as ConfigChangeMode;
  lab.proposeConfig(id, changes, mode, numberOf(options, 'expected'));
  return [];
}

function nodeOptions({words, options}: Command): LabNodesOptions {
  const limit = (name: string, key: string) => {
    const value = numberOf(options, name);
    return value === undefined ? {} : {[key]: value};
  };
  return {
    voters: idsOf(options.get('voters')),
    learners: idsOf(options.get('learners')),
    index: numberOf(options, 'index') ?? 0,
    ...(options.has('term') ? {term: numberOf(options, 'term')!} : {}),
    preVote: words.includes('prevote'),
    checkQuorum: words.includes('check-quorum'),
    leaseReads: words.includes('lease'),
    commitWaits: words.includes('commit-waits'),
    failover: words.includes('manual') ? 'manual' : 'automatic',
    electionTicks: numberOf(options, 'election') ?? 10,
    heartbeatTicks: numberOf(options, 'heartbeat') ?? 1,
    ...limit('window', 'inflightMessagesMax'),
    ...limit('window-bytes', 'inflightBytesMax'),
    ...limit('message-bytes', 'messageBytesMax'),
    ...limit('uncommitted-bytes', 'uncommittedBytesMax'),
  };
}

function entryOf(text: string): LabEntry {
  const [term, data] = text.split(':');
  return data === undefined ? {term: Number(term)} : {term: Number(term), data};
}

function idsOf(text: string | undefined): number[] {
  return text === undefined || text === '' ? [] : text.split(',').map(Number);
}

function numberOf(options: ReadonlyMap<string, string>, name: string): number | undefined {
  return optional(options.get(name));
}

function optional(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

function describeConfig(config: Configuration): string {
  const {voters, votersOutgoing, learners, learnersNext, autoLeave} = config;
  const part = (name: string, ids: readonly number[]) => (ids.length > 0 ? [`${name}=${ids}`] : []);
  return [
    `voters=${voters}`,
    ...part('outgoing', votersOutgoing),
    ...part('learners', learners),
    ...part('learners-next', learnersNext),
    ...(autoLeave ? ['auto-leave'] : []),
  ].join(' ');
}

/** One message as a line. */
export function describe(message: Message): string {
  const {type, from, to, term} = message;
  return `${from}->${to} ${type} term=${term}${describeBody(message)}`;
}

function describeBody(message: Message): string {
  switch (message.type) {
    case 'append': {
      const entries = message.entries.map((entry) => `${entry.index}/${entry.term}`).join(' ');
      return ` prev=${message.prevIndex}/${message.prevTerm} entries=[${entries}] commit=${message.commitIndex}`;
    }
    case 'appendReply':
      return message.rejected
        ? ` rejected=${message.index} hint=${message.hintIndex}/${message.hintTerm}`
        : ` match=${message.index}`;
    case 'vote':
    case 'preVote':
      return ` last=${message.lastIndex}/${message.lastTerm}`;
    case 'voteReply':
    case 'preVoteReply':
      return message.granted ? ' granted' : ' refused';
    case 'heartbeat':
      return ` commit=${message.commitIndex}`;
    case 'snapshot':
      return ` index=${message.snapshot.index}/${message.snapshot.term}`;
    case 'readIndexReply':
      return ` index=${message.index}`;
    default:
      return '';
  }
}
