// When memtables are flushed beside their own size: the node's budget, age, and a disk that refused it. One
// for each engine thread; its owner calls `due` every second or so.

import {LIMITS} from '@flotilla/base';
import type {ReplicaMachine} from './replica-machine.ts';

/** Rows lie at most this long in memory only: it bounds the log that a restart replays. */
export const FLUSH_AGE_MS = 600_000;

export class FlushSchedule {
  readonly #budgetBytes: number;
  /** Since when a machine has had rows in memory only. */
  readonly #dirtySinceMs = new Map<ReplicaMachine, number>();

  constructor(budgetBytes: number = LIMITS.memtables_bytes_max.value) {
    this.#budgetBytes = budgetBytes;
  }

  /** The machines to flush now: those over age or refused, then the largest until the rest fits the budget. */
  due(machines: readonly ReplicaMachine[], nowMs: number): ReplicaMachine[] {
    this.#forgetAllBut(machines);
    const due: ReplicaMachine[] = [];
    const rest: ReplicaMachine[] = [];
    let bytes = 0;
    for (const machine of machines) {
      if (machine.memtableBytes === 0) {
        this.#dirtySinceMs.delete(machine);
        continue;
      }
      bytes += machine.memtableBytes;
      const sinceMs = this.#dirtySinceMs.get(machine) ?? nowMs;
      this.#dirtySinceMs.set(machine, sinceMs);
      if (machine.isFlushRefused || nowMs - sinceMs >= FLUSH_AGE_MS) due.push(machine);
      else rest.push(machine);
    }
    rest.sort((a, b) => b.memtableBytes - a.memtableBytes);
    for (const machine of rest) {
      if (bytes <= this.#budgetBytes) break;
      bytes -= machine.memtableBytes;
      due.push(machine);
    }
    for (const machine of due) this.#dirtySinceMs.set(machine, nowMs);
    return due.filter((machine) => !machine.isFlushing && machine.memtableBytes > 0);
  }

  #forgetAllBut(machines: readonly ReplicaMachine[]): void {
    if (this.#dirtySinceMs.size === 0) return;
    const present = new Set(machines);
    for (const machine of this.#dirtySinceMs.keys())
      if (!present.has(machine)) this.#dirtySinceMs.delete(machine);
  }
}
