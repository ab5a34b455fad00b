// What crosses between an engine thread and its copy thread: one file at a time, each with one answer.

import type {StoredFile} from '@flotilla/storage';
import type {JobFailure} from '../jobs/job-failure.ts';

export interface CopyJob {
  /** Of a pinned file, under the data directory. */
  readonly path: string;
  readonly bytes: number;
  /** Of backups, absolute. */
  readonly directory: string;
  /** Below it: where the bytes are written before they have their name. */
  readonly incoming: string;
  readonly bytesPerSecond: number;
  /** How much is copied: one number that both threads see, which begins again behind 2^32. */
  readonly copied: Uint32Array;
}

export type CopyAnswer =
  | {readonly ok: true; readonly stored: StoredFile}
  | {readonly ok: false; readonly failure: JobFailure};
