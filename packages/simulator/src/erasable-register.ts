// The order of a register that is also erased: a read of 0 may see any erasure, or that nothing was
// written yet, so the fast search of linearizability.ts, which wants each value written once, does not
// do. The same search by Wing and Gong with Lowe's memory, over sets of operations instead of lists.

import type {RegisterOperation} from './linearizability.ts';

/** States looked at before a history counts as too wide to judge. */
const STATES_MAX = 200_000;

export type Judgement = 'ordered' | 'no order' | 'too wide';

/** Erasures are writes of 0; any number of them. One that is unknown and has an end happened by then, or never. */
export function judgeErasable(history: readonly RegisterOperation[]): Judgement {
  const operations = history.filter((operation) => matters(operation, history));
  operations.sort((a, b) => a.startMs - b.startMs);
  return new Search(operations).run();
}

/** What was refused did nothing; what is unknown and was never seen need not have happened. */
function matters(operation: RegisterOperation, history: readonly RegisterOperation[]): boolean {
  const {kind, outcome, value} = operation;
  if (kind === 'read') return outcome === 'ok';
  if (outcome !== 'unknown') return outcome === 'ok';
  return history.some(
    (other) => other.kind === 'read' && other.outcome === 'ok' && other.value === value,
  );
}

class Search {
  readonly #operations: readonly RegisterOperation[];
  readonly #isDone: boolean[];
  readonly #tried = new Set<string>();

  constructor(operations: readonly RegisterOperation[]) {
    this.#operations = operations;
    this.#isDone = operations.map(() => false);
  }

  run(): Judgement {
    if (this.#from(0, 0, -Infinity)) return 'ordered';
    return this.#tried.size >= STATES_MAX ? 'too wide' : 'no order';
  }

  /** All operations below `first` are in the order, which leaves `value`; the last of them to start did so at `latestMs`. */
  #from(first: number, value: number, latestMs: number): boolean {
    let start = first;
    while (this.#isDone[start] === true) start += 1;
    const open = this.#operations.slice(start).filter((_, i) => this.#isDone[start + i] !== true);
    if (open.every(({outcome}) => outcome === 'unknown')) return true;
    const key = `${value} ${start} ${this.#isDone.flatMap((is, i) => (is && i > start ? [i] : [])).join()}`;
    if (this.#tried.has(key) || this.#tried.size >= STATES_MAX) return false;
    this.#tried.add(key);
    const untilMs = Math.min(
      ...open.map(({endMs, outcome}) => (outcome === 'unknown' ? Infinity : endMs)),
    );
    for (let at = start; at < this.#operations.length; at++) {
      const operation = this.#operations[at]!;
      // Whatever starts after another has ended comes after it.
      if (operation.startMs > untilMs) break;
      if (this.#isDone[at] === true || !isPossible(operation, value)) continue;
      if (operation.endMs < latestMs) continue;
      this.#isDone[at] = true;
      const now = operation.kind === 'read' ? value : operation.value;
      if (this.#from(start, now, Math.max(latestMs, operation.startMs))) return true;
      this.#isDone[at] = false;
    }
    return false;
  }
}

function isPossible({kind, value}: RegisterOperation, now: number): boolean {
  return kind === 'write' || value === now;
}
