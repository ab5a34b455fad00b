// A replica's machine over storage that decides and keeps nothing.

import type {OperationId, TableId} from '@flotilla/base';
import {encodeShare, type Share} from '@flotilla/column';
import type {DurablePoint} from '@flotilla/multiraft';
import type {PartDamage, ReadProgress, ReplicaStorage} from '@flotilla/storage';
import type {WriteApplied} from './applied.ts';
import {encodeChecksum, encodeControl, encodeWrite} from './command.ts';
import {IndexBudget} from './index-budget.ts';
import {MemtableBudget} from './memtable-budget.ts';
import {ReplicaMachine} from './replica-machine.ts';

export const FOUNDING: DurablePoint = {
  index: 5,
  term: 5,
  configuration: {voters: [], votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false},
};
export const TABLE = 7 as TableId;

export const OPERATION = 4 as OperationId;

/** Storage's decisions without its files: which tables are dead, and flushes that end when told. */
export class FakeStorage {
  readonly dead = new Set<TableId>();
  applied = 0;
  flushes: (() => void)[] = [];
  tombstoneCount = 0;
  applyDelete(): object {
    if (this.dead.has(TABLE)) return {status: 'rejected', code: 'TABLE_DROPPED', table: TABLE};
    this.applied += 1;
    return {status: 'applied'};
  }
  compactionsLeft = 0;
  compactions = 0;
  pinned: object | undefined = {};
  /** Ends the reading of a checksum. */
  readings: ((hash: string) => void)[] = [];
  async flushAndPin(): Promise<object | undefined> {
    await new Promise<void>((resolve) => this.flushes.push(resolve));
    return this.pinned;
  }
  async checksum(): Promise<object> {
    const hash = await new Promise<string>((resolve) => this.readings.push(resolve));
    if (this.damage !== undefined) throw this.damage;
    return {hash, values: 3};
  }
  /** What every compaction meets. */
  damage: PartDamage | undefined;

  asStorage(): ReplicaStorage {
    return this as unknown as ReplicaStorage;
  }
  extra: Uint8Array | undefined;
  durableExtra(): Uint8Array | undefined {
    return this.extra;
  }
  point = FOUNDING;
  durablePoint(): DurablePoint {
    return this.point;
  }
  applyNothing(): void {}
  /** Of each write its tables. */
  written: TableId[][] = [];
  applyWrite(_index: number, {tables}: Pick<Share, 'tables'>): object {
    if (this.dead.has(TABLE)) return {status: 'rejected', code: 'TABLE_DROPPED', table: TABLE};
    this.applied += 1;
    this.written.push(tables.map(({table}) => table));
    return {status: 'applied', rowCount: 1};
  }
  applyDropTable(_index: number, table: TableId): void {
    this.dead.add(table);
  }
  applyRecoverTable(_index: number, table: TableId): void {
    this.dead.delete(table);
  }
  applyPurgeTable(_index: number, table: TableId): void {
    this.dead.add(table);
  }
  bytes = 1_000;
  memtableBytes(): number {
    return this.bytes;
  }
  ofIndex = 0;
  isLoaded = true;
  indexBytes(): number {
    return this.isLoaded ? this.ofIndex : 0;
  }
  /** Ends a reading of its series; an error is what it ends with. */
  loads: ((error?: Error) => void)[] = [];
  load(): Promise<void> | undefined {
    if (this.isLoaded) return undefined;
    return new Promise((resolve, reject) =>
      this.loads.push((error) => {
        this.isLoaded = error === undefined;
        if (error === undefined) resolve();
        else reject(error);
      }),
    );
  }
  isNeeded = false;
  unload(): boolean {
    this.isLoaded = this.isNeeded;
    return !this.isNeeded;
  }
  async close(): Promise<void> {}
  async destroy(): Promise<void> {}
  install(_staged: unknown): Promise<void> {
    return new Promise((resolve) => this.installs.push(resolve));
  }
  installs: (() => void)[] = [];
  needsFlush({memtableBytes}: {memtableBytes: number}): boolean {
    return this.bytes >= memtableBytes;
  }
  /** As the flush under way was told it last. */
  pressure = (): number => 0;
  flush(
    {extra, ...point}: DurablePoint & {readonly extra: Uint8Array | undefined},
    pressure: () => number,
  ): Promise<void> {
    this.pressure = pressure;
    return new Promise((resolve) =>
      this.flushes.push(() => {
        this.point = point;
        this.extra = extra;
        resolve();
      }),
    );
  }
  compactedAll = 0;
  /** Of the last one that was compacted whole: 1,000 bytes. */
  share: Uint32Array | undefined;
  isCompact = false;
  async compactAll(progress?: ReadProgress): Promise<boolean> {
    this.compactedAll += 1;
    if (this.isCompact) return false;
    this.share = progress?.begin([{bytes: 1_000}]);
    return true;
  }
  needsCompaction(): boolean {
    return this.compactionsLeft > 0;
  }
  async compact(): Promise<boolean> {
    this.compactions += 1;
    if (this.damage !== undefined) throw this.damage;
    this.compactionsLeft -= 1;
    return true;
  }
}

export function openMachine(
  memtables = new MemtableBudget(1e9),
  {
    storage = new FakeStorage(),
    indexes = new IndexBudget(),
    ofIndex = 0,
    isLoaded = true,
  }: {
    readonly storage?: FakeStorage;
    readonly indexes?: IndexBudget;
    /** Bytes, as it is opened, or once its series are read. */
    readonly ofIndex?: number;
    readonly isLoaded?: boolean;
  } = {},
) {
  const faults: unknown[] = [];
  const putOff: unknown[] = [];
  const loadings: Promise<void>[] = [];
  storage.ofIndex = ofIndex;
  storage.isLoaded = isLoaded;
  const machine = new ReplicaMachine(
    storage.asStorage(),
    FOUNDING,
    {memtableBytes: 1e6, memtableBytesMax: 4e6, memtables, indexes},
    {
      onFault: (error) => faults.push(error),
      onPutOff: (error) => putOff.push(error),
      onLoading: (loading) => loadings.push(loading),
    },
  );
  let index = FOUNDING.index;
  const write = (sequence: number, idempotencyKey?: string): WriteApplied => {
    const share = encodeShare({router: {incarnation: 1, sequence}, idempotencyKey, tables: []});
    return machine.apply(++index, 5, encodeWrite(share)).value as WriteApplied;
  };
  const control = (type: 'drop-table' | 'recover-table' | 'purge-table'): void => {
    machine.apply(++index, 5, encodeControl({type, table: TABLE}));
  };
  const checksum = (): number => {
    machine.apply(++index, 5, encodeChecksum({operation: OPERATION}));
    return index;
  };
  return {storage, machine, faults, putOff, loadings, write, control, checksum};
}
