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
import {FileNode, placeOf, type TellDurable} from './memory-file.ts';

export type DiskOperation = 'read' | 'write' | 'sync' | 'open' | 'rename' | 'remove';

export interface DiskFault {
  readonly operation: DiskOperation;
  /** Only paths that contain it; all when absent. */
  readonly path?: string | undefined;
  /** Only reads of this byte of the file; of all when absent. */
  readonly at?: number | undefined;
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

/** What a fault needs to know of the call that it strikes. */
interface FaultyCall {
  readonly takeForClean?: (() => void) | undefined;
  /** Of a read. */
  readonly range?: {readonly offset: number; readonly length: number} | undefined;
}

function isWithin(at: number | undefined, range: FaultyCall['range']): boolean {
  if (at === undefined) return true;
  return range !== undefined && range.offset <= at && at < range.offset + range.length;
}

export interface MemoryDiskOptions {
  /** With it operations take `latencyMs` of its time; without it they finish in a microtask. */
  readonly clock?: Clock | undefined;
  readonly latencyMs?: {readonly read?: number; readonly write?: number; readonly sync?: number};
  readonly totalBytes?: number | undefined;
  /** Files can write and sync in one call; then what has its room in a file already needs no other. */
  readonly writesDurably?: boolean | undefined;
  /** Told of each such call, and of what power cuts leave of those that have no answer yet. */
  readonly onDurableWrite?: TellDurable | undefined;
}

class DirectoryNode {
  names = new Map<string, FileNode | DirectoryNode>();
  durable = new Map<string, FileNode | DirectoryNode>();

  /** `copies`: what was copied already, so that two names of one file stay one file. */
  copy(copies = new Map<FileNode | DirectoryNode, FileNode | DirectoryNode>()): DirectoryNode {
    const copy = new DirectoryNode();
    const copyOf = (node: FileNode | DirectoryNode): FileNode | DirectoryNode => {
      const made = copies.get(node) ?? (node instanceof FileNode ? node.copy() : node.copy(copies));
      copies.set(node, made);
      return made;
    };
    const all = (names: Map<string, FileNode | DirectoryNode>) =>
      new Map([...names].map(([name, node]) => [name, copyOf(node)]));
    copy.names = all(this.names);
    copy.durable = all(this.durable);
    return copy;
  }

  crash(random: Random | undefined, tell?: TellDurable): void {
    this.names = new Map(this.durable);
    for (const node of this.names.values()) node.crash(random, tell);
  }
}

export class MemoryDisk implements Disk {
  #root = new DirectoryNode();
  readonly #clock: Clock | undefined;
  /** May be changed while calls are under way; they keep what they began with. */
  readonly latencyMs: {read?: number; write?: number; sync?: number};
  readonly #totalBytes: number;
  readonly #writesDurably: boolean;
  readonly #tell: TellDurable;
  #faults: {fault: DiskFault; left: number}[] = [];
  /** Raised by a crash: handles and operations of before neither act nor answer any more. */
  #life = 0;
  /** Called once by the next durable write, when the disk has its bytes and none of them is durable yet. */
  duringDurableWrite: (() => void) | undefined;
  /** How often each operation was asked for: what group commit saves can be counted. */
  readonly counts = {read: 0, write: 0, sync: 0};
  /** Set by a test; what `space` answers, and writes are refused with ENOSPC at 0. */
  freeBytes: number;

  constructor(options: MemoryDiskOptions = {}) {
    this.#clock = options.clock;
    this.latencyMs = {...options.latencyMs};
    this.#totalBytes = options.totalBytes ?? 2 ** 40;
    this.freeBytes = this.#totalBytes;
    this.#writesDurably = options.writesDurably === true;
    this.#tell = options.onDurableWrite ?? (() => undefined);
  }

  /** Power off and on: unsynced bytes and names are gone, pending calls never answer. */
  crash(random?: Random): void {
    this.#life += 1;
    this.#faults = [];
    this.#root.crash(random, this.#tell);
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
      about: FaultyCall = {},
    ): Promise<void> => {
      if (closed) throw new FatalError(`cannot ${operation} ${path}: closed`);
      await this.#turn(operation, path, latencyMs, false, life);
      this.#maybeFail(operation, path, about);
    };
    const writeDurably = async (offset: number, chunks: readonly Uint8Array[]): Promise<void> => {
      this.counts.write += 1;
      await enter('write', this.latencyMs.write ?? 0);
      const all = Buffer.concat(chunks);
      const room = this.freeBytes > 0 ? all.length : Math.max(0, node.size - offset);
      const fits = all.subarray(0, room);
      if (fits.length > 0) await writeOne(offset, fits);
      if (fits.length === all.length) return;
      this.#tell(fits.length > 0 ? 'refused in part for want of room' : 'refused for want of room');
      throw new FatalError(`cannot write ${path} at ${offset}: ENOSPC`);
    };
    const writeOne = async (offset: number, bytes: Uint8Array): Promise<void> => {
      const change = node.writeUnsynced(offset, bytes, true);
      const place = placeOf(change);
      this.counts.sync += 1;
      const during = this.duringDurableWrite;
      this.duringDurableWrite = undefined;
      during?.();
      try {
        const takeForClean = (): void => node.takeOneForClean(change);
        await enter('sync', this.latencyMs.sync ?? 0, {takeForClean});
        if (!node.syncOne(change)) throw new FatalError(`cannot sync ${path}: EIO`);
      } catch (error) {
        this.#tell('failed');
        throw error;
      }
      this.#tell(place);
    };
    return {
      path,
      ...(this.#writesDurably ? {writeDurably} : {}),
      readAt: async (offset, length) => {
        this.counts.read += 1;
        await enter('read', this.latencyMs.read ?? 0, {range: {offset, length}});
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
        const takeForClean = (): void => node.takeForClean(covered());
        await enter('sync', this.latencyMs.sync ?? 0, {takeForClean});
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

  #maybeFail(operation: DiskOperation, path: string, about: FaultyCall = {}): void {
    const hit = this.#faults.find(
      ({fault, left}) =>
        left > 0 &&
        fault.operation === operation &&
        path.includes(fault.path ?? '') &&
        isWithin(fault.at, about.range),
    );
    if (hit === undefined) return;
    hit.left -= 1;
    if (hit.fault.marksClean === true) about.takeForClean?.();
    const code = hit.fault.code ?? 'EIO';
    const cause = Object.assign(new Error(code), {code, syscall: operation});
    throw new FatalError(`cannot ${operation} ${path}: ${code}`, cause);
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
