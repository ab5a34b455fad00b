// How everyone asks the meta group: finds its leader among the known members, tries again inside the
// deadline where that cannot do harm, and lets equal questions be asked once. One ReadIndex is under
// way per node; those that ask meanwhile share the next one, since it must begin after they asked.

import {
  type Clock,
  type DatabaseId,
  DbError,
  META_SET,
  type NodeId,
  type Rpc,
} from '@flotilla/base';
import {
  type Command,
  type CommandType,
  type CommandValue,
  type CreateOperation,
  type RebalanceView,
  versionFault,
} from '@flotilla/catalog';
import {decodeJson, encodeJson} from './command-codec.ts';
import {pause} from './pause.ts';
import {type MetaMembers, type NodePresence, presentOf} from './ports.ts';

/** Elections take some hundred milliseconds: a few rounds of questions. */
const RETRY_PAUSE_MS = 50;
/** A member that does not answer a repeatable question in so long is passed over. */
const ATTEMPT_MS = 1_500;
/**
 * A leader that is away from here, and still named after this long, leads, and it is the link to it that
 * failed: the others would have noticed a dead one. Of questions that may not be repeated; the others
 * are passed on at once.
 */
const PASS_AFTER_MS = 1_500;

/**
 * Applied twice they do what once would have done, whatever others did in between; those fenced by epoch or
 * step fail the second time. Not what an operator sets to a value: between the two another may have set his.
 */
const IDEMPOTENT: ReadonlySet<CommandType> = new Set([
  'register-node',
  'update-node',
  'finalize-upgrade',
  'set-node-state',
  'purge-database',
  'raise-expired-before',
  'ensure-tables',
  'purge-table',
  'forget-table',
  'ensure-bucket',
  'open-replica-sets',
  'forget-replica-sets',
  'begin-skip',
  'end-skip',
  'drop-bucket',
  'expire-operations',
]);

export interface Deadline {
  /** On the monotonic clock. */
  readonly deadlineMs: number;
}

export interface MetaClientOptions {
  readonly rpc: Rpc;
  readonly clock: Clock;
  readonly members: MetaMembers;
  readonly presence: NodePresence;
  /** Of this node's copy of the catalog, for `waitForVersion`. */
  readonly waitForVersion: (version: number, deadlineMs: number) => Promise<void>;
  /** As that copy has it; undefined while it knows of no cluster. */
  readonly clusterVersion: () => number | undefined;
}

interface Question extends Deadline {
  readonly method: string;
  readonly body: object;
  readonly repeatable: boolean;
}

/** Through `via` where the node is not reached from here. */
interface Route {
  readonly node: NodeId;
  readonly via?: NodeId | undefined;
}

export class MetaClient {
  readonly #options: MetaClientOptions;
  readonly #underway = new Map<string, Promise<unknown>>();
  #leader: Route | undefined;
  /** Members that had no answer, and knew none who would have, since the last answer of any. */
  readonly #failed = new Set<NodeId>();
  #nextMember = 0;
  #reading: Promise<number> | undefined;
  #nextReading: Promise<number> | undefined;

  constructor(options: MetaClientOptions) {
    this.#options = options;
  }

  /**
   * Rejects with the catalog's own error; with META_UNAVAILABLE when the deadline passed and nothing
   * was done; with OUTCOME_UNKNOWN when it may have been done.
   */
  propose<C extends Command>(command: C, {deadlineMs}: Deadline): Promise<CommandValue<C>> {
    // Its leader may be of an older build, which could not even say what is asked of it.
    const version = this.#options.clusterVersion();
    const fault = version === undefined ? undefined : versionFault(command, version);
    if (fault !== undefined) return Promise.reject(new DbError('CONFLICT', fault));
    const repeatable = IDEMPOTENT.has(command.type) || isConditional(command);
    const ask = () =>
      this.#ask({method: 'meta.propose', body: {command}, repeatable, deadlineMs}) as Promise<
        CommandValue<C>
      >;
    if (command.type !== 'ensure-tables' && command.type !== 'ensure-bucket') return ask();
    return this.#once(JSON.stringify(command), deadlineMs, ask);
  }

  /** The bucket that holds the time, planned and made by the leader if it is not there. */
  ensureBucket(
    database: DatabaseId,
    timeMs: number,
    {deadlineMs}: Deadline,
  ): Promise<CommandValue<Extract<Command, {type: 'ensure-bucket'}>>> {
    const body = {database, timeMs};
    const ask = () =>
      this.#ask({method: 'meta.ensure-bucket', body, repeatable: true, deadlineMs}) as Promise<
        CommandValue<Extract<Command, {type: 'ensure-bucket'}>>
      >;
    return this.#once(`bucket ${database} ${timeMs}`, deadlineMs, ask);
  }

  /** What a rebalance would do now, as the meta leader sees the nodes. */
  rebalanceView({deadlineMs}: Deadline): Promise<RebalanceView> {
    const question = {method: 'meta.rebalance-view', body: {}, repeatable: true, deadlineMs};
    return this.#ask(question) as Promise<RebalanceView>;
  }

