// The ports: all that layers 0 to 3 may know of time, chance, disks and networks. The adapters to
// Node live in server/src/adapters/, the simulated ones in packages/simulator.

import type {NodeId, ReplicaSetId, StoreId} from './ids.ts';

export interface Timer {
  /** Idempotent; a cancelled timer never calls back. */
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since the Unix epoch; may jump. For row times and people, never for waiting. */
  wallMs(): number;
  /** Milliseconds since an arbitrary start; never goes back. */
  monotonicMs(): number;
  setTimer(delayMs: number, callback: () => void): Timer;
  /** Runs `callback` after what is already queued in this thread, before any timer (setImmediate). */
  defer(callback: () => void): void;
}

/** What long work of a thread is for: a query is waited for, a flush frees memory, a compaction shapes parts. */
export type WorkClass = 'query' | 'flush' | 'compaction';

/** Long work from its begin to its end: the same object in each of its calls. */
export interface WorkJob {
  readonly work: WorkClass;
  /** 0 to 1, asked when a slice must be waited for: how far the work is behind. Absent: it never is. */
  readonly urgency?: (() => number) | undefined;
}

/**
 * The time that a thread has for long work: one slice of a few milliseconds between two turns of its
 * event loop, whoever does the work.
 */
export interface WorkSlices {
  /**
   * Undefined while a slice lasts, else a promise of one. To be asked before each piece of work, of a
   * millisecond at most, and by the clock alone: how long pieces take is not to be guessed from counts.
   */
  due(job: WorkJob): Promise<void> | undefined;
}

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [0, limit). Requires 1 <= limit <= 2^32. */
  below(limit: number): number;
}

/**
 * A file opened for reading and writing. Every failure (EIO, ENOSPC, a short read) rejects with
 * FatalError naming path and offset. Calls on one file may overlap; the caller orders them.
 */
export interface DiskFile {
  readonly path: string;
  /** Exactly `length` bytes at `offset`; rejects when the file is shorter. */
  readAt(offset: number, length: number): Promise<Uint8Array>;
  /** Writes the chunks one after another from `offset`. Not durable before `sync`. */
  writeAt(offset: number, chunks: readonly Uint8Array[]): Promise<void>;
  /** fdatasync: when it resolves, every write that resolved before is durable. Never retried after a failure. */
  sync(): Promise<void>;
  /**
   * `writeAt` and `sync` as one call, where the disk has such a one: what was written by it is durable
   * when it resolves. Says nothing of other writes.
   */
  writeDurably?(offset: number, chunks: readonly Uint8Array[]): Promise<void>;
  truncate(bytes: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly kind: 'file' | 'directory';
}

/** Paths are relative to the root that the adapter was given, with '/' between names. */
export interface Disk {
  /** 'create' fails if the file exists, 'write' fails if it does not. */
  open(path: string, mode: 'read' | 'write' | 'create'): Promise<DiskFile>;
  exists(path: string): Promise<boolean>;
  /** Sorted by name. A missing directory is an empty one. */
  list(path: string): Promise<DirectoryEntry[]>;
  /** With its parents; existing ones are fine. */
  makeDirectory(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** A hard link. */
  link(from: string, to: string): Promise<void>;
  /** A file, or a directory with all in it. A missing one is fine. */
  remove(path: string): Promise<void>;
  /** Makes creations, renames and removals in the directory durable. */
  syncDirectory(path: string): Promise<void>;
  space(): Promise<{freeBytes: number; totalBytes: number}>;
}

/** A change of a store's manifest: all of it durable when the commit resolves, or none of it. */
export interface ManifestEdit {
  readonly put: readonly (readonly [key: string, value: Uint8Array])[];
  readonly remove: readonly string[];
}

/**
 * One store's manifest: an ordered, small table of rows with atomic, durable commits. Checksums over
 * rows and the chain of commits are storage's own (storage/src/manifest), since SQLite has none.
 */
export interface ManifestStore {
  /** All rows, in ascending order of keys (by UTF-16 code units). */
  load(): Promise<(readonly [key: string, value: Uint8Array])[]>;
  /** Commits are applied in the order of the calls. */
  commit(edit: ManifestEdit): Promise<void>;
  close(): Promise<void>;
}

export type OpenManifestStore = (store: StoreId) => Promise<ManifestStore>;

/** Traffic classes between two nodes, each a connection of its own: bulk never delays control. */
export type Channel = 'control' | 'bulk';

/** Frames between this thread's groups and the other nodes. The main thread owns the sockets. */
export interface Transport {
  /**
   * Hands over one frame; false if the queue to that node is full or the node is not connected, and
   * then the frame is dropped. The caller never touches `frame` again.
   */
  send(to: NodeId, channel: Channel, frame: Uint8Array): boolean;
}

/** Structured log of a component; adapters write JSON lines. */
export interface Log {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** A request to another node (or to this one), addressed by what it concerns. Payloads are opaque. */
export interface RpcTarget {
  readonly node: NodeId;
  /** Which engine thread of the node answers: the one that hosts this replica set, or the meta group. */
  readonly set: ReplicaSetId;
  /**
   * A call goes to this node, which passes it on: for nodes that cannot be reached from here. What it
   * may have done is then as unknown as over a connection of one's own.
   */
  readonly via?: NodeId | undefined;
}

/** What a call needs of an AbortSignal: to make a whole one costs as much as a small call. */
export interface CallSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: {readonly once?: boolean}): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

export interface RpcOptions {
  /** On the caller's monotonic clock. Past it the call rejects with DEADLINE_EXCEEDED. */
  readonly deadlineMs: number;
  readonly signal?: CallSignal | undefined;
}

/** Calls between nodes, over the shared connections. A call to the own node does not leave the process. */
export interface Rpc {
  /**
   * One request, one answer, on the control connection. Rejects with the DbError that the handler
   * threw; with UNAVAILABLE when the request was surely not handled (not connected, queue full);
   * with OUTCOME_UNKNOWN when the connection was lost after it was sent.
   */
  call(
    target: RpcTarget,
    method: string,
    payload: Uint8Array,
    options: RpcOptions,
  ): Promise<Uint8Array>;
  /** One request, many answers, on the bulk connection with credit: a slow reader stops the sender. */
  stream(
    target: RpcTarget,
    method: string,
    payload: Uint8Array,
    options: RpcOptions,
  ): AsyncIterable<Uint8Array>;
}

/** Serves calls. A thrown DbError crosses to the caller; anything else becomes INTERNAL there and is logged here. */
export interface RpcHandlers {
  readonly call: ReadonlyMap<
    string,
    (payload: Uint8Array, context: RpcContext) => Promise<Uint8Array>
  >;
  readonly stream: ReadonlyMap<
    string,
    (payload: Uint8Array, context: RpcContext) => AsyncIterable<Uint8Array>
  >;
}

export interface RpcContext {
  readonly from: NodeId;
  readonly set: ReplicaSetId;
  /** Aborted when the caller cancels, is gone, or its deadline passes. */
  readonly signal: AbortSignal;
}
