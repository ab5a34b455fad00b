// What the planner asks of all operations, the finished ones too, of which there may be many: kept as they
// change, or found by looking through them once.

import type {OperationId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import {type Catalog, endedAtMs, isFinished, isForgettable} from '../catalog.ts';
import type {Operation} from '../model.ts';

export class OperationFacts {
  readonly #differing = new Map<OperationId, readonly ReplicaId[]>();
  readonly #cancelledChecksums = new Map<ReplicaSetId, Map<OperationId, number>>();
  readonly #finishedMs = new Map<OperationId, number>();
  /** Of those that found a difference: they are not forgotten as long as what differs is there. */
  readonly #foundMs = new Map<OperationId, number>();
  readonly #setOf = new Map<OperationId, ReplicaSetId>();
  /** Undefined: to be found. */
  #oldestFinishedMs: number | undefined = Infinity;

  static of(catalog: Catalog): OperationFacts {
    const facts = new OperationFacts();
    for (const operation of catalog.operations()) facts.put(operation.id, operation);
    return facts;
  }

  /** Undefined: it was forgotten. */
  put(id: OperationId, operation: Operation | undefined): void {
    this.#forget(id);
    if (operation === undefined) return;
    const {kind, state, replicaSet, differing} = operation;
    if (replicaSet !== undefined) this.#setOf.set(id, replicaSet);
    if (differing !== undefined) this.#differing.set(id, differing);
    if (!isFinished(operation)) return;
    const atMs = endedAtMs(operation);
    if (differing !== undefined) {
      this.#foundMs.set(id, atMs);
      return;
    }
    this.#finishedMs.set(id, atMs);
    if (this.#oldestFinishedMs !== undefined && atMs < this.#oldestFinishedMs)
      this.#oldestFinishedMs = atMs;
    if (kind !== 'checksum' || state !== 'cancelled') return;
    const cancelled = this.#cancelledChecksums.get(replicaSet!) ?? new Map<OperationId, number>();
    this.#cancelledChecksums.set(replicaSet!, cancelled.set(id, atMs));
  }

  /** Of the operation as it was put last. */
  setOf(id: OperationId): ReplicaSetId | undefined {
    return this.#setOf.get(id);
  }

  /** Replicas that a checksum found to hold other rows than the rest, present or not. */
  differing(): ReadonlySet<ReplicaId> {
    return new Set([...this.#differing.values()].flat());
  }

  /** When the set's checksum that was begun last, of those that were cancelled, was. */
  cancelledChecksumMs(set: ReplicaSetId): number | undefined {
    const cancelled = this.#cancelledChecksums.get(set);
    if (cancelled === undefined) return undefined;
    return cancelled.get(Math.max(...cancelled.keys()) as OperationId);
  }

  /** Some that found a difference ended before that time, and nothing of what differed is there any more. */
  isFindingOver(finishedBeforeMs: number, catalog: Catalog): boolean {
    return this.#found(catalog).some((operation) =>
      isForgettable(operation, catalog, finishedBeforeMs),
    );
  }

  /** Some that found a difference ended before that time, and what differed is there still. */
  isFindingKept(finishedBeforeMs: number, catalog: Catalog): boolean {
    return this.#found(catalog).some(
      (operation) =>
        endedAtMs(operation) < finishedBeforeMs &&
        !isForgettable(operation, catalog, finishedBeforeMs),
    );
  }

  #found(catalog: Catalog): Operation[] {
    const known = [...this.#foundMs.keys()].map((id) => catalog.operation(id));
    return known.filter((operation) => operation !== undefined);
  }

  /** Infinity: none has finished, but for those that found a difference. */
  get oldestFinishedMs(): number {
    if (this.#oldestFinishedMs === undefined) {
      let oldest = Infinity;
      for (const atMs of this.#finishedMs.values()) if (atMs < oldest) oldest = atMs;
      this.#oldestFinishedMs = oldest;
    }
    return this.#oldestFinishedMs;
  }

  #forget(id: OperationId): void {
    const set = this.#setOf.get(id);
    const cancelled = set === undefined ? undefined : this.#cancelledChecksums.get(set);
    if (cancelled?.delete(id) && cancelled.size === 0) this.#cancelledChecksums.delete(set!);
    this.#differing.delete(id);
    this.#foundMs.delete(id);
    this.#setOf.delete(id);
    const atMs = this.#finishedMs.get(id);
    if (atMs === undefined) return;
    this.#finishedMs.delete(id);
    if (atMs === this.#oldestFinishedMs) this.#oldestFinishedMs = undefined;
  }
}

/** As `differing`, of a copy of the catalog that nobody keeps facts of. */
export function differingReplicas(catalog: Catalog): ReadonlySet<ReplicaId> {
  return OperationFacts.of(catalog).differing();
}
