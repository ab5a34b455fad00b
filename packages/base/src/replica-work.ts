// Work on a replica's rows for an operation of the cluster: as the replica tells it, and as meta plans by it.

import type {OperationId} from './ids.ts';

/** What a replica does, or did last, for an operation. A restart forgets it. */
export interface ReplicaWork {
  readonly operation: OperationId;
  readonly work: 'compact' | 'checksum';
  readonly state: 'running' | 'done' | 'failed';
  /** Of a compaction that is done: there was nothing to do. Absent of older builds, which do not tell. */
  readonly isUnchanged?: boolean | undefined;
  /** Of a checksum: the entry of the log whose state it is of. */
  readonly index?: number | undefined;
  /** Of a checksum that is done: of all values that can be read, in hex, and how many they are. */
  readonly hash?: string | undefined;
  /** How it was made: hashes of two versions say nothing about each other. Absent of older builds: 1. */
  readonly hashVersion?: number | undefined;
  readonly values?: number | undefined;
  /** Why it failed. */
  readonly error?: string | undefined;
}

/** And how far it is: for people alone, as it changes all the time. */
export interface ReplicaWorkProgress extends ReplicaWork {
  /**
   * Of the files of its parts: what has been read of them for the work, and all. Absent before it begins to read,
   * where there is nothing to read, and where an older build answers.
   */
  readonly bytes?: number | undefined;
  readonly bytesTotal?: number | undefined;
}
