// `write`: line protocol from a file or stdin, in bodies of whole lines, one after another, so that
// of two points for the same series and time the later line wins. Bad lines are named by their number
// in the whole input. If it stops half-way it says from which line to go on.

import {FlotillaError, type LineBatch, writeDetailsOf} from '@flotilla/client';
import type {Command} from 'commander';
import {z} from 'zod';
import {formatBytes, ProgressBar} from '../progress-bar.ts';
import {type CommandContext, examples, type Session} from '../session.ts';
import {EXIT, writeOut} from '../terminal.ts';
import {openInput} from '../transfer/input-file.ts';
import {batchesOf, withoutLines} from '../transfer/line-bodies.ts';
import {RefusedLines} from '../transfer/refused-lines.ts';

/** A quarter of what a node takes, so that four bodies fit where one does. */
const BATCH_BYTES_MAX = 16_000_000;

const Options = z.object({
  db: z.string().optional(),
  tenant: z.string().optional(),
  precision: z.enum(['ns', 'us', 'ms', 's', 'm', 'h']).optional(),
  gzip: z.boolean().default(false),
  partial: z.boolean().default(true),
  batchLines: z.coerce.number().int().min(1).default(10_000),
  skipLines: z.coerce.number().int().min(0).default(0),
});
type Options = z.infer<typeof Options>;

/** How far the input is written. */
interface Progress {
  lines: number;
  bytes: number;
  readonly rejected: RefusedLines;
}

export function addWriteCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('write')
    .argument(
      '[file]',
      'file of line protocol (.gz and .zst are decompressed); - or nothing for stdin',
    )
    .description('write line protocol')
    .option('--db <name>', 'database (default public)')
    .option('--tenant <name>', 'tenant of the database')
    .option('--precision <unit>', 'unit of the times: ns, us, ms, s, m or h (default ns)')
    .option('--gzip', 'compress what is sent')
    .option('--no-partial', 'reject a whole batch if one of its lines is bad')
    .option('--batch-lines <n>', 'lines per request (default 10000)')
    .option('--skip-lines <n>', 'skip this many lines, which an earlier run has written')
    .addHelpText(
      'after',
      examples([
        'write points.lp --db metrics',
        'write points.lp.gz --precision s',
        "write <<< 'cpu,host=a usage=0.5'",
      ]),
    )
    .addHelpText(
      'after',
      '\nUse it for a stream, a script or a few lines. For an export, for CSV, or for a file so large\nthat you may have to resume it, use `import`.\n',
    );
  context.client(command, Options, writeInput);
}

async function writeInput(session: Session, options: Options, file?: string): Promise<number> {
  const {terminal} = session;
  const input = await openInput(terminal, file);
  const bar = new ProgressBar(terminal.stderr);
  const aborter = new AbortController();
  const stopListening = terminal.onInterrupt(() => aborter.abort());
  const progress: Progress = {lines: 0, bytes: 0, rejected: new RefusedLines()};
  const limits = {bytesMax: BATCH_BYTES_MAX, linesMax: options.batchLines};
  try {
    for await (const batch of batchesOf(input.stream, limits)) {
      aborter.signal.throwIfAborted();
      const unsent = withoutLines(batch, options.skipLines);
      if (unsent !== undefined)
        await writeBatch(session, {batch: unsent, options, progress, signal: aborter.signal});
      progress.lines += batch.lineCount;
      progress.bytes += batch.bytes.length;
      bar.update(input.fraction(), `${progress.lines} lines, ${formatBytes(progress.bytes)}`);
    }
  } catch (error) {
    bar.clear();
    await sayWhereToGoOn(session, progress);
    if (aborter.signal.aborted) return EXIT.interrupted;
    throw error;
  } finally {
    stopListening();
    input.stream.destroy();
  }
  bar.clear();
  return finish(session, progress, options.skipLines);
}

async function writeBatch(
  session: Session,
  work: {batch: LineBatch; options: Options; progress: Progress; signal: AbortSignal},
): Promise<void> {
  const {batch, options, progress, signal} = work;
  const {db, tenant, precision, gzip, partial} = options;
  try {
    const write = {database: db, tenant, precision, gzip, acceptPartial: partial, signal};
    await session.client.write(batch.bytes, write);
  } catch (error) {
    if (!(error instanceof FlotillaError) || error.code !== 'LINES_REJECTED') throw error;
    const details = writeDetailsOf(error);
    if (details === undefined) throw error;
    const lines = details.lines.map((each) => ({...each, line: each.line + batch.firstLine - 1}));
    progress.rejected.add(lines, details.rejected);
    if (!partial) throw error;
  }
}

async function finish(session: Session, progress: Progress, skipped: number): Promise<number> {
  const {lines, bytes} = progress;
  const {count: rejected, first: rejectedLines} = progress.rejected;
  const sent = Math.max(0, lines - skipped);
  await session.print({lines: sent, bytes, rejected, rejectedLines}, () => {
    const tail = rejected === 0 ? '' : `, ${rejected} rejected`;
    return `${progress.rejected.render()}sent ${sent} ${sent === 1 ? 'line' : 'lines'} (${formatBytes(bytes)})${tail}\n`;
  });
  return rejected === 0 ? EXIT.ok : EXIT.linesRejected;
}

async function sayWhereToGoOn(session: Session, progress: Progress): Promise<void> {
  const {stderr} = session.terminal;
  await writeOut(stderr, progress.rejected.render());
  if (progress.lines === 0) return;
  await writeOut(
    stderr,
    `the first ${progress.lines} lines are written; go on with --skip-lines ${progress.lines}\n`,
  );
}
