// `recover meta`: on stopped nodes, the catalog that is left becomes that of a meta group of one.

import type {MetaRecovery, MetaRecoveryOptions} from '@flotilla/server';
import type {Command} from 'commander';
import {z} from 'zod';
import {type CommandContext, examples} from '../session.ts';
import {renderRecords} from '../table.ts';
import {EXIT, type Terminal, UsageError, widthOf, writeOut} from '../terminal.ts';

const COLUMNS = ['node', 'source', 'lastTerm', 'lastIndex', 'directory'];

const Options = z.object({
  data: z.array(z.string()).default([]),
  surviving: z
    .string()
    .regex(/^[1-9]\d*(,[1-9]\d*)*$/, 'want the ids of nodes, with commas between them')
    .optional(),
  yes: z.boolean().default(false),
  dryRun: z.boolean().default(false),
  json: z.boolean().default(false),
});

export function addRecoverMeta(group: Command, context: CommandContext): void {
  const command = group
    .command('meta')
    .requiredOption(
      '--data <directory>',
      'of a stopped node; once for each that is left',
      (directory: string, before: string[] = []) => [...before, directory],
    )
    .option('--surviving <n,n>', 'nodes that live, though their directories are not here')
    .option('--dry-run', 'say which copy would be taken, and do nothing')
    .option('--yes', 'the other members of the meta group are lost for ever')
    .option('--json', 'print JSON')
    .description(
      'on stopped nodes: make a meta group of one from the most advanced copy of the catalog',
    )
    .addHelpText(
      'after',
      examples(['recover meta --data data3 --dry-run', 'recover meta --data data3 --yes']),
    );
  context.plain(command, Options, (terminal, options) => run(terminal, options));
}

async function run(terminal: Terminal, options: z.infer<typeof Options>): Promise<number> {
  const {data: directories, yes, dryRun, json} = options;
  if (!yes && !dryRun) {
    throw new UsageError(
      'members of the meta group that are neither here nor named by --surviving would be declared lost, and what only they know of the catalog with them; look with --dry-run, and say --yes if that is meant',
    );
  }
  const surviving = (options.surviving ?? '').split(',').filter(Boolean).map(Number);
  const log = logTo(terminal);
  // Only here: no other command that asks a cluster needs the whole server.
  const {recoverMeta} = await import('@flotilla/server');
  const recovery = await recoverMeta({directories, surviving, isDryRun: dryRun, log});
  const text = json ? `${JSON.stringify(recovery)}\n` : describe(recovery, terminal);
  await writeOut(terminal.stdout, text);
  return EXIT.ok;
}

function describe({copies, chosen, lost, isDone}: MetaRecovery, {stdout}: Terminal): string {
  const table = renderRecords(
    copies.map((copy) => ({...copy})),
    COLUMNS,
    {width: widthOf(stdout)},
  );
  const gone = lost.length === 0 ? 'no member is lost' : `lost: node ${lost.join(', ')}`;
  const facts = `the catalog of node ${chosen.node} at index ${chosen.lastIndex}; ${gone}; what was changed behind that index is gone`;
  if (!isDone) return `${table}\ndry run, nothing was done: would go on with ${facts}\n`;
  const next = `start the nodes that are left, then ./flotilla recover plan`;
  return `${table}\ngoes on with ${facts}\n${next}\n`;
}

/** What the directories have to say goes beside the answer. */
function logTo({stderr}: Terminal): MetaRecoveryOptions['log'] {
  const tell = (_fields: object, message: string): void => {
    stderr.write(`flotilla: ${message}\n`);
  };
  return {info: () => {}, warn: tell, error: tell};
}
