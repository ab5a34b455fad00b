// Decimal fractions as integers: 12.34 is 1234 / 10^2. Division of two exact doubles is rounded
// correctly, so what was read from a decimal text of up to 15 digits comes back bit by bit; each
// value is checked. After ALP (Afroozeh, Kuffo, Boncz: "ALP: Adaptive Lossless floating-Point
// Compression", SIGMOD 2024), with a division instead of two factors.

import {assert} from '@flotilla/base';

export const DECIMAL_EXPONENT_MAX = 15;

/** Beyond it a scaled value saves nothing over the double itself. */
const SCALED_MAX = 2 ** 48;

/** 10^0 .. 10^15, all exact in a double. */
const POWERS_OF_TEN: Float64Array = Float64Array.from(
  {length: DECIMAL_EXPONENT_MAX + 1},
  (_, exponent) => Number(`1e${exponent}`),
);

/**
 * out[i] = values[i] * 10^exponent, as far as that is exact.
 * @returns the index of the first value that does not come back by division, or count
 */
export function scaleDecimals(
  values: Float64Array,
  count: number,
  exponent: number,
  out: Float64Array,
): number {
  assert(count <= values.length && count <= out.length, 'bad count');
  const power = POWERS_OF_TEN[exponent]!;
  for (let i = 0; i < count; i++) {
    const value = values[i]!;
    const scaled = Math.round(value * power);
    // The comparisons are false for NaN. -0 equals 0 and is told apart by its reciprocal.
    if (!(scaled / power === value && scaled <= SCALED_MAX && scaled >= -SCALED_MAX)) return i;
    if (value === 0 && 1 / value < 0) return i;
    out[i] = scaled;
  }
  return count;
}

/**
 * As scaleDecimals, but goes on past values that do not come back: out[i] is then what the value before it
 * gave, which costs least to pack. Their positions, ascending, are in `odd`.
 * @returns how many they are
 */
export function scaleMostDecimals(
  values: Float64Array,
  count: number,
  exponent: number,
  out: Float64Array,
  odd: Int32Array,
): number {
  assert(count <= values.length && count <= out.length && count <= odd.length, 'bad count');
  const power = POWERS_OF_TEN[exponent]!;
  let oddCount = 0;
  let last = 0;
  for (let i = 0; i < count; i++) {
    const value = values[i]!;
    const scaled = Math.round(value * power);
    const isExact = scaled / power === value && scaled <= SCALED_MAX && scaled >= -SCALED_MAX;
    if (isExact && (value !== 0 || 1 / value > 0)) last = scaled;
    else odd[oddCount++] = i;
    out[i] = last;
  }
  // Those before the first good one have it after them.
  let leading = 0;
  while (leading < oddCount && odd[leading] === leading) leading++;
  if (leading > 0 && leading < count) out.fill(out[leading]!, 0, leading);
  return oddCount;
}

/** In place: values[i] / 10^exponent. */
export function unscaleDecimals(values: Float64Array, count: number, exponent: number): void {
  assert(count <= values.length, 'bad count');
  const power = POWERS_OF_TEN[exponent]!;
  for (let i = 0; i < count; i++) values[i] = values[i]! / power;
}

/**
 * Whether some exponent holds `value`. What does not come back at the highest that its size allows does at
 * none: a lower one that held it would give the same quotient.
 */
export function isDecimal(value: number): boolean {
  for (let exponent = DECIMAL_EXPONENT_MAX; exponent >= 0; exponent--) {
    const power = POWERS_OF_TEN[exponent]!;
    const scaled = Math.round(value * power);
    if (Math.abs(scaled) <= SCALED_MAX) return scaled / power === value && !Object.is(value, -0);
  }
  return false;
}

/** Whether the exponent holds `value`. */
export function isDecimalOf(value: number, exponent: number): boolean {
  const power = POWERS_OF_TEN[exponent]!;
  const scaled = Math.round(value * power);
  return Math.abs(scaled) <= SCALED_MAX && scaled / power === value && !Object.is(value, -0);
}

/** The least exponent, from `least` on, that holds `value`; -1 if there is none. */
export function decimalExponent(value: number, least: number): number {
  for (let exponent = least; exponent <= DECIMAL_EXPONENT_MAX; exponent++) {
    const power = POWERS_OF_TEN[exponent]!;
    const scaled = Math.round(value * power);
    // No exponent makes an integer of NaN or -0.
    if (!(Math.abs(scaled) <= SCALED_MAX) || Object.is(value, -0)) return -1;
    if (scaled / power === value) return exponent;
  }
  return -1;
}
