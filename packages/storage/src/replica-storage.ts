// One replica's data: what apply changes, what a flush makes durable, what a scan sees. Deterministic
// given the log: no clock and no randomness, and every refusal is a value that all replicas return.

import {
  assert,
  type ColumnId,
  FatalError,
  type SeriesId,
  type TableId,
  type WorkSlices,
} from '@flotilla/base';
import type {
  CardinalitySpec,
  Deletion,
  ScanSpec,
  SetCardinality,
  ShareTable,
  TableScan,
} from '@flotilla/column';
import type {BucketTime} from './block-cut.ts';
import {type DeadColumnIds, DeadColumns} from './dead-columns.ts';
import {type Expired, NOTHING_EXPIRED, shownFrom} from './expired-rows.ts';
import {HeldIndex} from './held-index.ts';
import {type FrozenMemtable, Memtables} from './memtables.ts';
import {PartCommits} from './part-commits.ts';
import type {PartVersion} from './part-format.ts';
import {MergesInTurns, type PartMerges} from './part-merges.ts';
import type {ReadProgress} from './read-progress.ts';
import {ReplicaFiles, type ReplicaFilesOptions} from './replica-files.ts';
import type {FlushPoint, StoragePoint} from './replica-state.ts';
import {checksumRows, type PinnedRows, pinRows, type RowsChecksum} from './rows-checksum.ts';
import {scanSources} from './scan-sources.ts';
import {type CountTurns, countSeries} from './series-count.ts';
import {SeriesScan} from './series-scan.ts';
import {Slices} from './slices.ts';
import {installFiles, pinSnapshot, type StagedFiles, type StorageSnapshot} from './snapshot.ts';
import {StorageCounts, type StorageSizes} from './storage-counts.ts';
import {type StorageView, viewOf} from './storage-view.ts';
import {rowCounts, type TableCounts} from './table-counts.ts';
import {type TableFate, TableFates} from './table-fates.ts';
import {ReplicaTableScan} from './table-scan.ts';
import {TOMBSTONES_KEPT} from './tombstone.ts';
import {WorkOrder} from './work-order.ts';

export interface StorageOptions extends ReplicaFilesOptions {
  readonly bucket: BucketTime;
  /** Ids that were dead before the replica set was made. */
  readonly deadTables?: readonly TableId[] | undefined;
  readonly deadColumns?: readonly DeadColumnIds[] | undefined;
  /**
   * Asked for each new part: the newest version that every node knows, since a snapshot sends parts as they
   * are. The first by default.
   */
  readonly partVersion?: (() => PartVersion) | undefined;
  /** Of the thread. Compactions take them too, unless `merges` carries them out. */
  readonly slices: WorkSlices;
  readonly merges?: PartMerges | undefined;
  /** Shared with the other replicas of a thread. */
  readonly counts?: StorageCounts | undefined;
}

interface TableRejected {
  readonly status: 'rejected';
  readonly code: 'TABLE_DROPPED';
  readonly table: TableId;
}

export type WriteResult =
  | {readonly status: 'applied'; readonly rowCount: number}
  | TableRejected
  | {
      readonly status: 'rejected';
      readonly code: 'COLUMN_DROPPED';
      readonly table: TableId;
      readonly column: ColumnId;
    };
export type DeleteResult = {readonly status: 'applied'} | TableRejected;

const noPressure = (): number => 0;
const firstVersion = (): PartVersion => 1;

export class ReplicaStorage {
  readonly #files: ReplicaFiles;
  readonly #commits: PartCommits;
  readonly #turns: WorkSlices;
  readonly #checksumSlices: Slices;
  readonly #scanSlices: Slices;
  readonly #counts: StorageCounts;
  readonly #series: HeldIndex;
  #fates: TableFates;
  #deadColumns: DeadColumns;
  #appliedIndex: number;
  readonly #memtables = new Memtables();
  #expired = NOTHING_EXPIRED;
  readonly #order = new WorkOrder();
  readonly #checksums = new Set<Promise<unknown>>();

