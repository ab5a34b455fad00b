// A disk in memory that forgets on a crash what was not made durable: bytes written since the file's
// last sync, and names changed since the directory's last sync. Pessimistic by default (all of it is
// lost); with a Random, each sector of an unsynced write survives or not by chance, as on a real one.

import {
  type Clock,
  type DirectoryEntry,
  type Disk,
  type DiskFile,
  FatalError,
  type Random,
} from '@flotilla/base';

/** What a power cut leaves whole: a sector is old or new, never mixed. */
const SECTOR_BYTES = 512;

export type DiskOperation = 'read' | 'write' | 'sync' | 'open' | 'rename' | 'remove';

export interface DiskFault {
  readonly operation: DiskOperation;
  /** Only paths that contain it; all when absent. */
  readonly path?: string | undefined;
  /** How often it strikes; once when absent. */
  readonly times?: number | undefined;
  /** 'ENOSPC', 'EIO', ... */
  readonly code?: string | undefined;
  /**
   * A sync that fails takes what it covered for clean, as Linux does: readers see it, no later sync
   * writes it, and a power cut takes it back.
   */
  readonly marksClean?: boolean | undefined;
}

export interface MemoryDiskOptions {
  /** With it operations take `latencyMs` of its time; without it they finish in a microtask. */
  readonly clock?: Clock | undefined;
  readonly latencyMs?: {readonly read?: number; readonly write?: number; readonly sync?: number};
  readonly totalBytes?: number | undefined;
}

interface Unsynced {
  readonly offset: number;
  /** What stood there before, as far as the file reached. */
  readonly before: Uint8Array;
  readonly sizeBefore: number;
  /** Undefined for a truncation to `offset`. */
  readonly after: Uint8Array | undefined;
  /** 'clean': taken for written and never was; 'synced': durable, kept only behind one that is clean. */
  state: 'dirty' | 'clean' | 'synced';
}

class FileNode {
  bytes = new Uint8Array(0);
  size = 0;
  unsynced: Unsynced[] = [];

  copy(copies: Copies): FileNode {
    const copy = new FileNode();
    copies.set(this, copy);
    copy.bytes = this.bytes.slice();
    copy.size = this.size;
    copy.unsynced = this.unsynced.map((change) => ({...change}));
    return copy;
  }

  write(offset: number, data: Uint8Array): void {
    const end = offset + data.length;
    if (end > this.bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.bytes.length * 2));
      grown.set(this.bytes.subarray(0, this.size));
      this.bytes = grown;
    }
    if (offset > this.size) this.bytes.fill(0, this.size, offset);
    this.bytes.set(data, offset);
    this.size = Math.max(this.size, end);
  }

  writeUnsynced(offset: number, data: Uint8Array): void {
    const before = this.bytes.slice(
      Math.min(offset, this.size),
      Math.min(offset + data.length, this.size),
    );
    // A Buffer's slice is a view, and its writer may use it again.
    const after = Uint8Array.from(data);
    this.unsynced.push({offset, before, sizeBefore: this.size, after, state: 'dirty'});
    this.write(offset, after);
  }

  truncateUnsynced(bytes: number): void {
    const before = this.bytes.slice(Math.min(bytes, this.size), this.size);
    const sizeBefore = this.size;
    this.unsynced.push({offset: bytes, before, sizeBefore, after: undefined, state: 'dirty'});
    if (bytes > this.size) this.write(bytes, new Uint8Array(0));
    this.size = bytes;
  }

  /** The first `covered` changes are durable, but for those that were taken for clean before. */
  sync(covered: number): void {
    this.#mark(covered, 'synced');
    const kept = this.unsynced.findIndex(({state}) => state !== 'synced');
    this.unsynced = kept === -1 ? [] : this.unsynced.slice(kept);
  }

  /** A sync of them failed, and no later one tries again. */
  takeForClean(covered: number): void {
    this.#mark(covered, 'clean');
  }

  crash(random: Random | undefined): void {
    const lost = this.unsynced;
    this.unsynced = [];
    for (let i = lost.length - 1; i >= 0; i--) {
      const change = lost[i]!;
      this.write(Math.min(change.offset, change.sizeBefore), change.before);
      this.size = change.sizeBefore;
    }
    for (const {offset, after, state} of lost) {
      if (state === 'synced') {
        if (after === undefined) this.size = offset;
        else this.write(offset, after);
      } else if (state === 'dirty' && after !== undefined && random !== undefined)
        this.#keepSectors(offset, after, random);
    }
  }

  #mark(covered: number, state: 'clean' | 'synced'): void {
    for (const change of this.unsynced.slice(0, covered))
      if (change.state === 'dirty') change.state = state;
  }

  #keepSectors(offset: number, data: Uint8Array, random: Random): void {
    for (let at = offset; at < offset + data.length; ) {
      const end = Math.min(
        offset + data.length,
        (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES,
      );
      if (random.next() < 0.5) this.write(at, data.subarray(at - offset, end - offset));
      at = end;
    }
  }
}

type Copies = Map<FileNode | DirectoryNode, FileNode | DirectoryNode>;

