// What a thread's replicas do when the catalog moves: hide what has expired, and, where they lead,
// bring dropped tables into their logs.

import {type Clock, type Log, META_SET, type ReplicaSetId, type TableId} from '@flotilla/base';
import type {Host} from '@flotilla/multiraft';
import {type ControlCommand, encodeControl, ReplicaMachine} from '@flotilla/replica';
import type {ReplicaStorage} from '@flotilla/storage';
import type {CatalogCopy} from './catalog-copy.ts';
import {hideExpired} from './expiry.ts';
import {TableFates} from './table-fates.ts';

/** A proposal or a ReadIndex of meta takes milliseconds; an election between them half a second. */
const STEP_MS_MAX = 5_000;

export interface CatalogEffectsDeps {
  readonly host: Host;
  readonly copy: CatalogCopy;
  readonly clock: Clock;
  readonly log: Log;
}

export class CatalogEffects {
  readonly #deps: CatalogEffectsDeps;
  readonly #fates: TableFates;

  constructor(deps: CatalogEffectsDeps) {
    const {host, copy, clock} = deps;
    this.#deps = deps;
    const withDeadline = () => ({deadlineMs: clock.monotonicMs() + STEP_MS_MAX});
    this.#fates = new TableFates({
      catalog: copy.catalog,
      refresh: () => copy.refresh(withDeadline().deadlineMs),
      storageOf: (set) => storageOf(host, set),
      caughtUp: (set) => host.readIndex(set, withDeadline()),
      // A full disk is freed by what was dropped.
      propose: (set, command) =>
        host.propose(set, encodeControl(command), {...withDeadline(), onFullDisk: true}),
    });
    for (const {set, role} of host.statuses()) this.#follow(set, role === 'leader');
    host.onLeadership(({set, isLeader}) => {
      this.#follow(set, isLeader);
      this.settle();
    });
    hideExpired(copy.catalog, openStorages(host));
    copy.onUpdate((event) => {
      hideExpired(copy.catalog, openStorages(host), event);
      this.#fates.catalogChanged(event);
      this.settle();
    });
  }

  /** A replica was created here. */
  opened(set: ReplicaSetId): void {
    const {host, copy} = this.#deps;
    const storage = storageOf(host, set);
    if (storage !== undefined) hideExpired(copy.catalog, [[set, storage]]);
  }

  /** By an entry of the set's log. */
  fateApplied(set: ReplicaSetId, table: TableId): void {
    this.#fates.fateApplied(set, table);
  }

  /** As `TableFates.confirm`. */
  confirm(set: ReplicaSetId, command: ControlCommand): Promise<void> {
    return this.#fates.confirm(set, command);
  }

  /** Works off what is due. Called every second or so too, for what failed before. */
  settle(): void {
    this.#fates
      .settle()
      .catch((error: unknown) => this.#deps.log.error({err: error}, 'table fates not settled'));
  }

  #follow(set: ReplicaSetId, isLeader: boolean): void {
    if (set !== META_SET) this.#fates.leadershipChanged(set, isLeader);
  }
}

function storageOf(host: Host, set: ReplicaSetId): ReplicaStorage | undefined {
  const machine = host.stateMachine(set);
  return machine instanceof ReplicaMachine ? machine.storage : undefined;
}

function* openStorages(host: Host): Generator<readonly [ReplicaSetId, ReplicaStorage]> {
  for (const [set, machine] of host.stateMachines())
    if (machine instanceof ReplicaMachine) yield [set, machine.storage];
}