  private constructor(options: StorageOptions, files: ReplicaFiles) {
    const {state} = files;
    this.#files = files;
    this.#series = new HeldIndex(files, options.slices);
    this.#turns = options.slices;
    this.#counts = options.counts ?? new StorageCounts();
    this.#commits = new PartCommits({
      files,
      memtables: this.#memtables,
      index: () => this.#series.series,
      bucket: options.bucket,
      partVersion: options.partVersion ?? firstVersion,
      turns: options.slices,
      merges: options.merges ?? new MergesInTurns(options.disk, options.slices),
      counts: this.#counts,
    });
    this.#checksumSlices = new Slices(options.slices, {work: 'compaction'});
    this.#scanSlices = new Slices(options.slices, {work: 'query'});
    const dropped = state.point === undefined ? (options.deadTables ?? []) : state.droppedTables;
    this.#fates = new TableFates(dropped, state.purgedTables);
    const dead = state.point === undefined ? (options.deadColumns ?? []) : state.deadColumns;
    this.#deadColumns = new DeadColumns(dead);
    this.#appliedIndex = state.point?.index ?? 0;
  }

  /** Reads no file: what is to be read of one is when it is loaded, which most replicas of a node never are. */
  static async open(options: StorageOptions): Promise<ReplicaStorage> {
    return new ReplicaStorage(options, await ReplicaFiles.open(options));
  }

  /** What is known of its series is in memory, or there are none. */
  get isLoaded(): boolean {
    return this.#series.isLoaded;
  }

  /**
   * A promise to wait for where series have to be read first, else undefined. Requires that the replica is not
   * closed. Rejects with what is wrong with the files; who asks again has them read again.
   */
  load(): Promise<void> | undefined {
    return this.#series.load();
  }

  /**
   * Lets go of all that grows with its series and rows and that files hold as well: the index, what is known
   * of the inside of parts, handles. It goes on with what needs none of that: flushes, snapshots, the fates
   * of tables. Writes nothing, so there is nothing that a crash could lose. False where it is needed: rows or
   * deletes are in memory only, or work is under way. A scan keeps what it began with.
   */
  unload(): boolean {
    const isAtWork = !this.#order.isIdle || this.#checksums.size > 0;
    if (isAtWork || !this.#memtables.isEmpty || !this.#series.letGo()) return false;
    this.#files.rest();
    return true;
  }

  /** What survives a crash now; undefined before the first flush. */
  durablePoint(): StoragePoint | undefined {
    return this.#files.state.point;
  }

  /** The opaque bytes that were flushed with the durable point. */
  durableExtra(): Uint8Array {
    return this.#files.state.extra;
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  get seriesCount(): number {
    return this.#series.count;
  }

  /**
   * Applies all of a share or, if a table or column that it names is dead, nothing of it. Requires that the
   * replica is loaded.
   */
  applyWrite(index: number, share: {readonly tables: readonly ShareTable[]}): WriteResult {
    this.#advance(index);
    for (const rows of share.tables) {
      const {table} = rows;
      if (this.#fates.isDead(table)) return {status: 'rejected', code: 'TABLE_DROPPED', table};
      const column = this.#deadColumns.namedBy(rows, this.#series.series);
      if (column !== undefined) return {status: 'rejected', code: 'COLUMN_DROPPED', table, column};
    }
    let rowCount = 0;
    for (const table of share.tables) {
      const series = this.#resolveSeries(table.series);
      this.#memtables.active.append(table.table, {...table, series});
      rowCount += table.rowCount;
    }
    return {status: 'applied', rowCount};
  }

  /**
   * Hides what there is of the rows now; what is written after it is visible. Requires that the replica is
   * loaded.
   */
  applyDelete(index: number, deletion: Deletion): DeleteResult {
    this.#advance(index);
    const {table, startOffset, endOffset, tags} = deletion;
    if (this.#fates.isDead(table)) return {status: 'rejected', code: 'TABLE_DROPPED', table};
    // Of a table's many replica sets, few have a series that was named.
    if (this.#series.series.select(table, tags).length > 0)
      this.#memtables.active.delete({index, table, startOffset, endOffset, tags});
    return {status: 'applied'};
  }

  /** Deletes that still hide rows; each costs every scan that it touches. */
  get tombstoneCount(): number {
    return this.#files.state.tombstones.length + this.#memtables.tombstoneCount;
  }

  /** Hides the table's rows and refuses writes to it from here on. */
  applyDropTable(index: number, table: TableId): void {
    this.#advance(index);
    this.#fates.drop(table);
  }

  /** The dropped table lives again; false if it was purged, and stays dead. */
  applyRecoverTable(index: number, table: TableId): boolean {
    this.#advance(index);
    return this.#fates.recover(table);
  }

  /** Dead for ever: memory goes now, parts at their next compaction. */
  applyPurgeTable(index: number, table: TableId): void {
    this.#advance(index);
    this.#fates.purge(table);
    this.#deadColumns.forget(table);
    this.#memtables.active.dropTable(table);
  }

  /** Writes that name the column are refused from here on; no column gets the id again. */
  applyDropColumn(index: number, table: TableId, column: ColumnId): void {
    this.#advance(index);
    if (this.#fates.of(table) !== 'purged') this.#deadColumns.add(table, column);
  }

  /** By the entries applied so far. */
  isDeadColumn(table: TableId, column: ColumnId): boolean {
    return this.#deadColumns.has(table, column);
  }

  /** By the entries applied so far. */
  fateOf(table: TableId): TableFate {
    return this.#fates.of(table);
  }

  /** Dead, and not purged: they may live again. */
  droppedTables(): TableId[] {
    return this.#fates.dropped();
  }

  /** An entry that changes nothing here. */
  applyNothing(index: number): void {
    this.#advance(index);
  }

  /** From scans that begin from now on. Not durable: set again at open. */
  hideExpired(expired: Expired): void {
    this.#expired = expired;
  }

  /**
   * The id of a canonical key that was applied here before. Requires that the replica is loaded.
   * @param after  as of `SeriesIndex.find`
   */
  seriesId(key: Uint8Array, after?: SeriesId): SeriesId | undefined {
    return this.#series.series.find(key, after);
  }

  /** Requires that the replica is loaded. */
  scan(spec: ScanSpec): TableScan {
    const {table} = spec;
    const index = this.#series.series;
    const isDead = this.#fates.isDead(table);
    const range = {startOffset: shownFrom(spec, this.#expired), endOffset: spec.endOffset};
    const files = this.#files;
    const memtables = this.#memtables.all();
    const {state, parts} = files;
    const all = {parts: isDead ? [] : parts, memtables, tombstones: state.tombstones};
    const sources = scanSources(all, table, range);
    for (const {file} of sources.parts) file.retainOpen();
    return new ReplicaTableScan({
      table,
      fields: spec.fields,
      range,
      ...sources,
      index,
      slices: this.#scanSlices,
      counts: this.#counts,
      series: isDead ? new Int32Array(0) : index.select(table, spec.tags),
      release: () => {
        for (const {file} of sources.parts) files.release(file);
      },
    });
  }

  /**
   * The series of a table that the index knows, whatever rows they have: one row each, no fields. Requires
   * that the replica is loaded.
   */
  scanSeries({table, tags}: Pick<ScanSpec, 'table' | 'tags'>): TableScan {
    // A copy: the index may grow, and move, while the scan is read.
    const index = this.#series.series;
    const series = this.#fates.isDead(table) ? [] : index.select(table, tags);
    return new SeriesScan(index, Int32Array.from(series));
  }

  /** How many series the index knows, and of whom; whatever rows they have. Requires the same. */
  countSeries(spec: CardinalitySpec, turns: CountTurns): Promise<SetCardinality> {
    return countSeries(this.#series.series, spec, {
      ...turns,
      isDeadTable: (table) => this.#fates.isDead(table),
      isDeadColumn: (table, column) => this.#deadColumns.has(table, column),
    });
  }

  /** Requires that the replica is loaded. */
  tables(): TableCounts[] {
    const rows = rowCounts(this.#files.parts, this.#memtables.all());
    return [...rows].map(([table, rowCount]) => ({
      table,
      rowCount,
      seriesCount: this.#series.series.seriesCount(table),
      isDropped: this.#fates.isDead(table),
    }));
  }

  /** Of memtables, those being flushed included. */
  memtableBytes(): number {
    return this.#memtables.bytes;
  }

  /** 0 where it is not loaded. */
  indexBytes(): number {
    return this.#series.bytes;
  }

  partBytes(): number {
    return this.#files.parts.reduce((sum, {record}) => sum + record.bytes, 0);
  }

  sizes(): StorageSizes {
    const {length: parts} = this.#files.parts;
    const [partBytes, memtableBytes] = [this.partBytes(), this.memtableBytes()];
    const memoryBytes = memtableBytes + this.indexBytes();
    const {leftOut} = this.#commits;
    return {parts, leftOut, partBytes, memtableBytes, memoryBytes, seriesCount: this.seriesCount};
  }

  /** Loaded or not. */
  view(): StorageView {
    const {isLoaded, seriesCount, tombstoneCount: tombstones} = this;
    const bytes = {memtableBytes: this.memtableBytes(), indexBytes: this.indexBytes()};
    const {compactions} = this.#order;
    const counts = {isLoaded, seriesCount, tombstones, ...bytes, compactions};
    const {failures} = this.#commits;
    return viewOf({state: this.#files.state, failures, memtables: this.#memtables.all(), counts});
  }

  needsFlush(limits: {readonly memtableBytes: number}): boolean {
    const {bytes, tombstoneCount} = this.#memtables.active;
    return bytes >= limits.memtableBytes || tombstoneCount >= TOMBSTONES_KEPT;
  }

  /**
   * Makes everything applied by now durable, under `point`. The memtable is frozen before this returns
   * its promise; writes go on into a new one. Requires point.index >= the applied index.
   * @param pressure  0 to 1, asked while it runs: how near writes are to waiting for it
   */
  flush(point: FlushPoint, pressure = noPressure): Promise<void> {
    const frozen = this.#frozenAt(point);
    return this.#order.flush(() => this.#commits.flushUpto(frozen, pressure));
  }

  needsCompaction(): boolean {
    return this.#commits.nextMerge() !== undefined;
  }

  /**
   * One step of compaction; false if there was nothing to do. Runs beside writes, flushes and scans. Requires
   * that the replica is loaded, unless there is nothing to do.
   */
  compact(): Promise<boolean> {
    return this.#order.compaction(() => this.#commits.mergeNext());
  }

  /** Everything that is in parts into one part, as merges write it; false if it was. Requires the same. */
  async compactAll(progress?: ReadProgress): Promise<boolean> {
    for (;;) {
      const isChanged = await this.#order.compaction(() => this.#commits.mergeAll(progress));
      // Given up for a snapshot, it is of what that brings, and comes behind it.
      if (isChanged !== undefined) return isChanged;
    }
  }

  /** Flushes up to `point`, then pins the files of the durable state. */
  async snapshot(point: FlushPoint, pressure = noPressure): Promise<StorageSnapshot> {
    await this.flush(point, pressure);
    return pinSnapshot(this.#files);
  }

  /**
   * Flushes up to `point` and keeps what there is then, for `checksum`. Undefined: a snapshot took the place
   * of that.
   */
  async flushAndPin(point: FlushPoint, pressure = noPressure): Promise<PinnedRows | undefined> {
    const frozen = this.#frozenAt(point);
    let pinned: PinnedRows | undefined;
    const pin = (): void => {
      pinned = pinRows(this.#files);
    };
    frozen.pins.add(pin);
    try {
      await this.#order.flush(() => this.#commits.flushUpto(frozen, pressure));
    } finally {
      // What a full disk refused is written later, and nobody reads it then.
      frozen.pins.delete(pin);
    }
    return pinned;
  }

  /** Reads all of it, beside everything else, and lets go of it. Requires that the replica is loaded. */
  async checksum(pinned: PinnedRows, progress?: ReadProgress): Promise<RowsChecksum> {
    const reading = {index: this.#series.series, slices: this.#checksumSlices, progress};
    const checksum = checksumRows(pinned, reading);
    this.#checksums.add(checksum);
    try {
      return await checksum;
    } finally {
      this.#checksums.delete(checksum);
    }
  }

  /**
   * Replaces everything by a snapshot's files, in one commit, and gives up compactions that stand before it. Nothing
   * may be applied meanwhile.
   */
  install(staged: StagedFiles): Promise<void> {
    const slices = new Slices(this.#turns, {work: 'flush'});
    // The replica takes part in nothing until this is done; a merge takes minutes, or waits for those of others.
    const goOn = this.#commits.giveUpMerges();
    const install = this.#order.install(() =>
      installFiles(this.#files, {staged, slices}, (state, index) => {
        this.#series.replace(index);
        this.#fates = new TableFates(state.droppedTables, state.purgedTables);
        this.#deadColumns = new DeadColumns(state.deadColumns);
        this.#appliedIndex = state.point!.index;
        this.#memtables.clear();
      }),
    );
    // First of all that waits for it: merges behind it are of what it made.
    return install.finally(goOn);
  }

  /**
   * Waits for flushes under way, breaks off compactions, and releases memory and handles. What is not
   * flushed is in the log.
   */
  async close(): Promise<void> {
    await this.#quiesce();
    await this.#files.close();
  }

  /** Removes all data of this replica, durably. */
  async destroy(): Promise<void> {
    await this.#quiesce();
    await this.#files.destroy();
  }

  async #quiesce(): Promise<void> {
    this.#commits.stopMerges();
    this.#checksumSlices.stop();
    const loading = this.#series.stop();
    await this.#order.settled();
    await Promise.allSettled([...this.#checksums, loading]);
  }

  #advance(index: number): void {
    assert(index > this.#appliedIndex, () => `apply of ${index} after ${this.#appliedIndex}`);
    this.#appliedIndex = index;
  }

  #resolveSeries(series: readonly (Uint8Array | number)[]): Int32Array {
    const index = this.#series.series;
    const ids = new Int32Array(series.length);
    for (let i = 0; i < ids.length; i++) {
      const each = series[i]!;
      if (typeof each === 'number' && each >= index.count)
        throw new FatalError(`the entry names series ${each}; there are ${index.count}`);
      ids[i] = typeof each === 'number' ? each : index.add(each);
    }
    return ids;
  }

  #frozenAt(point: FlushPoint): FrozenMemtable {
    const {newest} = this.#memtables;
    // Nothing was applied since a flush that is under way, or that a full disk refused.
    if (newest?.point.index === point.index) return newest;
    assert(point.index >= this.#appliedIndex, () => `flush point ${point.index} is behind`);
    this.#appliedIndex = point.index;
    return this.#memtables.freeze({
      lo: newest?.point.index ?? this.#files.state.point?.index ?? 0,
      point,
      seriesCount: this.#series.count,
      droppedTables: this.#fates.dropped(),
      purgedTables: this.#fates.purged(),
      deadColumns: this.#deadColumns.list(),
    });
  }
}
