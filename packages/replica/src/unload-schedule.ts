// Which replicas to unload: those that nobody has used for an hour and, where the thread's indexes are past
// their budget, those that nobody has used for longest, until the rest fits. One for each engine thread; its
// owner calls `due` now and then, and unloads what it names.

import type {IndexBudget} from './index-budget.ts';
import type {ReplicaMachine} from './replica-machine.ts';

/**
 * Far longer than between two looks of a dashboard, and short beside a bucket: what was written to last week
 * costs nothing today.
 */
export const UNLOAD_AGE_MS = 3_600_000;

/** Past the budget too, what a dashboard asks for again and again stays: to read it each time costs more. */
const PRESSED_AGE_MS = 60_000;

interface LastUse {
  readonly uses: number;
  /** When that number was seen first. */
  readonly sinceMs: number;
}

export class UnloadSchedule {
  readonly #budget: IndexBudget;
  readonly #ageMs: number;
  /** Of those that are loaded. */
  #used = new Map<ReplicaMachine, LastUse>();

  constructor(budget: IndexBudget, ageMs: number = UNLOAD_AGE_MS) {
    this.#budget = budget;
    this.#ageMs = ageMs;
  }

  /** The machines to unload now, the one that was used longest ago first. */
  due(machines: Iterable<ReplicaMachine>, nowMs: number): ReplicaMachine[] {
    this.#look(machines, nowMs);
    const byAge = [...this.#used].sort(([, a], [, b]) => a.sinceMs - b.sinceMs);
    const due: ReplicaMachine[] = [];
    let {bytes} = this.#budget;
    for (const [machine, {sinceMs}] of byAge) {
      const ageMs = nowMs - sinceMs;
      const isPressed = bytes >= this.#budget.bytesMax && ageMs >= PRESSED_AGE_MS;
      if (ageMs < this.#ageMs && !isPressed) break;
      bytes -= machine.loadedBytes;
      due.push(machine);
    }
    return due;
  }

  #look(machines: Iterable<ReplicaMachine>, nowMs: number): void {
    const used = new Map<ReplicaMachine, LastUse>();
    for (const machine of machines) {
      if (machine.loadedBytes === 0) continue;
      const {uses} = machine;
      const before = this.#used.get(machine);
      used.set(machine, before?.uses === uses ? before : {uses, sinceMs: nowMs});
    }
    this.#used = used;
  }
}
