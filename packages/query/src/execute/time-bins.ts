// Functions of times: bins of fixed width, bins of calendar months, shifts by intervals. Offsets of a
// bucket stay doubles as long as width and origin are whole units and nothing leaves ±2^53.

import {civilOfDay, dayOfCivil, dayOfMonth, daysInMonth, monthOfDay} from '../sql/civil.ts';
import {checkRange} from './numbers.ts';
import {ABSOLUTE, isNull, type TimeBase, type TimeVector, timeNsAt} from './vector.ts';

const DAY_NS = 86_400_000_000_000n;

/** The fast path of a bin: units of a base, all exact. */
export interface UnitBin {
  readonly width: number;
  /**
   * In (-width, 0]: what to add to an offset so that bins begin at multiples of the width. Not above
   * zero, so that the sum stays below 2^53 as the offset does.
   */
  readonly phase: number;
}

export function floorMod(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

/** Undefined where bins of this width cannot be counted in doubles of this base. */
export function unitBin(widthNs: bigint, originNs: bigint, base: TimeBase): UnitBin | undefined {
  const unit = BigInt(base.unitNs);
  const phaseNs = floorMod(BigInt(base.startMs) * 1_000_000n - originNs, widthNs);
  if (widthNs % unit !== 0n || phaseNs % unit !== 0n) return undefined;
  const width = widthNs / unit;
  if (width > 2n ** 51n) return undefined;
  const phase = phaseNs / unit;
  return {width: Number(width), phase: phase === 0n ? 0 : Number(phase - width)};
}

/** How many widths from the base's own bin; exact for 0 <= offset < 2^53. */
export function binOrdinal(offset: number, bin: UnitBin): number {
  const shifted = offset + bin.phase;
  const ordinal = Math.floor(shifted / bin.width);
  // The quotient is rounded: near a multiple it may be off by one.
  const rest = shifted - ordinal * bin.width;
  if (rest < 0) return ordinal - 1;
  return rest >= bin.width ? ordinal + 1 : ordinal;
}

export function binTimes(
  vector: TimeVector,
  rowCount: number,
  widthNs: bigint,
  originNs: bigint,
): TimeVector {
  const bin = vector.wide === undefined ? unitBin(widthNs, originNs, vector) : undefined;
  if (bin === undefined) {
    return mapTimes(vector, rowCount, (ns) => ns - floorMod(ns - originNs, widthNs));
  }
  const count = vector.constant ? 1 : rowCount;
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    values[i] = binOrdinal(vector.values[i]!, bin) * bin.width - bin.phase;
  }
  return {...vector, values};
}

export function monthBins(
  vector: TimeVector,
  rowCount: number,
  months: number,
  originMonth: number,
): TimeVector {
  return mapTimes(vector, rowCount, (ns) => {
    const month = monthOfDay(Number((ns - floorMod(ns, DAY_NS)) / DAY_NS));
    const rest = (((month - originMonth) % months) + months) % months;
    return BigInt(dayOfMonth(month - rest)) * DAY_NS;
  });
}

export function shiftTimes(
  vector: TimeVector,
  rowCount: number,
  months: number,
  ns: bigint,
): TimeVector {
  return mapTimes(vector, rowCount, (time) => addMonths(time, months) + ns);
}

/** The same day of another month, or its last day where it is shorter, as PostgreSQL does. */
function addMonths(ns: bigint, months: number): bigint {
  if (months === 0) return ns;
  const within = floorMod(ns, DAY_NS);
  const {year, month, day} = civilOfDay(Number((ns - within) / DAY_NS));
  const target = year * 12 + month - 1 + months;
  const targetYear = Math.floor(target / 12);
  const targetMonth = target - targetYear * 12 + 1;
  const targetDay = Math.min(day, daysInMonth(targetYear, targetMonth));
  return BigInt(dayOfCivil(targetYear, targetMonth, targetDay)) * DAY_NS + within;
}

/** The slow path: absolute nanoseconds in and out. */
function mapTimes(vector: TimeVector, rowCount: number, map: (ns: bigint) => bigint): TimeVector {
  const count = vector.constant ? 1 : rowCount;
  const wide = new BigInt64Array(count);
  for (let i = 0; i < count; i++) {
    if (!isNull(vector, i)) wide[i] = checkRange(map(timeNsAt(vector, i)), 'time');
  }
  return absoluteTimes(wide, count, vector);
}

/** Times as nanoseconds since the epoch. */
export function absoluteTimes(
  wide: BigInt64Array,
  count: number,
  like: {readonly present?: Uint8Array | undefined; readonly constant: boolean},
): TimeVector {
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = Number(wide[i]);
  const {present, constant} = like;
  return {type: 'time', values, wide, present, constant, ...ABSOLUTE};
}

/** Two time vectors that are to be compared or mixed get one base. */
export function sameBase(a: TimeVector, b: TimeVector, rowCount: number): [TimeVector, TimeVector] {
  if (a.startMs === b.startMs && a.unitNs === b.unitNs) return [a, b];
  return [mapTimes(a, rowCount, (ns) => ns), mapTimes(b, rowCount, (ns) => ns)];
}
