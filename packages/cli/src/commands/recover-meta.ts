// `recover meta`: on stopped nodes, the catalog that is left becomes that of a meta group of one.
// `recover report`: what the stores of one of them tell, where the directories are on several machines.

import fs from 'node:fs';
import type {MetaRecovery, MetaRecoveryOptions} from '@flotilla/server/offline';
import type {Command} from 'commander';
import {z} from 'zod';
import {type CommandContext, examples} from '../session.ts';
import {renderRecords} from '../table.ts';
import {EXIT, type Terminal, UsageError, widthOf, writeOut} from '../terminal.ts';

const COLUMNS = ['node', 'source', 'lastTerm', 'lastIndex', 'directory'];

/** Of what is newer, each; a cluster may have ten thousand sets. */
const LINES_MAX = 30;

const Options = z.object({
  data: z.array(z.string()).default([]),
  report: z.array(z.string()).default([]),
  surviving: z
    .string()
    .regex(/^[1-9]\d*(,[1-9]\d*)*$/, 'want the ids of nodes, with commas between them')
    .optional(),
  catalog: z.string().optional(),
  yes: z.boolean().default(false),
  dryRun: z.boolean().default(false),
  json: z.boolean().default(false),
});

const several = (value: string, before: string[] = []): string[] => [...before, value];

export function addRecoverMeta(group: Command, context: CommandContext): void {
  const command = group
    .command('meta')
    .requiredOption(
      '--data <directory>',
      'data directory of a stopped node; repeat it for each node that is left and can be reached from here',
      several,
    )
    .option(
      '--report <file>',
      'report made by `recover report` on another machine; repeat it for each',
      several,
    )
    .option('--surviving <n,n>', 'nodes that survive but have neither --data nor --report here')
    .option('--catalog <file>', 'an exported catalog, used if nothing newer is left')
    .option('--dry-run', 'show which copy would be used and what it lacks, without doing anything')
    .option('--yes', 'confirm: the other members of the meta group are lost for good')
    .option('--json', 'print JSON')
    .description(
      'on stopped nodes: rebuild the meta group, with one member, from the newest copy of the catalog that is left, updated by what the stores of the nodes hold',
    )
    .addHelpText(
      'after',
      examples([
        'recover meta --data data3 --dry-run',
        'recover meta --data data3 --yes',
        'recover meta --data data3 --report node4.json --report node5.json --yes',
        'recover meta --data data3 --catalog catalog.json --yes',
      ]),
    );
  context.plain(command, Options, (terminal, options) => run(terminal, options));
}

export function addRecoverReport(group: Command, context: CommandContext): void {
  const command = group
    .command('report')
    .requiredOption('--data <directory>', 'data directory of a stopped node, on this machine')
    .option('--output <file>', 'file to write (default: print it)')
    .description(
      'on a stopped node: report which replicas its stores hold, for `recover meta --report` on another machine',
    )
    .addHelpText('after', examples(['recover report --data data4 --output node4.json']));
  const schema = z.object({data: z.string(), output: z.string().optional()});
  context.plain(command, schema, report);
}

async function report(
  terminal: Terminal,
  {data, output}: {readonly data: string; readonly output?: string | undefined},
): Promise<number> {
  const {encodeEvidence, reportStopped} = await import('@flotilla/server/offline');
  const evidence = await reportStopped(data, logTo(terminal));
  const text = encodeEvidence(evidence);
  if (output === undefined) {
    await writeOut(terminal.stdout, text);
    return EXIT.ok;
  }
  fs.writeFileSync(output, text);
  const {node, replicas} = evidence;
  const said = `node ${node} holds ${replicas.length} replicas; the report is in ${output}`;
  await writeOut(terminal.stdout, `${said}\n`);
  return EXIT.ok;
}

async function run(terminal: Terminal, options: z.infer<typeof Options>): Promise<number> {
  const {data: directories, report: reports, catalog, yes, dryRun, json} = options;
  if (!yes && !dryRun) {
    throw new UsageError(
      'members of the meta group that are neither here nor named by --report or --surviving would be declared lost, and what only they know of the catalog with them; look with --dry-run, and say --yes if that is meant',
    );
  }
  const surviving = (options.surviving ?? '').split(',').filter(Boolean).map(Number);
  const log = logTo(terminal);
  // Only here: no other command that asks a cluster needs the whole server.
  const {recoverMeta} = await import('@flotilla/server/offline');
  const wanted = {directories, reports, surviving, catalog, isDryRun: dryRun, log};
  const recovery = await recoverMeta(wanted);
  const text = json ? `${JSON.stringify(recovery)}\n` : describe(recovery, terminal);
  await writeOut(terminal.stdout, text);
  return EXIT.ok;
}

function describe(recovery: MetaRecovery, {stdout}: Terminal): string {
  const {copies, chosen, node, lost, isDone} = recovery;
  const table = renderRecords(
    copies.map((copy) => ({...copy})),
    COLUMNS,
    {width: widthOf(stdout)},
  );
  const gone = lost.length === 0 ? 'no member is lost' : `lost: node ${lost.join(', ')}`;
  const what = chosen.node === undefined ? chosen.directory : `node ${chosen.node}`;
  const facts = `the catalog of ${what} at index ${chosen.lastIndex}, on node ${node}; ${gone}; what was changed behind that index is gone, but for what the stores tell`;
  const news = describeNews(recovery);
  if (!isDone) return `${table}\ndry run, nothing was done: would go on with ${facts}\n${news}`;
  const next = `start the nodes that are left, then ./flotilla recover plan`;
  return `${table}\ngoes on with ${facts}\n${news}${next}\n`;
}

function describeNews({found, unknown}: MetaRecovery): string {
  const listed = (title: string, lines: readonly string[]): string => {
    if (lines.length === 0) return '';
    const shown = lines.slice(0, LINES_MAX).map((line) => `- ${line}\n`);
    const more = lines.length - shown.length;
    return `${title}\n${shown.join('')}${more > 0 ? `- and ${more} more (--json has all)\n` : ''}`;
  };
  const news = listed('newer than that, and known from the stores:', found);
  return `${news}${listed('newer than that, and nobody here can know:', unknown)}`;
}

/** What the directories have to say goes beside the answer. */
function logTo({stderr}: Terminal): MetaRecoveryOptions['log'] {
  const tell = (_fields: object, message: string): void => {
    stderr.write(`flotilla: ${message}\n`);
  };
  return {info: () => {}, warn: tell, error: tell};
}
