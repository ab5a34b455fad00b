// Meta's view of the replicas of this node: what its reconciler orders, carried out by the groups'
// host of the thread that got the order, and what they report.

import {
  DbError,
  type Disk,
  FatalError,
  type Log,
  META_SET,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  type StoreId,
} from '@flotilla/base';
import {ENTRIES_SINCE} from '@flotilla/catalog';
import {type CreateOrder, type ReplicaHost, ReportBook, type WorkOrder} from '@flotilla/meta';
import type {Host, StateMachine} from '@flotilla/multiraft';
import {encodeChecksum, ReplicaMachine} from '@flotilla/replica';
import type {Manifest} from '@flotilla/storage';
import type {CatalogCopy} from './catalog-copy.ts';
import type {EntryOrderBook} from './entry-orders.ts';
import {birthOf, carryBirth, forgetBirth, recordBirth} from './replica-births.ts';
import {
  brokenNote,
  isSameReport,
  type NotesOfOthers,
  noteOf,
  type ReplicaNews,
  type ReplicaNote,
} from './replica-notes.ts';

/** The catalog reaches every node within some milliseconds, or it is cut off. */
const CATALOG_WAIT_MS = 5_000;

export interface ReplicaHostDeps {
  readonly host: Host;
  readonly copy: CatalogCopy;
  readonly disk: Disk;
  readonly monotonicMs: () => number;
  readonly manifests: ReadonlyMap<StoreId, Manifest>;
  readonly storeOf: (set: ReplicaSetId) => StoreId;
  readonly orders: EntryOrderBook;
  readonly node: NodeId;
  readonly log: Log;
  /** The set belongs to this thread, unless another has it already. */
  readonly isOwn: (set: ReplicaSetId) => boolean;
  /** The other engine threads of this node. */
  readonly others: NotesOfOthers;
  /** All of them have told theirs. */
  readonly isComplete: () => boolean;
  /** A replica of the set lives, or no longer lives, in this thread. */
  readonly onHosted: (set: ReplicaSetId, isHere: boolean) => void;
  /** Replica ids of the set up to that one are used up in this thread. */
  readonly onBuried: (set: ReplicaSetId, replica: ReplicaId) => void;
  /** All that this thread's stores may have lost, or got from one that did, counts as damaged now. */
  readonly onBroughtBack: () => void;
}

interface SetReplica {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
}

/** What was told of a replica last. */
interface Told {
  readonly machine: StateMachine;
  note: ReplicaNote;
}

export class NodeReplicas implements ReplicaHost {
  readonly #deps: ReplicaHostDeps;
  readonly #told = new Map<ReplicaSetId, Told>();
  /** Where the node has a loss to settle: sets of which another thread holds a replica. */
  #elsewhere: ReadonlySet<ReplicaSetId> | undefined;
  #settling: Promise<void> | undefined;
  /** Sets found here with a lost replica: this thread's to bring back, whatever was destroyed on the way. */
  readonly #toBringBack = new Set<ReplicaSetId>();
  readonly #changes: () => Iterable<ReplicaSetId>;
  /** Of all threads; kept as things change. */
  readonly #book = new ReportBook();
  /** In the book, by set: those that cannot be opened. */
  #brokenInBook: ReadonlyMap<ReplicaSetId, ReplicaId> = new Map();
  /** Sets with news; undefined: all, and nobody has asked yet. */
  #untold: Set<ReplicaSetId> | undefined;
  #brokenTold: ReadonlySet<ReplicaSetId> = new Set();
  /** Sets whose replicas work for an operation: nobody tells when it ends, and they may sleep. */
  readonly #working = new Set<ReplicaSetId>();
  /**
   * Replicas that the host lets go of, and whose tombstones are not durable yet: a crash would bring them back.
   * Law: none is told as gone before, or another set might be made in the place of one that still has a majority.
   */
  readonly #ending = new Map<ReplicaSetId, ReplicaId>();

  constructor(deps: ReplicaHostDeps) {
    this.#deps = deps;
    this.#changes = deps.host.watchChanges();
  }

