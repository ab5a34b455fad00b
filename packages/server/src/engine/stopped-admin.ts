// Orders for replica sets that stopped at an entry which they cannot apply: try again, or pass the entry over.
// Law: an entry is passed over only where every replica of the set says that it has not applied it: one that
// has, of a newer build say, would differ from the others for ever.

import {type Clock, DbError, type ReplicaSetId, type Rpc} from '@flotilla/base';
import type {Command, ReplicaSet} from '@flotilla/catalog';
import type {ReplicaSetView, ReplicaView} from './cluster-view.ts';
import {pause} from './pause.ts';
import {RETRY_METHOD} from './stopped-replicas.ts';

/** Replicas follow the catalog every second; an election is shorter. */
const SETTLE_MS_MAX = 5_000;
const LOOK_MS = 100;
/** A replica that is opened anew meets the entry that stopped it within one turn of its thread. */
const RETRIED_MS = 500;

export interface StoppedAdminDeps {
  readonly rpc: Rpc;
  readonly clock: Clock;
  /** It is only said what would be done. */
  readonly isTrial?: boolean | undefined;
  readonly viewOf: (set: ReplicaSet) => Promise<ReplicaSetView>;
  readonly propose: (
    command: Extract<Command, {type: 'skip-entry'}>,
    deadlineMs: number,
  ) => Promise<unknown>;
}

export class StoppedAdmin {
  readonly #deps: StoppedAdminDeps;

  constructor(deps: StoppedAdminDeps) {
    this.#deps = deps;
  }

  /** All of its replicas that have stopped are opened anew. The answer shows which of them stopped again. */
  async retry(set: ReplicaSet, deadlineMs: number): Promise<ReplicaSetView> {
    const {rpc, clock, viewOf, isTrial} = this.#deps;
    const view = await viewOf(set);
    const stopped = view.replicas.filter(isStopped);
    if (stopped.length === 0)
      throw new DbError('CONFLICT', `no replica of set ${set.id} that answers has stopped`);
    if (isTrial === true) return view;
    for (const {node, replica} of stopped) {
      const payload = new TextEncoder().encode(String(replica));
      await rpc.call({node, set: set.id}, RETRY_METHOD, payload, {deadlineMs});
    }
    await pause(clock, RETRIED_MS);
    return this.#settled(set, (now) => now.leader !== undefined || now.replicas.some(isStopped));
  }

  async skip(
    set: ReplicaSet,
    {index, by}: {readonly index: number; readonly by: string},
    deadlineMs: number,
  ): Promise<ReplicaSetView> {
    const {clock, viewOf, propose, isTrial} = this.#deps;
    const view = await viewOf(set);
    const fault = skipFault(set.id, index, view.replicas);
    if (fault !== undefined) throw new DbError('CONFLICT', fault);
    await propose({type: 'skip-entry', set: set.id, index, by, atMs: clock.wallMs()}, deadlineMs);
    if (isTrial === true) return view;
    const isPast = ({failedIndex}: ReplicaView) => failedIndex !== index;
    return this.#settled(set, (now) => now.replicas.every(isPast) && now.leader !== undefined);
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

/** Why the entry must not be passed over; undefined: it may. */
export function skipFault(
  set: ReplicaSetId,
  index: number,
  replicas: readonly ReplicaView[],
): string | undefined {
  const silent = replicas.find(({state}) => state === 'unreachable');
  if (silent !== undefined) {
    return `node ${silent.node} does not answer: whether its replica of set ${set} has applied entry ${index} is not known; start it first`;
  }
  const ahead = replicas.find(({appliedIndex = 0}) => appliedIndex >= index);
  if (ahead !== undefined) {
    return `replica ${ahead.replica} on node ${ahead.node} has applied entry ${index}: run its build on the other nodes, then retry`;
  }
  if (replicas.some(({failedIndex}) => failedIndex === index)) return undefined;
  const failed = replicas.find(({failedIndex}) => failedIndex !== undefined)?.failedIndex;
  const where = failed === undefined ? '' : `; one failed at entry ${failed}`;
  return `no replica of set ${set} has failed at entry ${index}${where}`;
}
