// `replica-set retry|skip-entry`: what to do with a set whose replicas stopped at an entry that they cannot
// apply.

import type {Command} from 'commander';
import {z} from 'zod';
import {type CommandContext, examples, mustId} from '../session.ts';
import {EXIT, UsageError} from '../terminal.ts';
import {renderReplicaSet} from './replica-set-text.ts';

export function addStoppedSetCommands(group: Command, context: CommandContext): void {
  addRetry(group, context);
  addSkipEntry(group, context);
}

function addRetry(group: Command, context: CommandContext): void {
  const command = group
    .command('retry')
    .argument('<id>')
    .description('open the replicas anew that stopped themselves, after an upgrade say')
    .addHelpText('after', examples(['replica-set retry 12']));
  context.change(command, z.object({}), async (session, _options, id = '') => {
    const set = await session.client.admin.retryReplicaSet(mustId(id, '<id>'), session.change);
    const text = renderReplicaSet(set, session.style);
    await session.done(`opened anew the stopped replicas of set ${id}`, set, text);
    const stopped = set.replicas.some(({state}) => state === 'failed' || state === 'stopped');
    return stopped && !session.isDryRun ? EXIT.failed : EXIT.ok;
  });
}

function addSkipEntry(group: Command, context: CommandContext): void {
  const command = group
    .command('skip-entry')
    .argument('<id>')
    .option(
      '--index <n>',
      'of the entry that its replicas cannot apply, as `replica-set show` says',
    )
    .option('--yes', 'what the entry says is lost, on every replica')
    .description('pass over an entry that no replica can apply, by no build that there is')
    .addHelpText('after', examples(['replica-set skip-entry 12 --index 4711 --yes']));
  const schema = z.object({
    index: z.coerce.number().int().min(1).optional(),
    yes: z.boolean().default(false),
  });
  context.change(command, schema, async (session, {index, yes}, id = '') => {
    const key = mustId(id, '<id>');
    if (index === undefined) throw new UsageError('--index is missing');
    if (!yes && !session.isDryRun) {
      throw new UsageError(
        `what entry ${index} says would be lost on every replica; say --yes if that is meant, or try replica-set retry first`,
      );
    }
    const set = await session.client.admin.skipEntry(key, index, session.change);
    const text = renderReplicaSet(set, session.style);
    await session.done(`replica set ${id} passes over entry ${index}`, set, text);
    return EXIT.ok;
  });
}
