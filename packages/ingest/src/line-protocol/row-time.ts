// Times as (ms, ns) pairs: exact over the whole range of 64-bit nanoseconds, without BigInt.

import {MINUS, NEWLINE, NINE, RETURN, SPACE, ZERO} from './ascii.ts';
import {type Body, equalBytes} from './body.ts';

export type Precision = 'ns' | 'us' | 'ms' | 's' | 'm' | 'h';

/** What a request may say; anything else is an error of its parameter. */
const SPELLINGS: ReadonlyMap<string, Precision> = new Map([
  ['ns', 'ns'],
  ['n', 'ns'],
  ['us', 'us'],
  ['u', 'us'],
  ['µ', 'us'],
  ['ms', 'ms'],
  ['s', 's'],
  ['m', 'm'],
  ['h', 'h'],
]);

/** U+03BC, the Greek letter, is written for U+00B5, the micro sign. */
export function parsePrecision(text: string): Precision | undefined {
  return SPELLINGS.get(text === '\u03bc' ? '\u00b5' : text);
}

/** Digits below a millisecond, and milliseconds of a unit. */
const UNITS: Readonly<Record<Precision, {readonly decimals: number; readonly unitMs: number}>> = {
  ns: {decimals: 6, unitMs: 1},
  us: {decimals: 3, unitMs: 1},
  ms: {decimals: 0, unitMs: 1},
  s: {decimals: 0, unitMs: 1000},
  m: {decimals: 0, unitMs: 60_000},
  h: {decimals: 0, unitMs: 3_600_000},
};

const NS_PER_MS = 1_000_000;
/** InfluxDB's range, ±9223372036854775806 ns, which leaves room for sentinels on both sides. */
const MAX_MS = 9_223_372_036_854;
const MAX_NS = 775_806;
/** Digits of the longest time in range; more, after leading zeros, are out of range. */
const DIGITS_MAX = 19;

export type TimeFault = 'invalid timestamp' | 'timestamp out of range';

/** Reads the times of one body. Rows often share a time with the row before: its text is compared first. */
export class TimeReader {
  ms = 0;
  /** 0 <= ns < 1e6. */
  ns = 0;
  fault: TimeFault = 'invalid timestamp';
  readonly #body: Body;
  readonly #decimals: number;
  readonly #unitMs: number;
  readonly #nowMs: number;
  #lastStart = 0;
  /** 0: nothing to compare with. */
  #lastLength = 0;

  constructor(body: Body, precision: Precision, nowMs: number) {
    this.#body = body;
    this.#decimals = UNITS[precision].decimals;
    this.#unitMs = UNITS[precision].unitMs;
    this.#nowMs = Math.floor(nowMs / this.#unitMs) * this.#unitMs;
  }

  /** For a row without a time: the arrival, cut to the precision. */
  takeNow(): void {
    this.ms = this.#nowMs;
    this.ns = 0;
    this.#lastLength = 0;
  }

  /** Returns the offset after the time at `start`, or -1. */
  read(start: number): number {
    const {bytes, view} = this.#body;
    const predicted = start + this.#lastLength;
    if (
      this.#lastLength > 0 &&
      equalBytes(view, start, view, this.#lastStart, this.#lastLength) &&
      endsTime(bytes[predicted]!)
    ) {
      return predicted;
    }
    const negative = bytes[start] === MINUS;
    let first = negative ? start + 1 : start;
    let end = first;
    while (isDigit(bytes[end]!)) end++;
    if (end === first || !endsTime(bytes[end]!)) return this.#fail('invalid timestamp');
    while (bytes[first] === ZERO) first++;
    if (end - first > DIGITS_MAX) return this.#fail('timestamp out of range');
    this.#split(first, end);
    if (negative) this.#negate();
    if (!isTimeInRange(this.ms, this.ns)) return this.#fail('timestamp out of range');
    this.#lastStart = start;
    this.#lastLength = end - start;
    return end;
  }

  #fail(fault: TimeFault): -1 {
    this.fault = fault;
    this.#lastLength = 0;
    return -1;
  }

  /** Milliseconds from the leading digits, nanoseconds from the last ones. */
  #split(first: number, end: number): void {
    const {bytes} = this.#body;
    const point = Math.max(first, end - this.#decimals);
    let ms = 0;
    for (let at = first; at < point; at++) ms = ms * 10 + (bytes[at]! - ZERO);
    let rest = 0;
    for (let at = point; at < end; at++) rest = rest * 10 + (bytes[at]! - ZERO);
    this.ms = ms * this.#unitMs;
    this.ns = this.#decimals === 3 ? rest * 1000 : rest;
  }

  #negate(): void {
    this.ms = this.ns === 0 ? 0 - this.ms : -1 - this.ms;
    if (this.ns !== 0) this.ns = NS_PER_MS - this.ns;
  }
}

/** Of times that are (ms, ns) pairs, 0 <= ns < 1e6. */
export function isTimeInRange(ms: number, ns: number): boolean {
  if (ms >= 0) return ms < MAX_MS || (ms === MAX_MS && ns <= MAX_NS);
  const least = -1 - MAX_MS;
  return ms > least || (ms === least && ns >= NS_PER_MS - MAX_NS);
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

/** A carriage return without a newline behind it is found by whoever looks for the line's end. */
function endsTime(byte: number): boolean {
  return byte === SPACE || byte === NEWLINE || byte === RETURN;
}
