// The replica sets of a backup, read one after the other, and their bodies on the way, some at once. The next set
// is read while writes of those before are under way: many small ones would each wait for their last answer.

/** Bodies on the way at once: each is two megabytes, and the nodes' threads share them. */
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
  const {skipSets, progress, show} = order;
  const underway = new Set<Promise<void>>();
  let counted = Promise.resolve();
  try {
    for (const [at, {bytes}] of restoration.sets.entries()) {
      const writes = at < skipSets ? [] : await writeSet(restoration, order, {at, underway});
      counted = Promise.all([counted, ...writes]).then(() => {
        progress.sets += 1;
        progress.bytes += bytes;
        show();
      });
      // It is heard of where one waits for a writer, or for the last of all.
      counted.catch(() => undefined);
    }
    await counted;
  } finally {
    await Promise.allSettled(underway);
  }
}

/** Resolves with its writes once all of it is read. One that fails stays among those under way: the next wait sees it. */
async function writeSet(
  restoration: SetsToRestore,
  {write, progress, show, signal}: RestoreOrder,
  {at, underway}: {readonly at: number; readonly underway: Set<Promise<void>>},
): Promise<Promise<void>[]> {
  const writes: Promise<void>[] = [];
  for await (const {body, rows} of restoration.bodies(at)) {
    while (underway.size >= WRITERS) await Promise.race(underway);
    signal.throwIfAborted();
    const written = write(at, body).then(() => {
      progress.rows += rows;
      underway.delete(written);
      show();
    });
    written.catch(() => undefined);
    underway.add(written);
    writes.push(written);
  }
  return writes;
}
