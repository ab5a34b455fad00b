// `node list|decommission`.

import type {Command} from 'commander';
import {z} from 'zod';
import {type CommandContext, examples, mustId} from '../session.ts';
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
  const decommission = group
    .command('decommission')
    .argument('<id>')
    .description('take a node that is gone, and holds no replica any more, off the list, for ever')
    .addHelpText('after', examples(['node decommission 3']));
  context.client(decommission, z.object({}), async (session, _options, id = '') => {
    await session.fields(await session.client.admin.decommissionNode(mustId(id, '<id>')));
    return EXIT.ok;
  });
}
