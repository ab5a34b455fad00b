// One store of a host: its log, the place where snapshots arrive, and the writes of the present turn.

import type {Disk, FatalError, ReplicaId, ReplicaSetId, StoreId} from '@flotilla/base';
import type {Write} from '@flotilla/raft';
import type {LogItem, ReplicaKey} from '../log/log-item.ts';
import {SegmentLog} from '../log/segment-log.ts';
import type {HostedGroup} from './hosted-group.ts';
import type {HostLimits, HostOptions, StoreOptions} from './options.ts';

export interface PendingWrite {
  readonly group: HostedGroup;
  readonly write: Write;
}

export class Store {
  readonly store: StoreId;
  readonly disk: Disk;
  readonly path: string;
  readonly log: SegmentLog;
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

  private constructor(options: StoreOptions, log: SegmentLog) {
    this.store = options.store;
    this.disk = options.disk;
    this.path = options.path;
    this.log = log;
  }

  static async open(
    options: StoreOptions,
    {random, clock}: Pick<HostOptions, 'random' | 'clock'>,
    limits: HostLimits,
  ): Promise<Store> {
    const {disk, path} = options;
    const log = await SegmentLog.open({
      disk,
      path: `${path}/log`,
      random,
      clock,
      segmentBytes: limits.segmentBytes,
    });
    return new Store(options, log);
  }

  get stagingPath(): string {
    return `${this.path}/staging`;
  }

  /** Where the snapshot at `index` lies whole, from its last byte's sync until it is installed. */
  stagedPath(set: ReplicaSetId, replica: ReplicaId, index: number): string {
    return `${this.stagingPath}/${set}-${replica}-${index}`;
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
