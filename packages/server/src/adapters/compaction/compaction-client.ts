// An engine thread's compactions: short ones in its turns, long ones in a thread of their own. Most nodes merge a
// few small parts now and then: that takes less than to start a thread, and none of its memory
// (docs/decisions/0013). Nothing that a thread wrote is named by a manifest yet, so where it dies the replica
// begins anew.

import {type Clock, DbError, type Log} from '@flotilla/base';
import type {MergeJob, MergeRun, PartMerges, WrittenPart} from '@flotilla/storage';
import {ThreadJobs} from '../jobs/thread-jobs.ts';
import type {CompactionThreadOptions} from './merging.ts';
import {decodeMergeFailure, type MergeAnswer} from './protocol.ts';

export interface CompactionClientOptions extends CompactionThreadOptions {
  /** Parts of so many bytes together are worth the start of a thread. */
  readonly threadBytesMin: number;
  /** For what is not. */
  readonly inTurns: PartMerges;
  readonly clock: Clock;
  readonly log: Log;
}

/** Of all that was carried out in threads so far. */
export interface CompactionCounts {
  /** Failed ones too. */
  readonly merges: number;
  readonly cpuMs: number;
  readonly readBytes: number;
  readonly restMs: number;
  /** Threads that ended without being asked. */
  readonly deaths: number;
}

export class CompactionClient implements PartMerges {
  readonly #options: CompactionClientOptions;
  readonly #jobs: ThreadJobs<MergeJob, MergeAnswer>;
  #spent = {merges: 0, cpuMs: 0, readBytes: 0, restMs: 0};

  constructor(options: CompactionClientOptions) {
    const {directory, share, clock, log} = options;
    const workerData: CompactionThreadOptions = {directory, share};
    this.#options = options;
    this.#jobs = new ThreadJobs({
      entry: new URL('./compaction-thread.ts', import.meta.url),
      work: 'compaction',
      ...{workerData, clock, log},
    });
  }

  get counts(): CompactionCounts {
    return {...this.#spent, deaths: this.#jobs.deaths};
  }

  begin(job: MergeJob): MergeRun {
    const {threadBytesMin, inTurns} = this.#options;
    const bytes = job.parts.reduce((sum, part) => sum + part.bytes, 0);
    if (!this.#jobs.isThere && bytes < threadBytesMin) return inTurns.begin(job);
    const {answer, stop} = this.#jobs.begin(job);
    return {
      written: answer.then((answered) => this.#written(answered)),
      stop: () => stop(new DbError('CANCELLED', 'the replica is closing')),
    };
  }

  close(): Promise<void> {
    return this.#jobs.close();
  }

  #written({outcome, cost}: MergeAnswer): WrittenPart | undefined {
    const {merges, cpuMs, readBytes, restMs} = this.#spent;
    this.#spent = {
      merges: merges + 1,
      cpuMs: cpuMs + cost.cpuMs,
      readBytes: readBytes + cost.readBytes,
      restMs: restMs + cost.restMs,
    };
    if (outcome.ok) return outcome.written;
    throw decodeMergeFailure(outcome.failure);
  }
}
