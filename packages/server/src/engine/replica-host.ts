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
import type {ReplicaReport} from '@flotilla/catalog';
import {type CreateOrder, type ReplicaHost, reportOf} from '@flotilla/meta';
import type {Host, ReplicaStatus, StateMachine} from '@flotilla/multiraft';
import {ReplicaMachine} from '@flotilla/replica';
import type {Manifest} from '@flotilla/storage';
import type {CatalogCopy} from './catalog-copy.ts';
import {birthOf, forgetBirth, recordBirth} from './replica-births.ts';

/** The catalog reaches every node within some milliseconds, or it is cut off. */
const CATALOG_WAIT_MS = 5_000;

/** One replica as other threads and nodes see it. Plain JSON. */
export interface ReplicaNote {
  readonly report: ReplicaReport;
  readonly status: {
    readonly set: ReplicaSetId;
    readonly replica: ReplicaId;
    readonly role: string;
    readonly term: number;
    readonly leader: ReplicaId | undefined;
    readonly commitIndex: number;
    readonly appliedIndex: number;
    readonly lastIndex: number;
    readonly flushedIndex: number;
    readonly isAsleep: boolean;
    readonly failover: string;
    readonly stopped: string | undefined;
    /** Absent where an older build answers. */
    readonly isWedged?: boolean | undefined;
  };
}

/** What became other than it was told before. */
export interface ReplicaNews {
  readonly changed: readonly ReplicaNote[];
  readonly gone: readonly ReplicaSetId[];
}

export interface ReplicaHostDeps {
  readonly host: Host;
  readonly copy: CatalogCopy;
  readonly disk: Disk;
  readonly monotonicMs: () => number;
  readonly manifests: ReadonlyMap<StoreId, Manifest>;
  readonly storeOf: (set: ReplicaSetId) => StoreId;
  readonly node: NodeId;
  readonly log: Log;
  /** The set belongs to this thread. */
  readonly isOwn: (set: ReplicaSetId) => boolean;
  /** Of the other engine threads of this node. */
  readonly notesOfOthers: () => Iterable<ReplicaNote>;
  /** All of them have told theirs. */
  readonly isComplete: () => boolean;
  /** A replica of the set lives, or no longer lives, in this thread. */
  readonly onHosted: (set: ReplicaSetId, isHere: boolean) => void;
}

/** What was told of a replica last. */
interface Told {
  readonly machine: StateMachine;
  note: ReplicaNote;
}

export class NodeReplicas implements ReplicaHost {
  readonly #deps: ReplicaHostDeps;
  readonly #told = new Map<ReplicaSetId, Told>();
  #settling: Promise<void> | undefined;
  readonly #changes: () => Iterable<ReplicaSetId>;
  /** Of `#told`, while nothing in them has changed. */
  #reports: readonly ReplicaReport[] | undefined;
  /** Sets with news; undefined: all, and nobody has asked yet. */
  #untold: Set<ReplicaSetId> | undefined;
  #brokenTold: ReadonlySet<ReplicaSetId> = new Set();

  constructor(deps: ReplicaHostDeps) {
    this.#deps = deps;
    this.#changes = deps.host.watchChanges();
  }

