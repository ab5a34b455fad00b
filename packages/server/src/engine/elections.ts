// An election on order. Straight to the nodes of the set's members, by this node's own copy of the
// catalog: it needs no meta group, which may be what is gone. A replica is elected under the rules of
// every election; where it is not, the answer says why.

import {type Clock, DbError, type NodeId, type ReplicaSetId, type Rpc} from '@flotilla/base';
import type {ReplicaSet} from '@flotilla/catalog';
import {type Candidate, candidatesOf} from './candidates.ts';
import type {CatalogAccess} from './catalog-access.ts';
import type {ClusterView, ReplicaSetView} from './cluster-view.ts';
import {CAMPAIGN_METHOD} from './failover.ts';
import {pause} from './pause.ts';

/** A few rounds of votes. */
const ELECTION_MS_MAX = 3_000;
const ELECTION_LOOK_MS = 50;
/** Longer than a round of votes takes, so that an order that is given again ends none that goes well. */
const ORDER_AGAIN_MS = 500;

export interface ElectionsDeps {
  readonly access: CatalogAccess;
  readonly view: Pick<ClusterView, 'replicaSet'>;
  readonly rpc: Pick<Rpc, 'call'>;
  readonly clock: Clock;
  /** Nobody stands: only what speaks against it is told. */
  readonly isTrial?: boolean | undefined;
}

export class Elections {
  readonly #deps: ElectionsDeps;

  constructor(deps: ElectionsDeps) {
    this.#deps = deps;
  }

  async candidates(id: ReplicaSetId, deadlineMs: number): Promise<readonly Candidate[]> {
    return candidatesOf(await this.#deps.view.replicaSet(await this.#set(id, deadlineMs)));
  }

  async elect(id: ReplicaSetId, node: NodeId, deadlineMs: number): Promise<ReplicaSetView> {
    const set = await this.#set(id, deadlineMs);
    const before = await this.#deps.view.replicaSet(set);
    const chosen = mustCandidate(before, node);
    if (before.leader === node) return before;
    if (before.leader !== undefined) {
      const message = `node ${before.leader} leads replica set ${id}: hand the lead over by transfer-leader`;
      throw new DbError('CONFLICT', message, {leader: before.leader});
    }
    const isSilent = chosen.lastIndex === undefined;
    if (chosen.why !== undefined && (isSilent || this.#deps.isTrial === true)) {
      throw new DbError('CONFLICT', `the replica on node ${node} cannot lead: ${chosen.why}`);
    }
    if (this.#deps.isTrial === true) return before;
    return this.#stand(set, node, deadlineMs);
  }

  async #stand(set: ReplicaSet, node: NodeId, deadlineMs: number): Promise<ReplicaSetView> {
    const {clock, view} = this.#deps;
    await this.#order(set, node, deadlineMs);
    let orderedMs = clock.monotonicMs();
    const endMs = Math.min(deadlineMs, orderedMs + ELECTION_MS_MAX);
    for (;;) {
      const now = await view.replicaSet(set);
      if (now.leader === node) return now;
      if (now.leader !== undefined) {
        throw new DbError('CONFLICT', `node ${now.leader} was elected instead`, {
          leader: now.leader,
        });
      }
      const nowMs = clock.monotonicMs();
      if (nowMs >= endMs) throw notElected(now, node);
      if (nowMs - orderedMs >= ORDER_AGAIN_MS && standsNoMore(now, node)) {
        await this.#order(set, node, deadlineMs);
        orderedMs = clock.monotonicMs();
      }
      await pause(clock, ELECTION_LOOK_MS);
    }
  }

  async #order({id: set}: ReplicaSet, node: NodeId, deadlineMs: number): Promise<void> {
    const {rpc} = this.#deps;
    await rpc.call({node, set}, CAMPAIGN_METHOD, new Uint8Array(0), {deadlineMs});
  }

  /** Who is asked about one that this copy lacks asks meta first. */
  async #set(id: ReplicaSetId, deadlineMs: number): Promise<ReplicaSet> {
    const {access} = this.#deps;
    if (access.catalog.replicaSet(id) === undefined) await access.refresh(deadlineMs);
    const set = access.catalog.replicaSet(id);
    if (set === undefined) throw new DbError('NOT_FOUND', `no replica set ${id}`);
    return set;
  }
}

/** It was refused, or heard too few in time: some of what was sent may have been lost. */
function standsNoMore(view: ReplicaSetView, node: NodeId): boolean {
  return mustCandidate(view, node).state === 'follower';
}

/** No code that a client takes for a reason to ask again: who asks must see why. */
function notElected(view: ReplicaSetView, node: NodeId): DbError {
  const why = mustCandidate(view, node).why ?? 'no majority voted for it in time; ask again';
  return new DbError('CONFLICT', `the replica on node ${node} was not elected: ${why}`);
}

function mustCandidate(view: ReplicaSetView, node: NodeId): Candidate {
  const candidates = candidatesOf(view);
  const found = candidates.find((candidate) => candidate.node === node);
  if (found !== undefined) return found;
  const nodes = candidates.map((candidate) => candidate.node).sort((a, b) => a - b);
  const message = `replica set ${view.id} has no replica on node ${node}; it has some on ${nodes.join(', ')}`;
  throw new DbError('NOT_FOUND', message);
}
