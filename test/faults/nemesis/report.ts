// What a run found: a line of JSON for programs, a table for people.

import type {KindFigures} from './availability.ts';
import {FAULT_KINDS} from './schedule.ts';

/** By kind of operation, how many there were in each state at the end. */
export type Outcomes = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface Report {
  readonly seed: number;
  readonly minutes: number;
  /** How often each kind struck; an operator's orders too. */
  readonly faults: Readonly<Record<string, number>>;
  /** Of these, what was planned for and never came about. */
  readonly never: readonly string[];
  readonly operations: Outcomes;
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

interface Run extends Pick<Report, 'seed' | 'minutes' | 'acknowledged' | 'violations'> {
  /** By kind of fault, how often it struck. */
  readonly struck: ReadonlyMap<string, number>;
  /** Of the operator, likewise. */
  readonly orders: Readonly<Record<string, number>>;
}

/** @param found  what was found once the faults had ended; `run` has the violations of before */
export function reportOf(
  {struck, orders, ...run}: Run,
  found: Omit<Report, 'seed' | 'minutes' | 'acknowledged' | 'faults' | 'never'>,
): Report {
  const strikes = FAULT_KINDS.map((kind) => [kind, struck.get(kind) ?? 0] as const);
  const faults = {...Object.fromEntries(strikes), ...orders};
  const never = Object.keys(faults).filter((kind) => faults[kind] === 0);
  const {seed, minutes, acknowledged} = run;
  const violations = [...run.violations, ...found.violations];
  return {seed, minutes, faults, never, acknowledged, ...found, violations};
}

/** One line. */
export function renderJson(report: Report): string {
  return JSON.stringify(report);
}

const TITLES = ['fault', 'times', 'limit', 'longest write', 'failed', 'longest read', 'failed'];
const TITLES_BEYOND = ['beyond a minority', 'after it', 'failed'];
const HOW_LIMITS_ADD =
  'a call beside several kinds may wait as long as their limits together, and longer on a machine that does other work';

/** Times in seconds. */
export function renderFigures(figures: readonly KindFigures[]): string {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const rows = figures.map((one) => [
    one.kind,
    String(one.times),
    seconds(one.limitMs),
    seconds(one.writes.longestMs),
    String(one.writes.failed),
    seconds(one.reads.longestMs),
    String(one.reads.failed),
    seconds(one.beyond.longestMs),
    seconds(one.longestAfterMs),
    String(one.beyond.failed),
  ]);
  return `${renderTable([[...TITLES, ...TITLES_BEYOND], ...rows])}\n${HOW_LIMITS_ADD}`;
}

export function renderOutcomes(outcomes: Outcomes): string {
  const states = [...new Set(Object.values(outcomes).flatMap((counts) => Object.keys(counts)))];
  states.sort();
  const rows = Object.entries(outcomes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([kind, counts]) => [kind, ...states.map((state) => String(counts[state] ?? 0))]);
  return renderTable([['operation', ...states], ...rows]);
}

function renderTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const padded = rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))),
  );
  return padded.map((row) => row.join('  ')).join('\n');
}

export function renderReport(report: Report): string {
  const {seed, minutes, acknowledged, lost, stale, phantom, stuckOperations, violations} = report;
  const counts = Object.entries(report.faults).map(([kind, count]) => `${kind} ${count}`);
  return [
    `seed ${seed}, ${minutes} min: ${acknowledged} rows acknowledged, ${lost} lost, ${stale} registers ` +
      `stale, ${phantom} phantoms, ${stuckOperations} operations stuck`,
    counts.join(', '),
    ...(report.never.length === 0 ? [] : [`never came about: ${report.never.join(', ')}`]),
    violations.length === 0 ? 'no violation' : `${violations.length} VIOLATIONS:`,
    ...violations.map((violation) => `- ${violation}`),
  ].join('\n');
}
