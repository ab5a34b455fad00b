// The limits that flags of `start` set: what a person says is held against their bounds, and refused by the
// flag's name.

import {DbError, type FlaggedLimitName, LIMITS, type Limit} from '@flotilla/base';
import {z} from 'zod';
import {durationText, parseDuration} from '../engine/durations.ts';

const MIB = 2 ** 20;

/** As 10m or 7d. */
export function durationFlag(name: FlaggedLimitName): z.ZodType<number, string> {
  return z.string().transform((text) => within(name, parseDuration(text, LIMITS[name].flag.name)));
}

/** A whole number. */
export function numberFlag(name: FlaggedLimitName): z.ZodType<number, number> {
  return z.number().transform((said) => within(name, said));
}

function within(limit: FlaggedLimitName, said: number): number {
  const {unit, flag} = LIMITS[limit];
  const {name, min, max} = flag;
  if (Number.isInteger(said) && said >= min && said <= max) return said;
  const [least, most, given] = [min, max, said].map((value) => shown(value, unit));
  throw new DbError('INVALID_ARGUMENT', `${name}: want ${least} to ${most}; have ${given}`, {
    limit,
    min,
    max,
  });
}

function shown(value: number, unit: Limit['unit']): string {
  if (unit === 'ms') return durationText(value);
  if (unit === 'count') return String(value);
  return value % MIB === 0 ? `${value / MIB}MiB` : `${value} bytes`;
}
