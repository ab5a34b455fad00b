// One request to the leader of a replica set, wherever it is, retried inside the deadline. What a
// retry may do is decided by the error's class alone: a request whose outcome is unknown is sent
// again only where the receiver recognises it (writes carry a sequence, reads change nothing).

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
import type {LeaderDirectory} from './leader-directory.ts';
import type {NodeWatch} from './node-watch.ts';
import {pause} from './pause.ts';

/** First wait after a whole round of replicas had no leader; doubled each round up to the last. */
const BACKOFF_FIRST_MS = 10;
const BACKOFF_LAST_MS = 200;
/**
 * One try is given up after this long, though its node lives: half of a write's deadline, so that a
 * second try has time, and enough for the largest share at 100 Mbit/s.
 */
const TRY_MS_MAX = 2_000;

export interface SetRequest {
  readonly set: ReplicaSetId;
  readonly method: string;
  readonly payload: Uint8Array;
  /** On the monotonic clock. */
  readonly deadlineMs: number;
}

export interface SetCallerPorts {
  readonly rpc: Rpc;
  readonly catalog: () => Catalog;
  readonly leaders: LeaderDirectory;
  readonly nodes: NodeWatch;
  readonly clock: Clock;
  readonly random: Random;
}

export class SetCaller {
  readonly #ports: SetCallerPorts;

  constructor(ports: SetCallerPorts) {
    this.#ports = ports;
  }

  /**
   * The leader's answer. Rejects at once with what no retry mends, else with the last error when the
   * deadline passes; with OUTCOME_UNKNOWN if any try may have had its effect.
   */
  async call(request: SetRequest): Promise<Uint8Array> {
    const {clock, random} = this.#ports;
    const tries = new Tries(request.set);
    for (let backoffMs = BACKOFF_FIRST_MS; ; backoffMs = Math.min(2 * backoffMs, BACKOFF_LAST_MS)) {
      const answer = await this.#round(request, tries);
      if (answer instanceof Uint8Array) return answer;
      if (isFinal(answer)) throw tries.verdict(answer);
      const waitMs = backoffMs * (0.5 + random.next());
      if (clock.monotonicMs() + waitMs >= request.deadlineMs) throw tries.verdict(answer);
      await pause(clock, waitMs);
    }
  }

  /** Each replica once, following hints; the answer, or why there is none. */
  async #round(request: SetRequest, tries: Tries): Promise<Uint8Array | DbError> {
    const {leaders, catalog, clock} = this.#ports;
    const {set, deadlineMs} = request;
    const queue = leaders.candidates(set, catalog());
    if (queue instanceof DbError) return queue;
    const asked = new Set<NodeId>();
    let last: DbError | undefined;
    while (queue.length > 0 && clock.monotonicMs() < deadlineMs) {
      const node = queue.shift()!;
      if (asked.has(node)) continue;
      asked.add(node);
      const answer = await this.#tryNode(node, request);
      if (answer instanceof Uint8Array) return answer;
      tries.note(answer);
      last = answer;
      if (isFinal(answer) || isOverload(answer)) return answer;
      const hint = answer.details['leader'];
      if (typeof hint === 'number' && !asked.has(hint as NodeId)) queue.unshift(hint as NodeId);
    }
    // Made only here: an error takes its stack with it, which costs more than the rest of a call.
    return last ?? new DbError('DEADLINE_EXCEEDED', `no time was left to ask replica set ${set}`);
  }

  async #tryNode(node: NodeId, request: SetRequest): Promise<Uint8Array | DbError> {
    const {rpc, leaders, nodes, clock} = this.#ports;
    const {set, method, payload} = request;
    const deadlineMs = Math.min(request.deadlineMs, clock.monotonicMs() + TRY_MS_MAX);
    const away = new AbortController();
    const unwatch = nodes.onAway(node, () => away.abort());
    try {
      const options = {deadlineMs, signal: away.signal};
      const answer = await rpc.call({node, set}, method, payload, options);
      leaders.learn(set, node);
      return answer;
    } catch (error) {
      if (!(error instanceof DbError)) throw error;
      if (!isOverload(error)) leaders.forget(set);
      return error.code === 'CANCELLED' ? gaveUp(node, error) : error;
    } finally {
      unwatch();
    }
  }
}

/** What became of one request so far. */
class Tries {
  readonly #set: ReplicaSetId;
  #mayHaveHappened = false;

  constructor(set: ReplicaSetId) {
    this.#set = set;
  }

  note({code, details}: DbError): void {
    // A try that ran into its own limit was sent, unless the caller's side says that it was not.
    const isUnknown =
      code === 'OUTCOME_UNKNOWN' || (code === 'DEADLINE_EXCEEDED' && details['sent'] !== false);
    this.#mayHaveHappened ||= isUnknown;
  }

  /** What the caller is told when `last` was the last answer. */
  verdict(last: DbError): DbError {
    if (!this.#mayHaveHappened && last.code === 'DEADLINE_EXCEEDED') {
      // Of the two meanings of 504 a writer can only take the other: that it may be written.
      return new DbError('UNAVAILABLE', last.message, {replicaSet: this.#set}, last);
    }
    // Apply itself refused: had an earlier try been applied, this one would have been its duplicate.
    if (!this.#mayHaveHappened || last.code === 'TABLE_NOT_FOUND') return last;
    const message = `replica set ${this.#set} did not answer in time; the write may be, or become, applied (last: ${last.message})`;
    return new DbError('OUTCOME_UNKNOWN', message, {replicaSet: this.#set}, last);
  }
}

/** No retry mends it. A set that was dropped stays so. */
function isFinal({code}: DbError): boolean {
  return ERRORS[code].retry === 'never' || code === 'STALE_EPOCH';
}

/** The leader's own word: the others could only name it again, and hide why. */
function isOverload({code}: DbError): boolean {
  return code === 'OVERLOADED' || code === 'DISK_FULL';
}

/** The call was broken off here, because its node went away or this one stops. */
function gaveUp(node: NodeId, cause: DbError): DbError {
  const message = `node ${node} stopped answering before it answered this`;
  return new DbError('OUTCOME_UNKNOWN', message, {node}, cause);
}
