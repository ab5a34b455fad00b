// `import`: what an export wrote, a file of line protocol, CSV or Parquet, or stdin.

import path from 'node:path';
import type {Command} from 'commander';
import {z} from 'zod';
import {counted} from '../counted.ts';
import {formatBytes, ProgressBar} from '../progress-bar.ts';
import {type CommandContext, examples, type Session} from '../session.ts';
import {EXIT, UsageError, writeOut} from '../terminal.ts';
import {mustHaveDuckdb} from '../transfer/duckdb.ts';
import {type ColumnTypes, typesOf} from '../transfer/import-bodies.ts';
import {ImportMemory} from '../transfer/import-memory.ts';
import {Import, type ImportTerms} from '../transfer/import-run.ts';
import {findSources, type Sources} from '../transfer/import-sources.ts';
import {FORMATS} from '../transfer/manifest.ts';
import {
  createTableText,
  describeTable,
  FIELD_TYPES,
  type FieldType,
  listTables,
} from '../transfer/table-shape.ts';

/** Elections, full memtables and restarts pass within it. */
const PATIENCE_MS = 120_000;

const Options = z.object({
  db: z.string().default('public'),
  tenant: z.string().default('default'),
  format: z.enum(FORMATS).optional(),
  precision: z.enum(['ns', 'us', 'ms', 's']).default('ns'),
  table: z.string().optional(),
  types: z.string().optional(),
  tags: z.string().optional(),
  resume: z.string().optional(),
  dryRun: z.boolean().default(false),
});
type Options = z.infer<typeof Options>;

const MORE_HELP = `
A row is identified by its series and time, so importing it twice stores it once. With --resume, an import that
was interrupted continues where it stopped and sends nothing twice, not even rows without a time.

CSV from an export needs no further options. Other CSV needs a header with a column \`time\` (RFC 3339, or whole
numbers in --precision), --table, and --types for columns that the table does not have yet. An empty cell is null,
"" is an empty string. Parquet from an export needs no further options. Other Parquet needs a column \`time\` (a
timestamp, or whole numbers), --table, and --tags if the table does not exist yet. Field types are those of the
Parquet columns; lists, decimals and other types that no field can hold are refused by name.

Files that end in .gz or .zst are decompressed. For a stream or a few lines, use \`write\`.
`;

export function addImportCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('import')
    .argument('[source]', 'directory of an export, a file (.lp, .csv, .parquet), or - for stdin')
    .description('write an export, or files of line protocol, CSV or Parquet')
    .option('--db <name>', 'database, which must exist (default public)')
    .option('--tenant <name>', 'tenant of the database')
    .option(
      '--format <format>',
      'lp (line protocol), csv or parquet, if the file name does not say',
    )
    .option(
      '--precision <unit>',
      'unit of times that are whole numbers: ns, us, ms or s (default ns)',
    )
    .option('--table <name>', 'table, for CSV or Parquet that is not from an export')
    .option(
      '--types <list>',
      "column types, for CSV that is not from an export: 'host=tag,load=float,jobs=integer'",
    )
    .option(
      '--tags <list>',
      "columns that are tags, for Parquet that is not from an export: 'host,rack'",
    )
    .option('--resume <file>', 'record progress in this file, and continue from it')
    .option('--dry-run', 'verify the files and read their rows, but write nothing')
    .addHelpText(
      'after',
      examples([
        'import backup-1 --db metrics --resume backup-1.state',
        'import points.lp.gz --db metrics --precision s',
        "import cpu.csv --db metrics --table cpu --types 'host=tag,load=float'",
        'import cpu.parquet --db metrics --table cpu --tags host,rack',
        'import backup-1 --dry-run',
      ]),
    )
    .addHelpText('after', MORE_HELP);
  context.client(command, Options, run);
}

async function run(session: Session, options: Options, given?: string): Promise<number> {
  const {terminal, client} = session;
  const {db: database, tenant, dryRun: isDryRun} = options;
  if (given === undefined && terminal.stdin.isTTY === true)
    throw new UsageError('name a directory or a file, or give rows on stdin');
  const sources = await findSources(given, options.format);
  if (sources.list.some(({format}) => format === 'parquet')) await mustHaveDuckdb();
  const foreign = await foreignTerms(session, sources, options);
  const remembering = isDryRun ? undefined : options.resume;
  const name = given === undefined || given === '-' ? 'stdin' : path.basename(path.resolve(given));
  const memory = await ImportMemory.open(remembering, {given: name, tenant, database});
  const aborter = new AbortController();
  const stopListening = terminal.onInterrupt(() => aborter.abort());
  const bar = new ProgressBar(terminal.stderr);
  const write = {database, tenant, timeoutMs: session.timeoutMs ?? PATIENCE_MS};
  const {signal} = aborter;
  const known = (table: string) => knownTypes(session, table, options);
  const terms = {client, terminal, bar, signal, memory, write, isDryRun, ...foreign};
  const work = new Import({...terms, unit: options.precision, typesOf: known}, sources);
  try {
    if (!isDryRun) await makeTables(session, sources, options);
    await work.run();
  } catch (error) {
    bar.clear();
    // What is told is the failure that came first.
    if (!isDryRun) await Promise.allSettled([memory.save()]);
    await sayHowToGoOn(session, work, {options, given});
    if (signal.aborted) return EXIT.interrupted;
    throw error;
  } finally {
    stopListening();
  }
  bar.clear();
  return finish(session, work, isDryRun);
}

