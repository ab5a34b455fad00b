// How long writes and reads waited, and which faults they waited through. A call that the client gave up
// is a failed one; where a majority lived that is a violation of what the product promises, and so is one
// that waited longer than the faults beside it explain.
//
// What is allowed a call is the sum of what each kind of fault beside it may cost, as on a machine that
// does nothing else: other work on it takes so much longer as it takes of the machine. What this process
// itself stood still is not counted: the clients and all links between the nodes stood still with it.

import type {FaultKind, Scope} from './schedule.ts';

/** A fault from its begin until the cluster was whole again after its round. */
export interface FaultSpan {
  readonly kind: FaultKind;
  readonly scope: Scope;
  readonly round: number;
  readonly beginMs: number;
  /** When it was taken back; Infinity before. */
  healedMs: number;
  /** Infinity while it lasts. */
  endMs: number;
}

export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

export interface CallSpan extends Span {
  readonly call: 'write' | 'read';
  /** Undefined: acknowledged, or answered. */
  readonly error?: string | undefined;
}

export interface Waits {
  readonly longestMs: number;
  readonly failed: number;
}

/** What the calls beside all faults of one kind waited for. */
export interface KindFigures {
  readonly kind: FaultKind;
  readonly times: number;
  /** Longest wait that the kind alone explains. */
  readonly limitMs: number;
  /** In rounds that leave a majority everywhere. */
  readonly writes: Waits;
  readonly reads: Waits;
  /** Of both in the other rounds, and after the faults were taken back. */
  readonly beyond: Waits;
  readonly longestAfterMs: number;
}

/** Of the machine's time in a span, what other work left. */
export type ShareLeft = (startMs: number, endMs: number) => number;

/**
 * A node that is gone without a word costs a call its 4 s on that node, and the client up to 6 s of silence
 * where it does not answer at all; an election is under a second. The rest is for two slow cores.
 */
const SILENT_MS_MAX = 12_000;
const ELECTION_MS_MAX = 6_000;
export const LIMITS_MS: Readonly<Record<FaultKind, number>> = {
  kill: ELECTION_MS_MAX,
  restart: ELECTION_MS_MAX,
  resetPair: ELECTION_MS_MAX,
  slowLinks: ELECTION_MS_MAX,
  slowDisk: ELECTION_MS_MAX,
  fillDisk: ELECTION_MS_MAX,
  skewClock: ELECTION_MS_MAX,
  wipe: ELECTION_MS_MAX,
  oldImage: ELECTION_MS_MAX,
  decommission: ELECTION_MS_MAX,
  pause: SILENT_MS_MAX,
  isolate: SILENT_MS_MAX,
  deaf: SILENT_MS_MAX,
  mute: SILENT_MS_MAX,
  cutPair: SILENT_MS_MAX,
  split: SILENT_MS_MAX,
};
/** Of a call beside no fault at all: operations move its replica set's members. */
const PEACE_MS_MAX = 4_000;
/** Under manual failover somebody has to see it, and to choose. */
const MANUAL_MS_MAX = 10_000;
/** After the faults of a round that took out more than the product promises to stand. */
const AFTER_MS_MAX = 20_000;
/** Shorter waits are not kept one by one: they are no unavailability, and there are very many. */
const KEPT_MS_MIN = 200;

export class Availability {
  readonly #shareLeft: ShareLeft;
  readonly #faults: FaultSpan[] = [];
  readonly #manual: {readonly beginMs: number; endMs: number}[] = [];
  readonly #stalls: Span[] = [];
  readonly #calls: CallSpan[] = [];
  readonly #waiting = new Set<number>();

  constructor(shareLeft: ShareLeft = () => 1) {
    this.#shareLeft = shareLeft;
  }

  begin(fault: Omit<FaultSpan, 'healedMs' | 'endMs'>): FaultSpan {
    const unknown = Number.POSITIVE_INFINITY;
    const span = {...fault, healedMs: unknown, endMs: unknown};
    this.#faults.push(span);
    return span;
  }

  /** From now on somebody must choose new leaders, and take leads off full disks; until the answer is called. */
  beginManual(beginMs: number): (endMs: number) => void {
    const span = {beginMs, endMs: Number.POSITIVE_INFINITY};
    this.#manual.push(span);
    return (endMs) => {
      span.endMs = endMs;
    };
  }

  /** This process did nothing in that time. */
  stood(stall: Span): void {
    this.#stalls.push(stall);
  }

  /** A call that `ended` will tell of, by when it began. */
  began(startMs: number): void {
    this.#waiting.add(startMs);
  }

