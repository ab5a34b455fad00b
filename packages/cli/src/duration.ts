// Durations as people type them.

import {UsageError} from './terminal.ts';

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

export function parseDurationMs(text: string, option: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)$/.exec(text.trim());
  const ms = match === null ? Number.NaN : Number(match[1]) * UNITS_MS[match[2]!]!;
  if (!Number.isSafeInteger(ms) || ms <= 0) {
    throw new UsageError(`${option}: not a duration: ${text} (as 90s, 12h, 7d, 4w)`);
  }
  return ms;
}