/** Tables without rows, and columns that no row of theirs has, are part of an export too. */
async function makeTables(
  {client}: Session,
  {manifest}: Sources,
  {db: database, tenant}: Options,
): Promise<void> {
  for (const {shape} of manifest?.tables ?? [])
    await client.query(createTableText(shape), {database, tenant});
}

/** What is told of a file that is of no export. */
async function foreignTerms(
  session: Session,
  {list, manifest}: Sources,
  options: Options,
): Promise<Pick<ImportTerms, 'csv' | 'parquet'>> {
  const {table, types, tags} = options;
  const format = manifest === undefined ? list[0]!.format : undefined;
  if (types !== undefined && format !== 'csv')
    throw new UsageError('--types is only for CSV that is not from an export');
  if (tags !== undefined && format !== 'parquet')
    throw new UsageError('--tags is only for Parquet that is not from an export');
  if (format === 'parquet') return {parquet: {table, tags: readTags(tags ?? '')}};
  if (format !== 'csv') {
    if (table === undefined) return {};
    throw new UsageError('--table is only for CSV and Parquet that are not from an export');
  }
  if (table === undefined)
    throw new UsageError('--table is missing: name the table to write the CSV to');
  const known = await knownTypes(session, table, options);
  return {csv: {table, types: new Map([...known, ...readTypes(types ?? '')])}};
}

/** Of a table that is there. */
async function knownTypes(
  {client}: Session,
  table: string,
  {db: database, tenant}: Options,
): Promise<ColumnTypes> {
  const tables = await listTables(client, {database, tenant});
  if (!tables.includes(table)) return new Map();
  return typesOf(await describeTable(client, table, {database, tenant}));
}

/** `host=tag,load=float`; the last equals sign counts. */
function readTypes(text: string): [string, 'tag' | FieldType][] {
  if (text === '') return [];
  return text.split(',').map((item) => {
    const [, name = '', type] = /^(.*)=([a-z]+)$/s.exec(item.trim()) ?? [];
    const found = [...FIELD_TYPES, 'tag' as const].find((each) => each === type);
    if (name !== '' && found !== undefined) return [name, found];
    const wanted = `a column, =, and tag or one of ${FIELD_TYPES.join(', ')}`;
    throw new UsageError(`--types: want ${wanted}; have ${item}`);
  });
}

function readTags(text: string): string[] {
  if (text === '') return [];
  return text.split(',').map((name) => name.trim());
}

async function finish(session: Session, work: Import, isDryRun: boolean): Promise<number> {
  const {counts, refused} = work;
  const {files, filesDone, rows, bytes} = counts;
  const answer = {...counts, refused: refused.count, refusedLines: refused.first};
  await session.print(isDryRun ? {dryRun: true, ...answer} : answer, () => {
    const done = filesDone === 0 ? '' : `, ${filesDone} of them written before`;
    const from = `from ${counted(files, 'file')}${done}`;
    const tail = refused.count === 0 ? '' : `, ${refused.count} refused`;
    const what = isDryRun ? 'dry run, nothing was written: read' : 'sent';
    return `${refused.render()}${what} ${counted(rows, work.unit)} (${formatBytes(bytes)}) ${from}${tail}\n`;
  });
  return refused.count === 0 ? EXIT.ok : EXIT.linesRejected;
}

async function sayHowToGoOn(
  session: Session,
  {counts, refused, unit}: Import,
  {options, given}: {readonly options: Options; readonly given: string | undefined},
): Promise<void> {
  const {stderr} = session.terminal;
  await writeOut(stderr, refused.render());
  if (options.dryRun || counts.rows === 0) return;
  const isRemembered = options.resume !== undefined && given !== undefined && given !== '-';
  const next = isRemembered
    ? 'the same command goes on from there'
    : 'the same command sends them again, which changes nothing of rows that have a time';
  await writeOut(stderr, `written by now: ${counted(counts.rows, unit)}; ${next}\n`);
}
