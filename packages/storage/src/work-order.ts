// In which order a replica's files change: flushes one after another, compactions one after another and
// beside them, an install alone. A failure ends the row that it is in, but one that says nothing of what the disk
// holds (no room, no descriptors), or for want of somebody to carry it out: what was refused for that is begun
// anew by the next in the row. Law: an install has its place in both rows from the moment in which it is asked
// for, so nothing that begins later is made of what was there before it.

import {DbError, handledElsewhere, isPassing} from '@flotilla/base';

export class WorkOrder {
  #flushes: Promise<void> = Promise.resolve();
  #compactions: Promise<void> = Promise.resolve();
  #underWay = 0;
  #compacting = 0;

  /** Under way, and those that wait for them. */
  get compactions(): number {
    return this.#compacting;
  }

  /** All that was asked for has ended. */
  get isIdle(): boolean {
    return this.#underWay === 0;
  }

  /**
   * Behind the flushes and installs before it. Not at all where one of those flushes failed, unless for what
   * passes, as a full disk: then `work` does first what that one left undone.
   */
  flush(work: () => Promise<void>): Promise<void> {
    const flush = this.#counted(this.#flushes.then(work));
    this.#flushes = unlessRefused(flush);
    return flush;
  }

  /**
   * Behind the compactions and installs before it; a failed compaction ends them, unless for what passes, or
   * nobody was there to carry it out (UNAVAILABLE).
   */
  compaction<T>(work: () => Promise<T>): Promise<T> {
    this.#compacting += 1;
    const compaction = this.#counted(this.#compactions.then(work), () => {
      this.#compacting -= 1;
    });
    this.#compactions = unlessRefused(compaction);
    return compaction;
  }

  /** Behind all before it. One that fails leaves what was there, and the rest goes on with that. */
  install(work: () => Promise<void>): Promise<void> {
    const install = this.#counted(Promise.all([this.#flushes, this.#compactions]).then(work));
    this.#flushes = endOf(this.#flushes, install);
    this.#compactions = endOf(this.#compactions, install);
    return install;
  }

  /** Resolves when all that was asked for has ended; failures are their callers'. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#flushes, this.#compactions]);
  }

  /** Counted until the end of what it returns, so that who has waited for it finds it ended. */
  #counted<T>(work: Promise<T>, onEnd?: () => void): Promise<T> {
    this.#underWay += 1;
    return work.finally(() => {
      this.#underWay -= 1;
      onEnd?.();
    });
  }
}

/** Of a row in which `work` stands last. Its caller has the failure as well. */
function unlessRefused(work: Promise<unknown>): Promise<void> {
  const end = work.then(
    () => {},
    (error: unknown) => {
      if (!isPassing(error) && !isUnavailable(error)) throw error;
    },
  );
  void handledElsewhere(end);
  return end;
}

function isUnavailable(error: unknown): boolean {
  return error instanceof DbError && error.code === 'UNAVAILABLE';
}

/** Of a row in which an install stands last: it fails as what stood before the install did. */
function endOf(before: Promise<void>, install: Promise<void>): Promise<void> {
  const end = before.then(() => handledElsewhere(install));
  void handledElsewhere(end);
  return end;
}
