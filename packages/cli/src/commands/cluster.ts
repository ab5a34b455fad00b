// `cluster show`.

import type {Command} from 'commander';
import {z} from 'zod';
import {type CommandContext, examples} from '../session.ts';
import {EXIT} from '../terminal.ts';

export function addClusterCommands(program: Command, context: CommandContext): void {
  const group = program.command('cluster').description('the cluster and its options');
  const command = group
    .command('show')
    .description('show the cluster and its options')
    .addHelpText('after', examples(['cluster show', 'cluster show --json']));
  context.client(command, z.object({}), async (session) => {
    await session.fields(await session.client.admin.cluster());
    return EXIT.ok;
  });
}
