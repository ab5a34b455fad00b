// `check`: the files of a node that does not run, each against its checksums, and what is wrong with them.

import type {DirectoryCheck} from '@flotilla/server/offline';
import type {Command} from 'commander';
import {z} from 'zod';
import {isColoured} from '../colour.ts';
import {counted} from '../counted.ts';
import {formatBytes, ProgressBar} from '../progress-bar.ts';
import {type CommandContext, examples} from '../session.ts';
import {renderRecords} from '../table.ts';
import {EXIT, type Terminal, UsageError, widthOf, writeOut} from '../terminal.ts';

/** For people; --json lists a thousand. */
const DAMAGES_SHOWN = 50;

const KIND_COLUMNS = ['kind', 'files', 'size', 'verified'];

export function addCheckCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('check')
    .argument('<directory>', 'data directory of a stopped node, on this machine')
    .option('--json', 'print JSON')
    .description(
      'verify every file of a stopped node: that checksums match and everything decodes. Changes nothing. Exit code 0 (no damage), 1 (damaged) or 2 (could not be read, or the node is running)',
    )
    .addHelpText('after', examples(['check data', 'check /var/lib/flotilla --json']));
  const schema = z.object({json: z.boolean().default(false)});
  context.plain(command, schema, async (terminal, {json}, directory = '') => {
    if (directory === '') throw new UsageError('<directory>: the name is empty');
    try {
      const found = await look(terminal, directory);
      await writeOut(
        terminal.stdout,
        json ? `${JSON.stringify(found, null, 2)}\n` : describe(found, terminal),
      );
      return {whole: EXIT.ok, damaged: EXIT.failed, unreadable: EXIT.unreadable}[found.verdict];
    } catch (error) {
      await context.report(error, json);
      return EXIT.unreadable;
    }
  });
}

async function look({stderr}: Terminal, directory: string): Promise<DirectoryCheck> {
  // Only here: no other command that asks a cluster needs the whole server.
  const {checkDirectory} = await import('@flotilla/server/offline');
  const bar = new ProgressBar(stderr);
  try {
    return await checkDirectory({
      directory,
      onProgress: ({bytes, bytesTotal, file}) => {
        const done = `${formatBytes(bytes)} of ${formatBytes(bytesTotal)}`;
        bar.update(bytesTotal === 0 ? 1 : bytes / bytesTotal, `${done}  ${file}`);
      },
    });
  } finally {
    bar.clear();
  }
}

function describe(found: DirectoryCheck, terminal: Terminal): string {
  const {directory, node, cluster, kinds, counts, notes} = found;
  const {stdout} = terminal;
  const style = {width: widthOf(stdout), isColoured: isColoured(terminal)};
  const who = node === undefined ? 'a node of no cluster' : `node ${node} of cluster ${cluster}`;
  const table = renderRecords(
    kinds.map(({kind, files, bytes, isVerified}) => {
      return {kind, files, size: formatBytes(bytes), verified: isVerified};
    }),
    KIND_COLUMNS,
    style,
  );
  const {stores, replicas, segments, records, series, rows, trashRows, snapshots} = counts;
  const held = [
    `${counted(replicas, 'replica')} in ${counted(stores, 'store')}`,
    `${counted(records, 'record')} in ${counted(segments, 'log segment')}`,
    `${counted(rows, 'row')} of ${series} series in parts, ${trashRows} of them in the trash`,
    `${counted(snapshots, 'snapshot')} not taken over yet`,
  ];
  const noted = notes.map((note) => `note: ${note}\n`).join('');
  return `${directory}: ${who}\n${held.join('; ')}\n\n${table}\n${noted}${describeVerdict(found)}`;
}

function describeVerdict(found: DirectoryCheck): string {
  const {verdict, files, bytes, damageCount, damages, unreadable} = found;
  const all = `${counted(files, 'file')}, ${formatBytes(bytes)}`;
  const unread = unreadable.map(({file, message}) => `- ${file}: ${message}\n`).join('');
  const notRead = unread === '' ? '' : `could not be read:\n${unread}`;
  if (verdict === 'whole') return `whole: ${all}, every checksum holds\n`;
  if (damageCount === 0) return `${notRead}unreadable: of ${all} the disk did not give all\n`;
  const shown = damages.slice(0, DAMAGES_SHOWN).map(describeDamage).join('');
  const more = damageCount - Math.min(damages.length, DAMAGES_SHOWN);
  const rest = more > 0 ? `and ${more} more (--json has the first thousand)\n` : '';
  return `${shown}${rest}${notRead}damaged: ${counted(damageCount, 'place')} in ${all}\n`;
}

function describeDamage(damage: DirectoryCheck['damages'][number]): string {
  const {file, offset, store, set, replica, message, means, next} = damage;
  const at = offset === undefined ? '' : ` at ${offset}`;
  const replicaOf = set === undefined ? undefined : `replica ${replica} of set ${set}`;
  const of = replicaOf ?? (store === undefined ? undefined : `store ${store}`);
  const whose = of === undefined ? '' : ` (${of})`;
  return `- ${file}${at}${whose}: ${message}\n    ${means}\n    next: ${next}\n`;
}
