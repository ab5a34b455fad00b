// `cluster show`, and `cluster upgrade finalize`: what the cluster uses of what its nodes can.

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
    .description('show the cluster, its options, its version, and what version each node could use')
    .addHelpText('after', examples(['cluster show', 'cluster show --json']));
  context.client(command, z.object({}), show);
  const upgrade = group
    .command('upgrade')
    .description('what is new with a build is used once an upgrade to it is finalized');
  const finalize = upgrade
    .command('finalize')
    .description(
      'use what is new with the build that every node runs now; from then on none may go back to the build before. Refused while a node cannot, which it names',
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
