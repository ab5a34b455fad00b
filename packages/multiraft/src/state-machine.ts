// What a hosted group replicates into: the meta catalog, or a replica's storage.

import type {ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {Configuration} from '@flotilla/raft';

/** What apply made of an entry, for whoever proposed it. Deterministic: the same on every replica. */
export interface ApplyResult {
  /** Opaque to the host; undefined for entries that nobody waits for. */
  readonly value: unknown;
}

/** Where a state machine's own durable state stands; the log is replayed from there. */
export interface DurablePoint {
  readonly index: number;
  readonly term: number;
  readonly configuration: Configuration;
}

/** An immutable picture of the state at `point`, pinned until `release`. */
export interface Snapshot {
  readonly point: DurablePoint;
  /** Files to stream. `read` gives `length` bytes from `offset`. */
  readonly files: readonly SnapshotFile[];
  release(): void;
}

export interface SnapshotFile {
  /** Relative, unique inside the snapshot; no '..'. */
  readonly name: string;
  readonly bytes: number;
  /** Of the file, under the root of the node's disk. Absent: it is in memory alone. */
  readonly path?: string | undefined;
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** A received snapshot: its files lie complete and verified under `directory` of the store's disk. */
export interface StagedSnapshot {
  readonly point: DurablePoint;
  readonly directory: string;
  readonly fileNames: readonly string[];
}

export interface StateMachine {
  /** What survives a crash now; raised by flushes. The host cuts the log only at or below it. */
  durablePoint(): DurablePoint;
  /**
   * Applies one committed normal entry; called in order, each index once after `durablePoint` at
   * open. Never throws for reasons of its input: a throw stops this replica. `payload` stays valid
   * and unchanged for ever.
   */
  apply(index: number, term: number, payload: Uint8Array): ApplyResult;
  /** A configuration became active at `index`; remembered for the next durable point. */
  applyConfiguration(index: number, term: number, configuration: Configuration): void;
  /** An entry without effect on the state (a leader's first) passed at `index`. */
  applyNothing(index: number, term: number): void;
  /**
   * False while memory or disk must catch up first, or what the entry needs is on its way from there: the
   * host applies no normal entry, and asks again. What has no effect on the state is applied all the same.
   * @param payload  of the entry that is to be applied; absent: of any
   */
  canApply(payload?: Uint8Array): boolean;
  /**
   * False: the host refuses proposals. To be so before `canApply` is: what was proposed should never wait
   * for a flush, which may take longer than its proposer waits, and then nobody knows its outcome.
   */
  canTake(): boolean;
  /** Small housekeeping after each turn's applies: start a flush, ... Must return at once. */
  afterApply(): void;
  snapshot(): Promise<Snapshot>;
  /** Replaces all state by the staged one, atomically and durably; afterwards durablePoint is staged.point. */
  install(staged: StagedSnapshot): Promise<void>;
  /** Makes the present state durable (before a clean stop, before unloading). */
  flush(): Promise<void>;
  /**
   * A promise to wait for where what entries need is not in memory, else undefined; it stays there for long.
   * Absent where it always is.
   */
  load?(): Promise<void> | undefined;
  /** Releases memory and handles; data stays. */
  close(): Promise<void>;
  /** Removes all data of this replica, durably. */
  destroy(): Promise<void>;
}

/** Opens (or makes, when it holds nothing yet) the state of a replica. */
export type OpenStateMachine = (identity: {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
  /** Given for a replica that begins with its group (bootstrap), absent for later ones. */
  readonly founding?: DurablePoint | undefined;
}) => Promise<StateMachine>;
