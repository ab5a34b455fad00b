// Orders for replica sets that stopped at an entry which they cannot apply: try again, or pass the entry over.
// Law: an entry is passed over only where every replica of the set has promised, durably, to stop before it
// until that is decided (ARCHITECTURE.md, "An entry that is skipped"). One that has applied it, of a newer build
// say, one that nobody can ask and one that could not be opened refuse it for all.

import {type Clock, DbError, type ReplicaId, type ReplicaSetId, type Rpc} from '@flotilla/base';
import type {Command, CommandValue, ReplicaSet} from '@flotilla/catalog';
import type {ReplicaSetView, ReplicaView} from './cluster-view.ts';
import {pause} from './pause.ts';
import {HOLD_METHOD, type HoldRequest, holdAnswer, RETRY_METHOD} from './stopped-replicas.ts';

/** Replicas follow the catalog every second; an election is shorter. */
const SETTLE_MS_MAX = 5_000;
const LOOK_MS = 100;
/** A promise is one write of a manifest: who takes longer is asked another time. */
const PROMISE_MS_MAX = 3_000;
/** Counted anew where the order's own time is over: an order that stands open keeps replicas from going on. */
const WITHDRAWAL_MS_MAX = 3_000;

export interface StoppedAdminDeps {
  readonly rpc: Rpc;
  readonly clock: Clock;
  /** It is only said what would be done. */
  readonly isTrial?: boolean | undefined;
  readonly viewOf: (set: ReplicaSet) => Promise<ReplicaSetView>;
  readonly propose: <C extends SkipCommand>(
    command: C,
    deadlineMs: number,
  ) => Promise<CommandValue<C>>;
}

type SkipCommand = Extract<Command, {type: 'begin-skip' | 'end-skip'}>;

export class StoppedAdmin {
  readonly #deps: StoppedAdminDeps;

  constructor(deps: StoppedAdminDeps) {
    this.#deps = deps;
  }

  /**
   * All of its replicas that have stopped are opened anew, and an open order to skip an entry is withdrawn. The
   * answer shows which of them stopped again.
   */
  async retry(set: ReplicaSet, deadlineMs: number): Promise<ReplicaSetView> {
    const {rpc, viewOf, propose, isTrial} = this.#deps;
    const view = await viewOf(set);
    const stopped = view.replicas.filter(isStopped);
    const {skipOrder} = set;
    if (skipOrder === undefined && stopped.length === 0)
      throw new DbError('CONFLICT', `no replica of set ${set.id} that answers has stopped`);
    if (skipOrder !== undefined)
      await propose({type: 'end-skip', set: set.id, order: skipOrder.order}, deadlineMs);
    if (isTrial === true) return view;
    const retrying = stopped.map(({node, replica}) => {
      const payload = new TextEncoder().encode(String(replica));
      return rpc.call({node, set: set.id}, RETRY_METHOD, payload, {deadlineMs});
    });
    // One that cannot be opened keeps no other from it, and is named in the end.
    const refused = (await Promise.allSettled(retrying)).find(({status}) => status === 'rejected');
    if (refused?.status === 'rejected') throw refused.reason;
    // It meets the entry once a leader has told it what is committed; a leader that was there before says nothing.
    const isOver = (now: ReplicaSetView) =>
      stopped.every(({replica, failedIndex = 0}) => {
        const one = now.replicas.find((each) => each.replica === replica);
        return one === undefined || isStopped(one) || (one.appliedIndex ?? 0) >= failedIndex;
      });
    return this.#settled(
      set,
      (now) => isOver(now) && (now.leader !== undefined || now.replicas.some(isStopped)),
    );
  }

  /** Repeated it goes on: with the order that stands open, or with looking whether all have passed the entry. */
  async skip(
    set: ReplicaSet,
    {index, by}: {readonly index: number; readonly by: string},
    deadlineMs: number,
  ): Promise<ReplicaSetView> {
    const {clock, viewOf, propose, isTrial} = this.#deps;
    const isDecided = set.skippedEntries?.some((entry) => entry.index === index) === true;
    if (!isDecided) {
      const before = await viewOf(set);
      const fault = skipFault(set.id, index, before.replicas);
      if (fault !== undefined) throw new DbError('CONFLICT', fault);
      const command = {type: 'begin-skip', set: set.id, index, by, atMs: clock.wallMs()} as const;
      const {order} = await propose(command, deadlineMs);
      if (isTrial === true) return before;
      await this.#decide(set, {index, order}, deadlineMs);
    }
    const isPast = ({failedIndex, appliedIndex = 0, isLost}: ReplicaView) =>
      isLost === true || (failedIndex === undefined && appliedIndex >= index);
    return this.#settled(set, (now) => now.replicas.every(isPast) && now.leader !== undefined);
  }

  /** All promise, and it is decided; or the order is withdrawn, and all go on as if it had not been given. */
  async #decide(
    set: ReplicaSet,
    {index, order}: Omit<HoldRequest, 'replica'>,
    deadlineMs: number,
  ): Promise<void> {
    const {propose, clock} = this.#deps;
    const end = {type: 'end-skip', set: set.id, order} as const;
    try {
      const promised = await this.#promises(set, {index, order}, deadlineMs);
      await propose({...end, promised}, deadlineMs);
    } catch (error) {
      // The catalog takes either the one or the other, whatever became of the first.
      const endMs = Math.max(deadlineMs, clock.monotonicMs() + WITHDRAWAL_MS_MAX);
      await propose(end, endMs).catch((withdrawal: unknown) => {
        const why = `${error instanceof Error ? error.message : String(error)}; nor could the order be withdrawn`;
        const next = `give it again, or withdraw it: flotilla replica-set retry ${set.id}`;
        throw new DbError('META_UNAVAILABLE', `${why}: ${next}`, {}, withdrawal);
      });
      throw error;
    }
  }

  /** Of all replicas that are placed by now. */
  async #promises(
    set: ReplicaSet,
    order: Omit<HoldRequest, 'replica'>,
    deadlineMs: number,
  ): Promise<readonly ReplicaId[]> {
    const {replicas} = await this.#deps.viewOf(set);
    const fault = skipFault(set.id, order.index, replicas);
    if (fault !== undefined) throw new DbError('CONFLICT', fault);
    const promised = replicas.map(({replica}) => replica);
    // One that is lost for good applies nothing any more.
    const asked = replicas.filter(({isLost}) => isLost !== true);
    const answers = await Promise.all(
      asked.map((one) => this.#ask(set.id, one, order, deadlineMs)),
    );
    // Who stands right before the entry knows the members that count there: all come by the same entries.
    const standing = answers.filter(({appliedIndex}) => appliedIndex === order.index - 1);
    if (standing.length === 0)
      throw new DbError(
        'CONFLICT',
        `no replica of set ${set.id} stands at entry ${order.index} now`,
      );
    const member = standing
      .flatMap(({members}) => members)
      .find((id) => !promised.includes(id as ReplicaId));
    if (member !== undefined)
      throw new DbError(
        'CONFLICT',
        `replica ${member} of set ${set.id} has no place any more and is a member still: wait until its operation has ended (flotilla operation list), then skip the entry`,
      );
    return promised;
  }

  async #ask(
    set: ReplicaSetId,
    {node, replica}: ReplicaView,
    order: Omit<HoldRequest, 'replica'>,
    deadlineMs: number,
  ) {
    const request: HoldRequest = {...order, replica};
    const payload = new TextEncoder().encode(JSON.stringify(request));
    const {rpc, clock} = this.#deps;
    const endMs = Math.min(deadlineMs, clock.monotonicMs() + PROMISE_MS_MAX);
    const answer = await rpc.call({node, set}, HOLD_METHOD, payload, {deadlineMs: endMs});
    return holdAnswer.parse(JSON.parse(new TextDecoder().decode(answer)));
  }

  /** As it is once that holds, or after a while. */
  async #settled(
    set: ReplicaSet,
    holds: (view: ReplicaSetView) => boolean,
  ): Promise<ReplicaSetView> {
    const {clock, viewOf} = this.#deps;
    const endMs = clock.monotonicMs() + SETTLE_MS_MAX;
    for (;;) {
      const view = await viewOf(set);
      if (holds(view) || clock.monotonicMs() >= endMs) return view;
      await pause(clock, LOOK_MS);
    }
  }
}

