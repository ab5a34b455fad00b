// `export`: tables into files of a directory, or one table to stdout.

import type {Command} from 'commander';
import {z} from 'zod';
import {counted} from '../counted.ts';
import {formatBytes, ProgressBar} from '../progress-bar.ts';
import {type CommandContext, examples, type Session} from '../session.ts';
import {EXIT, UsageError, writeOut} from '../terminal.ts';
import {mustHaveDuckdb} from '../transfer/duckdb.ts';
import {
  DirectoryExport,
  type ExportCounts,
  type ExportTerms,
  exportTable,
  mustBeEmpty,
  NOTHING_LEFT_OUT,
  planTables,
  sumOf,
} from '../transfer/export-run.ts';
import {
  COMPRESSIONS,
  FORMATS,
  MANIFEST,
  type Manifest,
  newManifest,
  readManifest,
} from '../transfer/manifest.ts';
import {listTables} from '../transfer/table-shape.ts';

const Options = z.object({
  db: z.string().optional(),
  tenant: z.string().optional(),
  table: z.array(z.string()).optional(),
  format: z.enum(FORMATS).optional(),
  compress: z.enum(COMPRESSIONS).optional(),
  resume: z.boolean().default(false),
});
type Options = z.infer<typeof Options>;

const MORE_HELP = `
A file holds every row that was acknowledged before the file was begun. Values are exact: integers, unsigned
integers, floats to the bit, strings, null fields, times to the nanosecond. manifest.json lists the columns, and
the rows and SHA-256 of each file; \`import\` reads the directory. To copy a few rows or part of a table, use
\`sql --format csv\`. Parquet files keep the column types, hold times as timestamps in nanoseconds (UTC), and say
which columns are tags. DuckDB writes them and must be installed (docs/moving-data.md).
`;

export function addExportCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('export')
    .argument('<directory>', 'a new directory; - for stdout, which takes one table')
    .description('write tables into files, as line protocol, CSV or Parquet')
    .option('--db <name>', 'database (default public)')
    .option('--tenant <name>', 'tenant of the database')
    .option('--table <name>', 'export only this table; can be repeated (default: all)', collect)
    .option('--format <format>', 'lp (line protocol), csv or parquet (default lp)')
    .option(
      '--compress <how>',
      'none, gzip or zstd (default: gzip; zstd for Parquet; none for stdout)',
    )
    .option(
      '--resume',
      'continue an export that was interrupted; complete files are not fetched again',
    )
    .addHelpText(
      'after',
      examples([
        'export backup-1 --db metrics',
        'export backup-1 --db metrics --resume',
        'export cpu-only --db metrics --table cpu --format csv --compress zstd',
        'export lake-1 --db metrics --format parquet',
        'export - --db metrics --table cpu | head',
      ]),
    )
    .addHelpText('after', MORE_HELP);
  context.client(command, Options, run);
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

async function run(session: Session, options: Options, directory = ''): Promise<number> {
  if (directory === '') throw new UsageError('<directory>: the name is empty');
  const {terminal, client} = session;
  const aborter = new AbortController();
  const stopListening = terminal.onInterrupt(() => aborter.abort());
  const {db: database, tenant} = options;
  const {signal} = aborter;
  const bar = new ProgressBar(terminal.stderr);
  const terms = {client, query: {database, tenant, signal}, bar, signal};
  try {
    if (directory === '-') return await exportToStdout(session, terms, options);
    return await exportToDirectory(session, terms, {directory, options});
  } catch (error) {
    bar.clear();
    const isBegun = directory !== '-' && !(error instanceof UsageError);
    if (isBegun) await sayHowToGoOn(session, directory);
    if (signal.aborted) return EXIT.interrupted;
    throw error;
  } finally {
    stopListening();
  }
}

