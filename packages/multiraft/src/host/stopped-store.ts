// A store of a node that does not run, for what people do when a majority is lost: look where the log of
// a replica ends and who its group's members are, let it go on under a new id, or end it. Law: no group of
// it is opened, and nothing is written for any but the one that is named.

import {
  type Clock,
  FatalError,
  type Log,
  type Random,
  type ReplicaId,
  type ReplicaSetId,
} from '@flotilla/base';
import {type Configuration, changeConfig, decodeConfigChange} from '@flotilla/raft';
import type {DurablePoint, Snapshot, StateMachine} from '../state-machine.ts';
import {redoInstall} from './opening.ts';
import {HOST_LIMITS, type StoreOptions} from './options.ts';
import {Store} from './store.ts';
import {applyWholeLog, goOnAs} from './take-over.ts';

/** As its log tells. */
export interface StoppedReplica {
  readonly replica: ReplicaId;
  readonly term: number;
  readonly lastTerm: number;
  readonly lastIndex: number;
  readonly founding: DurablePoint | undefined;
  /** It lost what it had acknowledged. */
  readonly isDamaged: boolean;
}

export class StoppedStore {
  readonly #store: Store;

  private constructor(store: Store) {
    this.#store = store;
  }

  /** Requires the node's directory, and a boot epoch of its own. */
  static async open(
    options: StoreOptions,
    ports: {
      readonly random: Random;
      readonly clock: Clock;
      readonly bootEpoch: number;
      readonly log?: Log | undefined;
    },
  ): Promise<StoppedStore> {
    return new StoppedStore(await Store.open(options, ports, HOST_LIMITS));
  }

  replica(set: ReplicaSetId): StoppedReplica | undefined {
    const place = this.#store.log.group(set);
    if (place === undefined) return undefined;
    const {replica, term, lastIndex, prevTerm, damaged, founding} = place;
    const lastTerm = place.termAt(lastIndex) ?? prevTerm;
    const isDamaged = damaged || this.#store.hasLoss;
    return {replica, term, lastTerm, lastIndex, founding, isDamaged};
  }

  /** Of all replicas that live here. */
  *sets(): Generator<ReplicaSetId> {
    for (const {set} of this.#store.log.groups()) yield set;
  }

  /** By set: the highest replica id that was destroyed here. */
  tombstones(): ReadonlyMap<ReplicaSetId, ReplicaId> {
    return this.#store.log.tombstones();
  }

  /**
   * The last one that the log knows, committed or not, on top of where the state machine stands, if that is
   * known; undefined of a replica that waits for its first snapshot. Requires the replica.
   */
  async configuration(
    set: ReplicaSetId,
    machine: DurablePoint | undefined,
  ): Promise<{readonly configuration: Configuration; readonly index: number} | undefined> {
    const place = this.#store.log.group(set)!;
    const points = [place.founding, place.snapshot, machine].filter((one) => one !== undefined);
    const base = points.sort((a, b) => b.index - a.index)[0];
    if (base === undefined || base.configuration.voters.length === 0) return undefined;
    let last = {configuration: base.configuration, index: place.configIndexAt(base.index)};
    // Of a damaged one nobody knows which entries can be read.
    for (const at of place.damaged ? [] : place.configEntriesAbove(base.index)) {
      const range = {from: at, upto: at, bytesMax: Number.POSITIVE_INFINITY};
      const [entry] = await this.#store.log.read(place, range);
      const change = entry && decodeConfigChange(entry.payload);
      if (change === undefined) throw new FatalError(`entry ${at} of set ${set} is no change`);
      const next = changeConfig(last.configuration, change.changes, change.mode);
      // Where the machine is unknown, so are the changes between the founding and the log's first entry.
      if (!('error' in next)) last = {configuration: next, index: at};
    }
    return last;
  }

  /** Brings the machine to the end of the log, whatever of that was committed. Requires the replica. */
  async applyAll(set: ReplicaSetId, machine: StateMachine): Promise<void> {
    const place = this.#store.log.group(set)!;
    await redoInstall(place, this.#store, machine);
    const {replica, firstIndex, lastIndex} = place;
    const appliedIndex = machine.durablePoint().index;
    if (appliedIndex < firstIndex - 1 || appliedIndex > lastIndex)
      throw new FatalError(
        `state machine of replica ${replica} of set ${set} stands at ${appliedIndex}, outside its log (${firstIndex - 1} to ${lastIndex})`,
      );
    await applyWholeLog(this.#store, {set, replica, machine, appliedIndex, skipped: []});
  }

  /** The only voter of its group, when the node starts. */
  goOnAs(set: ReplicaSetId, replica: ReplicaId, snapshot: Snapshot): Promise<void> {
    return goOnAs(this.#store, {set, replica, snapshot});
  }

  /** Its data goes when the node starts. */
  async end(set: ReplicaSetId): Promise<void> {
    const place = this.#store.log.group(set);
    if (place === undefined) return;
    const {replica} = place;
    await this.#store.log.append([{type: 'tombstone', set, replica, dataGone: false}]);
  }

  close(): Promise<void> {
    return this.#store.log.close();
  }
}
