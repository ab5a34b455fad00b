// `operation list|show|watch`.

import type {Command} from 'commander';
import {z} from 'zod';
import {watchOperation} from '../operation-watch.ts';
import {type CommandContext, examples, mustId} from '../session.ts';
import {EXIT} from '../terminal.ts';

const COLUMNS = [
  ...['id', 'kind', 'state', 'step', 'percent', 'replicaSet', 'startedBy', 'waitingFor', 'error'],
];

export function addOperationCommands(program: Command, context: CommandContext): void {
  const group = program
    .command('operation')
    .description('persisted work of the cluster: moves and repairs of replicas');
  const list = group
    .command('list')
    .description('list the operations, running and lately ended')
    .addHelpText('after', examples(['operation list']));
  context.client(list, z.object({}), async (session) => {
    await session.table(await session.client.admin.operations(), COLUMNS, 'no operations');
    return EXIT.ok;
  });
  const show = group
    .command('show')
    .argument('<id>')
    .description('show one operation and its history')
    .addHelpText('after', examples(['operation show 7']));
  context.client(show, z.object({}), async (session, _options, id = '') => {
    await session.fields(await session.client.admin.operation(mustId(id, '<id>')));
    return EXIT.ok;
  });
  const watch = group
    .command('watch')
    .argument('<id>')
    .description('follow an operation to its end; Ctrl-C leaves it running')
    .addHelpText('after', examples(['operation watch 7']));
  context.client(watch, z.object({}), async (session, _options, id = '') =>
    watchOperation(session, await session.client.admin.operation(mustId(id, '<id>'))),
  );
}
