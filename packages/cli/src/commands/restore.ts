// `restore`: reads a backup from a directory on this machine and writes its rows into a cluster as any client
// would: whatever its nodes and shards are. If it stops half-way it says from which replica set to go on; what is
// written twice is there once.

import path from 'node:path';
import type {Restoration, RestoredDatabase} from '@flotilla/server/offline';
import type {Command} from 'commander';
import {z} from 'zod';
import {formatBytes, ProgressBar} from '../progress-bar.ts';
import {type CommandContext, examples, type Session} from '../session.ts';
import {EXIT, UsageError, writeOut} from '../terminal.ts';
import {RefusedRows, writeRows} from '../transfer/refused-rows.ts';
import {type RestoreProgress, restoreSets} from '../transfer/restore-sets.ts';

/** Of the times of a database, the finest first. */
const UNITS: readonly unknown[] = ['ns', 'us', 'ms'] satisfies RestoredDatabase['precision'][];

const Options = z.object({
  backup: z.string().optional(),
  tenant: z.string().optional(),
  db: z.string().optional(),
  as: z.string().min(1).optional(),
  merge: z.boolean().default(false),
  /** Absent: it is not one that goes on. */
  skipSets: z.coerce.number().int().min(0).optional(),
});
type Options = z.infer<typeof Options>;

export function addRestoreCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('restore')
    .argument('<directory>', 'directory of backups, on this machine')
    .option('--backup <id>', 'which backup (default: the newest complete one)')
    .option('--tenant <name>', 'restore only this tenant')
    .option('--db <name>', 'restore only the database of this name')
    .option('--as <name>', 'with --db: restore it under another name, beside the existing one')
    .option(
      '--merge',
      'write into a database that already holds tables; restored rows replace its own',
    )
    .option(
      '--skip-sets <n>',
      'sets to skip when continuing a restore that stopped; that one printed the number',
    )
    .description('write a backup into a cluster, whatever its number of nodes and shards')
    .addHelpText(
      'after',
      examples([
        'restore /mnt/backups',
        'restore /mnt/backups --db metrics --as metrics_monday',
        'restore /mnt/backups --backup 2026-11-22T14-07-08-123Z-1 --skip-sets 12',
      ]),
    );
  context.change(command, Options, async (session, options, directory = '') => {
    if (directory === '') throw new UsageError('<directory>: the name is empty');
    if (options.as !== undefined && options.db === undefined)
      throw new UsageError('--as: say by --db which database is to have that name');
    // The newest one may have come since, whose sets are others.
    if (options.skipSets !== undefined && options.backup === undefined)
      throw new UsageError('--skip-sets: say by --backup which one the earlier run restored');
    // Only here: no other command that asks a cluster needs the storage engine.
    const server = await import('@flotilla/server/offline');
    const {backup: id, tenant, db: database} = options;
    const restoration = await server.Restoration.open(path.resolve(directory), {
      ...{id, database},
      tenant: tenant ?? (database === undefined ? undefined : 'default'),
    });
    if (session.isDryRun) return tellPlan(session, restoration, options);
    await makeDatabases(session, restoration, options);
    const code = await restoreRows(session, restoration, options);
    // A bound of its own is that of rows which are there already.
    if (!options.merge && code !== EXIT.interrupted)
      await boundSeries(session, restoration, options);
    return code;
  });
}

async function tellPlan(
  session: Session,
  {id, databases, sets}: Restoration,
  options: Options,
): Promise<number> {
  const names = databases.map((one) => `${one.tenant}/${nameIn(one, options)}`);
  const bytes = sets.reduce((sum, each) => sum + each.bytes, 0);
  const plan = {dryRun: true, backup: id, databases: names, sets: sets.length, bytes};
  await session.print(
    plan,
    () =>
      `would restore ${names.join(', ')} from backup ${id}: ${sets.length} replica sets, ${formatBytes(bytes)}\n`,
  );
  return EXIT.ok;
}

function nameIn({name}: RestoredDatabase, {as}: Options): string {
  return as ?? name;
}

