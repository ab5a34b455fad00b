// Lengths of time as people type them: 10s, 500ms, 30d.

import {z} from 'zod';

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** In milliseconds. */
export const DurationMs = z.string().transform((text, context) => {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  const ms = Number(number) * UNITS_MS[unit ?? '']!;
  if (ms > 0) return ms;
  context.addIssue({code: 'custom', message: 'want a duration with its unit, as 10s, 12h or 30d'});
  return z.NEVER;
});

const WHOLE = ['d', 'h', 'm', 's', 'ms'] as const;

/** In the largest unit of which it is a whole number. */
export function durationText(ms: number): string {
  const unit = WHOLE.find((name) => Number.isInteger(ms / UNITS_MS[name]!)) ?? 'ms';
  return `${ms / UNITS_MS[unit]!}${unit}`;
}
