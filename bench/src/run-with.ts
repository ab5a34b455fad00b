// Runs a scenario with the words of its command line, once they are understood, and prints its report.

import type {z} from 'zod';
import {describeProbe, type FdatasyncMs} from './disk.ts';
import {renderTable} from './table.ts';
import {describeFaults, EXIT_USAGE} from './usage.ts';

interface Report {
  readonly results: readonly object[];
  /** Absent where nothing is written. */
  readonly fdatasyncMs?: FdatasyncMs | undefined;
  readonly skipped?: readonly {readonly target: string; readonly reason: string}[];
}

/** To people, beside the report. */
export const say = (text: string) => process.stderr.write(`${text}\n`);

export async function runWith<Words extends {readonly json: boolean}>(
  schema: z.ZodType<Words>,
  raw: unknown,
  run: (words: Words) => Promise<Report>,
): Promise<void> {
  const parsed = schema.safeParse(raw);
  if (!parsed.success) {
    say(describeFaults(parsed.error));
    process.exitCode = EXIT_USAGE;
    return;
  }
  const report = await run(parsed.data);
  const {json} = parsed.data;
  if (json) {
    process.stdout.write(`${JSON.stringify(report)}\n`);
    return;
  }
  const {fdatasyncMs} = report;
  const probe = fdatasyncMs === undefined ? '' : `${describeProbe(fdatasyncMs)}\n`;
  process.stdout.write(`${renderTable(report)}${probe}`);
}
