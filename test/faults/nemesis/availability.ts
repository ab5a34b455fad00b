// How long writes waited, and which fault they waited through. A write that the client gave up is a
// failed one; where a majority lived that is a violation of what the product promises.

import type {FaultKind, Scope} from './schedule.ts';

/** A fault from its begin until the cluster was whole again after its round. */
export interface FaultSpan {
  readonly kind: FaultKind;
  readonly scope: Scope;
  readonly round: number;
  readonly beginMs: number;
  /** Infinity while it lasts. */
  endMs: number;
}

export interface WriteSpan {
  readonly startMs: number;
  readonly endMs: number;
  /** Undefined: acknowledged. */
  readonly error?: string | undefined;
}

/** What the writes beside all faults of one kind waited for. */
export interface KindFigures {
  readonly kind: FaultKind;
  readonly times: number;
  /** Of writes in rounds that leave a majority everywhere. */
  readonly longestMs: number;
  readonly failed: number;
  /** Of writes in the other rounds. */
  readonly longestBeyondMs: number;
  readonly failedBeyond: number;
}

/** Shorter waits are not kept one by one: they are no unavailability, and there are very many. */
const KEPT_MS_MIN = 200;

export class Availability {
  readonly #faults: FaultSpan[] = [];
  readonly #writes: WriteSpan[] = [];
  readonly #waiting = new Set<number>();

  begin(fault: Omit<FaultSpan, 'endMs'>): FaultSpan {
    const span = {...fault, endMs: Number.POSITIVE_INFINITY};
    this.#faults.push(span);
    return span;
  }

  /** A write that `written` will tell of, by when it began. */
  began(startMs: number): void {
    this.#waiting.add(startMs);
  }

  /** Of the write that waits longest; 0 where none does. */
  waitedMs(nowMs: number): number {
    return Math.max(0, ...[...this.#waiting].map((startMs) => nowMs - startMs));
  }

  written(write: WriteSpan): void {
    this.#waiting.delete(write.startMs);
    if (write.error !== undefined || write.endMs - write.startMs >= KEPT_MS_MIN)
      this.#writes.push(write);
  }

  /** Of each kind that struck. */
  figures(): KindFigures[] {
    const kinds = [...new Set(this.#faults.map(({kind}) => kind))];
    return kinds.map((kind) => {
      const spans = this.#faults.filter((fault) => fault.kind === kind);
      const through = this.#writes.filter((write) => spans.some((span) => overlap(span, write)));
      const [beyond, within] = split(through, (write) => this.#isBeyond(write));
      return {
        kind,
        times: spans.length,
        longestMs: longest(within),
        failed: failed(within),
        longestBeyondMs: longest(beyond),
        failedBeyond: failed(beyond),
      };
    });
  }

  /** Writes that failed although each replica set had its majority all the while. */
  violations(): string[] {
    return this.#writes.flatMap((write) => {
      if (write.error === undefined || this.#isBeyond(write)) return [];
      const during = this.#faults.filter((fault) => overlap(fault, write));
      const beside = during.map(({kind, round}) => `${kind} in round ${round}`).join(', ');
      return [`a write failed with a majority alive (${beside || 'no fault'}): ${write.error}`];
    });
  }

  #isBeyond(write: WriteSpan): boolean {
    return this.#faults.some((fault) => fault.scope === 'majority' && overlap(fault, write));
  }
}

function overlap(fault: FaultSpan, write: WriteSpan): boolean {
  return write.startMs <= fault.endMs && write.endMs >= fault.beginMs;
}

function split<T>(all: readonly T[], holds: (one: T) => boolean): [T[], T[]] {
  return [all.filter(holds), all.filter((one) => !holds(one))];
}

function longest(writes: readonly WriteSpan[]): number {
  return Math.round(writes.reduce((most, {startMs, endMs}) => Math.max(most, endMs - startMs), 0));
}

function failed(writes: readonly WriteSpan[]): number {
  return writes.filter(({error}) => error !== undefined).length;
}
