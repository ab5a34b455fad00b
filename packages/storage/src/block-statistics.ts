// What a block's column says of itself without being decoded: min, max, sum, first and last of its
// values (their count stands in the presence bits). Left out where it would not be exact or would not
// be small: wide integers, NaN, strings and booleans, floats in short blocks, few bytes of integers.

import {type ByteReader, type ByteWriter, type ColumnValues, holdsWide} from '@flotilla/column';
import type {PartVersion} from './part-format.ts';

export interface BlockStatistics {
  readonly min: number;
  readonly max: number;
  readonly sum: number;
  readonly first: number;
  readonly last: number;
}

/** Five doubles may be at most a twentieth of what they describe. */
const FLOAT_VALUES_BYTES_MIN = 5 * 8 * 20;
/** Fewer bytes of integers are decoded as soon as five numbers are; constants and lone values are. */
const INTEGER_VALUES_BYTES_MIN = 16;

/** What is promised of sums of floats, beside the sum of their absolute values. */
const FLOAT_SUM_ERROR = 1e-12;

/**
 * Statistics of the first `count` values, or undefined where they are left out.
 * @param encodedBytes what the values themselves take
 */
export function computeStatistics(
  values: ColumnValues,
  count: number,
  encodedBytes: number,
  version: PartVersion,
): BlockStatistics | undefined {
  const isShort = isTooShort(values.type, encodedBytes);
  // Blocks of integers have them in version 1, however short.
  if (isShort && (version > 1 || values.type === 'float')) return undefined;
  return statisticsOf(values, count);
}

/** Whether statistics may be missing for being long beside the values, and for nothing else. */
export function isTooShort(type: ColumnValues['type'], encodedBytes: number): boolean {
  return encodedBytes < (type === 'float' ? FLOAT_VALUES_BYTES_MIN : INTEGER_VALUES_BYTES_MIN);
}

/** Undefined where they would not be exact: of numbers that are wide or whose sum is, with NaN, or none. */
export function statisticsOf(values: ColumnValues, count: number): BlockStatistics | undefined {
  if (count === 0) return undefined;
  switch (values.type) {
    case 'integer':
    case 'unsigned': {
      if (values.wide !== undefined && holdsWide(values.values, count)) return undefined;
      const statistics = summarise(values.values, count);
      return Number.isSafeInteger(statistics.sum) &&
        Number.isSafeInteger(statistics.max - statistics.min)
        ? statistics
        : undefined;
    }
    case 'float': {
      const statistics = summarise(values.values, count);
      return Number.isFinite(statistics.sum) ? statistics : undefined;
    }
    default:
      return undefined;
  }
}

/** The sum is Neumaier's: exact for integers inside 2^53, compensated for floats. */
function summarise(values: Float64Array, count: number): BlockStatistics {
  let min = values[0]!;
  let max = min;
  let sum = 0;
  let lost = 0;
  for (let i = 0; i < count; i++) {
    const value = values[i]!;
    if (value < min) min = value;
    if (value > max) max = value;
    const next = sum + value;
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  return {min, max, sum: sum + lost, first: values[0]!, last: values[count - 1]!};
}

/** What is not true of these values; undefined where all is. */
export function statisticsFault(
  told: BlockStatistics,
  values: ColumnValues,
  count: number,
): string | undefined {
  const found = statisticsOf(values, count);
  if (found === undefined) return 'it has statistics, which its values cannot have';
  for (const name of ['min', 'max', 'first', 'last'] as const)
    if (told[name] !== found[name])
      return `its statistics say ${name} ${told[name]}; its values ${found[name]}`;
  // Another build may add in another way.
  const within = values.type === 'float' ? FLOAT_SUM_ERROR * absoluteSum(values.values, count) : 0;
  if (Math.abs(told.sum - found.sum) <= within) return undefined;
  return `its statistics say sum ${told.sum}; its values ${found.sum}`;
}

function absoluteSum(values: Float64Array, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += Math.abs(values[i]!);
  return sum;
}

/** Integers relative to the minimum: one or two bytes each on usual values. */
export function writeStatistics(
  writer: ByteWriter,
  type: ColumnValues['type'],
  {min, max, sum, first, last}: BlockStatistics,
): void {
  if (type === 'float') {
    for (const value of [min, max, sum, first, last]) writer.f64(value);
    return;
  }
  writer.signedVarint(min);
  for (const value of [max, first, last]) writer.varint(value - min);
  writer.signedVarint(sum);
}

export function readStatistics(reader: ByteReader, type: ColumnValues['type']): BlockStatistics {
  if (type === 'float') {
    const [min, max, sum] = [reader.f64(), reader.f64(), reader.f64()];
    return {min, max, sum, first: reader.f64(), last: reader.f64()};
  }
  const min = reader.signedVarint();
  const max = min + reader.varint();
  const first = min + reader.varint();
  const last = min + reader.varint();
  return {min, max, first, last, sum: reader.signedVarint()};
}
