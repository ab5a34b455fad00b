// Runs a scenario with the words of its command line, once they are understood, and prints its report.

import type {z} from 'zod';
import {renderTable} from './table.ts';
import {describeFaults, EXIT_USAGE} from './usage.ts';

interface Report {
  readonly results: readonly object[];
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
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : renderTable(report));
}
