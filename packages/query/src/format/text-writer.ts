// Text of answers, written as bytes into one buffer. No string is made for a row: those that wait to be joined outlive
// the young generation, and a join copies all of them twice more.

import {Buffer} from 'node:buffer';
import {formatTime} from '../sql/time-text.ts';

/** The first allocation: most answers are small. */
const CAPACITY_MIN = 8 * 1024;
const DAY_MS = 86_400_000;
/** The digits of 2^53 and a sign. */
const INTEGER_BYTES = 17;
/** `23:59:59.123456789Z` */
const CLOCK_BYTES = 19;
/** Of shorter texts the room is not counted but guessed: UTF-8 has at most three bytes for a unit of UTF-16. */
const COUNTED_LENGTH = 1_024;
const UTF8_BYTES_MAX = 3;
const [ZERO, MINUS, COLON, POINT, ZED] = [0x30, 0x2d, 0x3a, 0x2e, 0x5a];

export class TextWriter {
  #bytes = Buffer.allocUnsafeSlow(CAPACITY_MIN);
  #at = 0;
  #day = Number.NaN;
  /** Of that day: `2026-01-01T`. */
  #date = '';

  /** Bytes written since the last `take`. */
  get length(): number {
    return this.#at;
  }

  /** What was written since the last one, in memory of its own: that goes to another thread without a copy. */
  take(): Uint8Array {
    const piece = new Uint8Array(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
    return piece;
  }

  /** One character. Requires ASCII. */
  character(code: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = code;
  }

  /** A short text. Requires ASCII. */
  ascii(text: string): void {
    this.#reserve(text.length);
    const bytes = this.#bytes;
    const at = this.#at;
    for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
    this.#at = at + text.length;
  }

  /** A short run. */
  bytes(run: Uint8Array): void {
    this.#reserve(run.length);
    const bytes = this.#bytes;
    const at = this.#at;
    for (let i = 0; i < run.length; i++) bytes[at + i] = run[i]!;
    this.#at = at + run.length;
  }

  utf8(text: string): void {
    const isCounted = text.length > COUNTED_LENGTH;
    this.#reserve(isCounted ? Buffer.byteLength(text) : text.length * UTF8_BYTES_MAX);
    this.#at += this.#bytes.write(text, this.#at);
  }

  /** As String() has it. Requires an integer within ±(2^53 - 1). */
  integer(value: number): void {
    this.#reserve(INTEGER_BYTES);
    const bytes = this.#bytes;
    let rest = value;
    if (value < 0) {
      bytes[this.#at++] = MINUS;
      rest = -value;
    }
    let length = 1;
    for (let power = 10; power <= rest; power *= 10) length += 1;
    const end = this.#at + length;
    for (let at = end; at > this.#at; ) {
      const tens = Math.floor(rest / 10);
      bytes[--at] = ZERO + (rest - tens * 10);
      rest = tens;
    }
    this.#at = end;
  }

  /** As `formatTime` has it: whole milliseconds since the epoch, and nanoseconds within. */
  time(ms: number, ns: number): void {
    const day = Math.floor(ms / DAY_MS);
    if (day !== this.#day) {
      this.#day = day;
      this.#date = formatTime(day * DAY_MS, 0).slice(0, -'00:00:00Z'.length);
    }
    this.ascii(this.#date);
    this.#reserve(CLOCK_BYTES);
    const clock = ms - day * DAY_MS;
    const seconds = Math.floor(clock / 1_000);
    const minutes = Math.floor(seconds / 60);
    this.#digits(Math.floor(minutes / 60), 2);
    this.#bytes[this.#at++] = COLON;
    this.#digits(minutes % 60, 2);
    this.#bytes[this.#at++] = COLON;
    this.#digits(seconds % 60, 2);
    this.#fraction((clock - seconds * 1_000) * 1_000_000 + ns);
    this.#bytes[this.#at++] = ZED;
  }

  /** Nanoseconds of a second, without zeros at the end. */
  #fraction(ns: number): void {
    if (ns === 0) return;
    this.#bytes[this.#at++] = POINT;
    this.#digits(ns, 9);
    while (this.#bytes[this.#at - 1] === ZERO) this.#at -= 1;
  }

  #digits(value: number, length: number): void {
    const end = this.#at + length;
    let rest = value;
    for (let at = end; at > this.#at; ) {
      const tens = Math.floor(rest / 10);
      this.#bytes[--at] = ZERO + (rest - tens * 10);
      rest = tens;
    }
    this.#at = end;
  }

  #reserve(count: number): void {
    const needed = this.#at + count;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }
}
