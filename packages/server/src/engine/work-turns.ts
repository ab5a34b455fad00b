// What a thread does that takes long, cut so that beats, frames and answers never wait for it: in each
// turn of the event loop some milliseconds of bodies to parse, then one slice of queries, flushes
// and compactions, whoever of them waits. All of a turn's messages, timers and disks have had their
// say before the next. Without one place for it each piece of work would keep to its slice, and dozens of
// them run in a row: callbacks of one check phase are not parted by a look at the sockets.
//
// Between the classes slices are shared by start-time fair queueing (Goyal, Vin, Cheng 1996): each has a
// tag that grows with what it got over its weight, and the smallest tag is next. So neither starves, a
// class that was idle has no claim on the past, and flushes that fall behind gain weight and length.
// Queries take turns, so that short ones pass long ones. Flushes and compactions go one after the other,
// in the order of their begin: side by side all of them would hold their memory until the last moment.

import {
  type Clock,
  DurationHistogram,
  type WorkClass,
  type WorkJob,
  type WorkSlices,
} from '@flotilla/base';

/** Of bodies in a turn: those that fit into it share it, so that small writes need few. */
const BODIES_MS = 5;
/** Long enough to be worth a turn of the loop, some 50 us where nothing else waits. */
const SLICE_MS_MIN = 2;
const SLICE_MS_MAX = 6;
/** Of a flush that is as far behind as can be: memory fills until it is done. */
const URGENT_MS_MAX = 12;
/** Of the time that all else took since the slice before: a third of a busy thread is for long work. */
const SHARE_OF_REST = 0.5;
/** Two thirds for a flush that is as far behind as can be. */
const URGENT_SHARE_OF_REST = 2;
const WEIGHTS: Readonly<Record<WorkClass, number>> = {query: 3, flush: 1, compaction: 1};
/** Added to the weight of what is as far behind as can be. */
const URGENT_WEIGHT = 8;

/** A piece of work; undefined while there is more to do. */
export type Step<Result> = () => Result | undefined;

/** Of one class of long work: how long its slices were, and what it waited for them. */
export interface WorkCounts {
  readonly slices: DurationHistogram;
  readonly waits: DurationHistogram;
}

interface Waiting {
  /** By the order in which jobs were seen first; the same for all where they take turns. */
  readonly order: number;
  readonly askedMs: number;
  readonly job: WorkJob;
  readonly resume: () => void;
}

interface Line extends WorkCounts {
  readonly weight: number;
  readonly isInOrder: boolean;
  /** In the order of their calls: each that wants more stands at the end again, unless they go in order. */
  waiting: Waiting[];
  tagMs: number;
}

interface Slice {
  readonly line: Line;
  readonly weight: number;
  readonly beganMs: number;
  readonly endMs: number;
  /** When work was last seen to go on. */
  seenMs: number;
}

