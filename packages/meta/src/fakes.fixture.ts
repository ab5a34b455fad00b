// A meta group without Raft and calls without sockets, for tests: entries are applied by every member
// at once, in order; calls go to the handlers of the named node, or fail as a dead node's do.

import {
  type Clock,
  DbError,
  type Disk,
  type Log,
  META_SET,
  type NodeId,
  type ReplicaId,
  type Rpc,
  type RpcContext,
  type RpcHandlers,
  type RpcOptions,
  type RpcTarget,
} from '@flotilla/base';
import type {ReplicaReport} from '@flotilla/catalog';
import {ALL_AT_ONCE} from './in-slices.ts';
import {MetaStateMachine} from './meta-state-machine.ts';
import type {GroupRole, MetaGroup, NodePresence} from './ports.ts';
import type {ReportBook} from './report-book.ts';

export const SILENT: Log = {info: () => {}, warn: () => {}, error: () => {}};

export async function openMachine(
  disk: Disk,
  founding = true,
  slices = ALL_AT_ONCE,
): Promise<MetaStateMachine> {
  const configuration = {
    voters: [1],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
  return MetaStateMachine.open({
    disk,
    directory: 'meta',
    slices,
    founding: founding ? {index: 5, term: 5, configuration} : undefined,
    onFatal: (error) => {
      throw error;
    },
  });
}

/** One log, applied by all members; one of them leads. */
export class FakeMetaLog {
  readonly members = new Map<NodeId, MetaStateMachine>();
  leader: NodeId | undefined;
  /** Members that nothing reaches: they apply no more and hear of no leader. */
  readonly cutOff = new Set<NodeId>();
  /** Members whose disk hangs: they hear of the leader, and apply nothing. */
  readonly hanging = new Set<NodeId>();
  /** Members whose replica has stopped. */
  readonly stopped = new Set<NodeId>();
  proposals = 0;
  reads = 0;
  /** What happens while a leader is confirmed. */
  onRead: () => void = () => {};
  /** Of the next proposals: applied, and then answered by this. */
  unknownOutcomes = 0;
  #index = 5;

  group(node: NodeId): MetaGroup {
    return {
      propose: async (_set, payload) => {
        this.#mustLead(node);
        this.proposals++;
        this.#index++;
        let value: unknown;
        for (const [member, machine] of this.members) {
          if (this.cutOff.has(member) || this.hanging.has(member)) continue;
          value = machine.apply(this.#index, 5, payload).value;
        }
        if (this.unknownOutcomes > 0) {
          this.unknownOutcomes--;
          throw new DbError('OUTCOME_UNKNOWN', 'lost');
        }
        return value;
      },
      readIndex: async () => {
        this.#mustLead(node);
        this.reads++;
        this.onRead();
        return this.#index;
      },
      status: (): GroupRole => ({
        role: node === this.leader ? 'leader' : 'follower',
        leader:
          this.leader === undefined || this.cutOff.has(node)
            ? undefined
            : {replica: this.leader as number as ReplicaId, node: this.leader},
        stopped: this.stopped.has(node) ? 'it cannot go on' : undefined,
      }),
    };
  }

  #mustLead(node: NodeId): void {
    if (this.leader === undefined) throw new DbError('NO_LEADER', 'none');
    if (node !== this.leader) throw new DbError('NOT_LEADER', 'not here');
  }
}

export class FakeNetwork {
  readonly nodes = new Map<NodeId, RpcHandlers[]>();
  readonly calls: {readonly node: NodeId; readonly method: string}[] = [];
  /** Calls to these are never answered; others that are not there fail at once. */
  readonly hanging = new Set<NodeId>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(node: NodeId, ...handlers: RpcHandlers[]): void {
    this.nodes.set(node, [...(this.nodes.get(node) ?? []), ...handlers]);
  }

  rpc(from: NodeId): Rpc {
    return {
      call: (target, method, payload, options) =>
        this.#call(from, target, method, payload, options),
      stream: (target, method, payload, options) =>
        this.#stream(from, target, method, payload, options),
    };
  }

  async #call(
    from: NodeId,
    target: RpcTarget,
    method: string,
    payload: Uint8Array,
    options: RpcOptions,
  ): Promise<Uint8Array> {
    const {node, via} = target;
    if (via !== undefined) return this.#passOn(via, target, method, payload, options);
    this.calls.push({node, method});
    if (this.hanging.has(node)) await this.#hang(options);
    const handlers = this.#handlers(node);
    if (handlers.length === 0) throw new DbError('UNAVAILABLE', `node ${node} is not there`);
    const handler = handlers.map(({call}) => call.get(method)).find((found) => found !== undefined);
    if (handler === undefined) throw new DbError('UNSUPPORTED', `node ${node} knows no ${method}`);
    return handler(payload, contextOf(from, options));
  }

  /** A node that does not answer is away to who passes it on, too. */
  #passOn(
    via: NodeId,
    {node, set}: RpcTarget,
    method: string,
    payload: Uint8Array,
    options: RpcOptions,
  ): Promise<Uint8Array> {
    this.calls.push({node: via, method: `${method} for ${node}`});
    if (!this.hanging.has(node)) return this.#call(via, {node, set}, method, payload, options);
    return Promise.reject(new DbError('UNAVAILABLE', `node ${node} is away here, too`));
  }

  async *#stream(
    from: NodeId,
    target: RpcTarget,
    method: string,
    payload: Uint8Array,
    options: RpcOptions,
  ): AsyncGenerator<Uint8Array> {
    this.calls.push({node: target.node, method});
    const handler = this.#handlers(target.node)
      .map(({stream}) => stream.get(method))
      .find((found) => found !== undefined);
    if (handler === undefined) throw new DbError('UNAVAILABLE', `node ${target.node} is not there`);
    for await (const frame of handler(payload, contextOf(from, options))) {
      if (this.hanging.has(target.node)) await this.#hang(options);
      if (!this.nodes.has(target.node)) throw new DbError('UNAVAILABLE', 'the connection was lost');
      yield frame;
    }
  }

  #handlers(node: NodeId): RpcHandlers[] {
    return this.nodes.get(node) ?? [];
  }

  #hang({deadlineMs, signal}: RpcOptions): Promise<never> {
    return new Promise((_resolve, reject) => {
      const fail = () => reject(new DbError('DEADLINE_EXCEEDED', 'no answer'));
      signal?.addEventListener('abort', fail);
      if (deadlineMs === Infinity) return;
      this.#clock.setTimer(deadlineMs - this.#clock.monotonicMs(), fail);
    });
  }
}

