// A replica's state machine: committed entries into storage. Apply is deterministic and calls
// nobody: no clock, no network, no failure for local reasons. What all replicas refuse alike is a value.

import {
  assertNever,
  DbError,
  FatalError,
  isDiskFull,
  isPassing,
  LIMITS,
  type OperationId,
  type ReplicaWork,
} from '@flotilla/base';
import {
  type CardinalitySpec,
  ColumnArena,
  decodeShare,
  type ScanSpec,
  type SetCardinality,
  type TableScan,
} from '@flotilla/column';
import type {
  ApplyResult,
  DurablePoint,
  Snapshot,
  StagedSnapshot,
  StateMachine,
} from '@flotilla/multiraft';
import {
  type BytesRead,
  type CountTurns,
  type FlushPoint,
  PartDamage,
  type PinnedRows,
  type ReadProgress,
  type ReplicaStorage,
} from '@flotilla/storage';
import {type DeleteApplied, refused, type WriteApplied} from './applied.ts';
import {
  type Command,
  type ControlCommand,
  type DeleteRequest,
  decodeCommand,
  needsSeries,
} from './command.ts';
import {MachineCompaction} from './machine-compaction.ts';
import {MachineDamage} from './machine-damage.ts';
import {MachineFlush} from './machine-flush.ts';
import type {MachineEvents, MachineLimits} from './machine-limits.ts';
import {asDurablePoint, decodeSeen, encodeSeen, type Seen} from './machine-record.ts';
import {MachineSeries} from './machine-series.ts';
import {MachineWork} from './machine-work.ts';
import {pressureOf} from './memtable-budget.ts';

type Configuration = DurablePoint['configuration'];

/** Of the write being applied; storage copies what it keeps. */
const columns = new ColumnArena();

/**
 * With so many tombstones nothing is applied until flushes and compactions have carried some out. Deletes
 * are refused from half of that on, so that a follower whose disk is slow waits, and the leader does not.
 */
const TOMBSTONES_MAX = 2 * LIMITS.tombstones_per_replica_max.value;

export class ReplicaMachine implements StateMachine {
  readonly storage: ReplicaStorage;
  readonly #limits: MachineLimits;
  readonly #events: MachineEvents;
  readonly #series: MachineSeries;
  readonly #compaction: MachineCompaction;
  readonly #flush: MachineFlush;
  /** Undefined: what is durable of it is all of it. Decoded when an entry first asks. */
  #seen: Seen | undefined;
  #point: DurablePoint;
  #applied: DurablePoint;
  /** Flushes under way, whoever asked for them. */
  #flushes = 0;
  /** What the shared budget has of this machine. */
  #memtableBytes = 0;
  #isClosed = false;
  #writtenBytes = 0;
  /** Between two states: an apply or an install is under way, or has failed and will never end. */
  #isTorn = false;
  /** What was met in a file. The group stops at its next entry, and meta replaces the replica. */
  readonly #damage = new MachineDamage();
  readonly #work = new MachineWork((error) => this.#failed(error));

