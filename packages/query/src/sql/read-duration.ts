// A duration where a statement wants one.

import type {TokenReader} from './admin-tokens.ts';
import {parseDurationMs} from './duration-text.ts';

/** In milliseconds. */
export function readDuration(reader: TokenReader, {least}: {least: number}): number {
  const token = reader.peek();
  const text = token.kind === 'string' || token.kind === 'number' ? token.text : undefined;
  const ms = text === undefined ? undefined : parseDurationMs(text);
  if (ms === undefined || ms < least) {
    throw reader.expected('a duration', "durations are written like '7d', '12h', '90m' or '30s'");
  }
  reader.next();
  return ms;
}
