// New series that are proposed and not applied yet, by replica set: they count against its limits, so that
// writes side by side cannot each find the last room. What two of them have in common counts twice, until the
// first is applied.

import type {ReplicaSetId} from '@flotilla/base';

export class SeriesUnderway {
  readonly #counts = new Map<ReplicaSetId, number>();

  count(set: ReplicaSetId): number {
    return this.#counts.get(set) ?? 0;
  }

  /** @returns to be called when it is known what became of them; a second call does nothing. */
  begin(set: ReplicaSetId, count: number): () => void {
    this.#counts.set(set, this.count(set) + count);
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      const left = this.count(set) - count;
      if (left > 0) this.#counts.set(set, left);
      else this.#counts.delete(set);
    };
  }
}
