// How the sets of this thread fail over, as their databases and the cluster want it; and the order to
// elect where nobody does it by himself. Each node keeps the mode of its replicas durably, so that it
// holds without meta too. Law: a set is set to manual only after it was led here, or a new bucket of
// such a database would never be; the meta group always fails over by itself.

import {DbError, type Log, META_SET, type ReplicaSetId, type RpcHandlers} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';
import type {Host} from '@flotilla/multiraft';

export const CAMPAIGN_METHOD = 'replica.campaign';

export class FailoverModes {
  readonly #host: Pick<Host, 'failoverModes' | 'setFailover'>;
  readonly #catalog: Catalog;
  readonly #log: Log;
  readonly #changes: () => Iterable<ReplicaSetId>;
  readonly #changing = new Set<ReplicaSetId>();
  /** The catalog's when all sets were last looked at; undefined: they must be. */
  #version: number | undefined;

  constructor(deps: {
    readonly host: Pick<Host, 'failoverModes' | 'setFailover' | 'watchChanges'>;
    readonly catalog: Catalog;
    readonly log: Log;
  }) {
    this.#host = deps.host;
    this.#changes = deps.host.watchChanges();
    this.#catalog = deps.catalog;
    this.#log = deps.log;
  }

  /**
   * Brings what differs to what is wanted. Called every second or so; while the catalog stays as it is,
   * only sets in which something happened can have come to differ.
   */
  settle(): void {
    const changed = this.#changes();
    const {version} = this.#catalog;
    const sets = version === this.#version ? changed : undefined;
    this.#version = version;
    for (const {set, mode, wasLed} of this.#host.failoverModes(sets)) {
      const wanted = this.#catalog.failoverOf(set);
      if (wanted === undefined || wanted === mode || this.#changing.has(set)) continue;
      if (wanted === 'automatic' || wasLed) this.#change(set, wanted);
    }
  }

  #change(set: ReplicaSetId, mode: 'automatic' | 'manual'): void {
    this.#changing.add(set);
    this.#host
      .setFailover(set, mode)
      .catch((error: unknown) => this.#log.warn({set, mode, err: error}, 'failover not set'))
      .finally(() => {
        this.#changing.delete(set);
        // It may have failed, and what is wanted may have changed meanwhile.
        this.#version = undefined;
      });
  }
}

/** Lets the replica that is here stand for election; whether it is elected, its status tells. */
export function campaignHandler(host: Pick<Host, 'campaign'>): RpcHandlers {
  return {
    call: new Map([
      [
        CAMPAIGN_METHOD,
        async (_payload, {set}) => {
          if (set === META_SET)
            throw new DbError('INVALID_ARGUMENT', 'the meta group elects by itself');
          host.campaign(set);
          return new Uint8Array(0);
        },
      ],
    ]),
    stream: new Map(),
  };
}