function contextOf(from: NodeId, {signal}: RpcOptions): RpcContext {
  const cancelled = new AbortController();
  if (signal?.aborted === true) cancelled.abort();
  signal?.addEventListener('abort', () => cancelled.abort());
  return {from, set: META_SET, signal: cancelled.signal};
}

/** Brings a book to hold these and no others. */
export function become(book: ReportBook, reports: readonly ReplicaReport[]): ReportBook {
  const present = new Set(reports.map(({replica}) => replica));
  for (const {replica} of [...book.all()]) if (!present.has(replica)) book.remove(replica);
  for (const report of reports) book.put(report);
  return book;
}

/** Everyone is there until told otherwise. */
export class FakePresence implements NodePresence {
  readonly #away = new Set<NodeId>();
  readonly #waiting = new Map<NodeId, Set<() => void>>();

  goesAway(node: NodeId): void {
    this.#away.add(node);
    const waiting = this.#waiting.get(node) ?? [];
    this.#waiting.delete(node);
    for (const callback of waiting) callback();
  }

  isAway(node: NodeId): boolean {
    return this.#away.has(node);
  }

  onAway(node: NodeId, callback: () => void): () => void {
    const waiting = this.#waiting.get(node) ?? new Set();
    this.#waiting.set(node, waiting.add(callback));
    return () => waiting.delete(callback);
  }
}
