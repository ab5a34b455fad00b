// What a thread does that takes long, cut so that beats, frames and answers never wait for it: in each
// turn of the event loop some milliseconds of bodies to parse, then one slice of queries and upkeep
// (flush, compaction), whoever of them waits. All of a turn's messages, timers and disks have had their
// say before the next. Without one place for it each piece of work would keep to its slice, and dozens of
// them run in a row: callbacks of one check phase are not parted by a look at the sockets.
//
// Between the classes slices are shared by start-time fair queueing (Goyal, Vin, Cheng 1996): each has a
// tag that grows with what it got over its weight, and the smallest tag is next. So neither starves, a
// class that was idle has no claim on the past, and upkeep that falls behind gains weight and length.

import {type Clock, DurationHistogram, type WorkClass, type WorkSlices} from '@flotilla/base';

/** Of bodies in a turn: those that fit into it share it, so that small writes need few. */
const BODIES_MS = 5;
/** Long enough to be worth a turn of the loop, some 50 us where nothing else waits. */
const SLICE_MS_MIN = 2;
const SLICE_MS_MAX = 6;
/** Of upkeep that is as far behind as can be: memory fills until it is done. */
const URGENT_MS_MAX = 12;
/** Of the time that all else took since the slice before: a third of a busy thread is for long work. */
const SHARE_OF_REST = 0.5;
/** Two thirds for upkeep that is as far behind as can be. */
const URGENT_SHARE_OF_REST = 2;
const WEIGHTS: Readonly<Record<WorkClass, number>> = {query: 3, upkeep: 1};
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
  readonly askedMs: number;
  readonly urgency: number;
  readonly resume: () => void;
}

interface Line extends WorkCounts {
  readonly weight: number;
  /** In the order of their calls: each that wants more stands at the end again. */
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
    query: newLine(WEIGHTS.query),
    upkeep: newLine(WEIGHTS.upkeep),
  };
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

  due(work: WorkClass, urgency?: () => number): Promise<void> | undefined {
    const nowMs = this.#clock.monotonicMs();
    if (this.#slice !== undefined) {
      this.#slice.seenMs = nowMs;
      if (nowMs < this.#slice.endMs) return undefined;
      this.#endSlice();
    }
    const line = this.#lines[work];
    if (line.waiting.length === 0) line.tagMs = Math.max(line.tagMs, this.#virtualMs);
    return new Promise((resume) => {
      line.waiting.push({askedMs: nowMs, urgency: urgency?.() ?? 0, resume});
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
    const {query, upkeep} = this.#lines;
    if (this.#bodies.length + query.waiting.length + upkeep.waiting.length > 0) this.#schedule();
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
    const next = line?.waiting.shift();
    if (line === undefined || next === undefined) return;
    const beganMs = this.#clock.monotonicMs();
    const {urgency} = next;
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
    const {query, upkeep} = this.#lines;
    if (query.waiting.length === 0) return upkeep;
    return upkeep.waiting.length > 0 && upkeep.tagMs < query.tagMs ? upkeep : query;
  }

  #endSlice(): void {
    const {line, weight, beganMs, seenMs} = this.#slice!;
    line.slices.observeMs(seenMs - beganMs);
    line.tagMs += (seenMs - beganMs) / weight;
    this.#endedMs = seenMs;
    this.#slice = undefined;
  }
}

function newLine(weight: number): Line {
  return {
    weight,
    waiting: [],
    tagMs: 0,
    slices: new DurationHistogram(),
    waits: new DurationHistogram(),
  };
}
