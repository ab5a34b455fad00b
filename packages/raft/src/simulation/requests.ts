// What was asked of replicas, and what became of it. Laws: every request ends, in bounded time unless
// its replica leads, and but for those of crashed processes; a proposal that was refused or lost is
// applied nowhere, ever; what must be refused is.

import {assert} from '@flotilla/base';
import type {LabEvents, LabReplica} from '../lab/index.ts';

interface Open {
  /** The process that took it: another one over the same disk knows nothing of it. */
  readonly replica: LabReplica;
  /** Of a proposal that got its place: "index/term". */
  place: string | undefined;
  /** By the ticks of the process; none while it leads. */
  deadline: number | undefined;
}

export interface Read {
  readonly replica: LabReplica;
  /** Highest index known applied anywhere when the read began. */
  readonly atLeast: number;
  /** Set if it began at a leader: its term, and the last round that had left. */
  readonly leading: {readonly term: number; readonly round: number} | undefined;
  readonly deadline: number;
}

export class Requests {
  readonly #proposals = new Map<number, Open>();
  readonly #reads = new Map<number, Read>();
  /** Payloads that must never be seen. */
  readonly #refused = new Set<string>();
  /** Proposals that must not be taken. */
  readonly #unfit = new Map<number, string>();

  proposed(replica: LabReplica, proposalId: number): void {
    this.#proposals.set(proposalId, {replica, place: undefined, deadline: undefined});
  }

  /** It has to be refused, for this reason. */
  forbid(proposalId: number, why: string): void {
    this.#unfit.set(proposalId, why);
  }

  read(readId: number, read: Read): void {
    this.#reads.set(readId, read);
  }

  /**
   * Right after the output was taken: what has not ended in time. Who does not lead learns of nothing
   * that it waits for longer than `patience` ticks.
   */
  overdue(replica: LabReplica, ticks: number, patience: number): string | undefined {
    const leads = replica.group.status().role === 'leader';
    for (const [id, open] of this.#proposals) {
      if (open.replica !== replica) continue;
      if (leads) open.deadline = undefined;
      else open.deadline ??= ticks + patience;
      if (open.deadline !== undefined && open.deadline < ticks) return `proposal ${id} is overdue`;
    }
    for (const [id, read] of this.#reads) {
      if (read.replica === replica && read.deadline < ticks) return `read ${id} is overdue`;
    }
    return undefined;
  }

  crashed(replica: LabReplica): void {
    for (const [id, open] of this.#proposals)
      if (open.replica === replica) this.#proposals.delete(id);
    for (const [id, read] of this.#reads) if (read.replica === replica) this.#reads.delete(id);
  }

  /** Returns the reads that were served, each with what it had to cover. */
  take(replica: LabReplica, events: LabEvents): {index: number; read: Read}[] {
    for (const {proposalId, index, term} of events.proposed) {
      const why = this.#unfit.get(proposalId);
      assert(why === undefined, () => `${replica.id} takes proposal ${proposalId} although ${why}`);
      const open = this.#proposals.get(proposalId);
      if (open !== undefined) open.place = `${index}/${term}`;
    }
    for (const dropped of events.dropped) {
      if (dropped.kind === 'read') this.#reads.delete(dropped.readId);
      else this.#dropped(dropped.proposalId, dropped.reason);
    }
    this.#applied(replica, events);
    return events.reads.flatMap(({readId, index}) => {
      const read = this.#reads.get(readId);
      this.#reads.delete(readId);
      return read === undefined ? [] : [{index, read}];
    });
  }

  #dropped(proposalId: number, reason: string): void {
    this.#proposals.delete(proposalId);
    if (reason !== 'unknown') this.#refused.add(payloadOf(proposalId));
  }

  #applied(replica: LabReplica, {applied}: LabEvents): void {
    if (applied.length === 0) return;
    const places = new Set(applied.map(({index, term}) => `${index}/${term}`));
    for (const [id, {replica: by, place}] of this.#proposals) {
      if (by === replica && place !== undefined && places.has(place)) this.#proposals.delete(id);
    }
  }

  /** Requires all trouble ended, and two election timeouts since. Says what is broken, if anything. */
  fault(appliedAnywhere: ReadonlySet<string>): string | undefined {
    for (const [id, {place}] of this.#proposals) return `proposal ${id} at ${place} never ended`;
    for (const id of this.#reads.keys()) return `read ${id} never ended`;
    for (const payload of this.#refused) {
      if (appliedAnywhere.has(payload)) return `${payload} was refused or lost, and is applied`;
    }
    return undefined;
  }
}

export function payloadOf(proposalId: number): string {
  return `p${proposalId}`;
}
