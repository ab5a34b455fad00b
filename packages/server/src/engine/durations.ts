// Durations as people write them: 30d, 12h, 90m, 10s, 500ms, or several together (1d12h).

import {DbError} from '@flotilla/base';

const UNITS_MS: readonly (readonly [string, number])[] = [
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
];
const PART = /(\d+)(ms|[wdhms])/gy;

/** Throws INVALID_ARGUMENT naming `what`. */
export function parseDuration(text: string, what: string): number {
  let totalMs = 0;
  let end = 0;
  for (const [part, count, unit] of text.matchAll(PART)) {
    totalMs += Number(count) * UNITS_MS.find(([name]) => name === unit)![1];
    end += part.length;
  }
  if (end === 0 || end !== text.length || !Number.isSafeInteger(totalMs)) {
    throw new DbError(
      'INVALID_ARGUMENT',
      `${what}: "${text}" is no duration; write it like 30d, 12h or 90m`,
    );
  }
  return totalMs;
}

/** A date has no place for a time further off. */
export const DATE_MS_MAX = 8.64e15;

/** When a duration from now on ends. Throws INVALID_ARGUMENT where no date is so far away. */
export function endOf(nowMs: number, durationMs: number, what: string): number {
  const endMs = nowMs + durationMs;
  if (endMs <= DATE_MS_MAX) return endMs;
  throw new DbError('INVALID_ARGUMENT', `${what}: no date is so far away`);
}

export function durationText(ms: number): string {
  let rest = ms;
  let text = '';
  for (const [name, unitMs] of UNITS_MS) {
    if (name === 'w') continue; // Seven days read better than one week beside other numbers of days.
    const count = Math.floor(rest / unitMs);
    rest -= count * unitMs;
    if (count > 0) text += `${count}${name}`;
  }
  return text === '' ? '0s' : text;
}
