// Drops of tables and databases as what they are to the registers concerned: an erasure at some time
// between the statement and its confirmation. Meanwhile each router writes by the catalog that it
// has, to what is dropped or to what has its name by then, so nothing is asked of what was written in
// that time unless it was seen later, nor of what was read in it. From the confirmation on all is asked.

import type {Kernel} from '../kernel/kernel.ts';
import type {RegisterOperation} from '../linearizability.ts';

interface Erasure {
  readonly prefix: string;
  readonly startMs: number;
  /** Infinity without confirmation. */
  endMs: number;
}

/** Of one replica set: its registers are erased at one moment, which is theirs in the order of all that is seen. */
export interface Destruction {
  /** Of the names of all registers that may be in it. */
  readonly prefix: string;
  readonly startMs: number;
  /** Infinity as long as it goes on, or nobody knows of it. */
  endMs: number;
  readonly erased: Set<string>;
  readonly spared: Set<string>;
}

export class Erasures {
  readonly #kernel: Kernel;
  readonly #all: Erasure[] = [];
  readonly #destructions = new Set<Destruction>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Of all registers whose names begin so, from now on; the result is called when it is confirmed. */
  begin(prefix: string): () => void {
    const erasure = {prefix, startMs: this.#kernel.nowMs, endMs: Infinity};
    this.#all.push(erasure);
    return () => {
      erasure.endMs = this.#kernel.nowMs;
    };
  }

  /** From now on. */
  destroy(prefix: string): Destruction {
    const startMs = this.#kernel.nowMs;
    const names = {erased: new Set<string>(), spared: new Set<string>()};
    const destruction = {prefix, startMs, endMs: Infinity, ...names};
    this.#destructions.add(destruction);
    return destruction;
  }

  /** It did not happen. */
  forget(destruction: Destruction): void {
    this.#destructions.delete(destruction);
  }

  /** What is asked of a register, erasures and destructions among it. */
  judged(name: string, history: readonly RegisterOperation[]): readonly RegisterOperation[] {
    const destructions = [...this.#destructions].filter(
      ({prefix, spared}) => name.startsWith(prefix) && !spared.has(name),
    );
    const asked = this.#judgedOfDrops(name, history);
    // What its router sends again to the set that took the place was perhaps seen in the one before.
    const twice = asked.filter(
      (one) => one.kind === 'write' && destructions.some((each) => isDuring(one, each)),
    );
    const erased = destructions.map((each) => destroyed(each, name));
    return erased.length === 0 ? asked : [...asked, ...twice.map(asSecond), ...erased];
  }

  #judgedOfDrops(
    name: string,
    history: readonly RegisterOperation[],
  ): readonly RegisterOperation[] {
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
    const twice = writes.filter((one) => confirmed.some((erasure) => isDuring(one, erasure)));
    return [...reads, ...writes, ...twice.map(asSecond), ...confirmed.map(asErasure)];
  }
}

function isDuring(
  {startMs, endMs}: RegisterOperation,
  erasure: Pick<Erasure, 'startMs' | 'endMs'>,
): boolean {
  return startMs <= erasure.endMs && endMs >= erasure.startMs;
}

/**
 * Sent again under its key, to a table or database of the same name: shares are named by the ids of their tables,
 * so that nobody knows that it was written to the one before.
 */
function asSecond(write: RegisterOperation): RegisterOperation {
  return {...write, endMs: Infinity, outcome: 'unknown'};
}

function destroyed({startMs, endMs, erased}: Destruction, name: string): RegisterOperation {
  const outcome = erased.has(name) ? 'ok' : 'unknown';
  return {client: 0, kind: 'write', value: 0, startMs, endMs, outcome};
}

function asErasure({startMs, endMs}: Erasure): RegisterOperation {
  return {client: 0, kind: 'write', value: 0, startMs, endMs, outcome: 'ok'};
}
