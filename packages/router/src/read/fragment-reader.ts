// The coordinator's side of a query: each fragment is read from one replica of its set, the leader by
// default, the own one for stale reads. Until the replica has begun to answer another one may be
// asked; after that a failure is the query's.

import {
  type Clock,
  DbError,
  ERRORS,
  type NodeId,
  type Random,
  type ReplicaSetId,
  type Rpc,
} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';
import type {SetFragment} from '@flotilla/query';
import type {LeaderDirectory} from '../leader-directory.ts';
import type {NodeWatch} from '../node-watch.ts';
import {pause} from '../pause.ts';
import {
  type Consistency,
  type FragmentOrigin,
  type FragmentRequest,
  QUERY_METHOD,
} from './fragment-handler.ts';

const BACKOFF_FIRST_MS = 10;
const BACKOFF_LAST_MS = 200;
/** A replica that is not up to date by then says so, and another one is asked, until the deadline. */
const BEGIN_MS_MAX = 5_000;
/** Its word takes this long to come; after that it is not waited for. */
const BEGIN_SLACK_MS = 250;

export interface ReadOptions {
  readonly consistency: Consistency;
  /** Of stale reads; absent: whatever the age. */
  readonly maxStalenessMs?: number | undefined;
  /** On the monotonic clock. */
  readonly deadlineMs: number;
  /** A set of which no replica has begun to answer by then cannot be read. By default the deadline. */
  readonly beginDeadlineMs?: number | undefined;
  readonly signal: AbortSignal;
}

/** A fragment that is being answered. */
export interface FragmentReading {
  readonly set: ReplicaSetId;
  readonly node: NodeId;
  readonly origin: FragmentOrigin;
  /** Its result batches. Must be read or returned. Throws an error that names the replica set. */
  readonly batches: AsyncGenerator<Uint8Array, void>;
}

export interface FragmentReaderPorts {
  readonly node: NodeId;
  readonly rpc: Rpc;
  readonly catalog: () => Catalog;
  readonly leaders: LeaderDirectory;
  readonly nodes: NodeWatch;
  readonly clock: Clock;
  readonly random: Random;
}

export class FragmentReader {
  readonly #ports: FragmentReaderPorts;

  constructor(ports: FragmentReaderPorts) {
    this.#ports = ports;
  }

  /** The fragment's result batches. Throws an error that names the replica set. */
  async *read(fragment: SetFragment, options: ReadOptions): AsyncGenerator<Uint8Array, void> {
    const {batches} = await this.begin(fragment, options);
    yield* batches;
  }

  /** Resolves once a replica answers. Rejects with an error that names the replica set. */
  async begin(fragment: SetFragment, options: ReadOptions): Promise<FragmentReading> {
    const {set} = fragment;
    const {node, origin, stream} = await this.#begin(fragment, options);
    return {set, node, origin, batches: batchesOf(set, stream)};
  }