async function exportToStdout(
  session: Session,
  terms: ExportTerms,
  {table, format = 'lp', compress = 'none', resume}: Options,
): Promise<number> {
  const [name, second] = table ?? [];
  if (name === undefined || second !== undefined)
    throw new UsageError('stdout takes one table: name it with --table');
  if (format === 'parquet')
    throw new UsageError(
      'stdout takes no Parquet, which is written from its end: name a directory',
    );
  if (compress !== 'none' || resume)
    throw new UsageError('--compress and --resume are for a directory; pipe stdout through gzip');
  const {stdout, stderr} = session.terminal;
  const output = {write: (text: string) => writeOut(stdout, text)};
  const done = await exportTable(terms, {table: name, format, output});
  terms.bar.clear();
  const leftOut = done.map((each) => each.leftOut).reduce(sumOf, NOTHING_LEFT_OUT);
  const firstFault = done.find((each) => each.firstFault !== undefined)?.firstFault;
  // The rows have stdout to themselves.
  await writeOut(stderr, describeLeftOut({leftOut, firstFault}));
  return exitCodeOf({leftOut});
}

async function exportToDirectory(
  session: Session,
  terms: ExportTerms,
  {directory, options}: {readonly directory: string; readonly options: Options},
): Promise<number> {
  const manifest = await manifestFor(directory, options);
  if (manifest.format === 'parquet') await mustHaveDuckdb();
  // Until all of it is there again.
  manifest.endedAt = undefined;
  const {database, tenant, only} = manifest;
  const scoped = {...terms, query: {...terms.query, database, tenant}};
  const names = options.table ?? only ?? (await listTables(scoped.client, scoped.query));
  await planTables(scoped, {directory, manifest, names});
  const counts = await new DirectoryExport(scoped, directory, manifest).run();
  terms.bar.clear();
  const {tables} = manifest;
  const {leftOut, firstFault, ...done} = counts;
  await session.print({directory, tables: tables.length, ...done, leftOut, firstFault}, () => {
    const kept = counts.filesKept === 0 ? '' : `, ${counts.filesKept} of them kept`;
    const files = `${counted(counts.files, 'file')} (${formatBytes(counts.bytes)}${kept})`;
    const rows = `${counted(counts.rows, 'row')} of ${counted(tables.length, 'table')}`;
    return `${describeLeftOut(counts)}exported ${rows} into ${files} in ${directory}\n`;
  });
  return exitCodeOf(counts);
}

async function manifestFor(directory: string, options: Options): Promise<Manifest> {
  const {db, tenant, format, compress, resume} = options;
  const found = resume ? await readManifest(directory) : undefined;
  if (found === undefined) {
    if (!resume) await mustBeEmpty(directory);
    else throw new UsageError(`--resume: ${directory} has no ${MANIFEST}`);
    const scope = {tenant: tenant ?? 'default', database: db ?? 'public'};
    const byDefault = format === 'parquet' ? 'zstd' : 'gzip';
    const forms = {format: format ?? 'lp', compression: compress ?? byDefault} as const;
    return newManifest({...scope, ...forms, only: options.table});
  }
  const differing = Object.entries({
    db: [db, found.database],
    tenant: [tenant, found.tenant],
    format: [format, found.format],
    compress: [compress, found.compression],
  }).find(([, [asked, had]]) => asked !== undefined && asked !== had);
  if (differing === undefined) return found;
  const [option, [, had]] = differing;
  throw new UsageError(`--${option}: the export in ${directory} was begun with ${had}`);
}

/** The manifest says of which database, and in which form. */
async function sayHowToGoOn(session: Session, directory: string): Promise<void> {
  const [found] = await Promise.allSettled([readManifest(directory)]);
  if (found.status === 'rejected' || found.value === undefined) return;
  const again = session.commandLine(`export ${directory} --resume`);
  await writeOut(session.terminal.stderr, `what is whole stays; go on with ${again}\n`);
}

function describeLeftOut({
  leftOut,
  firstFault,
}: Pick<ExportCounts, 'leftOut' | 'firstFault'>): string {
  const {rows, values, rowsWithoutFields} = leftOut;
  const why = firstFault === undefined ? '' : ` (the first: ${firstFault})`;
  const dropped = `left out, since all of their fields were dropped: ${counted(rowsWithoutFields, 'row')}\n`;
  const none = rowsWithoutFields === 0 ? '' : dropped;
  if (rows + values === 0) return none;
  const what = `${counted(rows, 'row')}, ${counted(values, 'value')}`;
  return `${none}left out, since line protocol has no form for them: ${what}${why}\n`;
}

function exitCodeOf({leftOut}: Pick<ExportCounts, 'leftOut'>): number {
  return leftOut.rows + leftOut.values === 0 ? EXIT.ok : EXIT.linesRejected;
}
