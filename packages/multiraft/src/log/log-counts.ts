// What one store's log did since it was opened.

import {DurationHistogram} from '@flotilla/base';

export class LogCounts {
  /** Records written and synced: one for all that waited. */
  batches = 0;
  bytes = 0;
  /** Of one sync, by the clock of the owner; empty where there is none. */
  readonly sync = new DurationHistogram();
}
