// What keeps sleeping groups honest. A host that stops leading a set tells every member's node, again
// and again until each acknowledges. And every `digestMs` a host tells each node which of its sets
// sleep under a leader there, and at which term; whoever does not lead so answers with such a notice.
// Both carry (set, term), so that a stale one wakes nobody for long.

import type {NodeId, ReplicaSetId} from '@flotilla/base';
import {ByteReader, ByteWriter, type FrameItem} from '@flotilla/wire';
import type {HostedGroup} from './hosted-group.ts';
import type {Outbox} from './outbox.ts';
import type {Timing} from './timing.ts';

export interface LeaderTerm {
  /** The replica that does not lead, or is followed. */
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
  readonly #open = new Map<string, Notice>();
  #digestDueMs = 0;

  constructor(outbox: Outbox, timing: Timing) {
    this.#outbox = outbox;
    this.#timing = timing;
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
    if (nowMs < this.#digestDueMs) return;
    this.#digestDueMs = nowMs + this.#timing.digestMs;
    for (const group of groups) this.#digest(group);
  }

  #digest(group: HostedGroup): void {
    if (!group.isAsleep || group.isLeader || group.isGone) return;
    const {leader, term} = group.role;
    const node = group.nodes.get(leader);
    if (leader === 0 || node === undefined) return;
    const payload = encodeLeaderTerm({leader, term});
    this.#outbox.item(node, {kind: 'follows', set: group.set, payload});
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
