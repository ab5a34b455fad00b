// `operation list|show|watch|cancel|retry`.

import type {Command} from 'commander';
import {z} from 'zod';
import {renderOperation, renderOperations} from '../operation-text.ts';
import {followOperation, watchOperation, withWait} from '../operation-watch.ts';
import {type CommandContext, examples, mustId} from '../session.ts';
import {EXIT, UsageError, writeOut} from '../terminal.ts';

const Waiting = z.object({wait: z.boolean().default(true)});

export function addOperationCommands(program: Command, context: CommandContext): void {
  const group = program
    .command('operation')
    .description('work of the cluster: replica moves and repairs, drains, checksums, new buckets');
  addList(group, context);
  addShow(group, context);
  addWatch(group, context);
  addCancel(group, context);
  addRetry(group, context);
}

function addList(group: Command, context: CommandContext): void {
  const list = group
    .command('list')
    .description(
      'list operations that run or ended within a week, and buckets that are slow to open',
    )
    .addHelpText('after', examples(['operation list']));
  context.client(list, z.object({}), async (session) => {
    const operations = await session.client.admin.operations();
    await session.print(operations, () =>
      operations.length === 0
        ? 'no operations\n'
        : renderOperations(operations, Date.now(), session.style),
    );
    return EXIT.ok;
  });
}

function addShow(group: Command, context: CommandContext): void {
  const show = group
    .command('show')
    .argument('<id>')
    .description('show one operation and its history')
    .addHelpText('after', examples(['operation show 7', 'operation show bucket-12']));
  context.client(show, z.object({}), async (session, _options, id = '') => {
    const operation = await session.client.admin.operation(mustOperationId(id));
    await session.print(operation, () => renderOperation(operation, session.style));
    return EXIT.ok;
  });
}

function addWatch(group: Command, context: CommandContext): void {
  const watch = group
    .command('watch')
    .argument('<id>')
    .description('follow an operation to its end; Ctrl-C leaves it running')
    .addHelpText('after', examples(['operation watch 7']));
  context.client(watch, z.object({}), async (session, _options, id = '') =>
    watchOperation(session, await session.client.admin.operation(mustOperationId(id))),
  );
}

function addCancel(group: Command, context: CommandContext): void {
  const cancel = withWait(group.command('cancel').argument('<id>'))
    .description('undo an operation; one that has already changed the members runs to its end')
    .addHelpText('after', examples(['operation cancel 7']));
  context.change(cancel, Waiting, async (session, {wait}, id = '') => {
    const operation = await session.client.admin.cancelOperation(mustOrderId(id), session.change);
    if (wait && !session.isDryRun) return watchOperation(session, operation, 'cancelled');
    const said = session.isDryRun ? 'would be' : 'is being';
    await session.print(operation, () => `operation ${operation.id} ${said} cancelled\n`);
    return EXIT.ok;
  });
}

function addRetry(group: Command, context: CommandContext): void {
  const retry = withWait(group.command('retry').argument('<id>'))
    .description('start a failed or cancelled operation again, as a new operation')
    .addHelpText('after', examples(['operation retry 7']));
  context.change(retry, Waiting, async (session, {wait}, id = '') => {
    const operation = await session.client.admin.retryOperation(mustOrderId(id), session.change);
    if (!session.json && !session.isDryRun && wait) {
      await writeOut(session.terminal.stderr, `operation ${operation.id} has begun\n`);
    }
    return followOperation(session, operation, wait);
  });
}

const BUCKET_ID = /^bucket-[1-9]\d{0,14}$/;

function mustOperationId(id: string): string {
  return BUCKET_ID.test(id) ? id : mustId(id, '<id>');
}

/** Of what somebody ordered, or the cluster did: a bucket is made because rows came that need it. */
function mustOrderId(id: string): string {
  if (!BUCKET_ID.test(id)) return mustId(id, '<id>');
  const see = `see ./flotilla operation show ${id}`;
  throw new UsageError(
    `${id}: the creation of a bucket is not cancelled or retried: it goes on once what it waits for is there; ${see}`,
  );
}