class DirectoryNode {
  names = new Map<string, FileNode | DirectoryNode>();
  durable = new Map<string, FileNode | DirectoryNode>();

  /** `copies`: what was copied already, so that two names of one file stay one file. */
  copy(copies: Copies = new Map()): DirectoryNode {
    const copy = new DirectoryNode();
    copies.set(this, copy);
    const all = (names: Map<string, FileNode | DirectoryNode>) =>
      new Map([...names].map(([name, node]) => [name, copies.get(node) ?? node.copy(copies)]));
    copy.names = all(this.names);
    copy.durable = all(this.durable);
    return copy;
  }

  crash(random: Random | undefined): void {
    this.names = new Map(this.durable);
    for (const node of this.names.values()) node.crash(random);
  }
}

export class MemoryDisk implements Disk {
  #root = new DirectoryNode();
  readonly #clock: Clock | undefined;
  /** May be changed while calls are under way; they keep what they began with. */
  readonly latencyMs: {read?: number; write?: number; sync?: number};
  readonly #totalBytes: number;
  #faults: {fault: DiskFault; left: number}[] = [];
  /** Raised by a crash: handles and operations of before neither act nor answer any more. */
  #life = 0;
  /** How often each operation was asked for: what group commit saves can be counted. */
  readonly counts = {read: 0, write: 0, sync: 0};
  /** Set by a test; what `space` answers, and writes are refused with ENOSPC at 0. */
  freeBytes: number;

  constructor(options: MemoryDiskOptions = {}) {
    this.#clock = options.clock;
    this.latencyMs = {...options.latencyMs};
    this.#totalBytes = options.totalBytes ?? 2 ** 40;
    this.freeBytes = this.#totalBytes;
  }

  /** Power off and on: unsynced bytes and names are gone, pending calls never answer. */
  crash(random?: Random): void {
    this.#life += 1;
    this.#faults = [];
    this.#root.crash(random);
  }

  /** Process killed, machine alive: everything written stays, pending calls never answer. */
  kill(): void {
    this.#life += 1;
  }

  /** Copies what is durable now. The result puts it back, as a power cut and an old backup would. */
  image(): () => void {
    const copy = this.#root.copy();
    copy.crash(undefined);
    return () => {
      this.#life += 1;
      this.#faults = [];
      this.#root = copy.copy();
    };
  }

