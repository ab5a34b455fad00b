// What a compaction may take of the machine: a share of a core, counted by the CPU time of its thread, and
// bytes a second of the disk, read and written together. It works for some milliseconds, looks at its
// messages, and rests for as long as it is ahead of its share.

import type {Clock, Disk, DiskFile, WorkSlices} from '@flotilla/base';

/** Between two looks at messages: a stop is heard within it. */
const SLICE_MS = 5;
/** What was not used is lost, but for so much: a merge that waited for the disk may catch up a little. */
const CREDIT_MS_MAX = 50;
/** Written in one go at the end it would stand in the way of the log's writes for long. */
const UNSYNCED_BYTES_MAX = 8 * 1024 * 1024;

export interface CompactionShare {
  /** Of a core: 0 to 1. */
  readonly cpu: number;
  readonly bytesPerSecond: number;
}

interface Ports {
  readonly clock: Clock;
  /** CPU that the thread has used, in milliseconds. */
  readonly cpuMs: () => number;
}

/** So much a millisecond, and no more. */
class Allowance {
  readonly #perMs: number;
  #paidMs = Number.NEGATIVE_INFINITY;

  constructor(perMs: number) {
    this.#perMs = perMs;
  }

  /** Takes it, and says how long to rest for it. */
  restMs(amount: number, nowMs: number): number {
    this.#paidMs = Math.max(this.#paidMs, nowMs - CREDIT_MS_MAX) + amount / this.#perMs;
    return Math.max(0, this.#paidMs - nowMs);
  }
}

export class CompactionBudget implements WorkSlices {
  readonly #ports: Ports;
  readonly #cpu: Allowance;
  readonly #bytes: Allowance;
  #sliceEndMs = 0;
  #countedCpuMs: number;
  #readBytes = 0;
  #restMs = 0;
  readonly #sleepers = new Set<() => void>();
  #restsSinceMs = 0;
  #isHurried = false;

  constructor(share: CompactionShare, ports: Ports) {
    this.#ports = ports;
    this.#cpu = new Allowance(share.cpu);
    this.#bytes = new Allowance(share.bytesPerSecond / 1_000);
    this.#countedCpuMs = ports.cpuMs();
  }

  get readBytes(): number {
    return this.#readBytes;
  }

  /** Reads and writes go on side by side: what some of them rest at once counts once. */
  get restMs(): number {
    return this.#restMs;
  }

  due(): Promise<void> | undefined {
    const {clock, cpuMs} = this.#ports;
    const nowMs = clock.monotonicMs();
    if (nowMs < this.#sliceEndMs) return undefined;
    const usedMs = cpuMs();
    const restMs = this.#cpu.restMs(usedMs - this.#countedCpuMs, nowMs);
    this.#countedCpuMs = usedMs;
    return this.#afterRest(restMs);
  }

  async #afterRest(restMs: number): Promise<void> {
    await this.#rest(restMs);
    this.#sliceEndMs = this.#ports.clock.monotonicMs() + SLICE_MS;
  }

  async didRead(bytes: number): Promise<void> {
    this.#readBytes += bytes;
    await this.didMove(bytes);
  }

  /** Resolves once the disk may be asked for more. */
  async didMove(bytes: number): Promise<void> {
    const restMs = this.#bytes.restMs(bytes, this.#ports.clock.monotonicMs());
    if (restMs > 0) await this.#rest(restMs);
  }

  /** What is under way is to end: until the next begin nobody rests, only looks at messages. */
  hurry(): void {
    this.#isHurried = true;
    for (const wake of [...this.#sleepers]) wake();
  }

  /** Of the next. */
  begin(): void {
    this.#isHurried = false;
  }

  #rest(ms: number): Promise<void> {
    const {clock} = this.#ports;
    return new Promise((resolve) => {
      if (ms <= 0 || this.#isHurried) return clock.defer(resolve);
      const timer = clock.setTimer(ms, () => wake());
      const wake = (): void => {
        timer.cancel();
        this.#sleepers.delete(wake);
        if (this.#sleepers.size === 0) this.#restMs += clock.monotonicMs() - this.#restsSinceMs;
        resolve();
      };
      if (this.#sleepers.size === 0) this.#restsSinceMs = clock.monotonicMs();
      this.#sleepers.add(wake);
    });
  }
}

/** A disk of which a budget says how fast. */
export function measuredDisk(disk: Disk, budget: CompactionBudget): Disk {
  const open: Disk['open'] = async (path, mode) =>
    new MeasuredFile(await disk.open(path, mode), budget);
  return new Proxy(disk, {
    get: (target, name) => {
      if (name === 'open') return open;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

class MeasuredFile implements DiskFile {
  readonly path: string;
  readonly #file: DiskFile;
  readonly #budget: CompactionBudget;
  #unsyncedBytes = 0;

  constructor(file: DiskFile, budget: CompactionBudget) {
    this.path = file.path;
    this.#file = file;
    this.#budget = budget;
  }

  async readAt(offset: number, length: number): Promise<Uint8Array> {
    const bytes = await this.#file.readAt(offset, length);
    await this.#budget.didRead(length);
    return bytes;
  }

  async writeAt(offset: number, chunks: readonly Uint8Array[]): Promise<void> {
    await this.#file.writeAt(offset, chunks);
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    this.#unsyncedBytes += bytes;
    if (this.#unsyncedBytes >= UNSYNCED_BYTES_MAX) await this.sync();
    await this.#budget.didMove(bytes);
  }

  async sync(): Promise<void> {
    this.#unsyncedBytes = 0;
    await this.#file.sync();
  }

  truncate(bytes: number): Promise<void> {
    return this.#file.truncate(bytes);
  }

  size(): Promise<number> {
    return this.#file.size();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
