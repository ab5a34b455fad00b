// Long work of an engine thread in a thread of its own, which is started by the first job for it, takes whatever
// comes while it is there, and is ended once nothing has come for long. One job is carried out after another, in
// the order of their begin, since side by side all of them would hold their memory until the last moment.
//
// Law: the death of the thread costs the job under way and nothing else, and the next job begins in a new thread;
// so does one that cannot be started. A job that is stopped ends, if need be with its thread.

import {Worker} from 'node:worker_threads';
import {type Clock, DbError, FatalError, type Log, type Timer} from '@flotilla/base';

/** A thread takes some 25 MB while it is there, and 0.2 s of CPU to start. */
const IDLE_MS = 60_000;
/** What is to stop looks at its messages every few milliseconds, but while the disk keeps it waiting. */
const STOP_MS_MAX = 5_000;
/** Of Node, where the system refused the thread. */
const NO_THREAD = 'ERR_WORKER_INIT_FAILED';

export type ToThread<Job> =
  | {readonly type: 'begin'; readonly job: Job}
  /** The job under way is to end. It may have ended by then. */
  | {readonly type: 'stop'};

export interface ThreadJobsOptions {
  /** That steps behind the threads that serve (step-behind.ts), and posts one answer for each job. */
  readonly entry: URL;
  /** As in "the compaction thread". */
  readonly work: string;
  readonly workerData: unknown;
  readonly clock: Clock;
  readonly log: Log;
}

export interface JobRun<Answer> {
  readonly answer: Promise<Answer>;
  /** It ends before long, unless it has ended; one that waits for its turn ends at once, and with that error. */
  stop(error: DbError): void;
}

interface Waiting<Job, Answer> {
  readonly job: Job;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

export class ThreadJobs<Job, Answer> {
  readonly #options: ThreadJobsOptions;
  #worker: Worker | undefined;
  /** The first is under way. */
  #jobs: Waiting<Job, Answer>[] = [];
  #idle: Timer | undefined;
  /** The job under way is to end by then. */
  #stopping: Timer | undefined;
  #isClosed = false;
  #deaths = 0;

  constructor(options: ThreadJobsOptions) {
    this.#options = options;
  }

  get isThere(): boolean {
    return this.#worker !== undefined;
  }

  /** Threads that ended without being asked. */
  get deaths(): number {
    return this.#deaths;
  }

  begin(job: Job): JobRun<Answer> {
    const {promise: answer, resolve, reject} = Promise.withResolvers<Answer>();
    const one = {job, resolve, reject};
    if (this.#isClosed) reject(stopping());
    else {
      this.#jobs.push(one);
      if (this.#jobs.length === 1) this.#next();
    }
    return {answer, stop: (error) => this.#stop(one, error)};
  }

  /** What is left by then, of those who failed and that nobody stops, ends with CANCELLED. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const left = this.#jobs.splice(0);
    await this.#end();
    for (const {reject} of left) reject(stopping());
  }

  #stop(one: Waiting<Job, Answer>, error: DbError): void {
    if (this.#jobs[0] === one) {
      this.#post({type: 'stop'});
      this.#endUnlessStopped();
    }
    if (!this.#jobs.includes(one, 1)) return;
    this.#jobs = this.#jobs.filter((each) => each !== one);
    one.reject(error);
  }

  /**
   * A thread that is stuck: whoever stops its job waits for the end of that, as a closing replica or an install does,
   * and others for their turn.
   */
  #endUnlessStopped(): void {
    const {clock, log, work} = this.#options;
    const worker = this.#worker;
    this.#stopping ??= clock.setTimer(STOP_MS_MAX, () => {
      log.warn({}, `the ${work} thread heard no stop within ${STOP_MS_MAX} ms; it is ended`);
      void worker?.terminate();
    });
  }

  #isHeard(): void {
    this.#stopping?.cancel();
    this.#stopping = undefined;
  }

  #next(): void {
    this.#isHeard();
    this.#idle?.cancel();
    for (let first = this.#jobs[0]; first !== undefined; first = this.#jobs[0]) {
      try {
        this.#post({type: 'begin', job: first.job});
        return;
      } catch (error) {
        // Who was not begun gives no answer, and would stand before all others for ever.
        this.#jobs.shift();
        first.reject(this.#told(error));
      }
    }
    this.#idle = this.#options.clock.setTimer(IDLE_MS, () => void this.#end());
  }

  #post(message: ToThread<Job>): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(message);
  }

  #start(): Worker {
    const {entry, work, workerData} = this.#options;
    const worker = new Worker(entry, {name: `flotilla-${work}`, workerData});
    // What it has to do is known by those who wait for it before they close.
    worker.unref();
    worker.on('message', (answer: Answer) => {
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

  /** Where the system gives no thread now it may later: that passes, as a want of descriptors does. */
  #told(error: unknown): Error {
    const thrown = error instanceof Error ? error : new Error(String(error));
    if (!('code' in thrown) || thrown.code !== NO_THREAD) return thrown;
    const message = `cannot start the ${this.#options.work} thread: ${thrown.message}; give the process more threads (TasksMax, pids.max, ulimit -u)`;
    const cause = new Error(thrown.message, {cause: thrown});
    return new FatalError(message, Object.assign(cause, {code: 'EAGAIN'}));
  }

  #answered(answer: Answer): void {
    this.#jobs.shift()!.resolve(answer);
    this.#next();
  }

  #died(worker: Worker, cause: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#deaths += 1;
    const {log, work} = this.#options;
    log.error({cause}, `the ${work} thread died; what it did is begun anew`);
    this.#jobs.shift()?.reject(new DbError('UNAVAILABLE', `the ${work} thread died: ${cause}`));
    this.#next();
  }

  async #end(): Promise<void> {
    this.#isHeard();
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
