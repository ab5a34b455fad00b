// `sql`: one statement after another from -e, stdin or a prompt; results as the node formats them.

import type {Command} from 'commander';
import {z} from 'zod';
import {type CommandContext, examples, type Session} from '../session.ts';
import {runPrompt} from '../sql-prompt.ts';
import {runStatement, type SqlOptions} from '../sql-statement.ts';
import {splitStatements} from '../statements.ts';
import {EXIT, UsageError} from '../terminal.ts';

const Options = z.object({
  execute: z.string().optional(),
  db: z.string().default('public'),
  tenant: z.string().optional(),
  format: z.enum(['table', 'csv', 'json', 'ndjson']).default('table'),
  stale: z.boolean().default(false),
});

export function addSqlCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('sql')
    .description('run SQL from -e, from stdin, or at a prompt with history')
    .option('-e, --execute <sql>', 'run this statement and exit')
    .option('--db <name>', 'database (default public)')
    .option('--tenant <name>', 'tenant of the database')
    .option('--format <format>', 'table, csv, json or ndjson (--json means json)')
    .option('--stale', "read the asked node's own replicas, even without a majority")
    .addHelpText(
      'after',
      examples([
        'sql',
        "sql -e 'SELECT count(*) FROM cpu' --db metrics",
        'sql --format csv < report.sql > report.csv',
      ]),
    );
  context.client(command, Options, async (session, options) => {
    const {stdin, stdout} = session.terminal;
    if (options.execute !== undefined) return runText(session, options, options.execute);
    if (stdin.isTTY !== true) return runText(session, options, await readAll(stdin));
    if (stdout.isTTY !== true) throw new UsageError('give the SQL with -e or on stdin');
    return runPrompt(session, options);
  });
}

/** Runs each statement; the first failure ends the run. */
async function runText(session: Session, options: SqlOptions, text: string): Promise<number> {
  const {statements, rest} = splitStatements(text);
  const all = rest === '' ? statements : [...statements, rest];
  if (all.length === 0) throw new UsageError('no SQL statement was given');
  const aborter = new AbortController();
  const stopListening = session.terminal.onInterrupt(() => aborter.abort());
  try {
    for (const statement of all)
      await runStatement(session, {options, statement, signal: aborter.signal});
    return EXIT.ok;
  } catch (error) {
    if (aborter.signal.aborted) return EXIT.interrupted;
    throw error;
  } finally {
    stopListening();
  }
}

async function readAll(stream: AsyncIterable<Uint8Array | string>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString('utf8');
}