  /** A stream that has begun: its first chunk is taken. */
  async #begin(fragment: SetFragment, options: ReadOptions): Promise<Begun> {
    const {clock, random} = this.#ports;
    let before = new DbError('DEADLINE_EXCEEDED', 'the deadline passed before it was asked');
    for (let backoffMs = BACKOFF_FIRST_MS; ; backoffMs = Math.min(2 * backoffMs, BACKOFF_LAST_MS)) {
      const begun = await this.#round(fragment, options, before);
      if (!(begun instanceof DbError)) return begun;
      if (isFinal(begun)) throw naming(fragment.set, begun);
      before = begun;
      const waitMs = backoffMs * (0.5 + random.next());
      if (clock.monotonicMs() + waitMs >= beginDeadlineOf(options))
        throw naming(fragment.set, begun);
      await pause(clock, waitMs, options.signal);
    }
  }

  /** Each replica once; `before`, the failure of the round before, where no time is left to ask any. */
  async #round(
    fragment: SetFragment,
    options: ReadOptions,
    before: DbError,
  ): Promise<Begun | DbError> {
    const {set} = fragment;
    const queue = this.#candidates(set, options.consistency);
    if (queue instanceof DbError) return queue;
    const asked = new Set<NodeId>();
    let last = before;
    while (queue.length > 0 && this.#ports.clock.monotonicMs() < beginDeadlineOf(options)) {
      const node = queue.shift()!;
      if (asked.has(node)) continue;
      asked.add(node);
      const begun = await this.#try(node, fragment, options);
      if (!(begun instanceof DbError)) return begun;
      last = moreTelling(asked.size === 1 ? undefined : last, begun);
      if (isFinal(begun)) return begun;
      const hint = begun.details['leader'];
      if (typeof hint !== 'number' || asked.has(hint as NodeId)) continue;
      // Its followers name a frozen leader until they have noticed, too; they read without it.
      if (!this.#ports.nodes.isAway(hint as NodeId)) queue.unshift(hint as NodeId);
    }
    return last;
  }

  #candidates(set: ReplicaSetId, consistency: Consistency): NodeId[] | DbError {
    const {leaders, catalog, node} = this.#ports;
    const nodes = leaders.candidates(set, catalog());
    if (nodes instanceof DbError) return nodes;
    if (consistency === 'linearizable' || !nodes.includes(node)) return nodes;
    return [node, ...nodes];
  }

  async #try(node: NodeId, fragment: SetFragment, options: ReadOptions): Promise<Begun | DbError> {
    const {rpc, leaders, nodes, clock} = this.#ports;
    const {consistency, maxStalenessMs, deadlineMs, signal} = options;
    const timeoutMs = Math.min(BEGIN_MS_MAX, beginDeadlineOf(options) - clock.monotonicMs());
    const request: FragmentRequest = {fragment, consistency, maxStalenessMs, timeoutMs};
    const payload = new TextEncoder().encode(JSON.stringify(request));
    const target = {node, set: fragment.set};
    const late = new AbortController();
    const timer = clock.setTimer(timeoutMs + BEGIN_SLACK_MS, () => late.abort());
    const unwatch = nodes.onAway(node, () => late.abort());
    const either = AbortSignal.any([signal, late.signal]);
    const stream = rpc
      .stream(target, QUERY_METHOD, payload, {deadlineMs, signal: either})
      [Symbol.asyncIterator]();
    try {
      const {value} = await stream.next();
      // Behind its first frame came, in one turn, what broke it off: the next chunk would be CANCELLED.
      if (late.signal.aborted) throw new DbError('CANCELLED', 'it was given up as it began');
      if (consistency === 'linearizable') leaders.learn(fragment.set, node);
      const origin = JSON.parse(new TextDecoder().decode(value)) as FragmentOrigin;
      return {node, origin, stream};
    } catch (error) {
      if (!(error instanceof DbError)) throw error;
      // What a follower cannot say of itself is no news of the leader.
      if (consistency === 'linearizable') leaders.forget(fragment.set);
      // A read that went unanswered changed nothing: whatever is not final may be asked elsewhere.
      return late.signal.aborted && !signal.aborted ? silent(node, error) : error;
    } finally {
      timer.cancel();
      unwatch();
    }
  }
}

interface Begun {
  readonly node: NodeId;
  readonly origin: FragmentOrigin;
  readonly stream: AsyncIterator<Uint8Array>;
}

function beginDeadlineOf({deadlineMs, beginDeadlineMs}: ReadOptions): number {
  return Math.min(deadlineMs, beginDeadlineMs ?? deadlineMs);
}

async function* batchesOf(
  set: ReplicaSetId,
  stream: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  try {
    for (;;) {
      const {value, done} = await stream.next();
      if (done === true) return;
      yield value;
    }
  } catch (error) {
    throw naming(set, error);
  } finally {
    await stream.return?.();
  }
}

/** Of a round's failures: that replicas are there and too old says more than that others are dead. */
function moreTelling(before: DbError | undefined, error: DbError): DbError {
  return before?.code === 'STALE_TOO_OLD' && !isFinal(error) ? before : error;
}

/** No other replica would answer otherwise. A set that was dropped stays so. */
function isFinal({code}: DbError): boolean {
  return ERRORS[code].retry === 'never' || code === 'STALE_EPOCH';
}

function silent(node: NodeId, cause: DbError): DbError {
  return new DbError('UNAVAILABLE', `node ${node} did not begin to answer`, {node}, cause);
}

/** The set could not be read, and others perhaps can: what a partial answer may leave out. */
export function isMissingSet({code, details}: DbError): boolean {
  const {retry} = ERRORS[code];
  return details['replicaSet'] !== undefined && retry !== 'never' && code !== 'STALE_EPOCH';
}

/** A query that fails names the replica set that could not be read. */
function naming(set: ReplicaSetId, error: unknown): unknown {
  if (!(error instanceof DbError) || error.details['replicaSet'] !== undefined) return error;
  if (ERRORS[error.code].retry === 'never') return error;
  const message = `replica set ${set} cannot be read: ${error.message}`;
  const code = error.code === 'OUTCOME_UNKNOWN' ? 'UNAVAILABLE' : error.code;
  return new DbError(code, message, {...error.details, replicaSet: set}, error);
}
