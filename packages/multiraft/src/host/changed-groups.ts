// Which groups may tell of themselves something else than when somebody last looked, so that whoever looks
// each second looks at those alone and not at thousands that sleep.
//
// Invariant: whatever changes a group does so while it is awake or blocked, or marks it; it is marked when
// it falls asleep, when it is no longer blocked and when it is gone. So the marked, the awake and the
// blocked are all that changed.

import type {ReplicaSetId} from '@flotilla/base';

export class ChangedGroups {
  /** Of each reader, what was marked since it read. */
  readonly #unread: Set<ReplicaSetId>[] = [];

  mark({set}: {readonly set: ReplicaSetId}): void {
    for (const sets of this.#unread) sets.add(set);
  }

  /** What is marked between two calls of what this returns; at first all that there are. */
  reader(all: Iterable<ReplicaSetId>): () => Set<ReplicaSetId> {
    const at = this.#unread.length;
    this.#unread.push(new Set(all));
    return () => {
      const sets = this.#unread[at]!;
      this.#unread[at] = new Set();
      return sets;
    };
  }
}
