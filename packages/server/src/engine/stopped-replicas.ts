// Replicas that stopped themselves at an entry that they cannot apply. By order they are opened anew, as a
// restart would, after an upgrade say; those whose entry the catalog says is to be passed over by themselves.
// Law: which entries are passed over stands in the catalog, so that every replica of the set passes over the
// same ones, whenever it comes to them and after every restart.

import {
  DbError,
  type Log,
  type ReplicaId,
  type ReplicaSetId,
  type RpcHandlers,
} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';
import type {Host} from '@flotilla/multiraft';

export const RETRY_METHOD = 'replica.retry';

interface SetReplica {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
}

export interface StoppedReplicasDeps {
  readonly host: Pick<Host, 'reopenReplica' | 'stoppedReplicas'>;
  readonly catalog: Catalog;
  readonly log: Log;
  /** A replica of the set was opened in this thread. */
  readonly onOpened: (set: ReplicaSetId) => void;
}

/** By set, as the host wants them. */
export function skippedEntriesOf(
  catalog: Catalog | undefined,
  set: ReplicaSetId,
): readonly number[] | undefined {
  return catalog?.replicaSet(set)?.skippedEntries?.map(({index}) => index);
}

export class StoppedReplicas {
  readonly #deps: StoppedReplicasDeps;
  readonly #reopening = new Set<ReplicaSetId>();

  constructor(deps: StoppedReplicasDeps) {
    this.#deps = deps;
  }

  /** Opens those that may pass over what stopped them. Called every second or so. */
  settle(): void {
    const {host, catalog, log} = this.#deps;
    for (const {set, replica, failedIndex} of [...host.stoppedReplicas()]) {
      if (failedIndex === undefined || this.#reopening.has(set)) continue;
      if (skippedEntriesOf(catalog, set)?.includes(failedIndex) !== true) continue;
      log.warn({set, replica, index: failedIndex}, 'an entry is passed over, as ordered');
      this.#reopening.add(set);
      this.retry({set, replica})
        .catch((error: unknown) => log.error({set, replica, err: error}, 'replica not opened'))
        .finally(() => this.#reopening.delete(set));
    }
  }

  async retry({set, replica}: SetReplica): Promise<void> {
    await this.#deps.host.reopenReplica({set, replica});
    this.#deps.onOpened(set);
  }

  /** The order names the replica: one that took its place is not meant. */
  handlers(): RpcHandlers {
    const retry = async (payload: Uint8Array, {set}: {readonly set: ReplicaSetId}) => {
      const replica = Number(new TextDecoder().decode(payload)) as ReplicaId;
      if (!Number.isSafeInteger(replica))
        throw new DbError('INVALID_ARGUMENT', 'the order names no replica');
      this.#deps.log.warn({set, replica}, 'a stopped replica is opened anew, as ordered');
      await this.retry({set, replica});
      return new Uint8Array(0);
    };
    return {call: new Map([[RETRY_METHOD, retry]]), stream: new Map()};
  }
}
