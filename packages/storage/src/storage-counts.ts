// What flushes and compactions did, for all replicas that share it: counts outlive the replicas that
// come and go.

export class StorageCounts {
  flushes = 0;
  /** Of the parts that flushes wrote. */
  flushedBytes = 0;
  compactions = 0;
  /** Of the parts that compactions wrote. */
  compactedBytes = 0;
}

/** What one replica holds now. */
export interface StorageSizes {
  readonly parts: number;
  readonly partBytes: number;
  readonly memtableBytes: number;
  /** Of memtables and the series index. */
  readonly memoryBytes: number;
  readonly seriesCount: number;
}
