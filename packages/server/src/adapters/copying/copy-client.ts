// An engine thread's copies for backups: in a thread of their own, so that neither hashes nor the memory of what
// is read take turns from writes (docs/decisions/0012).

import {type Clock, DbError, type Log} from '@flotilla/base';
import type {StoredFile} from '@flotilla/storage';
import {decodeJobFailure} from '../jobs/job-failure.ts';
import {ThreadJobs} from '../jobs/thread-jobs.ts';
import type {CopyThreadOptions} from './copying.ts';
import type {CopyAnswer, CopyJob} from './protocol.ts';

export interface CopyRun {
  readonly stored: Promise<StoredFile>;
  /** Copied since it was asked last. */
  takeCopiedBytes(): number;
  /** It ends with CANCELLED before long, unless it has ended. */
  stop(): void;
}

/** Whoever copies files for backups. */
export interface FileCopies {
  /** Requires that the file is pinned until the run has ended. */
  begin(job: Omit<CopyJob, 'copied'>): CopyRun;
}

export class CopyClient implements FileCopies {
  readonly #jobs: ThreadJobs<CopyJob, CopyAnswer>;

  constructor({
    directory,
    clock,
    log,
  }: CopyThreadOptions & {readonly clock: Clock; readonly log: Log}) {
    const workerData: CopyThreadOptions = {directory};
    this.#jobs = new ThreadJobs({
      entry: new URL('./copy-thread.ts', import.meta.url),
      work: 'copy',
      ...{workerData, clock, log},
    });
  }

  begin(job: Omit<CopyJob, 'copied'>): CopyRun {
    const copied = new Uint32Array(new SharedArrayBuffer(Uint32Array.BYTES_PER_ELEMENT));
    const {answer, stop} = this.#jobs.begin({...job, copied});
    let told = 0;
    return {
      stored: answer.then((answered) => {
        if (answered.ok) return answered.stored;
        throw decodeJobFailure(answered.failure);
      }),
      takeCopiedBytes: () => {
        const now = Atomics.load(copied, 0);
        const bytes = (now - told) >>> 0;
        told = now;
        return bytes;
      },
      stop: () => stop(new DbError('CANCELLED', 'the backup is given up')),
    };
  }

  close(): Promise<void> {
    return this.#jobs.close();
  }
}
