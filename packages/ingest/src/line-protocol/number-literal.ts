// Numbers of line protocol: `1`, `-1.5`, `.5`, `1.`, `1e5` are floats, `1i` is an i64, `1u` a u64.
// Up to 15 digits with at most nine decimals are exact in doubles: digits / 10^decimals is rounded
// correctly (Clinger, "How to read floating point numbers accurately", 1990). Up to 19 digits around a
// point are read by long-decimal.ts; the rest is left to the language's own conversion, which is correct
// and slow.

import {DOT, LOWER_E, LOWER_I, LOWER_U, MINUS, NINE, UPPER_E, ZERO} from './ascii.ts';
import {endsValue} from './line-end.ts';
import {longDecimal} from './long-decimal.ts';

export type NumberType = 'float' | 'integer' | 'unsigned';

/** Decimal digits that every double holds. */
const EXACT_DIGITS_MAX = 15;
/** Digits of the largest u64; more, after leading zeros, are out of range. */
const WIDE_DIGITS_MAX = 20;

/** Behind the point: below 2^31 together. */
const FRACTION_DIGITS_MAX = 9;

const POWERS_OF_TEN = Float64Array.from({length: FRACTION_DIGITS_MAX + 1}, (_, n) =>
  Number(`1e${n}`),
);
const FLOAT = /^-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const INTEGER = /^(-?)(\d+)([iu])$/;

/** Reads one number at a time and holds what it read. */
export class NumberLiteral {
  type: NumberType = 'float';
  /** The nearest double. */
  value = 0;
  /** Exact, where an integer is outside ±(2^53 - 1). */
  wide: bigint | undefined = undefined;
  /** Why the last read failed. */
  fault = '';

  /** Returns the offset after the number at `start`, or -1. What follows it is the caller's to check. */
  read(bytes: Buffer, start: number): number {
    const negative = bytes[start] === MINUS;
    const first = negative ? start + 1 : start;
    let at = first;
    let digits = 0;
    let byte = bytes[at]!;
    while (byte >= ZERO && byte <= NINE) {
      digits = digits * 10 + (byte - ZERO);
      byte = bytes[++at]!;
    }
    const whole = at - first;
    if (whole > 0 && whole <= EXACT_DIGITS_MAX) {
      if (byte === LOWER_I) return this.#hold('integer', negative ? 0 - digits : digits, at + 1);
      if (byte === LOWER_U && !negative) return this.#hold('unsigned', digits, at + 1);
    }
    return this.#readFloat(bytes, start, digits, at);
  }

  /** @param point  behind the digits before it, whether it stands there or not */
  #readFloat(bytes: Buffer, start: number, digits: number, point: number): number {
    const negative = bytes[start] === MINUS;
    const first = negative ? start + 1 : start;
    let at = point;
    let byte = bytes[at]!;
    let fraction = 0;
    if (byte === DOT) {
      byte = bytes[++at]!;
      while (byte >= ZERO && byte <= NINE) {
        // Of more digits than fit it is not used.
        fraction = (Math.imul(fraction, 10) + byte - ZERO) | 0;
        byte = bytes[++at]!;
      }
    }
    const decimals = Math.max(0, at - point - 1);
    const count = point - first + decimals;
    if (count === 0 || byte === LOWER_E || byte === UPPER_E) return this.#readSlowly(bytes, start);
    let value: number;
    if (count <= EXACT_DIGITS_MAX && decimals <= FRACTION_DIGITS_MAX) {
      const power = POWERS_OF_TEN[decimals]!;
      value = (digits * power + fraction) / power;
    } else {
      // Without a point it may be an integer, which is exact beyond doubles.
      value = decimals === 0 ? Number.NaN : longDecimal(bytes, first, at, decimals);
      if (Number.isNaN(value)) return this.#readSlowly(bytes, start);
    }
    return this.#hold('float', negative ? -value : value, at);
  }

  #hold(type: NumberType, value: number, end: number): number {
    this.type = type;
    this.value = value;
    this.wide = undefined;
    return end;
  }

  #readSlowly(bytes: Buffer, start: number): number {
    let end = start;
    while (!endsValue(bytes, end)) end++;
    const text = bytes.toString('latin1', start, end);
    const integer = INTEGER.exec(text);
    if (integer !== null) return this.#holdInteger(integer, end);
    if (!FLOAT.test(text)) return this.#fail('invalid number');
    const value = Number(text);
    if (!Number.isFinite(value)) return this.#fail('number out of range');
    return this.#hold('float', value, end);
  }

  #holdInteger(match: RegExpExecArray, end: number): number {
    const [, sign, digits, suffix] = match;
    if (suffix === 'u' && sign === '-') return this.#fail('invalid number');
    const significant = digits!.replace(/^0+(?=.)/, '');
    if (significant.length > WIDE_DIGITS_MAX) return this.#fail('number out of range');
    const exact = BigInt(`${sign}${significant}`);
    const inRange = suffix === 'u' ? BigInt.asUintN(64, exact) : BigInt.asIntN(64, exact);
    if (inRange !== exact) return this.#fail('number out of range');
    const value = Number(exact);
    this.#hold(suffix === 'u' ? 'unsigned' : 'integer', value, end);
    if (!Number.isSafeInteger(value)) this.wide = exact;
    return end;
  }

  #fail(fault: string): -1 {
    this.fault = fault;
    return -1;
  }
}
