// `node list|drain|undrain|decommission`.

import type {Command} from 'commander';
import {z} from 'zod';
import {followOperation} from '../operation-watch.ts';
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
  const drain = group
    .command('drain')
    .argument('<id>')
    .description('take all replicas off a node while the load goes on, leaders first')
    .option('--no-wait', 'return as soon as the operation is accepted')
    .addHelpText('after', examples(['node drain 3', 'node drain 3 --no-wait']));
  context.client(drain, z.object({wait: z.boolean().default(true)}), async (session, {wait}, id) =>
    followOperation(session, await session.client.admin.drainNode(mustId(id ?? '', '<id>')), wait),
  );
  const undrain = group
    .command('undrain')
    .argument('<id>')
    .description('let a node take replicas again; a drain under way is cancelled')
    .addHelpText('after', examples(['node undrain 3']));
  context.client(undrain, z.object({}), async (session, _options, id = '') => {
    await session.fields(await session.client.admin.undrainNode(mustId(id, '<id>')));
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