  /** Never a part of them: meta would order anew what is only not told yet. */
  async replicas(): Promise<readonly ReplicaReport[]> {
    if (!this.isSettled() || !this.#deps.isComplete())
      throw new DbError('UNAVAILABLE', 'the node is starting');
    this.#look();
    this.#reports ??= [...this.#told.values()].map(({note}) => note.report);
    const more = [...this.#brokenNotes(), ...this.#deps.notesOfOthers()];
    // The same object where nothing changed: who compares need not look into it.
    return more.length === 0 ? this.#reports : this.#reports.concat(more.map(({report}) => report));
  }

  /** Until then what is here is only a part of what meta must know of. Asking sets it going. */
  isSettled(): boolean {
    if (!this.#deps.host.hasLoss) return true;
    this.#settling ??= this.#settle()
      .catch((error: unknown) => {
        const isExpected = error instanceof DbError || error instanceof FatalError;
        this.#deps.log[isExpected ? 'warn' : 'error']({err: error}, 'cannot settle a loss yet');
      })
      .finally(() => {
        this.#settling = undefined;
      });
    return false;
  }

  /**
   * An old image knows nothing of replicas that came after it. Made again under their ids they would vote
   * twice and acknowledge what they no longer have; so each that is placed here now and unknown counts as
   * damaged, one that was never made too, and is replaced like those.
   */
  async #settle(): Promise<void> {
    const {host, copy, node, isOwn, monotonicMs} = this.#deps;
    await copy.refresh(monotonicMs() + CATALOG_WAIT_MS);
    const {catalog} = copy;
    const meta = catalog.metaSet();
    const sets = [...(meta === undefined ? [] : [meta]), ...catalog.replicaSets()];
    for (const {id: set, replicas} of sets) {
      const placed = replicas.find((replica) => replica.node === node);
      if (placed === undefined || !isOwn(set)) continue;
      const {replica} = placed;
      const present = host.status(set)?.replica ?? host.broken().get(set)?.replica;
      // Its seat was given to one that came after it.
      if (present !== undefined && present < replica)
        await this.destroyReplica({set, replica: present});
      else if (present !== undefined) continue;
      // Nobody asks any more for one whose set was dropped meanwhile.
      if (await this.#bear({set, replica})) await host.bringBackLost({set, replica});
    }
    await host.settleLoss();
  }

  /** What it needs to be opened, if only to be destroyed. False if the set was dropped. */
  async #bear({set, replica}: {readonly set: ReplicaSetId; readonly replica: ReplicaId}) {
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
    yield* this.#deps.notesOfOthers();
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

  /** Nobody tells of a flush, which comes to replicas that sleep too. */
  lookForFlushes(): void {
    for (const [set, told] of this.#told) {
      const flushedIndex = told.machine.durablePoint().index;
      if (told.note.status.flushedIndex === flushedIndex) continue;
      told.note = {...told.note, status: {...told.note.status, flushedIndex}};
      this.#untold?.add(set);
    }
  }

  *#brokenNotes(): Generator<ReplicaNote> {
    for (const [set, {replica, reason}] of this.#deps.host.broken())
      yield brokenNote(set, replica, reason);
  }

  #look(): void {
    const {host} = this.#deps;
    for (const set of this.#changes()) {
      this.#untold?.add(set);
      const status = host.status(set);
      const machine = host.stateMachine(set);
      const before = this.#told.get(set);
      if (status === undefined || machine === undefined) {
        if (this.#told.delete(set)) this.#reports = undefined;
        continue;
      }
      const written = machine instanceof ReplicaMachine && machine.isWritten;
      const note = noteOf(status, written);
      const isSame = before !== undefined && isSameReport(before.note.report, note.report);
      if (!isSame) this.#reports = undefined;
      this.#told.set(set, {
        machine,
        note: isSame ? {report: before.note.report, status: note.status} : note,
      });
    }
  }

  async createReplica(order: CreateOrder): Promise<void> {
    const {host, copy, monotonicMs, onHosted} = this.#deps;
    const {set, replica, founding, createdAtVersion} = order;
    await copy.waitForVersion(createdAtVersion, monotonicMs() + CATALOG_WAIT_MS);
    const isNew = host.status(set) === undefined && !host.broken().has(set);
    if (isNew && !(await this.#bear({set, replica})))
      throw new DbError('CONFLICT', `replica set ${set} was dropped`);
    await host.createReplica({set, replica, founding});
    onHosted(set, true);
  }

  async destroyReplica({
    set,
    replica,
  }: {
    readonly set: ReplicaSetId;
    readonly replica: ReplicaId;
  }): Promise<void> {
    const {host, manifests, onHosted} = this.#deps;
    await host.destroyReplica({set, replica});
    if (set !== META_SET) await forgetBirth(manifests.values(), set, replica);
    if (host.status(set) === undefined) onHosted(set, false);
  }

  async proposeConfig(...args: Parameters<ReplicaHost['proposeConfig']>): Promise<void> {
    await this.#deps.host.proposeConfig(...args);
  }

  async transferLeader(...args: Parameters<ReplicaHost['transferLeader']>): Promise<void> {
    await this.#deps.host.transferLeader(...args);
  }

  async diskFree(): Promise<number> {
    const {freeBytes, totalBytes} = await this.#deps.disk.space();
    return freeBytes / totalBytes;
  }

  heard(): readonly NodeId[] {
    return this.#deps.host.heardNodes();
  }
}

function isSameReport(before: ReplicaReport, now: ReplicaReport): boolean {
  return JSON.stringify(before) === JSON.stringify(now);
}

function noteOf(status: ReplicaStatus, written: boolean): ReplicaNote {
  const {set, replica, role, term, leader, commitIndex, appliedIndex, lastIndex} = status;
  const {flushedIndex, isAsleep, failover, stopped, isWedged} = status;
  const numbers = {term, commitIndex, appliedIndex, lastIndex, flushedIndex};
  const rest = {isAsleep, failover, stopped, isWedged};
  return {
    report: reportOf(status, {written}),
    status: {set, replica, role, leader: leader?.replica, ...numbers, ...rest},
  };
}

function brokenNote(set: ReplicaSetId, replica: ReplicaId, reason: string): ReplicaNote {
  const nothing = {term: 0, appliedIndex: 0, lastIndex: 0};
  const configuration = {
    voters: [],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
  return {
    report: {
      set,
      replica,
      role: 'stopped',
      ...nothing,
      configIndex: 0,
      configuration,
      durable: true,
      written: false,
      fault: reason,
      damaged: true,
    },
    status: {
      set,
      replica,
      role: 'stopped',
      ...nothing,
      leader: undefined,
      commitIndex: 0,
      flushedIndex: 0,
      isAsleep: false,
      failover: 'automatic',
      stopped: reason,
    },
  };
}
