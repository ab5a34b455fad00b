// `backup <directory>`, and `backup list|verify|prune`, which look at the directory from here: a backup is worth
// most when there is no cluster to ask.

import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import type {Backup} from '@flotilla/client';
import type {Command} from 'commander';
import {z} from 'zod';
import {ByteCount} from '../byte-count.ts';
import {isColoured} from '../colour.ts';
import {Lookout, mayPass} from '../lookout.ts';
import {formatBytes, ProgressBar} from '../progress-bar.ts';
import {type CommandContext, examples, type Session} from '../session.ts';
import {renderRecords} from '../table.ts';
import {EXIT, type Terminal, UsageError, widthOf, writeOut} from '../terminal.ts';

/** The directory is written anew as often. */
const POLL_MS = 1_000;
/** For people; --json lists all. */
const FAULTS_SHOWN = 50;
const COLUMNS = ['id', 'state', 'of', 'started', 'sets', 'size', 'copied'];
const Json = z.object({json: z.boolean().default(false)});

export function addBackupCommands(program: Command, context: CommandContext): void {
  const group = program
    .command('backup')
    .argument('[directory]', 'a directory that all nodes see under this path')
    .enablePositionalOptions()
    .option('--tenant <name>', 'back up only this tenant')
    .option('--db <name>', 'back up only this database')
    .option('--rate <size>', 'bytes per second that each node reads, e.g. 50MB (default 128MiB)')
    .option('--no-wait', 'return as soon as the backup has begun')
    .description(
      'back up the cluster, a tenant or a database, copying only what the directory lacks; or manage backups',
    )
    .addHelpText(
      'after',
      examples([
        'backup /mnt/backups',
        'backup /mnt/backups --db metrics --rate 50MB',
        'backup list /mnt/backups',
        'backup verify /mnt/backups',
        'backup prune /mnt/backups --keep 7',
      ]),
    );
  const schema = z.object({
    tenant: z.string().optional(),
    db: z.string().optional(),
    rate: ByteCount.optional(),
    wait: z.boolean().default(true),
  });
  context.client(group, schema, async (session, {tenant, db, rate, wait}, directory) => {
    const wanted = {directory: mustPath(directory), tenant, database: db, bytesPerSecond: rate};
    const backup = await session.client.admin.createBackup(wanted);
    if (wait) return watch(session, wanted.directory, backup);
    const how = session.commandLine(`backup list ${wanted.directory}`);
    await session.print(backup, () => `backup ${backup.id} has begun\n  see it: ${how}\n`);
    return EXIT.ok;
  });
  addList(group, context);
  addVerify(group, context);
  addPrune(group, context);
}

function mustPath(directory: string | undefined): string {
  if (directory === undefined || directory === '')
    throw new UsageError('<directory>: name the one that is to hold, or holds, the backups');
  return path.resolve(directory);
}

/** To its end. The backup is the cluster's: Ctrl-C only stops looking. */
async function watch(session: Session, directory: string, first: Backup): Promise<number> {
  const {terminal} = session;
  const aborter = new AbortController();
  const stopListening = terminal.onInterrupt(() => aborter.abort());
  const bar = new ProgressBar(terminal.stderr);
  const {signal} = aborter;
  const lookout = new Lookout(session, {signal, bar});
  try {
    let backup: Backup = first;
    while (backup.state === 'running') {
      bar.update(backup.sets === 0 ? 1 : backup.setsDone / backup.sets, progressLine(backup));
      await sleep(POLL_MS, undefined, {signal});
      const found = await lookout.ask(({admin}, how) => admin.backup(directory, first.id, how));
      backup = found ?? gone(backup);
    }
    bar.clear();
    await session.print(backup, () => `${lastLine(backup)}\n`);
    return backup.state === 'done' ? EXIT.ok : EXIT.failed;
  } catch (error) {
    bar.clear();
    const isLeft = signal.aborted;
    if (!isLeft && !mayPass(error)) throw error;
    const how = session.commandLine(`backup list ${directory}`);
    await writeOut(terminal.stderr, `backup ${first.id} goes on; see it with: ${how}\n`);
    if (!isLeft) throw error;
    return EXIT.interrupted;
  } finally {
    lookout.close();
    stopListening();
  }
}

function gone(backup: Backup): Backup {
  return {...backup, state: 'stopped', error: 'it was removed from the directory'};
}

function progressLine({sets, setsDone, bytes, copiedBytes}: Backup): string {
  const copied = `${formatBytes(copiedBytes)} copied`;
  return `${setsDone} of ${sets} replica sets, ${formatBytes(bytes)}, ${copied}`;
}

function lastLine(backup: Backup): string {
  const {id, state, sets, bytes, copiedBytes, error} = backup;
  const held = `${sets} replica sets, ${formatBytes(bytes)}, ${formatBytes(copiedBytes)} of it copied`;
  if (state === 'done') return `backup ${id} is complete: ${held}`;
  const why = error ?? 'the node that coordinated it says nothing any more';
  return `backup ${id} ${state}: ${why}\n  what it has stored is used by the next one`;
}

function addList(group: Command, context: CommandContext): void {
  const list = group
    .command('list')
    .argument('<directory>', 'of backups, on this machine')
    .option('--json', 'print JSON')
    .description('list the backups in a directory')
    .addHelpText(
      'after',
      examples(['backup list /mnt/backups', 'backup list /mnt/backups --json']),
    );
  context.plain(list, Json, (terminal, {json}, directory) =>
    local(context, {json}, async () => {
      const {listBackupsIn} = await import('@flotilla/server/offline');
      const backups = await listBackupsIn(mustPath(directory));
      await print(terminal, json, backups, () =>
        backups.length === 0
          ? 'no backups\n'
          : renderRecords(backups.map(recordOf), COLUMNS, styleOf(terminal)),
      );
      return EXIT.ok;
    }),
  );
}