  /** Paths of all files, sorted. */
  files(): string[] {
    const all: string[] = [];
    const walk = (directory: DirectoryNode, path: string): void => {
      for (const [name, node] of directory.names) {
        if (node instanceof DirectoryNode) walk(node, `${path}${name}/`);
        else all.push(path + name);
      }
    };
    walk(this.#root, '');
    return all.sort();
  }

  /** The next matching operations reject with FatalError; a failed sync leaves its bytes unsynced. */
  fail(fault: DiskFault): void {
    this.#faults.push({fault, left: fault.times ?? 1});
  }

  /** Faults that have not struck yet never will. */
  mend(): void {
    this.#faults = [];
  }

  /** The bytes as a reader sees them now. */
  bytesOf(path: string): Uint8Array {
    const file = this.#file(path);
    return file.bytes.slice(0, file.size);
  }

  /** Replaces a file's content, durably, behind everybody's back. */
  overwrite(path: string, bytes: Uint8Array): void {
    const file = this.#file(path);
    file.bytes = bytes.slice();
    file.size = bytes.length;
    file.unsynced = [];
  }

  flipBit(path: string, offset: number, bit = 0): void {
    const file = this.#file(path);
    if (offset >= file.size) throw new Error(`no byte ${offset} in ${path}`);
    file.bytes[offset] = file.bytes[offset]! ^ (1 << bit);
  }

  async open(path: string, mode: 'read' | 'write' | 'create'): Promise<DiskFile> {
    await this.#turn('open', path, 0);
    const {directory, name} = this.#parent(path);
    let node = directory.names.get(name);
    if (mode === 'create') {
      if (node !== undefined) throw new FatalError(`cannot create ${path}: EEXIST`);
      node = new FileNode();
      directory.names.set(name, node);
    }
    if (!(node instanceof FileNode)) throw new FatalError(`cannot open ${path}: ENOENT`);
    return this.#handle(path, node);
  }

  async exists(path: string): Promise<boolean> {
    await this.#turn('open', path, 0, false);
    return this.#find(path) !== undefined;
  }

  async list(path: string): Promise<DirectoryEntry[]> {
    await this.#turn('open', path, 0, false);
    const node = this.#find(path);
    if (!(node instanceof DirectoryNode)) return [];
    const entries = [...node.names].map(
      ([name, child]): DirectoryEntry => ({
        name,
        kind: child instanceof DirectoryNode ? 'directory' : 'file',
      }),
    );
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#turn('open', path, 0, false);
    let at = this.#root;
    for (const name of names(path)) {
      let child = at.names.get(name);
      if (child === undefined) {
        child = new DirectoryNode();
        at.names.set(name, child);
      }
      if (!(child instanceof DirectoryNode)) throw new FatalError(`cannot make ${path}: ENOTDIR`);
      at = child;
    }
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#turn('rename', from, 0);
    const source = this.#parent(from);
    const node = source.directory.names.get(source.name);
    if (node === undefined) throw new FatalError(`cannot rename ${from}: ENOENT`);
    const target = this.#parent(to);
    source.directory.names.delete(source.name);
    target.directory.names.set(target.name, node);
  }

  async link(from: string, to: string): Promise<void> {
    await this.#turn('rename', from, 0);
    const target = this.#parent(to);
    if (target.directory.names.has(target.name)) throw new FatalError(`cannot link ${to}: EEXIST`);
    target.directory.names.set(target.name, this.#file(from));
  }

  async remove(path: string): Promise<void> {
    await this.#turn('remove', path, 0);
    if (this.#find(path) === undefined) return;
    const {directory, name} = this.#parent(path);
    directory.names.delete(name);
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#turn('sync', path, this.latencyMs.sync ?? 0);
    const node = this.#find(path);
    if (!(node instanceof DirectoryNode)) throw new FatalError(`cannot sync ${path}: ENOENT`);
    node.durable = new Map(node.names);
  }

  async space(): Promise<{freeBytes: number; totalBytes: number}> {
    await this.#turn('open', '', 0, false);
    return {freeBytes: this.freeBytes, totalBytes: this.#totalBytes};
  }

  #handle(path: string, node: FileNode): DiskFile {
    let closed = false;
    const life = this.#life;
    const enter = async (
      operation: DiskOperation,
      latencyMs: number,
      takeForClean?: () => void,
    ): Promise<void> => {
      if (closed) throw new FatalError(`cannot ${operation} ${path}: closed`);
      await this.#turn(operation, path, latencyMs, false, life);
      this.#maybeFail(operation, path, takeForClean);
    };
    return {
      path,
      readAt: async (offset, length) => {
        this.counts.read += 1;
        await enter('read', this.latencyMs.read ?? 0);
        if (offset + length > node.size)
          throw new FatalError(
            `cannot read ${path}: want ${length} bytes at ${offset}; have ${node.size}`,
          );
        return node.bytes.slice(offset, offset + length);
      },
      writeAt: async (offset, chunks) => {
        this.counts.write += 1;
        await enter('write', this.latencyMs.write ?? 0);
        if (this.freeBytes <= 0) throw new FatalError(`cannot write ${path} at ${offset}: ENOSPC`);
        let at = offset;
        for (const chunk of chunks) {
          node.writeUnsynced(at, chunk);
          at += chunk.length;
        }
      },
      sync: async () => {
        this.counts.sync += 1;
        // Those before the first covered one may have become durable by another sync meanwhile.
        const last = node.unsynced.at(-1);
        const covered = (): number => (last === undefined ? 0 : node.unsynced.indexOf(last) + 1);
        await enter('sync', this.latencyMs.sync ?? 0, () => node.takeForClean(covered()));
        node.sync(covered());
      },
      truncate: async (bytes) => {
        await enter('write', this.latencyMs.write ?? 0);
        node.truncateUnsynced(bytes);
      },
      size: async () => {
        await enter('open', 0);
        return node.size;
      },
      close: async () => {
        closed = true;
      },
    };
  }

  /** Passes the operation's time; never comes back after a crash in between. */
  async #turn(
    operation: DiskOperation,
    path: string,
    latencyMs: number,
    mayFail = true,
    life = this.#life,
  ): Promise<void> {
    const clock = this.#clock;
    if (clock !== undefined && latencyMs > 0)
      await new Promise<void>((resolve) => clock.setTimer(latencyMs, resolve));
    else await Promise.resolve();
    if (life !== this.#life) await new Promise<never>(() => {});
    if (mayFail) this.#maybeFail(operation, path);
  }

  #maybeFail(operation: DiskOperation, path: string, takeForClean?: () => void): void {
    const hit = this.#faults.find(
      ({fault, left}) =>
        left > 0 && fault.operation === operation && path.includes(fault.path ?? ''),
    );
    if (hit === undefined) return;
    hit.left -= 1;
    if (hit.fault.marksClean === true) takeForClean?.();
    throw new FatalError(`cannot ${operation} ${path}: ${hit.fault.code ?? 'EIO'}`);
  }

  #find(path: string): FileNode | DirectoryNode | undefined {
    let at: FileNode | DirectoryNode = this.#root;
    for (const name of names(path)) {
      if (!(at instanceof DirectoryNode)) return undefined;
      const child: FileNode | DirectoryNode | undefined = at.names.get(name);
      if (child === undefined) return undefined;
      at = child;
    }
    return at;
  }

  #file(path: string): FileNode {
    const node = this.#find(path);
    if (!(node instanceof FileNode)) throw new FatalError(`cannot open ${path}: ENOENT`);
    return node;
  }

  #parent(path: string): {directory: DirectoryNode; name: string} {
    const parts = names(path);
    const name = parts.pop();
    const directory = this.#find(parts.join('/'));
    if (name === undefined || !(directory instanceof DirectoryNode))
      throw new FatalError(`cannot open ${path}: ENOENT`);
    return {directory, name};
  }
}

function names(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}
