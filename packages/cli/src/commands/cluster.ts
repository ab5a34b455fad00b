// `cluster show|alter`.

import type {Command} from 'commander';
import {z} from 'zod';
import {type CommandContext, examples} from '../session.ts';
import {EXIT, UsageError} from '../terminal.ts';

export function addClusterCommands(program: Command, context: CommandContext): void {
  const group = program.command('cluster').description('the cluster and its options');
  addShow(group, context);
  addAlter(group, context);
}

function addShow(group: Command, context: CommandContext): void {
  const command = group
    .command('show')
    .description('show the cluster and its options')
    .addHelpText('after', examples(['cluster show', 'cluster show --json']));
  context.client(command, z.object({}), async (session) => {
    await session.fields(await session.client.admin.cluster());
    return EXIT.ok;
  });
}

function addAlter(group: Command, context: CommandContext): void {
  const schema = z.object({failover: z.enum(['automatic', 'manual']).optional()});
  const command = group
    .command('alter')
    .description('change options of the cluster')
    .option(
      '--failover <mode>',
      'manual: no replica set elects a leader but on order; automatic: as databases say',
    )
    .addHelpText('after', examples(['cluster alter --failover manual']));
  context.client(command, schema, async (session, {failover}) => {
    if (failover === undefined) throw new UsageError('--failover is missing');
    await session.fields(await session.client.admin.alterCluster({failover}));
    return EXIT.ok;
  });
}
