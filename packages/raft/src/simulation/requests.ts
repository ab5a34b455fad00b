// What was asked of replicas, and what became of it. Two laws: every request ends, unless the process
// that took it crashed; and a proposal that was refused or lost is applied nowhere, ever.

import type {LabEvents, LabReplica} from '../lab/index.ts';

interface Open {
  /** The process that took it: another one over the same disk knows nothing of it. */
  readonly replica: LabReplica;
  /** Of a proposal that got its place: "index/term". */
  place: string | undefined;
}

export class Requests {
  readonly #proposals = new Map<number, Open>();
  readonly #reads = new Map<number, {readonly replica: LabReplica; readonly atLeast: number}>();
  /** Payloads that must never be seen. */
  readonly #refused = new Set<string>();

  proposed(replica: LabReplica, proposalId: number): void {
    this.#proposals.set(proposalId, {replica, place: undefined});
  }

  /** `atLeast`: highest index known applied anywhere when the read began. */
  read(replica: LabReplica, readId: number, atLeast: number): void {
    this.#reads.set(readId, {replica, atLeast});
  }

  crashed(replica: LabReplica): void {
    for (const [id, open] of this.#proposals)
      if (open.replica === replica) this.#proposals.delete(id);
    for (const [id, read] of this.#reads) if (read.replica === replica) this.#reads.delete(id);
  }

  /** Returns the reads that were served, each with what it had to cover. */
  take(replica: LabReplica, events: LabEvents): {index: number; atLeast: number}[] {
    for (const {proposalId, index, term} of events.proposed) {
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
      return read === undefined ? [] : [{index, atLeast: read.atLeast}];
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