async function makeDatabases(
  {client}: Session,
  {id, databases}: Restoration,
  options: Options,
): Promise<void> {
  for (const database of databases) {
    const {tenant, tenantComment: comment} = database;
    const name = nameIn(database, options);
    if (tenant !== 'default')
      await client.admin.createTenant({name: tenant, comment, ifNotExists: true});
    const definition = {name, ifNotExists: true, ...database.options};
    const {tables, precision} = await client.admin.createDatabase(definition, {tenant});
    const isCoarser = UNITS.indexOf(precision) > UNITS.indexOf(database.precision);
    // It was there before, and times would be cut: rows of one series would become one.
    if (isCoarser)
      throw new UsageError(
        `database ${name} of tenant ${tenant} keeps times in ${precision}, the backup has them in ${database.precision}: restore it beside that one with --db and --as`,
      );
    const isExpected = options.merge || options.skipSets !== undefined;
    if (tables !== 0 && !isExpected)
      throw new UsageError(
        `database ${name} of tenant ${tenant} holds tables: give a new name with --db and --as, --backup ${id} --skip-sets 0 to continue a restore of it that was killed, or --merge to write into it`,
      );
    // Rows would make them too, with their columns in whatever order these come.
    for (const statement of database.tables)
      await client.query(statement, {database: name, tenant});
  }
}

async function boundSeries(
  {client}: Session,
  {databases}: Restoration,
  options: Options,
): Promise<void> {
  for (const database of databases) {
    const {tenant, maxSeries} = database;
    if (maxSeries === undefined) continue;
    await client.admin.alterDatabase(nameIn(database, options), {maxSeries}, {tenant});
  }
}

async function restoreRows(
  session: Session,
  restoration: Restoration,
  options: Options,
): Promise<number> {
  const {terminal} = session;
  const bar = new ProgressBar(terminal.stderr);
  const aborter = new AbortController();
  const {signal} = aborter;
  const stopListening = terminal.onInterrupt(() => aborter.abort());
  const {sets} = restoration;
  const bytesTotal = sets.reduce((sum, {bytes}) => sum + bytes, 0);
  const progress: RestoreProgress = {sets: 0, rows: 0, bytes: 0};
  const refused = new RefusedRows();
  const show = (): void => {
    const label = `${progress.sets} of ${sets.length} replica sets, ${progress.rows} rows`;
    bar.update(bytesTotal === 0 ? 1 : progress.bytes / bytesTotal, label);
  };
  try {
    await restoreSets(restoration, {
      skipSets: options.skipSets ?? 0,
      write: (at, body) => {
        const {database} = sets[at]!;
        const into = {database: nameIn(database, options), tenant: database.tenant, signal};
        return writeRows(() => session.client.writeColumns(body, into), refused);
      },
      progress,
      show,
      signal,
    });
  } catch (error) {
    bar.clear();
    await sayWhereToGoOn(session, restoration, progress, options);
    if (signal.aborted) return EXIT.interrupted;
    throw error;
  } finally {
    stopListening();
  }
  bar.clear();
  return finish(session, restoration, progress, refused);
}

async function finish(
  session: Session,
  {id}: Restoration,
  {sets, rows, bytes}: RestoreProgress,
  {expired, others: rejected, reasons}: RefusedRows,
): Promise<number> {
  await session.print({backup: id, sets, rows, bytes, expired, rejected, reasons}, () =>
    [
      ...reasons.map((reason) => `refused: ${reason}\n`),
      `restored backup ${id}: ${rows} rows of ${sets} replica sets (${formatBytes(bytes)})`,
      expired > 0 ? `, ${expired} of them expired` : '',
      rejected > 0 ? `, ${rejected} refused` : '',
      '\n',
    ].join(''),
  );
  return rejected === 0 ? EXIT.ok : EXIT.linesRejected;
}

async function sayWhereToGoOn(
  {terminal}: Session,
  {id}: Restoration,
  {sets}: RestoreProgress,
  {merge}: Options,
): Promise<void> {
  const how = `--backup ${id}${merge ? ' --merge' : ''} --skip-sets ${sets}`;
  await writeOut(
    terminal.stderr,
    `${sets} replica sets are restored; go on by the same command with ${how}\n`,
  );
}
