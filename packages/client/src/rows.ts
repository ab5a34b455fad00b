// Rows of a query as JavaScript values. JSON numbers outside ±2^53 that are integers become bigint,
// so that no bit of an i64 or u64 is lost; everything else is what JSON.parse makes of it.

import {errorOfLastLine} from './errors.ts';

export type Value = string | number | bigint | boolean | null;
export type Row = Record<string, Value>;

/** The least that an unsafe integer has. The reviver costs ten times the parse. */
const LONG_DIGITS = 16;

type SourceReviver = (key: string, value: unknown, context?: {source?: string}) => unknown;

const keepLongIntegers: SourceReviver = (_key, value, context) => {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  return source !== undefined && /^-?[0-9]+$/.test(source) ? BigInt(source) : value;
};

export function parseRows(json: string): Row[] {
  return parseExact(json) as Row[];
}

/** Throws the FlotillaError that the node sent in place of the row, if it did. */
export function parseRowLine(line: string, url: string): Row {
  const value = parseExact(line);
  const failure = errorOfLastLine(value, url);
  if (failure !== undefined) throw failure;
  return value as Row;
}

/** The sets that a last line of an answer calls missing; undefined for a row, whose cells are no objects. */
export function missingOfLine(row: Row): readonly number[] | undefined {
  const answer = row['answer'] as unknown as {missingReplicaSets?: unknown} | null | undefined;
  const missing = typeof answer === 'object' ? answer?.missingReplicaSets : undefined;
  return Array.isArray(missing) ? (missing as number[]) : undefined;
}

function parseExact(json: string): unknown {
  if (!hasLongDigits(json)) return JSON.parse(json);
  return JSON.parse(json, keepLongIntegers as (key: string, value: unknown) => unknown);
}

/** Looks at one character in sixteen, of which each such run has one: by a regular expression it costs a parse. */
function hasLongDigits(json: string): boolean {
  for (let at = LONG_DIGITS - 1; at < json.length; at += LONG_DIGITS) {
    let first = at;
    let end = at;
    while (isDigit(json.charCodeAt(end))) end++;
    if (end === at) continue;
    while (isDigit(json.charCodeAt(first - 1))) first--;
    if (end - first >= LONG_DIGITS) return true;
  }
  return false;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Lines of a byte stream without their ends, as many as each piece ends; empty ones are left out. */
export async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string[]> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, {stream: true})).split('\n');
    rest = lines.pop()!;
    yield lines.filter(isFilled);
  }
  yield [rest + decoder.decode()].filter(isFilled);
}

function isFilled(line: string): boolean {
  return line.trim() !== '';
}
