// The lives of a data directory: one for each start, told apart by a random number. A copy of the directory
// holds all that the original held when it was taken, and no life that began later elsewhere: so a life
// that others remember of this node, and that is not here, was led by another copy.
//
// Invariant: a life is in the file before anybody hears of it. One of another copy is put there once all
// that it may have acknowledged is disowned durably, so that it is found once.

/** A node that starts each second for a quarter of an hour; others remember the last life that they heard. */
export const OWN_LIVES_MAX = 1_000;

export interface OwnLife {
  readonly epoch: number;
  readonly life: number;
}

export class OwnLives {
  readonly entries: readonly OwnLife[];

  /** @param entries in the order in which they were added; the last ones are kept. */
  constructor(entries: readonly OwnLife[]) {
    this.entries = entries.slice(-OWN_LIVES_MAX);
  }

  with(more: readonly OwnLife[]): OwnLives {
    return new OwnLives([...this.entries, ...more]);
  }

  /**
   * Whether it was led here, or is settled. What began before all that are kept cannot be told: there the
   * records of the stores speak alone, whose numbers begin at the boot epoch and differ from start to start.
   */
  has({epoch, life}: OwnLife): boolean {
    if (this.entries.some((one) => one.life === life)) return true;
    const [oldest] = this.entries;
    return this.entries.length === OWN_LIVES_MAX && oldest !== undefined && epoch < oldest.epoch;
  }
}