  /**
   * Rejects as a proposal of it would, as far as the catalog alone cannot say; begins nothing. With UNSUPPORTED
   * where the leader is of an older build: the catalog's word alone would be taken for its consent.
   */
  async mayBegin(operation: CreateOperation, {deadlineMs}: Deadline): Promise<void> {
    const method = 'meta.may-begin';
    const ask = () => this.#ask({method, body: {operation}, repeatable: true, deadlineMs});
    try {
      await ask();
    } catch (error) {
      if (!isUnsupported(error)) throw error;
      // A member that does not know the question names no leader either, and that may be of this build.
      await this.readIndex({deadlineMs});
      const leader = this.#leader?.node;
      await ask().catch((again: unknown) => {
        throw isUnsupported(again) ? leaderTooOld(leader, again) : again;
      });
    }
  }

  /**
   * The version that this node's copy must reach to show all that was done before the call. Past the
   * deadline rejects with META_UNAVAILABLE where the meta group is known to be lost: every member is
   * away or was asked in vain since the last answer; else with DEADLINE_EXCEEDED: more time might have done.
   */
  readIndex({deadlineMs}: Deadline): Promise<number> {
    const limit = {...this.#clockTo(deadlineMs), late: () => this.#noIndex()};
    if (this.#reading === undefined) return before(this.#startReading(deadlineMs), limit);
    // However the present one ends: its askers are told by itself.
    const start = () => {
      this.#nextReading = undefined;
      return this.#startReading(deadlineMs);
    };
    this.#nextReading ??= this.#reading.then(start, start);
    return before(this.#nextReading, limit);
  }

  waitForVersion(version: number, {deadlineMs}: Deadline): Promise<void> {
    return this.#options.waitForVersion(version, deadlineMs);
  }

  #startReading(deadlineMs: number): Promise<number> {
    // At least an attempt's time: those who join have deadlines of their own.
    const limitMs = Math.max(deadlineMs, this.#options.clock.monotonicMs() + ATTEMPT_MS);
    const question = {method: 'meta.read-index', body: {}, repeatable: true, deadlineMs: limitMs};
    const reading = this.#ask(question).then(
      (answer) => (answer as {index: number}).index,
      (error: unknown) => {
        throw isOutOfTime(error) ? this.#noIndex(error) : error;
      },
    );
    this.#reading = reading;
    const finished = () => {
      if (this.#reading === reading) this.#reading = undefined;
    };
    reading.then(finished, finished);
    return reading;
  }

  /** Joins an equal question under way; asks anew if that one ran out of its own, shorter time. */
  async #once<Value>(key: string, deadlineMs: number, ask: () => Promise<Value>): Promise<Value> {
    const present = this.#underway.get(key) as Promise<Value> | undefined;
    if (present !== undefined) {
      try {
        return await before(present, {...this.#clockTo(deadlineMs), late: notDone});
      } catch (error) {
        if (!isOutOfTime(error) || this.#leftMs(deadlineMs) <= 0) throw error;
        return ask();
      }
    }
    const asking = ask();
    this.#underway.set(key, asking);
    try {
      return await asking;
    } finally {
      this.#underway.delete(key);
    }
  }

  async #ask(question: Question): Promise<unknown> {
    let unknown = false;
    let last: unknown;
    const beganMs = this.#options.clock.monotonicMs();
    while (this.#leftMs(question.deadlineMs) > 0) {
      const askedMs = this.#options.clock.monotonicMs() - beganMs;
      const route = this.#target(question.repeatable || askedMs >= PASS_AFTER_MS);
      if (route !== undefined) {
        try {
          const answer = await this.#call(route, question);
          this.#leader = route;
          this.#failed.clear();
          return answer;
        } catch (error) {
          if (!this.#mayRetry(error, question)) throw error;
          // Who names another has not failed: that one is asked.
          if (!(error instanceof DbError) || error.code !== 'NOT_LEADER')
            this.#failed.add(route.node);
          unknown ||= isUnknown(error);
          last = error;
          if (this.#follow(route, error)) continue;
        }
      }
      const leftMs = this.#leftMs(question.deadlineMs);
      await pause(this.#options.clock, Math.max(0, Math.min(RETRY_PAUSE_MS, leftMs)));
    }
    if (unknown) throw outcomeUnknown(last);
    throw notDone(last);
  }

  #noIndex(cause?: unknown): DbError {
    const {members, presence} = this.#options;
    const isLost = members().every((member) => presence.isAway(member) || this.#failed.has(member));
    if (isLost) return notDone(cause);
    const message = 'the deadline passed while the meta group was asked for the catalog';
    return new DbError('DEADLINE_EXCEEDED', message, {}, cause);
  }

  async #call({node, via}: Route, question: Question): Promise<unknown> {
    const {rpc, clock, presence} = this.#options;
    const leftMs = this.#leftMs(question.deadlineMs);
    const timeoutMs = question.repeatable ? Math.min(ATTEMPT_MS, leftMs) : leftMs;
    const payload = encodeJson({...question.body, timeoutMs});
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    const away = new AbortController();
    const unwatch = presence.onAway(via ?? node, () => away.abort());
    try {
      const options = {deadlineMs, signal: away.signal};
      const target = {node, set: META_SET, via};
      return decodeJson(await rpc.call(target, question.method, payload, options));
    } catch (error) {
      throw away.signal.aborted ? gaveUp(via ?? node, error) : error;
    } finally {
      unwatch();
    }
  }

  #target(mayPass: boolean): Route | undefined {
    const {members, presence} = this.#options;
    const {node, via} = this.#leader ?? {};
    const isUsable = via === undefined || (mayPass && presence.isAway(node!));
    if (node !== undefined && isUsable && !presence.isAway(via ?? node)) return this.#leader;
    const present = presentOf(members(), presence);
    const member = present[this.#nextMember % Math.max(1, present.length)];
    return member === undefined ? undefined : {node: member};
  }

  /** True where the answer names another node to ask at once. */
  #follow({node, via}: Route, error: unknown): boolean {
    const leader =
      error instanceof DbError && error.code === 'NOT_LEADER' && error.details['leader'];
    const {presence} = this.#options;
    const next = typeof leader === 'number' && leader !== node ? (leader as NodeId) : undefined;
    const again = this.#leader?.node === next;
    this.#leader = undefined;
    if (next !== undefined && !presence.isAway(next)) {
      this.#leader = {node: next};
      // Two members that name each other during an election must not be asked in a tight loop.
      return !again;
    }
    this.#nextMember++;
    // Its followers name a frozen leader until they have noticed; then they give up what they pass on.
    if (next === undefined || via !== undefined || presence.isAway(node)) return false;
    this.#leader = {node: next, via: node};
    return !again;
  }

  #mayRetry(error: unknown, question: Question): boolean {
    if (!(error instanceof DbError)) return false;
    switch (error.code) {
      case 'NOT_LEADER':
      case 'NO_LEADER':
      case 'UNAVAILABLE':
      case 'OVERLOADED':
      case 'REPLICA_GONE':
      case 'REPLICA_STOPPED':
      case 'DRAINING':
      case 'META_UNAVAILABLE':
        return true;
      case 'OUTCOME_UNKNOWN':
      case 'DEADLINE_EXCEEDED':
        if (question.repeatable) return true;
        throw outcomeUnknown(error);
      default:
        return false;
    }
  }

  #leftMs(deadlineMs: number): number {
    return deadlineMs - this.#options.clock.monotonicMs();
  }

  #clockTo(deadlineMs: number) {
    return {clock: this.#options.clock, delayMs: Math.max(0, this.#leftMs(deadlineMs))};
  }
}

/**
 * A thing that is there already is no error to it. Not so for what drops: done twice it would drop what
 * somebody made under the name meanwhile, and only that would be known for dropped.
 */
function isConditional(command: Command): boolean {
  return 'ifNotExists' in command && command.ifNotExists === true;
}

function isUnknown(error: unknown): boolean {
  return (
    error instanceof DbError &&
    (error.code === 'OUTCOME_UNKNOWN' || error.code === 'DEADLINE_EXCEEDED')
  );
}

function isUnsupported(error: unknown): boolean {
  return error instanceof DbError && error.code === 'UNSUPPORTED';
}

function leaderTooOld(node: NodeId | undefined, cause: unknown): DbError {
  const id = node ?? 'N';
  const message = `the meta group is led by an older build, which cannot say whether it would begin this: upgrade node ${id} first, or let another node lead (flotilla node evacuate-leaders ${id})`;
  return new DbError('UNSUPPORTED', message, {leader: node}, cause);
}

function isOutOfTime(error: unknown): boolean {
  return isUnknown(error) || (error instanceof DbError && error.code === 'META_UNAVAILABLE');
}

/** The call was broken off here; where it had come to nobody knows. */
function gaveUp(node: NodeId, cause: unknown): DbError {
  const message = `node ${node} of the meta group stopped answering before it answered this`;
  return new DbError('OUTCOME_UNKNOWN', message, {node}, cause);
}

function outcomeUnknown(cause: unknown): DbError {
  return new DbError(
    'OUTCOME_UNKNOWN',
    'the meta group did not answer in time: the change may have been made',
    {},
    cause,
  );
}

function notDone(cause?: unknown): DbError {
  return new DbError('META_UNAVAILABLE', 'the meta group did not answer in time', {}, cause);
}

/** The promise's outcome, or the error of `late` after the delay; the promise itself goes on. */
function before<Value>(
  promise: Promise<Value>,
  limit: {readonly clock: Clock; readonly delayMs: number; readonly late: () => DbError},
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = limit.clock.setTimer(limit.delayMs, () => reject(limit.late()));
    promise.then(resolve, reject).finally(() => timer.cancel());
  });
}
