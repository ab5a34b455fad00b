// What a run found: a line of JSON for programs, a table for people.

import type {KindFigures} from './availability.ts';

export interface Report {
  readonly seed: number;
  readonly minutes: number;
  /** How often each kind struck; an operator's orders too. */
  readonly faults: Readonly<Record<string, number>>;
  /** Rows. */
  readonly acknowledged: number;
  /** Acknowledged rows that some replica lacks or has otherwise, counted at each. */
  readonly lost: number;
  /** Registers whose reads nothing explains. */
  readonly stale: number;
  /** Rows and values that nobody wrote, counted where they were seen. */
  readonly phantom: number;
  readonly stuckOperations: number;
  readonly violations: readonly string[];
}

const TITLES = ['fault', 'times', 'longest write', 'failed', 'beyond a minority', 'failed'];

/** Times in seconds. */
export function renderFigures(figures: readonly KindFigures[]): string {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const rows = figures.map((one) => [
    one.kind,
    String(one.times),
    seconds(one.longestMs),
    String(one.failed),
    seconds(one.longestBeyondMs),
    String(one.failedBeyond),
  ]);
  const widths = TITLES.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]!.length)),
  );
  return [TITLES, ...rows]
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join('  '),
    )
    .join('\n');
}

export function renderReport(report: Report): string {
  const {seed, minutes, acknowledged, lost, stale, phantom, stuckOperations, violations} = report;
  return [
    `seed ${seed}, ${minutes} min: ${acknowledged} rows acknowledged, ${lost} lost, ${stale} registers ` +
      `stale, ${phantom} phantoms, ${stuckOperations} operations stuck`,
    violations.length === 0 ? 'no violation' : `${violations.length} VIOLATIONS:`,
    ...violations.map((violation) => `- ${violation}`),
  ].join('\n');
}
