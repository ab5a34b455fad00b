// The values of an answer as bytes: as value-text.ts has them as strings, without making any where it can be helped.

import {
  isNull,
  type StringVector,
  splitTime,
  type TimeVector,
  type Vector,
  type WideValues,
} from '../execute/vector.ts';
import type {TextWriter} from './text-writer.ts';

const [QUOTE, COMMA, BACKSLASH, SPACE, DELETE] = [0x22, 0x2c, 0x5c, 0x20, 0x7f];
/** Longer texts are looked at by JSON.stringify and a regular expression, which are faster then. */
const SHORT_LENGTH = 64;
/** 2^32 ns are 4,294 ms and 967,296 ns. */
const HALF_MS = 4_294;
const HALF_NS = 967_296;
const NS_PER_MS = 1_000_000;

export class CellWriter {
  readonly #out: TextWriter;
  readonly #split = {ms: 0, ns: 0};
  /** Of the times that were written last: their halves, low before high. */
  #wide: WideValues | undefined;
  #halves: Int32Array = new Int32Array(0);

  constructor(out: TextWriter) {
    this.#out = out;
  }

  /** Text and times quoted; null, NaN and infinities null. */
  json(vector: Vector, row: number): void {
    const out = this.#out;
    const slot = vector.constant ? 0 : row;
    if (isNull(vector, row)) {
      out.ascii('null');
    } else if (vector.type === 'string') {
      this.#jsonText(vector.values[slot]!);
    } else if (vector.type === 'time') {
      out.character(QUOTE);
      this.#time(vector, slot);
      out.character(QUOTE);
    } else if (vector.type === 'float' && !Number.isFinite(vector.values[slot]!)) {
      out.ascii('null');
    } else {
      this.#plain(vector, slot);
    }
  }

  /** Null is empty; an empty text is quoted, so that the two differ. */
  csv(vector: Vector, row: number): void {
    if (isNull(vector, row)) return;
    const slot = vector.constant ? 0 : row;
    if (vector.type === 'string') this.csvText(vector.values[slot]!);
    else this.#plain(vector, slot);
  }

  csvText(text: string): void {
    if (isPlain(text)) this.#out.ascii(text);
    else if (text !== '' && !/[",\r\n]/.test(text)) this.#out.utf8(text);
    else this.#out.utf8(`"${text.replaceAll('"', '""')}"`);
  }

  #jsonText(text: string): void {
    const out = this.#out;
    if (text !== '' && !isPlain(text)) {
      out.utf8(JSON.stringify(text));
      return;
    }
    out.character(QUOTE);
    out.ascii(text);
    out.character(QUOTE);
  }

  #plain(vector: Exclude<Vector, StringVector>, slot: number): void {
    const value = vector.values[slot]!;
    switch (vector.type) {
      case 'time':
        this.#time(vector, slot);
        return;
      case 'boolean':
        this.#out.ascii(value === 1 ? 'true' : 'false');
        return;
      case 'float':
        // The sign of zero is a bit of the value, and String() drops it.
        if (Object.is(value, -0)) this.#out.ascii('-0');
        else if (Number.isSafeInteger(value)) this.#out.integer(value);
        else this.#out.ascii(String(value));
        return;
      default:
        if (vector.wide === undefined) this.#out.integer(value);
        else this.#out.ascii(String(vector.wide[slot]!));
    }
  }

  #time(vector: TimeVector, slot: number): void {
    const {wide, unitNs, startMs} = vector;
    if (!(wide instanceof BigInt64Array) || unitNs !== 1) {
      splitTime(vector, slot, this.#split);
      this.#out.time(this.#split.ms, this.#split.ns);
      return;
    }
    // No BigInt for a row. Every sum is below 2^53: |high| <= 2^31, and 2^31 * HALF_NS < 2^51.
    const halves = this.#halvesOf(wide);
    const high = halves[2 * slot + 1]!;
    const rest = high * HALF_NS + (halves[2 * slot]! >>> 0);
    const ms = Math.floor(rest / NS_PER_MS);
    this.#out.time(startMs + high * HALF_MS + ms, rest - ms * NS_PER_MS);
  }

  #halvesOf(wide: BigInt64Array): Int32Array {
    if (wide !== this.#wide) {
      this.#wide = wide;
      this.#halves = new Int32Array(wide.buffer, wide.byteOffset, 2 * wide.length);
    }
    return this.#halves;
  }
}

/** True for a text that is the same in JSON and CSV, and short. */
function isPlain(text: string): boolean {
  if (text.length > SHORT_LENGTH || text === '') return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const isSpecial = code === QUOTE || code === COMMA || code === BACKSLASH;
    if (code < SPACE || code >= DELETE || isSpecial) return false;
  }
  return true;
}
