// What became of the rows that this thread's router was given, and how long it took to find their places.

import {DurationHistogram} from '@flotilla/base';

export class WriteCounts {
  readonly rows = {written: 0, rejected: 0, refused: 0, unknown: 0};
  /** Names to ids, rows to replica sets; with what meta had to make first. */
  readonly resolve = new DurationHistogram();
}
