// How long the replicas of this thread took to be as current as a query asks, and to read its rows.

import {DurationHistogram} from '@flotilla/base';

export class ReadCounts {
  /** A majority confirmed the read and the replica has applied its index; of linearizable reads. */
  readonly readIndex = new DurationHistogram();
  /** Of one fragment: filters, groups and aggregates; not the waits for whoever takes them. */
  readonly scan = new DurationHistogram();
}
