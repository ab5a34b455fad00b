// Durations as text: '7d', '90m', '1 hour 30 minutes', '01:30:00'. Months and years have no fixed
// length and are kept apart; an option of a database takes none.

export interface Interval {
  readonly months: number;
  readonly ns: bigint;
}

const SECOND_NS = 1_000_000_000n;
const NS_BY_UNIT: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['nanosecond', 1n],
  ['us', 1_000n],
  ['µs', 1_000n],
  ['microsecond', 1_000n],
  ['ms', 1_000_000n],
  ['millisecond', 1_000_000n],
  ['s', SECOND_NS],
  ['sec', SECOND_NS],
  ['second', SECOND_NS],
  ['m', 60n * SECOND_NS],
  ['min', 60n * SECOND_NS],
  ['minute', 60n * SECOND_NS],
  ['h', 3_600n * SECOND_NS],
  ['hr', 3_600n * SECOND_NS],
  ['hour', 3_600n * SECOND_NS],
  ['d', 86_400n * SECOND_NS],
  ['day', 86_400n * SECOND_NS],
  ['w', 604_800n * SECOND_NS],
  ['week', 604_800n * SECOND_NS],
]);
const MONTHS_BY_UNIT: ReadonlyMap<string, number> = new Map([
  ['mon', 1],
  ['month', 1],
  ['quarter', 3],
  ['y', 12],
  ['year', 12],
]);
const PIECE = /\s*([+-]?)(\d+)(?:\.(\d{1,9}))?\s*([a-zA-Zµ]+)/y;
const CLOCK = /\s*([+-]?)(\d{1,4}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s*$/y;

/** Undefined where the text is no interval. A bare number is in seconds, as in PostgreSQL. */
export function parseInterval(text: string): Interval | undefined {
  if (/^\s*\d+\s*$/.test(text)) return {months: 0, ns: BigInt(text.trim()) * SECOND_NS};
  let months = 0;
  let ns = 0n;
  let at = 0;
  let pieces = 0;
  while (text.slice(at).trim() !== '') {
    const piece = parsePiece(text, at) ?? parseClock(text, at);
    if (piece === undefined) return undefined;
    months += piece.months;
    ns += piece.ns;
    at = piece.end;
    pieces++;
  }
  return pieces === 0 ? undefined : {months, ns};
}

function parsePiece(text: string, at: number): (Interval & {end: number}) | undefined {
  PIECE.lastIndex = at;
  const match = PIECE.exec(text);
  if (match === null) return undefined;
  const sign = match[1] === '-' ? -1n : 1n;
  const unit = unitName(match[4]!);
  const perUnit = NS_BY_UNIT.get(unit);
  const end = PIECE.lastIndex;
  if (perUnit !== undefined) {
    const fraction = (BigInt((match[3] ?? '').padEnd(9, '0')) * perUnit) / SECOND_NS;
    return {months: 0, ns: sign * (BigInt(match[2]!) * perUnit + fraction), end};
  }
  const perMonth = MONTHS_BY_UNIT.get(unit);
  if (perMonth === undefined || match[3] !== undefined) return undefined;
  const months = Number(sign) * Number(match[2]) * perMonth;
  return Number.isSafeInteger(months) ? {months, ns: 0n, end} : undefined;
}

function parseClock(text: string, at: number): (Interval & {end: number}) | undefined {
  CLOCK.lastIndex = at;
  const match = CLOCK.exec(text);
  if (match === null) return undefined;
  const seconds = (BigInt(match[2]!) * 60n + BigInt(match[3]!)) * 60n + BigInt(match[4] ?? 0);
  const ns = seconds * SECOND_NS + BigInt((match[5] ?? '').padEnd(9, '0'));
  return {months: 0, ns: match[1] === '-' ? -ns : ns, end: CLOCK.lastIndex};
}

/** 'Minutes' -> 'minute'; 's' and 'ms' stay. Capital M is no month here: case does not count. */
function unitName(text: string): string {
  const lower = text.toLowerCase();
  return lower.length > 2 && lower.endsWith('s') ? lower.slice(0, -1) : lower;
}

/** A positive duration of fixed length in whole milliseconds. A bare number is in days, as in CnosDB. */
export function parseDurationMs(text: string): number | undefined {
  const interval = parseInterval(/^\s*\d+\s*$/.test(text) ? `${text.trim()}d` : text);
  if (interval === undefined || interval.months !== 0) return undefined;
  if (interval.ns % 1_000_000n !== 0n || interval.ns < 0n) return undefined;
  const ms = Number(interval.ns / 1_000_000n);
  return Number.isSafeInteger(ms) ? ms : undefined;
}