  /** Never a part of them: meta would order anew what is only not told yet. */
  async reports(): Promise<ReportBook> {
    if (!this.isSettled() || !this.#deps.isComplete())
      throw new DbError('UNAVAILABLE', 'the node is starting');
    this.#look();
    this.#bookBroken();
    for (const [replica, report] of this.#deps.others.takeReports()) {
      if (report === undefined) this.#book.remove(replica);
      else this.#book.put(report);
    }
    return this.#book;
  }

  /** Until then what is here is only a part of what meta must know of. Asking sets it going. */
  isSettled(): boolean {
    if (!this.#deps.host.hasLoss) return true;
    if (this.#elsewhere !== undefined) this.#settling ??= this.#tryToBringBack(this.#elsewhere);
    return false;
  }

  /**
   * A store of the node knows of a loss, this thread's or another's. Sets are dealt out to stores by the
   * number of threads, which may be another than when the lost replicas were made: so all threads bring
   * back what they may hold, and none makes a replica before every one has done so.
   */
  learnLoss(elsewhere: Iterable<ReplicaSetId>): void {
    this.#deps.host.learnLoss();
    this.#elsewhere = new Set(elsewhere);
    this.isSettled();
  }

  /** All threads have brought back what they may hold. */
  settleLoss(): Promise<void> {
    return this.#deps.host.settleLoss();
  }

  /** Done once; what fails is tried again when somebody asks. */
  async #tryToBringBack(elsewhere: ReadonlySet<ReplicaSetId>): Promise<void> {
    try {
      await this.#bringBack(elsewhere);
      this.#deps.onBroughtBack();
    } catch (error) {
      const isExpected = error instanceof DbError || error instanceof FatalError;
      this.#deps.log[isExpected ? 'warn' : 'error']({err: error}, 'cannot settle a loss yet');
      this.#settling = undefined;
    }
  }

  /**
   * An old image knows nothing of replicas that came after it. Made again under their ids they would vote
   * twice and acknowledge what they no longer have; so each that is placed here now and unknown counts as
   * damaged, one that was never made too, and is replaced like those.
   * Law: what lives is never destroyed for one that came after it. A younger one is made only when the
   * older one's tombstone is durable in its store; a store that lost such a record has no living replica,
   * all are damaged. So beside one that lives the younger was never made, nothing of it is lost, and the
   * living one stays until meta orders otherwise, who knows whether its group can do without its vote.
   */
  async #bringBack(elsewhere: ReadonlySet<ReplicaSetId>): Promise<void> {
    const {host, copy, node, isOwn, monotonicMs, onHosted} = this.#deps;
    await copy.refresh(monotonicMs() + CATALOG_WAIT_MS);
    const {catalog} = copy;
    const meta = catalog.metaSet();
    const sets = [...(meta === undefined ? [] : [meta]), ...catalog.replicaSets()];
    for (const {id: set, replicas} of sets) {
      const placed = replicas.find((replica) => replica.node === node);
      if (placed === undefined || elsewhere.has(set)) continue;
      const {replica} = placed;
      const broken = host.broken().get(set);
      const isHere = broken !== undefined || host.status(set) !== undefined;
      if (!isHere && !isOwn(set) && !this.#toBringBack.has(set)) continue;
      if (isHere && !(broken?.isLost === true && broken.replica < replica)) continue;
      this.#toBringBack.add(set);
      // Its seat was given to one that came after it, and nobody can use what it held.
      if (broken !== undefined) await this.#destroy({set, replica: broken.replica});
      // Nobody asks any more for one whose set was dropped meanwhile.
      if (!(await this.#bear({set, replica}))) continue;
      await host.bringBackLost({set, replica});
      onHosted(set, true);
    }
  }

  /** What it needs to be opened, if only to be destroyed. False if the set was dropped. */
  async #bear({set, replica}: SetReplica): Promise<boolean> {
    const {copy, manifests, storeOf} = this.#deps;
    if (set === META_SET) return true;
    const birth = birthOf(copy.catalog, set);
    if (birth === undefined) return false;
    await recordBirth(manifests.get(storeOf(set))!, {set, replica}, birth);
    return true;
  }

  /** Of all engine threads. */
  *notes(): Generator<ReplicaNote> {
    yield* this.ownNotes();
    yield* this.#deps.others.all();
  }

  *ownNotes(): Generator<ReplicaNote> {
    this.#look();
    this.lookForFlushes();
    for (const {note} of this.#told.values()) yield note;
    yield* this.#brokenNotes();
  }

  /** Since the last call, but for what was flushed; at first all. Undefined: nothing. */
  news(): ReplicaNews | undefined {
    this.#look();
    const sets = this.#untold ?? this.#told.keys();
    const isFirst = this.#untold === undefined;
    this.#untold = new Set();
    // Those that could not be opened are few, or the node is in trouble.
    const changed = [...this.#brokenNotes()];
    const broken = new Set(this.#deps.host.broken().keys());
    const gone = [...this.#brokenTold].filter((set) => !broken.has(set) && !this.#told.has(set));
    this.#brokenTold = broken;
    for (const set of sets) {
      const told = this.#told.get(set);
      if (told !== undefined) changed.push(told.note);
      else if (!broken.has(set)) gone.push(set);
    }
    return isFirst || changed.length + gone.length > 0 ? {changed, gone} : undefined;
  }

  /** Nobody tells of a flush, nor of damage that a compaction or a read meets; both come to replicas that sleep too. */
  lookForFlushes(): void {
    for (const [set, told] of this.#told) {
      const isDamaged = told.machine instanceof ReplicaMachine && told.machine.isDamaged;
      // It is looked at like one whose work has ended.
      if (isDamaged && told.note.report.damaged !== true) this.#working.add(set);
      const flushedIndex = told.machine.durablePoint().index;
      if (told.note.status.flushedIndex === flushedIndex) continue;
      told.note = {...told.note, status: {...told.note.status, flushedIndex}};
      this.#untold?.add(set);
    }
  }

  *#brokenNotes(): Generator<ReplicaNote> {
    for (const [set, broken] of this.#deps.host.broken()) yield brokenNote(set, broken);
  }

  /** Those that could not be opened are few, so all of them are looked at. */
  #bookBroken(): void {
    const inBook = new Map<ReplicaSetId, ReplicaId>();
    for (const {report} of this.#brokenNotes()) {
      inBook.set(report.set, report.replica);
      this.#book.put(report);
    }
    for (const [set, replica] of this.#brokenInBook) {
      const isOpened = this.#told.get(set)?.note.report.replica === replica;
      if (inBook.get(set) !== replica && !isOpened) this.#book.remove(replica);
    }
    this.#brokenInBook = inBook;
  }

  #look(): void {
    const {host} = this.#deps;
    for (const set of new Set([...this.#changes(), ...this.#working])) {
      const status = host.status(set);
      const machine = host.stateMachine(set);
      const before = this.#told.get(set);
      if (status === undefined && before !== undefined && this.#isEnding(before)) continue;
      this.#untold?.add(set);
      if (status === undefined || machine === undefined) {
        this.#working.delete(set);
        this.#told.delete(set);
        if (before !== undefined) this.#book.remove(before.note.report.replica);
        continue;
      }
      const note = noteOf(status, machine);
      if (note.report.work?.state === 'running') this.#working.add(set);
      else this.#working.delete(set);
      const isSame = before !== undefined && isSameReport(before.note.report, note.report);
      const {report} = isSame ? before.note : note;
      this.#told.set(set, {machine, note: {...note, report}});
      const {replica} = before?.note.report ?? report;
      if (replica !== report.replica) this.#book.remove(replica);
      this.#book.put(report);
    }
  }

  #isEnding({note}: Told): boolean {
    return this.#ending.get(note.report.set) === note.report.replica;
  }

  async createReplica(order: CreateOrder): Promise<void> {
    const {host, copy, monotonicMs, onHosted} = this.#deps;
    const {set, replica, founding, createdAtVersion, from} = order;
    if (from !== undefined) return this.#takeOver({set, replica, from});
    await copy.waitForVersion(createdAtVersion, monotonicMs() + CATALOG_WAIT_MS);
    // Also beside an older one, which an order that came before this one may be about to end.
    const isNew = (host.status(set)?.replica ?? host.broken().get(set)?.replica) !== replica;
    if (isNew && !(await this.#bear({set, replica})))
      throw new DbError('CONFLICT', `replica set ${set} was dropped`);
    if (isNew && set !== META_SET)
      await this.#deps.orders.bear({set, replica, store: this.#deps.storeOf(set)});
    await host.createReplica({set, replica, founding});
    onHosted(set, true);
  }

  /** One that could not be opened before. */
  reopened(set: ReplicaSetId): void {
    this.#deps.onHosted(set, true);
  }

  async #takeOver(order: SetReplica & {readonly from: ReplicaId}): Promise<void> {
    const {host, manifests, log, onBuried, onHosted} = this.#deps;
    const {set, replica, from} = order;
    // One that goes on already may have left behind what it was.
    if (host.status(set)?.replica !== replica) {
      log.warn({set, replica, from}, 'a replica that lost its majority goes on under a new id');
      await carryBirth(manifests.values(), set, {from, to: replica});
    }
    await host.takeOver(order);
    onBuried(set, from);
    await forgetBirth(manifests.values(), set, from);
    await this.#deps.orders.forget({set, replica: from});
    onHosted(set, true);
  }

  async destroyReplica(key: SetReplica): Promise<void> {
    // Which thread brings back a lost replica of the set follows from who holds one.
    if (this.#deps.host.hasLoss)
      throw new DbError('UNAVAILABLE', 'who lived in a store of this node is not known yet');
    await this.#destroy(key);
  }

  async #destroy({set, replica}: SetReplica): Promise<void> {
    const {host, manifests, onHosted, onBuried} = this.#deps;
    // The order may be for one that came after it, and ends it too.
    const present = host.status(set)?.replica ?? host.broken().get(set)?.replica;
    if (present !== undefined && present <= replica) this.#ending.set(set, present);
    await host.destroyReplica({set, replica});
    // After a failure it is told as it was: nobody knows whether it would come back.
    if ((this.#ending.get(set) ?? Infinity) <= replica) this.#ending.delete(set);
    this.#working.add(set);
    // Before nobody holds the set: the next order for it comes where its ids are known.
    onBuried(set, replica);
    const gone = present === undefined || present >= replica ? [replica] : [present, replica];
    if (set !== META_SET) for (const one of gone) await forgetBirth(manifests.values(), set, one);
    await this.#deps.orders.forget({set, replica});
    if (host.status(set) === undefined && !host.broken().has(set)) onHosted(set, false);
  }

  async proposeConfig(...args: Parameters<ReplicaHost['proposeConfig']>): Promise<void> {
    await this.#deps.host.proposeConfig(...args);
  }

  async transferLeader(...args: Parameters<ReplicaHost['transferLeader']>): Promise<void> {
    await this.#deps.host.transferLeader(...args);
  }

  async workOnReplica(
    {set, replica, operation, work}: WorkOrder,
    options: {readonly deadlineMs: number},
  ): Promise<void> {
    const {host, copy} = this.#deps;
    // The copy may be behind the order: it comes again.
    if (work === 'checksum' && copy.catalog.clusterVersion < ENTRIES_SINCE.checksum)
      throw new DbError('CONFLICT', 'the cluster does not use entries of this kind yet');
    const machine = host.stateMachine(set);
    if (host.status(set)?.replica !== replica || !(machine instanceof ReplicaMachine))
      throw new DbError('REPLICA_GONE', `no replica ${replica} of set ${set} on this node`);
    this.#working.add(set);
    if (work === 'compact') machine.beginCompaction(operation);
    else await host.propose(set, encodeChecksum({operation}), options);
  }

  diskSpace(): ReturnType<Disk['space']> {
    return this.#deps.disk.space();
  }

  heard(): readonly NodeId[] {
    return this.#deps.host.heardNodes();
  }
}
