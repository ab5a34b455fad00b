// What keeps sleeping groups honest. A host that stops leading a set tells every member's node, again
// and again until each acknowledges. And every `digestMs` a host tells each node which of its sets
// sleep under a leader there, and at which term; whoever does not lead so answers with such a notice.
// Both carry (set, term), so that a stale one wakes nobody for long. A sleeping replica that knows of no
// leader, since its node or disk was taken for dead, and that does not stand for one itself asks the
// other members every `noticeMs`: who leads, though it sleeps, answers with heartbeats.

import type {NodeId, ReplicaSetId} from '@flotilla/base';
import {ByteReader, ByteWriter, type FrameItem} from '@flotilla/wire';
import type {HostedGroup} from './hosted-group.ts';
import type {Outbox} from './outbox.ts';
import type {Timing} from './timing.ts';

export interface LeaderTerm {
  /** The replica that does not lead, or is followed; 0: none is known. */
  readonly leader: number;
  readonly term: number;
}

interface Notice extends LeaderTerm {
  readonly node: NodeId;
  readonly set: ReplicaSetId;
  dueMs: number;
}

export class Notices {
  readonly #outbox: Outbox;
  readonly #timing: Timing;
  readonly #nodesOf: (group: HostedGroup) => Iterable<NodeId>;
  readonly #open = new Map<string, Notice>();
  #digestDueMs = 0;
  #askDueMs = 0;

  /** @param nodesOf of the group's other members, those of them that are connected. */
  constructor(outbox: Outbox, timing: Timing, nodesOf: (group: HostedGroup) => Iterable<NodeId>) {
    this.#outbox = outbox;
    this.#timing = timing;
    this.#nodesOf = nodesOf;
  }

  /** Tells `nodes` that `leader` of the set does not lead at `term` (any more). */
  notLeading(set: ReplicaSetId, {leader, term}: LeaderTerm, nodes: Iterable<NodeId>): void {
    for (const node of nodes) this.#open.set(`${node} ${set}`, {node, set, leader, term, dueMs: 0});
  }

  acknowledged(from: NodeId, set: ReplicaSetId, {term}: LeaderTerm): void {
    const key = `${from} ${set}`;
    if (this.#open.get(key)?.term === term) this.#open.delete(key);
  }

  /** Its connection is lost: on the next one its groups begin anew anyway. */
  forget(node: NodeId): void {
    for (const [key, notice] of this.#open) if (notice.node === node) this.#open.delete(key);
  }

  tick(nowMs: number, groups: Iterable<HostedGroup>): void {
    for (const notice of this.#open.values()) {
      if (notice.dueMs > nowMs) continue;
      notice.dueMs = nowMs + this.#timing.noticeMs;
      const {node, set} = notice;
      this.#outbox.item(node, {kind: 'notLeading', set, payload: encodeLeaderTerm(notice)});
    }
    const {noticeMs, digestMs} = this.#timing;
    const asks = nowMs >= this.#askDueMs;
    const digests = nowMs >= this.#digestDueMs;
    if (!asks && !digests) return;
    if (asks) this.#askDueMs = nowMs + noticeMs;
    if (digests) this.#digestDueMs = nowMs + digestMs;
    for (const group of groups) {
      if (!group.isAsleep || group.isLeader || group.isGone) continue;
      const isLed = group.role.leader !== 0;
      if (isLed && digests) this.#digest(group);
      if (!isLed && asks) this.#follows(group, this.#nodesOf(group));
    }
  }

  #digest(group: HostedGroup): void {
    const node = group.nodes.get(group.role.leader);
    if (node !== undefined) this.#follows(group, [node]);
  }

  #follows({role, set}: HostedGroup, nodes: Iterable<NodeId>): void {
    const payload = encodeLeaderTerm(role);
    for (const node of nodes) this.#outbox.item(node, {kind: 'follows', set, payload});
  }
}

export function encodeLeaderTerm({leader, term}: LeaderTerm): Uint8Array {
  const writer = new ByteWriter(16);
  writer.varint(leader);
  writer.varint(term);
  return writer.finish();
}

export function decodeLeaderTerm({payload}: FrameItem): LeaderTerm | undefined {
  const reader = new ByteReader(payload);
  const value = {leader: reader.varint(), term: reader.varint()};
  return reader.complete ? value : undefined;
}