  /** Of the call that waits longest; 0 where none does. */
  waitedMs(nowMs: number): number {
    return Math.max(0, ...[...this.#waiting].map((startMs) => nowMs - startMs));
  }

  ended(call: CallSpan): void {
    this.#waiting.delete(call.startMs);
    if (call.error !== undefined || call.endMs - call.startMs >= KEPT_MS_MIN)
      this.#calls.push(call);
  }

  /** Of each kind that struck. */
  figures(): KindFigures[] {
    const kinds = [...new Set(this.#faults.map(({kind}) => kind))];
    return kinds.map((kind) => {
      const spans = this.#faults.filter((fault) => fault.kind === kind);
      const through = this.#calls.filter((call) => spans.some((span) => overlap(span, call)));
      const [beyond, within] = split(through, (call) => this.#isBeyond(call));
      const [writes, reads] = split(within, ({call}) => call === 'write');
      return {
        kind,
        times: spans.length,
        limitMs: LIMITS_MS[kind],
        writes: this.#waits(writes),
        reads: this.#waits(reads),
        beyond: this.#waits(beyond),
        longestAfterMs: longest(beyond.map((call) => this.#waitAfter(call))),
      };
    });
  }

  /** Calls that failed, or waited too long, although each replica set had its majority all the while. */
  violations(): string[] {
    return this.#calls.flatMap((call) => {
      const isBeyond = this.#isBeyond(call);
      if (call.error !== undefined && !isBeyond && !this.#isManualRefusal(call))
        return [
          `a ${call.call} failed with a majority alive (${this.#beside(call)}): ${call.error}`,
        ];
      const waitedMs = isBeyond ? this.#waitAfter(call) : this.#wait(call);
      const allowedMs = isBeyond ? AFTER_MS_MAX : this.#allowedMs(call);
      if (waitedMs <= allowedMs) return [];
      const shareLeft = this.#shareLeft(call.startMs, call.endMs);
      if (waitedMs <= allowedMs / shareLeft) return [];
      const what = isBeyond ? 'waited on after the faults' : 'waited';
      const machine =
        shareLeft === 1 ? '' : `, with ${Math.round(shareLeft * 100)} % of the machine`;
      return [
        `a ${call.call} ${what} ${secondsOf(waitedMs)} (${this.#beside(call)}), and ${secondsOf(allowedMs)} are allowed${machine}`,
      ];
    });
  }

  #allowedMs(call: CallSpan): number {
    const beside = this.#faults.filter((fault) => overlap(fault, call));
    const faults = beside.reduce((sum, {kind}) => sum + LIMITS_MS[kind], 0);
    const isManual = this.#manual.some((span) => overlap(span, call));
    return Math.max(PEACE_MS_MAX, faults) + (isManual ? MANUAL_MS_MAX : 0);
  }

  /**
   * A leader whose disk is full stays under manual failover, and refuses: until somebody has seen it, and has
   * another lead.
   */
  #isManualRefusal(call: CallSpan): boolean {
    if (call.error?.startsWith('DISK_FULL') !== true) return false;
    const full = this.#faults.filter((one) => one.kind === 'fillDisk' && overlap(one, call));
    const manual = this.#manual.filter((one) => overlap(one, call));
    const untilMs = (span: {readonly beginMs: number}): number =>
      span.beginMs + this.#allowedMs(call) / this.#shareLeft(span.beginMs, call.endMs);
    return full.some((disk) =>
      manual.some((mode) => call.startMs <= Math.max(untilMs(disk), untilMs(mode))),
    );
  }

  #beside(call: CallSpan): string {
    const during = this.#faults.filter((fault) => overlap(fault, call));
    const kinds = during.map(({kind, round}) => `${kind} in round ${round}`);
    if (this.#manual.some((span) => overlap(span, call))) kinds.push('failover by hand');
    return kinds.join(', ') || 'no fault';
  }

  #isBeyond(call: CallSpan): boolean {
    return this.#faults.some((fault) => fault.scope === 'majority' && overlap(fault, call));
  }

  /** What it waited once the faults beyond a minority beside it had been taken back. */
  #waitAfter(call: CallSpan): number {
    const beside = this.#faults.filter(
      (fault) => fault.scope === 'majority' && overlap(fault, call),
    );
    const healedMs = Math.max(...beside.map((fault) => fault.healedMs));
    if (call.endMs <= healedMs) return 0;
    return this.#wait({...call, startMs: Math.max(call.startMs, healedMs)});
  }

  #waits(calls: readonly CallSpan[]): Waits {
    return {
      longestMs: longest(calls.map((call) => this.#wait(call))),
      failed: calls.filter(({error}) => error !== undefined).length,
    };
  }

  #wait({startMs, endMs}: Span): number {
    const stood = this.#stalls.reduce((sum, stall) => {
      const both = Math.min(endMs, stall.endMs) - Math.max(startMs, stall.startMs);
      return sum + Math.max(0, both);
    }, 0);
    return endMs - startMs - stood;
  }
}

function overlap(span: {readonly beginMs: number; readonly endMs: number}, call: Span): boolean {
  return call.startMs <= span.endMs && call.endMs >= span.beginMs;
}

function split<T>(all: readonly T[], holds: (one: T) => boolean): [T[], T[]] {
  return [all.filter(holds), all.filter((one) => !holds(one))];
}

function longest(waits: readonly number[]): number {
  return Math.round(waits.reduce((most, wait) => Math.max(most, wait), 0));
}

function secondsOf(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