export class WorkTurns implements WorkSlices {
  readonly #clock: Clock;
  /** Each true once it is done. */
  #bodies: (() => boolean)[] = [];
  readonly #lines: Readonly<Record<WorkClass, Line>> = {
    query: newLine('query'),
    flush: newLine('flush'),
    compaction: newLine('compaction'),
  };
  readonly #orders = new WeakMap<WorkJob, number>();
  #lastOrder = 0;
  /** The last one: open until its end, though what it was given to may be waiting for a disk. */
  #slice: Slice | undefined;
  /** The tag of the class that had a slice last. */
  #virtualMs = 0;
  #endedMs = 0;
  #isScheduled = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get counts(): Readonly<Record<WorkClass, WorkCounts>> {
    return this.#lines;
  }

  /** Steps through a body until there is a result: in the order of calls, never in the turn of the call. */
  run<Result>(step: Step<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#bodies.push(() => {
        try {
          const result = step();
          if (result === undefined) return false;
          resolve(result);
        } catch (error) {
          reject(error);
        }
        return true;
      });
      this.#schedule();
    });
  }

  due(job: WorkJob): Promise<void> | undefined {
    const nowMs = this.#clock.monotonicMs();
    if (this.#slice !== undefined) {
      // Who asks long after its end did not work in it: idle time is nobody's.
      this.#slice.seenMs = Math.min(nowMs, this.#slice.endMs + SLICE_MS_MIN);
      if (nowMs < this.#slice.endMs) return undefined;
      this.#endSlice();
    }
    const line = this.#lines[job.work];
    if (line.waiting.length === 0) line.tagMs = Math.max(line.tagMs, this.#virtualMs);
    return new Promise((resume) => {
      const order = line.isInOrder ? this.#orderOf(job) : 0;
      insert(line.waiting, {order, askedMs: nowMs, job, resume});
      this.#schedule();
    });
  }

  /** Once a turn of the loop: what is deferred while callbacks run has its turn after the next look at sockets. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#clock.defer(() => this.#turn());
  }

  #turn(): void {
    this.#isScheduled = false;
    if (this.#slice !== undefined) this.#endSlice();
    this.#stepBodies();
    this.#beginSlice();
    if (this.#bodies.length > 0 || this.#nextLine() !== undefined) this.#schedule();
  }

  #orderOf(job: WorkJob): number {
    const known = this.#orders.get(job);
    if (known !== undefined) return known;
    this.#lastOrder += 1;
    this.#orders.set(job, this.#lastOrder);
    return this.#lastOrder;
  }

  #stepBodies(): void {
    if (this.#bodies.length === 0) return;
    const begunMs = this.#clock.monotonicMs();
    let done = 0;
    do if (this.#bodies[done]!()) done++;
    while (done < this.#bodies.length && this.#clock.monotonicMs() - begunMs < BODIES_MS);
    this.#bodies = this.#bodies.slice(done);
  }

  #beginSlice(): void {
    const line = this.#nextLine();
    if (line === undefined) return;
    // Whoever is behind waits for those before it.
    const urgency = Math.max(...line.waiting.map(({job}) => job.urgency?.() ?? 0));
    const next = line.waiting.shift()!;
    const beganMs = this.#clock.monotonicMs();
    const maxMs = SLICE_MS_MAX + urgency * (URGENT_MS_MAX - SLICE_MS_MAX);
    const share = SHARE_OF_REST + urgency * (URGENT_SHARE_OF_REST - SHARE_OF_REST);
    const wantedMs = (beganMs - this.#endedMs) * share;
    const ms = Math.min(maxMs, Math.max(SLICE_MS_MIN, wantedMs));
    const weight = line.weight + urgency * URGENT_WEIGHT;
    this.#slice = {line, weight, beganMs, endMs: beganMs + ms, seenMs: beganMs};
    this.#virtualMs = line.tagMs;
    line.waits.observeMs(beganMs - next.askedMs);
    next.resume();
  }

  #nextLine(): Line | undefined {
    const {query, flush, compaction} = this.#lines;
    let next: Line | undefined;
    for (const line of [query, flush, compaction])
      if (line.waiting.length > 0 && (next === undefined || line.tagMs < next.tagMs)) next = line;
    return next;
  }

  #endSlice(): void {
    const {line, weight, beganMs, seenMs} = this.#slice!;
    line.slices.observeMs(seenMs - beganMs);
    line.tagMs += (seenMs - beganMs) / weight;
    this.#endedMs = seenMs;
    this.#slice = undefined;
  }
}

/** Behind all that come before it, and those of the same order. */
function insert(waiting: Waiting[], one: Waiting): void {
  let at = waiting.length;
  while (at > 0 && waiting[at - 1]!.order > one.order) at--;
  waiting.splice(at, 0, one);
}

function newLine(work: WorkClass): Line {
  return {
    weight: WEIGHTS[work],
    isInOrder: work !== 'query',
    waiting: [],
    tagMs: 0,
    slices: new DurationHistogram(),
    waits: new DurationHistogram(),
  };
}
