// Rows of a query as JavaScript values. JSON numbers outside ±2^53 that are integers become bigint,
// so that no bit of an i64 or u64 is lost; everything else is what JSON.parse makes of it.

import {errorOfLastLine} from './errors.ts';

export type Value = string | number | bigint | boolean | null;
export type Row = Record<string, Value>;

/** Sixteen digits in a row: the least that an unsafe integer has. The reviver costs ten times the parse. */
const LONG_DIGITS = /[0-9]{16}/;

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
  if (!LONG_DIGITS.test(json)) return JSON.parse(json);
  return JSON.parse(json, keepLongIntegers as (key: string, value: unknown) => unknown);
}

/** Lines of a byte stream without their ends; empty ones are left out. */
export async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, {stream: true})).split('\n');
    rest = lines.pop()!;
    for (const line of lines) if (line.trim() !== '') yield line;
  }
  rest += decoder.decode();
  if (rest.trim() !== '') yield rest;
}
