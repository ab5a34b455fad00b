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
import {pause} from './pause.ts';

/** First wait after a whole round of replicas had no leader; doubled each round up to the last. */
const BACKOFF_FIRST_MS = 10;
const BACKOFF_LAST_MS = 200;
/** One try is given up after this long, so that a silent node does not use up the whole deadline. */
const TRY_MS_MAX = 1_000;

export interface SetRequest {
  readonly set: ReplicaSetId;
  readonly method: string;
  readonly payload: Uint8Array;
  /** On the monotonic clock. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Whether a try that got no answer may have changed something. */
  readonly effect: 'write' | 'read';
}

export interface SetCallerPorts {
  readonly rpc: Rpc;
  readonly catalog: () => Catalog;
  readonly leaders: LeaderDirectory;
  readonly clock: Clock;
  readonly random: Random;
}

export class SetCaller {
  readonly #ports: SetCallerPorts;

  constructor(ports: SetCallerPorts) {
    this.#ports = ports;
  }

  /**
   * The leader's answer. Rejects with the last error when the deadline passes: OUTCOME_UNKNOWN if any
   * try may have had its effect, else what stood in the way.
   */
  async call(request: SetRequest): Promise<Uint8Array> {
    const {clock} = this.#ports;
    if (clock.monotonicMs() >= request.deadlineMs) {
      const message = `the deadline passed before replica set ${request.set} was asked`;
      throw new DbError('DEADLINE_EXCEEDED', message, {replicaSet: request.set});
    }
    let unknown = false;
    let before: DbError | undefined;
    for (let backoffMs = BACKOFF_FIRST_MS; ; backoffMs = Math.min(2 * backoffMs, BACKOFF_LAST_MS)) {
      const failure = await this.#round(request, before);
      if (failure instanceof Uint8Array) return failure;
      before = failure;
      unknown ||= request.effect === 'write' && mayHaveHappened(failure);
      const waitMs = backoffMs * (0.5 + this.#ports.random.next());
      if (clock.monotonicMs() + waitMs >= request.deadlineMs) {
        throw unknown ? outcomeUnknown(request.set, failure) : failure;
      }
      await pause(clock, waitMs, request.signal);
    }
  }

  /**
   * Each replica once, following hints; the answer, or why there is none (`before`, the failure of the
   * round before, where no time is left to ask anybody). Throws what no retry mends.
   */
  async #round(request: SetRequest, before: DbError | undefined): Promise<Uint8Array | DbError> {
    const {leaders, catalog, clock} = this.#ports;
    const queue = leaders.candidates(request.set, catalog());
    const asked = new Set<NodeId>();
    const gone = `replica set ${request.set} is not in the catalog (any more)`;
    let last = queue.length > 0 && before !== undefined ? before : new DbError('UNAVAILABLE', gone);
    let unknown: DbError | undefined;
    while (queue.length > 0 && clock.monotonicMs() < request.deadlineMs) {
      const node = queue.shift()!;
      if (asked.has(node)) continue;
      asked.add(node);
      const answer = await this.#tryNode(node, request);
      if (answer instanceof Uint8Array) return answer;
      last = answer;
      if (mayHaveHappened(answer)) unknown = answer;
      const hint = answer.details['leader'];
      if (typeof hint === 'number' && !asked.has(hint as NodeId)) queue.unshift(hint as NodeId);
    }
    return unknown ?? last;
  }

  async #tryNode(node: NodeId, request: SetRequest): Promise<Uint8Array | DbError> {
    const {rpc, leaders, clock} = this.#ports;
    const deadlineMs = Math.min(request.deadlineMs, clock.monotonicMs() + TRY_MS_MAX);
    try {
      const {set, method, payload, signal} = request;
      const answer = await rpc.call({node, set}, method, payload, {deadlineMs, signal});
      leaders.learn(set, node);
      return answer;
    } catch (error) {
      if (!(error instanceof DbError)) throw error;
      if (ERRORS[error.code].retry === 'never') throw error;
      leaders.forget(request.set);
      return error;
    }
  }
}

/** A try that ran into its own limit was sent, and nobody knows what became of it. */
function mayHaveHappened(error: DbError): boolean {
  return error.code === 'OUTCOME_UNKNOWN' || error.code === 'DEADLINE_EXCEEDED';
}

function outcomeUnknown(set: ReplicaSetId, last: DbError): DbError {
  const message = `replica set ${set} did not answer in time; the write may be, or become, applied (last: ${last.message})`;
  return new DbError('OUTCOME_UNKNOWN', message, {replicaSet: set}, last);
}
