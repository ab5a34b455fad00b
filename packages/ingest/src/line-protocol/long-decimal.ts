// Decimal fractions of 16 to 19 digits, which is how programs print a double that has no shorter name. Two doubles
// hold the digits, and their quotient by a power of ten is carried out with its remainder (Dekker, "A floating-point
// technique for extending the available precision", 1971). What is left of error is some 2^-51 of the last step: where
// that leaves open which double is nearest, the caller is told so. The language's own conversion takes a string first,
// and 2.6 times the CPU for doubles in [0, 100) (long-decimal.bench.ts).

import {ZERO} from './ascii.ts';

/** Digits of the first and of the second group: each fits 32 bits, and both together a double. */
const FIRST_DIGITS = 9;
const SECOND_DIGITS = 6;
/** All together stay below 2^64: what a double leaves of them fits 32 bits. */
const DIGITS_MAX = 19;
/** Powers of ten up to it are doubles. */
const DECIMALS_MAX = 22;

const POWERS_OF_TEN = Float64Array.from({length: DECIMALS_MAX + 1}, (_, n) => Number(`1e${n}`));
/** Each power as a sum of two doubles of 26 bits, whose products with such others are exact. */
const POWERS_HIGH = POWERS_OF_TEN.map(upperHalf);
const POWERS_LOW = POWERS_OF_TEN.map((power, n) => power - POWERS_HIGH[n]!);

/** The quotient's last step is known to less than a part in 2^51. */
const LESS = 1 - 2 ** -50;
const MORE = 1 + 2 ** -50;

/**
 * The double nearest to the number in bytes[start, end): digits with one point among them, `decimals` of them behind it.
 * NaN where two are as near as can be told, or there are too many digits.
 */
export function longDecimal(
  bytes: Uint8Array,
  start: number,
  end: number,
  decimals: number,
): number {
  const point = end - decimals - 1;
  let at = start;
  while (at < end && (bytes[at] === ZERO || at === point)) at++;
  const count = end - at - (at < point ? 1 : 0);
  if (count > DIGITS_MAX || decimals > DECIMALS_MAX) return Number.NaN;
  const second = behindDigits(at, FIRST_DIGITS, point);
  const third = behindDigits(second, SECOND_DIGITS, point);
  const secondDigits = Math.max(0, Math.min(SECOND_DIGITS, count - FIRST_DIGITS));
  const lastDigits = Math.max(0, count - FIRST_DIGITS - SECOND_DIGITS);
  const first =
    digitsOf(bytes, at, Math.min(second, end), point) * POWERS_OF_TEN[secondDigits]! +
    digitsOf(bytes, second, Math.min(third, end), point);
  return quotient(first, digitsOf(bytes, third, end, point), POWERS_OF_TEN[lastDigits]!, decimals);
}

/** Where so many digits end that begin at `at`. */
function behindDigits(at: number, count: number, point: number): number {
  return at + count + (at <= point && point < at + count ? 1 : 0);
}

/** As an integer below 2^31. */
function digitsOf(bytes: Uint8Array, start: number, end: number, point: number): number {
  let value = 0;
  for (let at = start; at < end; at++)
    if (at !== point) value = (Math.imul(value, 10) + bytes[at]! - ZERO) | 0;
  return value;
}

/** The double nearest to (first * scale + last) / 10^decimals, or NaN. */
function quotient(first: number, last: number, scale: number, decimals: number): number {
  const digits = first * scale + last;
  // What rounding took: far less than 2^31, so its lowest 32 bits tell all of it.
  const rest = (Math.imul(first | 0, scale) + last - (digits | 0)) | 0;
  const power = POWERS_OF_TEN[decimals]!;
  const near = digits / power;
  // near * power = product + error, exactly.
  const product = near * power;
  const high = upperHalf(near);
  const low = near - high;
  const powerHigh = POWERS_HIGH[decimals]!;
  const powerLow = POWERS_LOW[decimals]!;
  const error = high * powerHigh - product + high * powerLow + low * powerHigh + low * powerLow;
  const step = (digits - product - error + rest) / power;
  // The exact quotient lies between these two sums, and rounding keeps order.
  const nearest = near + step * LESS;
  return nearest === near + step * MORE ? nearest : Number.NaN;
}

/** The upper 26 bits of a double (Veltkamp). */
function upperHalf(value: number): number {
  const scaled = value * (2 ** 27 + 1);
  return scaled - (scaled - value);
}