function isStopped({state}: ReplicaView): boolean {
  return state === 'failed' || state === 'stopped';
}

/** Why the entry must not be passed over, each replica named that keeps it from being; undefined: it may. */
export function skipFault(
  set: ReplicaSetId,
  index: number,
  replicas: readonly ReplicaView[],
): string | undefined {
  const ahead = replicas.filter((replica) => appliedAtLeast(replica) >= index).map(nameOf);
  if (ahead.length > 0) {
    const verb = ahead.length === 1 ? 'has' : 'have';
    return `${ahead.join(', ')} ${verb} applied entry ${index}: run its build on the other nodes, then flotilla replica-set retry ${set}`;
  }
  const unknown = replicas.flatMap((replica) => unknownFault(set, index, replica) ?? []);
  if (unknown.length > 0) return unknown.join('; ');
  if (replicas.some(({failedIndex}) => failedIndex === index)) return undefined;
  const failed = replicas.find(({failedIndex}) => failedIndex !== undefined)?.failedIndex;
  const where = failed === undefined ? '' : `; one failed at entry ${failed}`;
  return `no replica of set ${set} has failed at entry ${index}${where}`;
}

function nameOf({replica, node}: ReplicaView): string {
  return `replica ${replica} on node ${node}`;
}

/** One that failed further on has applied all before, whatever else it says. */
function appliedAtLeast({appliedIndex = 0, failedIndex = 0}: ReplicaView): number {
  return Math.max(appliedIndex, failedIndex - 1);
}

/** Nobody knows whether it has applied the entry. */
function unknownFault(set: ReplicaSetId, index: number, replica: ReplicaView): string | undefined {
  const {node, state, isUnopened, isLost, stopped} = replica;
  const unknown = `whether it has applied entry ${index} is not known`;
  if (state === 'unreachable') {
    return `${nameOf(replica)}: the node does not answer, ${unknown}; start it first`;
  }
  if (state === 'missing') {
    return `${nameOf(replica)} is not made yet; wait until it is, or cancel the operation that places it (flotilla operation list)`;
  }
  if (isUnopened === true && isLost !== true) {
    return `${nameOf(replica)} could not be opened (${stopped ?? 'no reason said'}), ${unknown}; mend that and run flotilla replica-set retry ${set}, or take node ${node} for lost: flotilla recover plan`;
  }
  return undefined;
}
