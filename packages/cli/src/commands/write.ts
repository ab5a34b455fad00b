// `write`: line protocol from a file or stdin, in bodies of whole lines, one after another, so that
// of two points for the same series and time the later line wins. Bad lines are named by their number
// in the whole input. If it stops half-way it says from which line to go on.

import {createReadStream} from 'node:fs';
import {stat} from 'node:fs/promises';
import type {Readable} from 'node:stream';
import {createGunzip} from 'node:zlib';
import {
  type BatchLimits,
  FlotillaError,
  type LineBatch,
  LineBatcher,
  writeDetailsOf,
} from '@flotilla/client';
import type {Command} from 'commander';
import {z} from 'zod';
import {formatBytes, ProgressBar} from '../progress-bar.ts';
import {type CommandContext, examples, type Session} from '../session.ts';
import {EXIT, UsageError, writeOut} from '../terminal.ts';

/** Bad lines shown; the count says how many more there are. */
const REJECTED_SHOWN_MAX = 20;
/** Characters of a bad line shown; --json has all that the node sent. */
const TEXT_SHOWN_MAX = 120;
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

interface RejectedLine {
  readonly line: number;
  readonly code: string;
  readonly reason: string;
  readonly text: string;
}

/** How far the input is written. */
interface Progress {
  lines: number;
  bytes: number;
  rejected: number;
  readonly rejectedLines: RejectedLine[];
}

export function addWriteCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('write')
    .argument('[file]', 'line protocol, gzip if it ends in .gz; - or nothing for stdin')
    .description('write line protocol')
    .option('--db <name>', 'database (default public)')
    .option('--tenant <name>', 'tenant of the database')
    .option('--precision <unit>', 'of the times: ns, us, ms, s, m or h (default ns)')
    .option('--gzip', 'compress on the way')
    .option('--no-partial', 'refuse a whole body for one bad line')
    .option('--batch-lines <n>', 'lines sent at once (default 10000)')
    .option('--skip-lines <n>', 'leave out what an earlier run has written')
    .addHelpText(
      'after',
      examples([
        'write points.lp --db metrics',
        'write points.lp.gz --precision s',
        "write <<< 'cpu,host=a usage=0.5'",
      ]),
    );
  context.client(command, Options, writeInput);
}

async function writeInput(session: Session, options: Options, file?: string): Promise<number> {
  const {terminal} = session;
  const input = await openInput(session, file);
  const bar = new ProgressBar(terminal.stderr);
  const aborter = new AbortController();
  const stopListening = terminal.onInterrupt(() => aborter.abort());
  const progress: Progress = {lines: 0, bytes: 0, rejected: 0, rejectedLines: []};
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
    progress.rejected += details.rejected;
    for (const rejected of details.lines) {
      const line = rejected.line + batch.firstLine - 1;
      if (progress.rejectedLines.length < 100) progress.rejectedLines.push({...rejected, line});
    }
    if (!partial) throw error;
  }
}

async function finish(session: Session, progress: Progress, skipped: number): Promise<number> {
  const {lines, bytes, rejected, rejectedLines} = progress;
  const sent = Math.max(0, lines - skipped);
  await session.print({lines: sent, bytes, rejected, rejectedLines}, () => {
    const tail = rejected === 0 ? '' : `, ${rejected} rejected`;
    return `${renderRejected(progress)}sent ${sent} ${sent === 1 ? 'line' : 'lines'} (${formatBytes(bytes)})${tail}\n`;
  });
  return rejected === 0 ? EXIT.ok : EXIT.linesRejected;
}

function renderRejected({rejected, rejectedLines}: Progress): string {
  const shown = rejectedLines.slice(0, REJECTED_SHOWN_MAX);
  const bad = shown
    .map(({line, reason, text}) => `line ${line}: ${reason}: ${printable(text)}\n`)
    .join('');
  return rejected > shown.length ? `${bad}and ${rejected - shown.length} more\n` : bad;
}

/** Enough of a bad line to know it by, and nothing that a terminal would obey. */
function printable(text: string): string {
  const shown = text.length > TEXT_SHOWN_MAX ? `${text.slice(0, TEXT_SHOWN_MAX)} ...` : text;
  return shown.replaceAll(/[\p{Cc}\p{Cf}]/gu, '\u{fffd}');
}

async function sayWhereToGoOn(session: Session, progress: Progress): Promise<void> {
  const {stderr} = session.terminal;
  await writeOut(stderr, renderRejected(progress));
  if (progress.lines === 0) return;
  await writeOut(
    stderr,
    `the first ${progress.lines} lines are written; go on with --skip-lines ${progress.lines}\n`,
  );
}

interface Input {
  readonly stream: Readable;
  /** How much has been read, where the end is known. */
  fraction(): number | undefined;
}

async function openInput(session: Session, file: string | undefined): Promise<Input> {
  const {stdin} = session.terminal;
  if (file === undefined || file === '-') {
    if (stdin.isTTY === true && file === undefined) {
      throw new UsageError('name a file, or give line protocol on stdin');
    }
    return {stream: stdin, fraction: () => undefined};
  }
  const size = await sizeOf(file);
  const raw = createReadStream(file, {highWaterMark: 1 << 20});
  const fraction = () => (size === 0 ? 1 : raw.bytesRead / size);
  if (!file.endsWith('.gz')) return {stream: raw, fraction};
  const inflated = createGunzip();
  raw.on('error', (error) => inflated.destroy(error));
  return {stream: raw.pipe(inflated), fraction};
}

async function sizeOf(file: string): Promise<number> {
  try {
    const found = await stat(file);
    if (found.isDirectory()) throw new UsageError(`${file} is a directory: name a file`);
    return found.size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new UsageError(`no such file: ${file}`);
  }
}

async function* batchesOf(stream: Readable, limits: BatchLimits): AsyncGenerator<LineBatch> {
  const batcher = new LineBatcher(limits);
  for await (const piece of stream) {
    yield* batcher.push(typeof piece === 'string' ? Buffer.from(piece) : (piece as Uint8Array));
  }
  const last = batcher.end();
  if (last !== undefined) yield last;
}

/** The part of a batch behind the first `skipped` lines of the input. */
function withoutLines(batch: LineBatch, skipped: number): LineBatch | undefined {
  const surplus = skipped - (batch.firstLine - 1);
  if (surplus <= 0) return batch;
  if (surplus >= batch.lineCount) return undefined;
  let cursor = 0;
  for (let line = 0; line < surplus; line++) cursor = batch.bytes.indexOf(0x0a, cursor) + 1;
  return {
    bytes: batch.bytes.subarray(cursor),
    firstLine: batch.firstLine + surplus,
    lineCount: batch.lineCount - surplus,
  };
}
