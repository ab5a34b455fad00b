// An engine thread's compactions: short ones in its turns, long ones in a thread of their own, which is started
// by the first of these, takes whatever comes while it is there, and is ended once nothing has come for long.
// Most nodes merge a few small parts now and then: that takes less than to start a thread, and none of its
// memory (docs/decisions/0013). In the thread one job is carried out after another, in the order of their
// begin, since side by side all of them would hold their memory until the last moment.
//
// Law: the death of the thread costs its job and nothing else. Nothing that it wrote is named by a manifest
// yet, so the replica begins anew, and the next job begins in a new thread.

import {Worker} from 'node:worker_threads';
import {type Clock, DbError, type Log, type Timer} from '@flotilla/base';
import type {MergeJob, MergeRun, PartMerges, WrittenPart} from '@flotilla/storage';
import type {CompactionThreadOptions} from './merging.ts';
import {decodeMergeFailure, type MergeAnswer, type ToCompaction} from './protocol.ts';

/** It takes some 25 MB while it is there, and 0.2 s of CPU to start. */
const IDLE_MS = 60_000;

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

interface Job {
  readonly job: MergeJob;
  readonly resolve: (written: WrittenPart | undefined) => void;
  readonly reject: (error: Error) => void;
}

export class CompactionClient implements PartMerges {
  readonly #options: CompactionClientOptions;
  #worker: Worker | undefined;
  /** The first is under way. */
  #jobs: Job[] = [];
  #idle: Timer | undefined;
  #isClosed = false;
  #counts: CompactionCounts = {merges: 0, cpuMs: 0, readBytes: 0, restMs: 0, deaths: 0};

  constructor(options: CompactionClientOptions) {
    this.#options = options;
  }

  get counts(): CompactionCounts {
    return this.#counts;
  }

  begin(job: MergeJob): MergeRun {
    const {threadBytesMin, inTurns} = this.#options;
    const bytes = job.parts.reduce((sum, part) => sum + part.bytes, 0);
    if (this.#worker === undefined && bytes < threadBytesMin) return inTurns.begin(job);
    const {promise: written, resolve, reject} = Promise.withResolvers<WrittenPart | undefined>();
    const one = {job, resolve, reject};
    if (this.#isClosed) reject(stopping());
    else {
      this.#jobs.push(one);
      if (this.#jobs.length === 1) this.#next();
    }
    return {written, stop: () => this.#stop(one)};
  }

  /** What is left by then, of replicas that failed and that nobody closes, ends with CANCELLED. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const left = this.#jobs.splice(0);
    await this.#end();
    for (const {reject} of left) reject(stopping());
  }

  #stop(one: Job): void {
    if (this.#jobs[0] === one) this.#post({type: 'stop'});
    if (!this.#jobs.includes(one, 1)) return;
    this.#jobs = this.#jobs.filter((each) => each !== one);
    one.reject(new DbError('CANCELLED', 'the replica is closing'));
  }

  #next(): void {
    this.#idle?.cancel();
    const [first] = this.#jobs;
    if (first !== undefined) this.#post({type: 'begin', job: first.job});
    else this.#idle = this.#options.clock.setTimer(IDLE_MS, () => void this.#end());
  }

  #post(message: ToCompaction): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(message);
  }

  #start(): Worker {
    const {directory, share} = this.#options;
    const workerData: CompactionThreadOptions = {directory, share};
    const worker = new Worker(new URL('./compaction-thread.ts', import.meta.url), {
      name: 'flotilla-compaction',
      workerData,
    });
    // What it has to do is known by the replicas, which wait for it before they close.
    worker.unref();
    worker.on('message', (answer: MergeAnswer) => {
      if (this.#worker === worker) this.#answered(answer);
    });
    let cause: string | undefined;
    worker.on('error', (error) => {
      cause = String(error);
    });
    // At its exit alone: until then a call to the disk that it began may still be under way.
    worker.on('exit', (code) => this.#died(worker, cause ?? `exit code ${code}`));
    return worker;
  }

  #answered({outcome, cost}: MergeAnswer): void {
    const {resolve, reject} = this.#jobs.shift()!;
    const {merges, cpuMs, readBytes, restMs, deaths} = this.#counts;
    this.#counts = {
      merges: merges + 1,
      cpuMs: cpuMs + cost.cpuMs,
      readBytes: readBytes + cost.readBytes,
      restMs: restMs + cost.restMs,
      deaths,
    };
    if (outcome.ok) resolve(outcome.written);
    else reject(decodeMergeFailure(outcome.failure));
    this.#next();
  }

  #died(worker: Worker, cause: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#counts = {...this.#counts, deaths: this.#counts.deaths + 1};
    this.#options.log.error({cause}, 'the compaction thread died; what it did is begun anew');
    this.#jobs.shift()?.reject(new DbError('UNAVAILABLE', `the compaction thread died: ${cause}`));
    this.#next();
  }

  async #end(): Promise<void> {
    this.#idle?.cancel();
    const worker = this.#worker;
    // First, so that its end is no death.
    this.#worker = undefined;
    await worker?.terminate();
  }
}

function stopping(): DbError {
  return new DbError('CANCELLED', 'the node is stopping');
}
