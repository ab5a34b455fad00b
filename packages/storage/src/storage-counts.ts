// What flushes, compactions and loads did, for all replicas that share it: counts outlive the replicas that
// come and go.

import {DurationHistogram} from '@flotilla/base';

export class StorageCounts {
  flushes = 0;
  /** Of the parts that flushes wrote. */
  flushedBytes = 0;
  compactions = 0;
  /** Of the parts that compactions wrote. */
  compactedBytes = 0;
  /** That scans took as what their statistics say, and that they took row by row. */
  summarisedBlocks = 0;
  decodedBlocks = 0;
  /** What readings of series took. Of whoever has a clock: storage has none. */
  readonly loads = new DurationHistogram();
}

/** What one replica holds now. */
export interface StorageSizes {
  readonly parts: number;
  /** Of them, those that no compaction takes any more. */
  readonly leftOut: number;
  readonly partBytes: number;
  readonly memtableBytes: number;
  /** Of memtables and the series index. */
  readonly memoryBytes: number;
  readonly seriesCount: number;
}
