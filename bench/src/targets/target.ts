// What the harness asks of a database under test. Every target answers the same five questions, so
// that no figure is taken in another way for one than for the others.

export interface Target {
  readonly name: string;
  readonly nodes: number;
  /** Why it cannot be run on this machine, or undefined. */
  missing(): string | undefined;
  /** Starts it on an empty directory and returns once it takes writes. */
  start(directory: string): Promise<RunningTarget>;
}

export interface RunningTarget {
  /** Root processes; their descendants are found. */
  readonly pids: readonly number[];
  /** Where line protocol in nanoseconds goes; connections are spread over them. */
  readonly writeUrls: readonly string[];
  /** With which it says "later", besides the usual ones. */
  readonly laterStatuses?: readonly number[] | undefined;
  /** Everything it keeps on disk. */
  readonly directories: readonly string[];
  /** Brings all rows into their final files, as far as this target can be told to. */
  settle(): Promise<void>;
  /** Resolves once it keeps no log of what stands in its final files, as far as it lets go of one by itself. */
  forgetLog?(): Promise<void>;
  /** Rows that can be read back. */
  countRows(range: TimeRange): Promise<number>;
  stop(): Promise<void>;
}

/** `endMs` is exclusive. */
export interface TimeRange {
  readonly startMs: number;
  readonly endMs: number;
}

export const DATABASE = 'benchmark';
