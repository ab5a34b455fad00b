// Long work of one kind in a replica: it goes on while the thread's slice lasts, and ends between two
// slices when the replica closes.

import {DbError, type WorkJob, type WorkSlices} from '@flotilla/base';
import {THIN_ROWS} from './part-format.ts';

/** Some 1 ms of encoding or merging at 50-100 ns a value. */
const VALUES_PER_PIECE = 10_000;

/** However wide the table: below it a block could not be seen whole. */
const ROWS_PER_PIECE_MIN = 1_000;

/** How many rows of that many columns, and their times, are worked on in one go. */
export function rowsPerSlice(columns: number): number {
  return Math.max(ROWS_PER_PIECE_MIN, thinRowsPerSlice(columns));
}

/** The same of series that are whole in them, so that no block has to be seen first. */
export function thinRowsPerSlice(columns: number): number {
  return Math.max(THIN_ROWS, Math.floor(VALUES_PER_PIECE / (columns + 1)));
}

export class Slices {
  readonly #slices: WorkSlices;
  #job: WorkJob;
  #isStopped = false;

  constructor(slices: WorkSlices, job: WorkJob) {
    this.#slices = slices;
    this.#job = job;
  }

  /** What follows is a job of its own, and stands behind those that wait. */
  begin(): void {
    this.#job = {...this.#job};
  }

  /** The work under way ends with CANCELLED at its next slice. */
  stop(): void {
    this.#isStopped = true;
  }

  /** A promise to wait for when the slice is used up, else undefined. */
  due(): Promise<void> | undefined {
    const due = this.#slices.due(this.#job);
    return due && this.#after(due);
  }

  async #after(due: Promise<void>): Promise<void> {
    await due;
    if (this.#isStopped) throw new DbError('CANCELLED', 'the replica is closing');
  }
}