interface Listed {
  readonly id: string;
  readonly state: string;
  readonly scope: {readonly tenant?: string | undefined; readonly database?: string | undefined};
  readonly startedAt?: string | undefined;
  readonly sets: number;
  readonly setsDone: number;
  readonly bytes: number;
  readonly copiedBytes: number;
}

function recordOf(backup: Listed): Readonly<Record<string, unknown>> {
  const {id, state, scope, startedAt, sets, setsDone, bytes, copiedBytes} = backup;
  const {tenant, database} = scope;
  const of = database === undefined ? (tenant ?? 'all') : `${tenant}/${database}`;
  return {
    ...{id, state, of},
    started: startedAt ?? '-',
    sets: state === 'done' ? sets : `${setsDone} of ${sets}`,
    size: formatBytes(bytes),
    copied: formatBytes(copiedBytes),
  };
}

function addVerify(group: Command, context: CommandContext): void {
  const verify = group
    .command('verify')
    .argument('<directory>', 'of backups, on this machine')
    .option('--backup <id>', 'verify only this one (default: all)')
    .option('--json', 'print JSON')
    .description(
      'read all files of the complete backups and verify that checksums match and everything decodes. Exit code 0 (no damage), 1 (damaged) or 2 (could not be read)',
    )
    .addHelpText('after', examples(['backup verify /mnt/backups']));
  const schema = Json.extend({backup: z.string().optional()});
  context.plain(verify, schema, (terminal, {json, backup: id}, directory) =>
    local(context, {json}, async () => {
      const {verifyBackupsIn} = await import('@flotilla/server/offline');
      const bar = new ProgressBar(terminal.stderr);
      const onProgress = (told: {readonly bytes: number; readonly bytesTotal: number}): void =>
        bar.update(
          told.bytesTotal === 0 ? 1 : told.bytes / told.bytesTotal,
          `${formatBytes(told.bytes)} of ${formatBytes(told.bytesTotal)}`,
        );
      const found = await verifyBackupsIn(mustPath(directory), {id, onProgress}).finally(() =>
        bar.clear(),
      );
      await print(terminal, json, found, () => describeCheck(found));
      return found.faults.length === 0 ? EXIT.ok : EXIT.failed;
    }),
  );
}

function describeCheck(found: {
  readonly backups: number;
  readonly files: number;
  readonly bytes: number;
  readonly faults: readonly {
    readonly backup: string;
    readonly file: string;
    readonly message: string;
  }[];
}): string {
  const {backups, files, bytes, faults} = found;
  const all = `${files} files of ${backups} backups, ${formatBytes(bytes)}`;
  if (faults.length === 0) return `whole: ${all}, every checksum holds\n`;
  const shown = faults.slice(0, FAULTS_SHOWN);
  const more = faults.length - shown.length;
  return [
    ...shown.map(({backup, file, message}) => `- ${file} (backup ${backup}): ${message}\n`),
    more > 0 ? `and ${more} more (--json has all)\n` : '',
    `damaged: ${faults.length} in ${all}\n`,
  ].join('');
}

function addPrune(group: Command, context: CommandContext): void {
  const prune = group
    .command('prune')
    .argument('<directory>', 'of backups, on this machine')
    .requiredOption(
      '--keep <n>',
      'how many of the newest complete backups to keep: of the cluster, and of each tenant and database backed up by itself',
    )
    .option('--dry-run', 'list what would be removed, without removing it')
    .option('--json', 'print JSON')
    .description(
      'remove all but the newest complete backups of each scope, and every file the kept ones do not need; refused while a backup is running',
    )
    .addHelpText(
      'after',
      examples([
        'backup prune /mnt/backups --keep 7 --dry-run',
        'backup prune /mnt/backups --keep 7',
      ]),
    );
  const schema = Json.extend({
    keep: z.coerce.number().int().min(1),
    dryRun: z.boolean().default(false),
  });
  context.plain(prune, schema, (terminal, {json, keep, dryRun: isDryRun}, directory) =>
    local(context, {json, failed: EXIT.failed}, async () => {
      const {pruneBackupsIn} = await import('@flotilla/server/offline');
      const pruned = await pruneBackupsIn(mustPath(directory), {keep, isDryRun});
      const value = isDryRun ? {dryRun: true, ...pruned} : pruned;
      await print(terminal, json, value, () => describePrune(pruned, isDryRun));
      return EXIT.ok;
    }),
  );
}

interface Prune {
  readonly kept: readonly string[];
  readonly removed: readonly string[];
  readonly files: number;
  readonly bytes: number;
}

function describePrune({kept, removed, files, bytes}: Prune, isDryRun: boolean): string {
  const gone = `${removed.length} and ${files} files (${formatBytes(bytes)})`;
  if (!isDryRun) return `kept ${kept.length} backups, removed ${gone}\n`;
  return [
    ...removed.map((id) => `would remove backup ${id}\n`),
    `dry run, nothing was done: would keep ${kept.length} backups, remove ${gone}\n`,
  ].join('');
}

/** What the directory or its disk refuses is told as every failure is. */
async function local(
  context: CommandContext,
  {json, failed = EXIT.unreadable}: {readonly json: boolean; readonly failed?: number},
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UsageError) throw error;
    await context.report(error, json);
    return failed;
  }
}

function styleOf(terminal: Terminal) {
  return {width: widthOf(terminal.stdout), isColoured: isColoured(terminal)};
}

async function print(
  terminal: Terminal,
  json: boolean,
  value: unknown,
  text: () => string,
): Promise<void> {
  await writeOut(terminal.stdout, json ? `${JSON.stringify(value, null, 2)}\n` : text());
}