  /** @param founding where a replica without a durable point begins. */
  constructor(
    storage: ReplicaStorage,
    founding: DurablePoint,
    limits: MachineLimits,
    events: MachineEvents,
  ) {
    this.storage = storage;
    this.#limits = limits;
    this.#events = events;
    const point = storage.durablePoint();
    this.#point = point === undefined ? founding : asDurablePoint(point);
    this.#applied = this.#point;
    this.#series = new MachineSeries({
      storage,
      budget: limits.indexes,
      onLoading: events.onLoading,
      onDamage: (damage) => this.#damage.meet(damage),
      onFault: events.onFault,
    });
    this.#flush = new MachineFlush(events.onPutOff);
    this.#compaction = new MachineCompaction({
      storage,
      series: this.#series,
      onFailed: (error) => this.#failed(error),
      onPutOff: events.onPutOff,
    });
    // What a stop broke off: here no flush may ever come that begins it again.
    this.#compaction.begin();
  }

  durablePoint(): DurablePoint {
    return this.#point;
  }

  /** Of the entry that was applied last. */
  get appliedTerm(): number {
    return this.#applied.term;
  }

  apply(index: number, term: number, payload: Uint8Array): ApplyResult {
    this.#damage.mustBeNone();
    const command = decodeCommand(payload);
    this.#isTorn = true;
    const value = this.#applyCommand(index, command);
    this.#isTorn = false;
    this.#applied = {...this.#applied, index, term}; // Last, so that a throw leaves the entry unapplied.
    this.#account();
    // Now, so that the state that is read is the one of this index.
    if (command.type === 'checksum') {
      const work = {operation: command.request.operation, work: 'checksum', index} as const;
      void this.#work.carryOut(work, (progress) => this.#checksum(progress));
    }
    if (command.type === 'control') this.#events.onFate?.(command.control.table);
    return {value};
  }

  applyConfiguration(index: number, term: number, configuration: Configuration): void {
    this.#damage.mustBeNone();
    this.storage.applyNothing(index);
    this.#applied = {index, term, configuration};
  }

  applyNothing(index: number, term: number): void {
    this.#damage.mustBeNone();
    this.storage.applyNothing(index);
    this.#applied = {...this.#applied, index, term};
  }

  canApply(payload?: Uint8Array): boolean {
    // One that is damaged says so when it applies.
    const isToLoad = payload === undefined || needsSeries(payload);
    if (isToLoad && !this.isDamaged && this.load() !== undefined) return false;
    return this.#hasRoom();
  }

  /** Whether its series are in memory or not: who proposes what needs them has them read first. */
  canTake(): boolean {
    return this.#hasRoom() && this.#pressure() < 1;
  }

  get isLoaded(): boolean {
    return this.storage.isLoaded;
  }

  load(): Promise<void> | undefined {
    return this.#series.use();
  }

  /** @see MachineSeries#uses */
  get uses(): number {
    return this.#series.uses;
  }

  /** What of it is in memory only because somebody used it; 0: there is nothing to unload. */
  get loadedBytes(): number {
    return this.storage.indexBytes();
  }

  /**
   * Makes durable what is not, then lets go of all that files hold as well, but for what its group and its
   * reports need. False where it was used meanwhile, or something is at work on it.
   */
  async unload(): Promise<boolean> {
    const {uses} = this;
    if (this.#applied.index > this.#point.index) await this.flush();
    const isAllDurable = this.#isWhole && this.#applied.index <= this.#point.index;
    if (!isAllDurable || this.uses !== uses || !this.#series.unload()) return false;
    this.#seen = undefined;
    return true;
  }

  afterApply(): void {
    if (this.isFlushing || this.#isClosed) return;
    if (this.#flush.isDue(() => this.storage.needsFlush(this.#limits))) this.#startFlush();
  }

  /** Rows that are in memory only, and that a flush makes durable. */
  get memtableBytes(): number {
    return this.#isWhole ? this.storage.memtableBytes() : 0;
  }

  /** Rows were applied since this machine was opened. */
  get isWritten(): boolean {
    return this.#writtenBytes > 0;
  }

  /** Of the writes applied since then, as they stand in the log. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Of its parts. */
  get diskBytes(): number {
    return this.storage.partBytes();
  }

  get isFlushing(): boolean {
    return this.#flushes > 0;
  }

  /** Of size, or for its deletes. */
  get isFlushDue(): boolean {
    return this.#isWhole && this.storage.needsFlush(this.#limits);
  }

  /** @see MachineFlush#isRefused */
  get isFlushRefused(): boolean {
    return this.#flush.isRefused;
  }

  /** A file of it is damaged: what it holds is of no use to anybody. */
  get isDamaged(): boolean {
    return this.#damage.isMet;
  }

  scan(spec: ScanSpec): TableScan {
    const hasOthers = () => this.#applied.configuration.voters.length > 1;
    return this.#damage.watched(() => this.storage.scan(spec), hasOthers);
  }

  scanSeries(spec: ScanSpec): TableScan {
    return this.storage.scanSeries(spec);
  }

  countSeries(spec: CardinalitySpec, turns: CountTurns): Promise<SetCardinality> {
    return this.storage.countSeries(spec, turns);
  }

  async snapshot(): Promise<Snapshot> {
    // Half an entry is no state, and damage is not handed on.
    if (!this.#isWhole || this.isDamaged)
      throw new DbError('REPLICA_GONE', 'the replica has ended, or is about to');
    const snapshot = await this.storage.snapshot(this.#flushPoint(), () => this.#pressure());
    this.#account();
    this.#durable();
    return {
      point: asDurablePoint(snapshot.point),
      files: snapshot.files,
      release: () => snapshot.release(),
    };
  }

  async install(staged: StagedSnapshot): Promise<void> {
    const {directory, fileNames, point} = staged;
    this.#isTorn = true;
    await this.storage.install({directory, fileNames, point});
    this.#account();
    this.#seen = undefined;
    this.#point = point;
    this.#applied = point;
    this.#isTorn = false;
    // The sender may not have carried out a purge yet.
    this.#compaction.begin();
  }

  /** Of a replica that has ended, and between two states, nothing is made durable. */
  async flush(): Promise<void> {
    if (!this.#isWhole) return;
    this.#flushes += 1;
    try {
      const flush = () => this.storage.flush(this.#flushPoint(), () => this.#pressure());
      await this.#flush.run(flush);
    } finally {
      this.#flushes -= 1;
      this.#account();
    }
    this.#durable();
    // What came while this ran is in no flush yet, and nothing more may come to ask for one.
    this.afterApply();
  }

  /** Merges all parts into one; for measurements and by an operator's order. False: nothing was to be done. */
  async compactAll(progress?: ReadProgress): Promise<boolean> {
    if (this.#isClosed) return false;
    await this.#series.load();
    return this.storage.compactAll(progress);
  }

  /** To be called now and then: what the disk would not do, and nobody else may ever ask for. */
  beginRefused(): void {
    this.#flush.askAgain();
    this.afterApply();
    this.#compaction.beginRefused();
  }

  get work(): ReplicaWork | undefined {
    return this.#work.present;
  }

  /** What of its parts has been read for `work`. */
  get workRead(): BytesRead | undefined {
    return this.#work.read;
  }

  /** As `flush` and `compactAll`, for an operation: `work` tells what becomes of it. Twice is once. */
  beginCompaction(operation: OperationId): void {
    const {operation: present, state} = this.work ?? {};
    if (present === operation && state !== 'failed') return;
    void this.#work.carryOut({operation, work: 'compact'}, async (progress) => {
      await this.flush();
      const isChanged = await this.compactAll(progress);
      return isChanged ? {} : {isUnchanged: true};
    });
  }

  async close(): Promise<void> {
    this.#end();
    await this.storage.close();
  }

  async destroy(): Promise<void> {
    this.#end();
    await this.storage.destroy();
  }

  #applyCommand(index: number, command: Command): WriteApplied | DeleteApplied | undefined {
    switch (command.type) {
      case 'write':
        return this.#applyWrite(index, command.share);
      case 'delete':
        return this.#applyDelete(index, command.request);
      case 'checksum':
        this.storage.applyNothing(index);
        return undefined;
      case 'control':
        return this.#applyControl(index, command.control);
      default:
        return assertNever(command);
    }
  }

  #applyDelete(index: number, {router, deletion}: DeleteRequest): DeleteApplied {
    const {retries} = this.#remembered();
    const seen = retries.look(router.incarnation, router.sequence);
    if (seen !== 'new') {
      this.storage.applyNothing(index);
      return {status: seen};
    }
    const result = this.storage.applyDelete(index, deletion);
    if (result.status !== 'applied') return {status: 'dropped-table', table: result.table};
    retries.remember(router.incarnation, router.sequence);
    return {status: 'deleted'};
  }

  #applyWrite(index: number, bytes: Uint8Array): WriteApplied {
    columns.clear();
    const share = decodeShare(bytes, columns);
    const {incarnation, sequence} = share.router;
    const {retries, keys} = this.#remembered();
    const key = share.idempotencyKey;
    const seen = retries.look(incarnation, sequence);
    const tables = key === undefined ? share.tables : keys.unseen(key, share.tables);
    if (seen !== 'new' || tables === undefined) {
      this.storage.applyNothing(index);
      return {status: seen === 'forgotten' ? 'forgotten' : 'duplicate'};
    }
    const result = this.storage.applyWrite(index, {...share, tables});
    if (result.status !== 'applied') return refused(result);
    // Only what was applied: a refused write that is sent again must not pass for one that was.
    retries.remember(incarnation, sequence);
    if (key !== undefined) keys.remember(key);
    this.#writtenBytes += bytes.length;
    return result;
  }

  #applyControl(index: number, control: ControlCommand): undefined {
    switch (control.type) {
      case 'drop-table':
        this.storage.applyDropTable(index, control.table);
        return;
      case 'recover-table':
        this.storage.applyRecoverTable(index, control.table);
        return;
      case 'drop-column':
        this.storage.applyDropColumn(index, control.table, control.column);
        return;
      case 'purge-table':
        this.storage.applyPurgeTable(index, control.table);
        this.#flush.purged();
        return;
      default:
        return assertNever(control);
    }
  }

  async #checksum(progress: ReadProgress): Promise<Partial<ReplicaWork>> {
    this.#flushes += 1;
    let pinned: PinnedRows | undefined;
    try {
      pinned = await this.storage.flushAndPin(this.#flushPoint(), () => this.#pressure());
    } finally {
      this.#flushes -= 1;
      this.#account();
    }
    if (pinned === undefined) return {state: 'failed', error: 'a snapshot took its place'};
    this.#durable();
    // Not after the reading, which takes long: what came since the flush began may ask for another.
    this.afterApply();
    return this.storage.checksum(pinned, progress);
  }

  #failed(error: unknown): void {
    if (error instanceof PartDamage) this.#damage.meet(error);
    else if (!isPassing(error) && !(error instanceof DbError)) this.#events.onFault(error);
    else if (isPassing(error) && !isDiskFull(error)) this.#events.onPutOff?.(error);
  }

  /** What is in memory is a state, and will be asked for. */
  get #isWhole(): boolean {
    return !this.#isClosed && !this.#isTorn;
  }

  #hasRoom(): boolean {
    const {memtableBytesMax, memtables} = this.#limits;
    if (this.storage.tombstoneCount >= TOMBSTONES_MAX) {
      // While nothing is applied, and after a restart, nobody else would begin either.
      this.afterApply();
      this.#compaction.begin();
      return false;
    }
    if (this.storage.memtableBytes() >= memtableBytesMax) {
      // A full disk may have refused its flush, and no apply will ask for the next.
      this.afterApply();
      return false;
    }
    return !memtables.isFull;
  }

  #remembered(): Seen {
    this.#seen ??= decodeSeen(this.storage.durableExtra());
    return this.#seen;
  }

  /** Nothing is applied from here on; what is in memory goes with the machine. */
  #end(): void {
    this.#isClosed = true;
    this.#series.end();
    this.#compaction.end();
    this.#account();
  }

  #account(): void {
    const bytes = this.#isClosed ? 0 : this.storage.memtableBytes();
    this.#limits.memtables.change(bytes - this.#memtableBytes);
    this.#memtableBytes = bytes;
    this.#series.account();
  }

  /** 1: writes wait for a flush, of this replica or of the thread's. */
  #pressure(): number {
    const {memtableBytes, memtableBytesMax, memtables} = this.#limits;
    const limits = {flushedFrom: memtableBytes, max: memtableBytesMax};
    return Math.max(pressureOf(this.storage.memtableBytes(), limits), memtables.pressure);
  }

  #flushPoint(): FlushPoint {
    const seen = this.#seen;
    const extra = seen === undefined ? this.storage.durableExtra() : encodeSeen(seen);
    return {...this.#applied, extra};
  }

  #startFlush(): void {
    this.flush().catch((error: unknown) => {
      // Its rows stay in memory and in the log; whoever asks next begins with them.
      if (!isPassing(error)) this.#events.onFault(error);
    });
  }

  #durable(): void {
    const point = this.storage.durablePoint();
    if (point === undefined) throw new FatalError('a flush left no durable point');
    this.#point = asDurablePoint(point);
    this.#compaction.begin();
  }
}
