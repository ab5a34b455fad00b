// Whether what clients saw of one register has an order: each operation takes effect at an instant
// between its call and its return, and each read sees the last write before it. The search is that of
// Wing and Gong (1993) over a list of calls and returns, with Lowe's memory of the states that led
// nowhere (2017), as Porcupine does it. Requires each value to be written once, which prunes it to
// nearly linear time: a value that was overwritten never comes back, so all its reads come before.

import {assert, BugError} from '@flotilla/base';

export interface RegisterOperation {
  readonly client: number;
  readonly kind: 'write' | 'read';
  /** Written, or read; 0: never written. */
  readonly value: number;
  readonly startMs: number;
  /** Infinity when the outcome is unknown. */
  readonly endMs: number;
  /** A refused write has no effect; an unknown one takes effect at any later time, or never. */
  readonly outcome: 'ok' | 'unknown' | 'refused';
}

export interface Violation {
  /** The history has an order before this instant, and none from it on. */
  readonly untilMs: number;
  /** Of its operations at most six that have no order among themselves, by their starts; none can be spared. */
  readonly operations: readonly RegisterOperation[];
  /** All of that, to be read by a person. */
  readonly message: string;
}

/** Operations that touch in time (one ends when the other starts) may be in either order. */
export function checkRegister(history: readonly RegisterOperation[]): Violation | undefined {
  assertWrittenOnce(history);
  if (hasOrder(history)) return undefined;
  const untilMs = shortestPrefix(history);
  const operations = witness(prefixOf(history, untilMs), untilMs);
  return {untilMs, operations, message: describe(untilMs, operations)};
}

function assertWrittenOnce(history: readonly RegisterOperation[]): void {
  const written = new Set<number>();
  for (const {kind, value} of history) {
    if (kind !== 'write') continue;
    assert(value !== 0 && !written.has(value), () => `value ${value} is written twice, or is 0`);
    written.add(value);
  }
}

/** One write and how many reads of it must follow before the next write. */
interface Written {
  /** In order of calls; the virtual write of 0 is no. -1. */
  readonly place: number;
  readsLeft: number;
}

/** In the list of what is not yet in the order. A call knows its return, a return does not. */
interface Event {
  readonly isWrite: boolean;
  readonly written: Written;
  readonly returns: Event | undefined;
  before: Event | undefined;
  after: Event | undefined;
}

interface Taken {
  readonly call: Event;
  readonly current: Written;
  readonly frontier: number;
}

function hasOrder(history: readonly RegisterOperation[]): boolean {
  const head = eventList(history);
  return head !== undefined && new Search(head).run();
}

class Search {
  readonly #head: Event;
  readonly #taken: Taken[] = [];
  /** States that were tried: which writes are in the order, and which one is the last. */
  readonly #tried = new Set<string>();
  /** By place, for writes. */
  readonly #isDone: boolean[] = [];
  /** All writes below are in the order. */
  #frontier = 0;
  #highest = -1;
  #current: Written;

  constructor(head: Event) {
    this.#head = head;
    this.#current = head.written;
  }

  run(): boolean {
    let at = this.#head.after;
    while (at !== undefined) {
      if (at.returns === undefined) {
        // Whatever returns here is not in the order: something before was chosen wrongly.
        const undone = this.#undo();
        if (undone === undefined) return false;
        at = undone.after;
      } else if (this.#maybeTake(at)) at = this.#head.after;
      else at = at.after;
    }
    return true;
  }

  #maybeTake(call: Event): boolean {
    const {written, isWrite} = call;
    const isPossible = isWrite ? this.#current.readsLeft === 0 : written === this.#current;
    if (!isPossible) return false;
    const taken = {call, current: this.#current, frontier: this.#frontier};
    this.#lift(call);
    if (!isWrite) {
      written.readsLeft -= 1;
      this.#taken.push(taken);
      return true;
    }
    this.#isDone[written.place] = true;
    this.#highest = Math.max(this.#highest, written.place);
    while (this.#isDone[this.#frontier]) this.#frontier += 1;
    this.#current = written;
    this.#taken.push(taken);
    const key = this.#key();
    if (!this.#tried.has(key)) {
      this.#tried.add(key);
      return true;
    }
    this.#takeBack();
    return false;
  }

  /** Reads follow from the writes: one of the last value is taken as soon as it can be. */
  #key(): string {
    let key = `${this.#current.place} ${this.#frontier} `;
    for (let place = this.#frontier; place <= this.#highest; place++)
      key += this.#isDone[place] === true ? '1' : '0';
    return key;
  }

  /** Back to the last choice of a write; reads are no choice. Undefined if none is left. */
  #undo(): Event | undefined {
    while (this.#taken.length > 0) {
      const {call} = this.#takeBack();
      if (call.isWrite) return call;
    }
    return undefined;
  }

  #takeBack(): Taken {
    const taken = this.#taken.pop()!;
    const {call, current, frontier} = taken;
    this.#unlift(call);
    this.#current = current;
    this.#frontier = frontier;
    if (call.isWrite) this.#isDone[call.written.place] = false;
    else call.written.readsLeft += 1;
    while (this.#highest >= 0 && this.#isDone[this.#highest] !== true) this.#highest -= 1;
    return taken;
  }

  #lift(call: Event): void {
    for (const event of [call, call.returns!]) {
      event.before!.after = event.after;
      if (event.after !== undefined) event.after.before = event.before;
    }
  }

