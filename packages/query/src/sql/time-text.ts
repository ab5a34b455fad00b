// Times as text: RFC 3339 and PostgreSQL's spellings in, RFC 3339 UTC out. Exact to the nanosecond:
// a time is nanoseconds since the epoch as a bigint at planning, and (ms, ns) doubles in results.

import {civilOfDay, dayOfCivil, daysInMonth} from './civil.ts';

const DAY_MS = 86_400_000;
const NS_PER_MS = 1_000_000n;
/** What an i64 of nanoseconds holds: 1677-09-21 to 2262-04-11. */
export const TIME_NS_MIN = -(2n ** 63n);
export const TIME_NS_MAX = 2n ** 63n - 1n;

const TIME_PATTERN =
  /^\s*(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|z|UTC|[+-]\d{2}(?::?\d{2})?)?)?\s*$/;

/** Nanoseconds since the epoch, or undefined where the text is no time. Without a zone it is UTC. */
export function parseTime(text: string): bigint | undefined {
  const match = TIME_PATTERN.exec(text);
  if (match === null) return undefined;
  const part = (index: number) => Number(match[index] ?? 0);
  const [year, month, day] = [part(1), part(2), part(3)];
  const [hour, minute, second] = [part(4), part(5), part(6)];
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
  // 24:00:00 is the end of the day, as PostgreSQL reads it; 60 is a leap second.
  if (hour > 24 || minute > 59 || second > 60) return undefined;
  if (hour === 24 && (minute > 0 || second > 0)) return undefined;
  const zoneMinutes = parseZone(match[8]);
  if (zoneMinutes === undefined) return undefined;
  const ms = dayOfCivil(year, month, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000;
  const fraction = BigInt((match[7] ?? '').padEnd(9, '0'));
  const ns = BigInt(ms - zoneMinutes * 60_000) * NS_PER_MS + fraction;
  return ns < TIME_NS_MIN || ns > TIME_NS_MAX ? undefined : ns;
}

function parseZone(zone: string | undefined): number | undefined {
  if (zone === undefined || /^(z|utc)$/i.test(zone)) return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(':', ''));
  if (hours > 15 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}

/** RFC 3339 in UTC with as many digits of fraction as the time has. Requires 0 <= ns < 1e6. */
export function formatTime(ms: number, ns: number): string {
  const dayNumber = Math.floor(ms / DAY_MS);
  let rest = ms - dayNumber * DAY_MS;
  const {year, month, day} = civilOfDay(dayNumber);
  const millisecond = rest % 1000;
  rest = (rest - millisecond) / 1000;
  const second = rest % 60;
  rest = (rest - second) / 60;
  const minute = rest % 60;
  const date = `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`;
  const clock = `${pad((rest - minute) / 60, 2)}:${pad(minute, 2)}:${pad(second, 2)}`;
  if (millisecond === 0 && ns === 0) return `${date}T${clock}Z`;
  const fraction = (pad(millisecond, 3) + pad(ns, 6)).replace(/0+$/, '');
  return `${date}T${clock}.${fraction}Z`;
}

/** `formatTime` of nanoseconds since the epoch. */
export function formatTimeNs(ns: bigint): string {
  let rest = ns % NS_PER_MS;
  if (rest < 0n) rest += NS_PER_MS;
  return formatTime(Number((ns - rest) / NS_PER_MS), Number(rest));
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0');
}
