// One store of a host: its log, the place where snapshots arrive, and the writes of the present turn.

import type {Disk, FatalError, ReplicaId, ReplicaSetId, StoreId} from '@flotilla/base';
import type {Write} from '@flotilla/raft';
import {Ballast, ballastPath} from '../log/ballast.ts';
import {LogDamage} from '../log/log-damage.ts';
import type {LogItem, ReplicaKey} from '../log/log-item.ts';
import {finishSetAside, setAside} from '../log/salvage.ts';
import {SegmentLog} from '../log/segment-log.ts';
import type {HostedGroup} from './hosted-group.ts';
import type {HostLimits, HostOptions, StoreOptions} from './options.ts';

/** What an operator reads where a node must not start with less than it had. */
const ALONE =
  'nothing was changed, since no other node holds what the replicas of this one hold: put the whole ' +
  'data directory back from a copy, or begin anew with an empty one';

export interface PendingWrite {
  readonly group: HostedGroup;
  readonly write: Write;
}

export class Store {
  readonly store: StoreId;
  readonly disk: Disk;
  readonly path: string;
  readonly log: SegmentLog;
  readonly #ballast: Ballast;
  /** Set once its log is dead: nothing more is written, its groups are stopped. */
  failure: FatalError | undefined;
  /** It is an older image of itself: its replicas stand still. */
  isDisowned = false;
  /** Below its reserve: proposals are refused. */
  isFull = false;
  /** Writes that wait for the log, and since when; undefined while none does. */
  writingSinceMs: number | undefined;
  #items: LogItem[] = [];
  #writes: PendingWrite[] = [];

  private constructor(options: StoreOptions, log: SegmentLog, ballast: Ballast) {
    this.store = options.store;
    this.disk = options.disk;
    this.path = options.path;
    this.log = log;
    this.#ballast = ballast;
  }

  static async open(
    options: StoreOptions,
    {
      random,
      clock,
      bootEpoch,
      log,
      damagedLog,
    }: Pick<HostOptions, 'random' | 'clock' | 'bootEpoch' | 'log' | 'damagedLog'>,
    limits: HostLimits,
  ): Promise<Store> {
    const {disk, path} = options;
    const ballast = await Ballast.open(disk, ballastPath(path));
    const place = {disk, path: `${path}/log`, random};
    const logOptions = {
      ...place,
      clock,
      bootEpoch,
      segmentBytes: limits.segmentBytes,
      makeRoom: () => ballast.release(),
    };
    await finishSetAside(place);
    const opening = SegmentLog.open(logOptions).catch(async (error: unknown) => {
      if (!(error instanceof LogDamage)) throw error;
      if (damagedLog !== 'replace') throw new LogDamage(`${error.message}; ${ALONE}`);
      const aside = await setAside({...place, bootEpoch}, (salvaged, directory) =>
        SegmentLog.create({...logOptions, path: salvaged}, directory),
      );
      const fields = {store: options.store, damage: error.message, aside};
      log?.error(fields, 'the log of a store is damaged: its replicas must be replaced');
      return SegmentLog.open(logOptions);
    });
    return new Store(options, await opening, ballast);
  }

  /** Replicas may have lived in it that its log knows nothing of. */
  get hasLoss(): boolean {
    return this.isDisowned || this.log.hasLoss;
  }

  get stagingPath(): string {
    return `${this.path}/staging`;
  }

  /** Where the snapshot at `index` lies whole, from its last byte's sync until it is installed. */
  stagedPath(set: ReplicaSetId, replica: ReplicaId, index: number): string {
    return `${this.stagingPath}/${stagedPrefix({set, replica})}${index}`;
  }

  /** Looks how much room there is: sets `isFull`, and keeps the ballast while it can still be had. */
  async watchSpace(limits: HostLimits): Promise<void> {
    const {freeBytes, totalBytes} = await this.disk.space();
    // The ballast is no room: who took it for some would give it up for proposals.
    const share = freeBytes / totalBytes;
    this.isFull = share < limits.diskFreeShareMin;
    if (this.failure === undefined && share < limits.diskFreeShareBallast && !this.isFull)
      await this.#ballast.keep();
  }

  /** Queued for the present turn's record. */
  add(item: LogItem): void {
    this.#items.push(item);
  }

  addWrite(group: HostedGroup, write: Write): void {
    const {set, replica} = group;
    const {term, vote, commit, truncateFrom, entries, snapshot} = write;
    this.#items.push({
      type: 'write',
      set,
      replica,
      term,
      vote,
      commit,
      truncateFrom,
      entries,
      snapshot,
    });
    this.#writes.push({group, write});
  }

  /** What is queued for the replica is not written: its core is gone, and the next one begins with the log. */
  forget({set, replica}: ReplicaKey): void {
    this.#items = this.#items.filter(
      (item) => !('set' in item && item.set === set && item.replica === replica),
    );
    this.#writes = this.#writes.filter(({group}) => group.set !== set);
  }

  /** What the turn has to write; empty afterwards. */
  takeBatch(
    lives: (key: ReplicaKey) => boolean,
  ): {items: LogItem[]; writes: PendingWrite[]} | undefined {
    if (this.#items.length === 0) return undefined;
    const batch = {items: this.#items.filter(lives), writes: this.#writes};
    this.#items = [];
    this.#writes = [];
    return batch;
  }
}

/** What the names of all snapshots that were staged for the replica begin with. */
export function stagedPrefix({set, replica}: ReplicaKey): string {
  return `${set}-${replica}-`;
}
