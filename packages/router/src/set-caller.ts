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
import {AwaySignal, type NodeWatch} from './node-watch.ts';

/** First wait after a round that found no room at the leader; doubled each round up to the last. */
const BACKOFF_FIRST_MS = 10;
const BACKOFF_LAST_MS = 200;
/** Between the rounds of the one call that looks for a set's leader; the others wait for what it finds. */
const SEEK_MS = 15;
/** Of a set that is still being made, one of many perhaps: a replica of this node tells sooner. */
const SEEK_CREATING_MS = 100;
/** They look for themselves after so long: who looks for them may be held up by a silent node. */
const FOUND_MS_MAX = 500;
/**
 * One try is given up after this long, though its node lives: half of a write's deadline, so that a
 * second try has time, and enough for the largest share at 100 Mbit/s.
 */
const TRY_MS_MAX = 2_000;
/**
 * What a leader refused for want of room is not sent again with less time than that, or a fourth of the
 * whole: cut short its outcome would be unknown, and that it was refused is worth more.
 */
const TRY_MS_MIN = 1_000;

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
    const {clock, random, leaders} = this.#ports;
    const {set, deadlineMs} = request;
    const tries = new Tries(set);
    const tryMsMin = Math.min(TRY_MS_MIN, (deadlineMs - clock.monotonicMs()) / 4);
    const seat: Seat = {isTaken: false};
    try {
      if (leaders.isSought(set)) {
        const leftMs = deadlineMs - clock.monotonicMs();
        await this.#restOrLearn(set, Math.min(FOUND_MS_MAX, leftMs / 2));
      }
      for (let round = 0; ; round++) {
        const answer = await this.#round(request, tries);
        if (answer instanceof Uint8Array) return answer;
        if (isFinal(answer)) throw tries.verdict(answer);
        const pauseMs = this.#pauseMs(request, answer, {seat, round}) * (0.5 + random.next());
        const leftMs = deadlineMs - clock.monotonicMs();
        const isKnown = isOverload(answer) && !tries.mayHaveHappened;
        const neededMs = isKnown ? pauseMs + tryMsMin : 2 * BACKOFF_FIRST_MS;
        if (leftMs < neededMs) throw tries.verdict(answer);
        await this.#restOrLearn(set, Math.min(pauseMs, leftMs / 2));
      }
    } finally {
      if (seat.isTaken) leaders.endSeeking(set);
    }
  }

  /**
   * One looks for the leader, for all who wait for it in this thread: their rounds would take from the
   * election the very processor that it needs.
   */
  #pauseMs(
    {set}: SetRequest,
    answer: DbError,
    {seat, round}: {readonly seat: Seat; readonly round: number},
  ): number {
    const {leaders} = this.#ports;
    if (isOverload(answer)) {
      if (seat.isTaken) leaders.endSeeking(set);
      seat.isTaken = false;
      return Math.min(BACKOFF_FIRST_MS * 2 ** round, BACKOFF_LAST_MS);
    }
    seat.isTaken ||= leaders.seek(set);
    if (!seat.isTaken) return FOUND_MS_MAX;
    return this.#ports.catalog().replicaSet(set)?.state === 'creating' ? SEEK_CREATING_MS : SEEK_MS;
  }

  /** A wait that an election's end ends: whichever call, or replica here, sees the new leader first. */
  #restOrLearn(set: ReplicaSetId, waitMs: number): Promise<void> {
    const {clock, leaders} = this.#ports;
    return new Promise((resolve) => {
      const unwatch = leaders.onLearned(set, () => {
        timer.cancel();
        resolve();
      });
      const timer = clock.setTimer(waitMs, () => {
        unwatch();
        resolve();
      });
    });
  }

  /** Each replica once, following hints; the answer, or why there is none. */
  async #round(request: SetRequest, tries: Tries): Promise<Uint8Array | DbError> {
    const {leaders, catalog, clock} = this.#ports;
    const {set, deadlineMs} = request;
    const candidates = leaders.candidates(set, catalog());
    if (candidates instanceof DbError) return candidates;
    const queue: Route[] = candidates.map((node) => ({node}));
    const asked = new Set<NodeId>();
    let last: DbError | undefined;
    while (queue.length > 0 && clock.monotonicMs() < deadlineMs) {
      const route = queue.shift()!;
      if (route.via === undefined && asked.has(route.node)) continue;
      asked.add(route.node);
      const answer = await this.#tryRoute(route, request);
      if (answer instanceof Uint8Array) return answer;
      tries.note(answer);
      last = answer;
      if (isFinal(answer) || isOverload(answer)) return answer;
      const next = this.#hinted(answer, route, asked);
      if (next !== undefined) queue.unshift(next);
    }
    // Made only here: an error takes its stack with it, which costs more than the rest of a call.
    return last ?? new DbError('DEADLINE_EXCEEDED', `no time was left to ask replica set ${set}`);
  }

  /**
   * The leader that an answer names. One that is away is asked only through the node that names it, which
   * may reach it: it is the link to it that was lost, or that node has not noticed yet that it froze, and
   * gives the call up when it does.
   */
  #hinted({details}: DbError, {node, via}: Route, asked: Set<NodeId>): Route | undefined {
    const {nodes} = this.#ports;
    const leader = details['leader'] as NodeId | undefined;
    if (typeof leader !== 'number' || leader === node) return undefined;
    if (!nodes.isAway(leader) || nodes.isAway(node))
      return asked.has(leader) ? undefined : {node: leader};
    return via === undefined ? {node: leader, via: node} : undefined;
  }

  async #tryRoute({node, via}: Route, request: SetRequest): Promise<Uint8Array | DbError> {
    const {rpc, leaders, nodes, clock} = this.#ports;
    const {set, method, payload} = request;
    const deadlineMs = Math.min(request.deadlineMs, clock.monotonicMs() + TRY_MS_MAX);
    const signal = new AwaySignal(nodes, via ?? node);
    try {
      const options = {deadlineMs, signal};
      const answer = await rpc.call({node, set, via}, method, payload, options);
      leaders.learn(set, node);
      return answer;
    } catch (error) {
      if (!(error instanceof DbError)) throw error;
      if (!isOverload(error)) leaders.forget(set);
      return error.code === 'CANCELLED' ? gaveUp(via ?? node, error) : error;
    } finally {
      signal.release();
    }
  }
}

/** Whether this call is the one that looks for its set's leader. */
interface Seat {
  isTaken: boolean;
}

/** Through `via` where the node is not reached from here. */
interface Route {
  readonly node: NodeId;
  readonly via?: NodeId | undefined;
}

/** What became of one request so far. */
class Tries {
  readonly #set: ReplicaSetId;
  #mayHaveHappened = false;

  get mayHaveHappened(): boolean {
    return this.#mayHaveHappened;
  }

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
    // Apply itself refused: had an earlier try been applied, this one would have been its duplicate. That the
    // set was dropped ends no doubt: what an earlier try did there may have been read before it went.
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
