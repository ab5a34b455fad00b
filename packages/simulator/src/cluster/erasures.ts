// Drops of tables and databases as what they are to the registers concerned: an erasure at some time
// between the statement and its confirmation. Meanwhile each router writes by the catalog that it
// has, to what is dropped or to what has its name by then, so nothing is asked of what was written in
// that time unless it was seen later, nor of what was read in it. From the confirmation on all is asked.

import type {Kernel} from '../kernel/kernel.ts';
import type {RegisterOperation} from '../linearizability.ts';

interface Erasure {
  readonly kind: 'table' | 'database';
  readonly prefix: string;
  readonly startMs: number;
  /** Infinity without confirmation. */
  endMs: number;
}

export class Erasures {
  readonly #kernel: Kernel;
  readonly #all: Erasure[] = [];

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Of all registers whose names begin so, from now on; the result is called when it is confirmed. */
  begin(kind: Erasure['kind'], prefix: string): () => void {
    const erasure = {kind, prefix, startMs: this.#kernel.nowMs, endMs: Infinity};
    this.#all.push(erasure);
    return () => {
      erasure.endMs = this.#kernel.nowMs;
    };
  }

  /** What is asked of a register, erasures among it. */
  judged(name: string, history: readonly RegisterOperation[]): readonly RegisterOperation[] {
    const erasures = this.#all.filter(({prefix}) => name.startsWith(prefix));
    if (erasures.length === 0) return history;
    const isMeanwhile = (one: RegisterOperation): boolean =>
      erasures.some((erasure) => isDuring(one, erasure));
    const reads = history.filter((one) => one.kind === 'read' && !isMeanwhile(one));
    const seen = new Set(reads.map(({outcome, value}) => (outcome === 'ok' ? value : undefined)));
    const writes = history.filter(
      (one) =>
        one.kind === 'write' && (one.value === 0 || seen.has(one.value) || !isMeanwhile(one)),
    );
    // Since one without end nothing was read that is judged, so nothing that was written a second time.
    const confirmed = erasures.filter(({endMs}) => endMs < Infinity);
    const twice = writes.filter((one) =>
      confirmed.some((erasure) => erasure.kind === 'database' && isDuring(one, erasure)),
    );
    return [...reads, ...writes, ...twice.map(asSecond), ...confirmed.map(asErasure)];
  }
}

function isDuring({startMs, endMs}: RegisterOperation, erasure: Erasure): boolean {
  return startMs <= erasure.endMs && endMs >= erasure.startMs;
}

/** Sent again, to a database of the same name: its sets do not know that it was written to the one before. */
function asSecond(write: RegisterOperation): RegisterOperation {
  return {...write, endMs: Infinity, outcome: 'unknown'};
}

function asErasure({startMs, endMs}: Erasure): RegisterOperation {
  return {client: 0, kind: 'write', value: 0, startMs, endMs, outcome: 'ok'};
}
