// `node list`.

import type {Command} from 'commander';
import {z} from 'zod';
import {type CommandContext, examples} from '../session.ts';
import {EXIT} from '../terminal.ts';

const COLUMNS = [
  'id',
  'node',
  'address',
  'zone',
  'state',
  'isReachable',
  'engineThreads',
  'leaders',
  'replicas',
  'version',
];

export function addNodeCommands(program: Command, context: CommandContext): void {
  const group = program.command('node').description('the nodes of the cluster');
  const list = group
    .command('list')
    .description('list the nodes, their state and load')
    .addHelpText('after', examples(['node list', 'node list --json']));
  context.client(list, z.object({}), async (session) => {
    await session.table(await session.client.admin.nodes(), COLUMNS, 'no nodes');
    return EXIT.ok;
  });
}
