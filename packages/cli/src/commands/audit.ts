// `audit`: who changed the cluster by way of a node, read from the data directory of that node on this
// machine. Each node keeps what it was asked itself.

import {existsSync, readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import type {Command} from 'commander';
import {z} from 'zod';
import {type Act, actsOf} from '../audit-log.ts';
import {isColoured} from '../colour.ts';
import {type CommandContext, examples} from '../session.ts';
import {renderRecords} from '../table.ts';
import {EXIT, type Terminal, UsageError, widthOf, writeOut} from '../terminal.ts';

const COLUMNS = ['at', 'who', 'from', 'what', 'how', 'result'];
const LAST = 50;
/** audit.jsonl is the newest; audit.1.jsonl the one before, and so on. */
const FILE = /^audit(?:\.(\d+))?\.jsonl$/;

const Options = z.object({
  data: z.string().default('./data'),
  last: z.coerce.number().int().positive().default(LAST),
  json: z.boolean().default(false),
});

export function addAuditCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('audit')
    .description('show who changed the cluster through a node, and the outcome')
    .option('--data <directory>', "the node's data directory, on this machine (default ./data)")
    .option('--last <n>', `how many of the latest entries to show (default ${LAST})`)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(['audit', 'audit --data /var/lib/flotilla --last 1000 --json']) +
        '\n`begun`: no outcome is recorded; the node stopped before the end, or is still working on it.\n',
    );
  context.plain(command, Options, async (terminal, {data, last, json}) => {
    const acts = actsOf(linesOf(data)).slice(-last);
    await tell(terminal, acts, json);
    return EXIT.ok;
  });
}

function linesOf(data: string): string[] {
  const directory = path.join(data, 'audit');
  if (!existsSync(data)) throw new UsageError(`--data: there is no directory ${data}`);
  if (!existsSync(directory)) return [];
  const numberOf = (name: string): number => Number(FILE.exec(name)?.[1] ?? 0);
  return (
    readdirSync(directory)
      .filter((name) => FILE.test(name))
      .sort((a, b) => numberOf(b) - numberOf(a))
      // What stands behind the last end of a line is still being written.
      .flatMap((name) => readFileSync(path.join(directory, name), 'utf8').split('\n').slice(0, -1))
  );
}

function tell(terminal: Terminal, acts: readonly Act[], json: boolean): Promise<void> {
  const {stdout} = terminal;
  if (json) return writeOut(stdout, `${JSON.stringify(acts, null, 2)}\n`);
  if (acts.length === 0)
    return writeOut(stdout, 'nobody has changed the cluster through this node\n');
  const style = {width: widthOf(stdout), isColoured: isColoured(terminal)};
  return writeOut(
    stdout,
    renderRecords(
      acts.map((act) => ({...act})),
      COLUMNS,
      style,
    ),
  );
}