  /** The reverse order of `#lift`, so that neighbours find each other again. */
  #unlift(call: Event): void {
    for (const event of [call.returns!, call]) {
      event.before!.after = event;
      if (event.after !== undefined) event.after.before = event;
    }
  }
}

/** Undefined if some read saw what nobody wrote. Without what says nothing: see `effective`. */
function eventList(history: readonly RegisterOperation[]): Event | undefined {
  const operations = effective(history);
  const zero: Written = {place: -1, readsLeft: 0};
  const byValue = new Map<number, Written>([[0, zero]]);
  for (const {kind, value} of operations)
    if (kind === 'write') byValue.set(value, {place: byValue.size - 1, readsLeft: 0});
  const timed: {event: Event; atMs: number; isReturn: boolean}[] = [];
  for (const {kind, value, startMs, endMs} of operations) {
    const written = byValue.get(value);
    if (written === undefined) return undefined;
    if (kind === 'read') written.readsLeft += 1;
    const common = {isWrite: kind === 'write', written, before: undefined, after: undefined};
    const returns: Event = {...common, returns: undefined};
    timed.push({event: {...common, returns}, atMs: startMs, isReturn: false});
    timed.push({event: returns, atMs: endMs, isReturn: true});
  }
  // Calls first: what touches in time is concurrent.
  timed.sort((a, b) => a.atMs - b.atMs || Number(a.isReturn) - Number(b.isReturn));
  const head: Event = {
    isWrite: true,
    written: zero,
    returns: undefined,
    before: undefined,
    after: undefined,
  };
  let last = head;
  for (const {event} of timed) {
    last.after = event;
    event.before = last;
    last = event;
  }
  return head;
}

/**
 * What binds the order, by starts. A write of unknown outcome that nobody read may as well never have
 * happened; one that was read took effect before the first such read returned.
 */
function effective(history: readonly RegisterOperation[]): RegisterOperation[] {
  const readUntilMs = new Map<number, number>();
  for (const {kind, value, outcome, endMs} of history) {
    if (kind === 'read' && outcome === 'ok')
      readUntilMs.set(value, Math.min(endMs, readUntilMs.get(value) ?? endMs));
  }
  const kept = history.flatMap((operation): RegisterOperation[] => {
    const {outcome, kind, value} = operation;
    if (outcome === 'ok') return [operation];
    const endMs = readUntilMs.get(value);
    if (outcome === 'refused' || kind === 'read' || endMs === undefined) return [];
    // A read that returned before the write began: the write cannot end before it starts.
    return [{...operation, endMs: Math.max(endMs, operation.startMs)}];
  });
  return kept.sort((a, b) => a.startMs - b.startMs);
}

/** What is known at `untilMs`: operations that have not returned then are unknown. */
function prefixOf(history: readonly RegisterOperation[], untilMs: number): RegisterOperation[] {
  return history
    .filter(({startMs}) => startMs <= untilMs)
    .map((operation) => {
      if (operation.endMs <= untilMs || operation.outcome !== 'ok') return operation;
      return {...operation, outcome: 'unknown' as const, endMs: Number.POSITIVE_INFINITY};
    });
}

/** Requires a history without order. The first return from which on it has none. */
function shortestPrefix(history: readonly RegisterOperation[]): number {
  const returns = history.filter(({outcome}) => outcome === 'ok').map(({endMs}) => endMs);
  returns.sort((a, b) => a - b);
  let low = 0;
  let high = returns.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (hasOrder(prefixOf(history, returns[middle]!))) low = middle + 1;
    else high = middle;
  }
  return returns[low]!;
}

/**
 * Requires a history that has no order only because of what returns at `untilMs`. Fewer operations of
 * it without one: what was done with two values always suffices (Gibbons and Korach 1997), and of each
 * value its write, what returned first and what was called last.
 */
function witness(history: readonly RegisterOperation[], untilMs: number): RegisterOperation[] {
  const byValue = Map.groupBy(history, ({value}) => value);
  const last = history.filter(({endMs, outcome}) => outcome === 'ok' && endMs === untilMs);
  for (const one of new Set(last.map(({value}) => value))) {
    for (const other of byValue.keys()) {
      const few = [...byValue.get(one)!, ...(other === one ? [] : byValue.get(other)!)];
      if (!hasOrder(few)) return shrink(few);
    }
  }
  throw new BugError('BUG: no two values explain the violation');
}

function shrink(operations: readonly RegisterOperation[]): RegisterOperation[] {
  let few = [...operations];
  // Reads first, so that no read is left of a write that was taken away.
  for (const kind of ['read', 'write'] as const) {
    for (const operation of few.filter((one) => one.kind === kind)) {
      const rest = few.filter((one) => one !== operation);
      if (kind === 'write' && rest.some(({value}) => value === operation.value)) continue;
      if (!hasOrder(rest)) few = rest;
    }
  }
  return few.sort((a, b) => a.startMs - b.startMs);
}

function describe(untilMs: number, operations: readonly RegisterOperation[]): string {
  const lines = operations.map(({client, kind, value, startMs, endMs, outcome}) => {
    const what = `${kind}s ${value === 0 ? 'nothing' : value}`;
    const ending = outcome === 'ok' ? '' : `, outcome ${outcome}`;
    return `  ${startMs}..${endMs} ms: client ${client} ${what}${ending}`;
  });
  return [`no order explains what was seen until ${untilMs} ms:`, ...lines].join('\n');
}
