// `cluster show`, and `cluster upgrade finalize`: what the cluster uses of what its nodes can. `cluster
// catalog export`: its catalog, to be kept elsewhere.

import fs from 'node:fs';
import type {Command} from 'commander';
import {z} from 'zod';
import {type CommandContext, examples, type Session} from '../session.ts';
import {EXIT} from '../terminal.ts';

const NODE_COLUMNS = ['node', 'address', 'build', 'clusterVersionMax'];
const Shown = z.looseObject({
  nodes: z.array(z.looseObject({})).optional(),
  next: z.string().optional(),
});

export function addClusterCommands(program: Command, context: CommandContext): void {
  const group = program.command('cluster').description('the cluster and its options');
  const command = group
    .command('show')
    .description('show the cluster, its options and version, and which version each node could use')
    .addHelpText('after', examples(['cluster show', 'cluster show --json']));
  context.client(command, z.object({}), show);
  addCatalogExport(group, context);
  const upgrade = group
    .command('upgrade')
    .description('finish an upgrade; what a new build adds is used only after that');
  const finalize = upgrade
    .command('finalize')
    .description(
      'start using what is new in the build that every node runs now. No node can go back to the previous build after this. Refused while a node cannot follow; the error names it',
    )
    .addHelpText(
      'after',
      examples(['cluster upgrade finalize', 'cluster upgrade finalize --dry-run']),
    );
  context.change(finalize, z.object({}), async (session) => {
    const answer = await session.client.admin.finalizeUpgrade(session.change);
    const {version, from} = answer;
    const text =
      version === from
        ? `the cluster uses version ${version} already`
        : `the cluster uses version ${version} now; before, it was ${from}`;
    await session.done(text, answer);
    return EXIT.ok;
  });
}

function addCatalogExport(group: Command, context: CommandContext): void {
  const catalog = group.command('catalog').description('the catalog as a file');
  const command = catalog
    .command('export')
    .requiredOption('--output <file>', 'file to write; only its owner can read it')
    .description(
      'write a copy of the whole catalog (without rows) to a file, for `recover meta --catalog`',
    )
    .addHelpText('after', examples(['cluster catalog export --output catalog.json']));
  context.client(command, z.object({output: z.string()}), async (session, {output}) => {
    const text = JSON.stringify(await session.client.admin.catalog());
    // It holds the hashes of tokens. Whole or not at all: the one before may be the last.
    const temporary = `${output}.tmp`;
    fs.writeFileSync(temporary, text, {mode: 0o600});
    fs.renameSync(temporary, output);
    await session.done(`the catalog is in ${output}`, {file: output, bytes: text.length});
    return EXIT.ok;
  });
}

async function show(session: Session): Promise<number> {
  const shown = await session.client.admin.cluster();
  const {nodes, next: order, ...fields} = Shown.parse(shown);
  if (session.json) {
    await session.print(shown, () => '');
    return EXIT.ok;
  }
  const command = order?.match(/^flotilla (.*)$/)?.[1];
  const next = command === undefined ? order : session.commandLine(command);
  await session.fields({...fields, next});
  if (nodes !== undefined) await session.table(nodes, NODE_COLUMNS, 'no nodes');
  return EXIT.ok;
}
