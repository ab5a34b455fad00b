// The replica sets of a backup, some read at once, and their bodies on the way. The rows of one set mostly go to
// one set, whatever the cluster, and so to one leader: of several sets they keep several nodes and threads at work,
// and many small ones do not each wait for their last answer.

/** Sets that are read at once. Each may hold the index of a million series. */
const READERS = 4;
/** Bodies on the way at once, of all of them: each is two megabytes, and the nodes' threads share them. */
const WRITERS = 4;

export interface SetsToRestore {
  readonly sets: readonly {readonly bytes: number}[];
  bodies(at: number): AsyncIterable<{readonly body: Uint8Array; readonly rows: number}>;
}

export interface RestoreProgress {
  /** From the first on, all of whose rows are acknowledged: where another run goes on. */
  sets: number;
  rows: number;
  /** Their files in the backup. */
  bytes: number;
}

export interface RestoreOrder {
  /** What an earlier run has restored counts as such. */
  readonly skipSets: number;
  readonly write: (at: number, body: Uint8Array) => Promise<void>;
  readonly progress: RestoreProgress;
  readonly show: () => void;
  readonly signal: AbortSignal;
}

/** Ends when all is acknowledged; rejects with the first that is not, once nothing is under way any more. */
export async function restoreSets(restoration: SetsToRestore, order: RestoreOrder): Promise<void> {
  const stop = new AbortController();
  const run = new RestoreRun(restoration, order, AbortSignal.any([order.signal, stop.signal]));
  const rest = restoration.sets.keys();
  const readers = Array.from({length: READERS}, async () => {
    for (const at of rest) await run.restore(at);
  });
  try {
    await Promise.all(readers);
  } finally {
    stop.abort();
    await Promise.allSettled([...readers, ...run.underway]);
  }
}

class RestoreRun {
  /** One that failed stays: whoever waits for a writer hears of it. */
  readonly underway = new Set<Promise<void>>();
  readonly #restoration: SetsToRestore;
  readonly #order: RestoreOrder;
  readonly #signal: AbortSignal;
  /** Acknowledged whole, behind one that is not. */
  readonly #ahead = new Set<number>();

  constructor(restoration: SetsToRestore, order: RestoreOrder, signal: AbortSignal) {
    this.#restoration = restoration;
    this.#order = order;
    this.#signal = signal;
  }

  /** Resolves once all rows of the set are acknowledged. */
  async restore(at: number): Promise<void> {
    const writes: Promise<void>[] = [];
    if (at >= this.#order.skipSets) {
      for await (const {body, rows} of this.#restoration.bodies(at)) {
        while (this.underway.size >= WRITERS) await Promise.race(this.underway);
        this.#signal.throwIfAborted();
        writes.push(this.#write(at, body, rows));
      }
    }
    await Promise.all(writes);
    this.#count(at);
  }

  #write(at: number, body: Uint8Array, rows: number): Promise<void> {
    const {write, progress, show} = this.#order;
    const written = write(at, body).then(() => {
      progress.rows += rows;
      this.underway.delete(written);
      show();
    });
    // Its set waits for it, and fails with it, but reads on meanwhile.
    void Promise.allSettled([written]);
    this.underway.add(written);
    return written;
  }

  #count(at: number): void {
    const {progress, show} = this.#order;
    this.#ahead.add(at);
    while (this.#ahead.delete(progress.sets)) {
      progress.bytes += this.#restoration.sets[progress.sets]!.bytes;
      progress.sets += 1;
    }
    show();
  }
}
