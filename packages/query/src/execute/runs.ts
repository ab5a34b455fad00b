// Rows of a chunk cut into runs of one group each. Rows of a chunk are of one series and ascend by
// time, so bins of time are runs, and a group is looked up once a run instead of once a row.

import {sameSlot} from './comparison.ts';
import {binOrdinal, type UnitBin} from './time-bins.ts';
import type {Vector} from './vector.ts';

/** Run i is rows [ends[i - 1] (0 for the first), ends[i]) and belongs to group slots[i]. */
export class Runs {
  count = 0;
  ends = new Int32Array(64);
  slots = new Int32Array(64);
  /** Of each run's bin, where the runs were cut by one. */
  ordinals = new Float64Array(64);

  /** The highest slot, once all are set. */
  slotMax = -1;

  clear(): void {
    this.count = 0;
    this.slotMax = -1;
  }

  setSlot(run: number, slot: number): void {
    this.slots[run] = slot;
    if (slot > this.slotMax) this.slotMax = slot;
  }

  push(end: number, ordinal: number): void {
    if (this.count === this.ends.length) this.#grow();
    this.ends[this.count] = end;
    this.ordinals[this.count] = ordinal;
    this.count++;
  }

  #grow(): void {
    const ends = new Int32Array(this.ends.length * 2);
    ends.set(this.ends);
    this.ends = ends;
    const ordinals = new Float64Array(ends.length);
    ordinals.set(this.ordinals);
    this.ordinals = ordinals;
    const slots = new Int32Array(ends.length);
    slots.set(this.slots);
    this.slots = slots;
  }

  /** Cut where the bin of time changes. Requires ascending offsets. */
  cutByBin(offsets: Float64Array, rowCount: number, bin: UnitBin): void {
    this.clear();
    let row = 0;
    while (row < rowCount) {
      const ordinal = binOrdinal(offsets[row]!, bin);
      const end = (ordinal + 1) * bin.width - bin.phase;
      row++;
      while (row < rowCount && offsets[row]! < end) row++;
      this.push(row, ordinal);
    }
  }

  /** Cut where any of the vectors changes. */
  cutByValues(vectors: readonly Vector[], rowCount: number): void {
    this.clear();
    const varying = vectors.filter((vector) => !vector.constant);
    for (let row = 1; row < rowCount; row++) {
      if (!varying.every((vector) => sameSlot(vector, row - 1, vector, row))) this.push(row, 0);
    }
    if (rowCount > 0) this.push(rowCount, 0);
  }
}
