// `replica-set retry|skip-entry`: what to do with a set whose replicas stopped at an entry that they cannot
// apply.

import type {ReplicaSet} from '@flotilla/client';
import type {Command} from 'commander';
import {z} from 'zod';
import {type CommandContext, examples, mustId, type Session} from '../session.ts';
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
    .description('reopen replicas that stopped themselves, for example after an upgrade')
    .addHelpText('after', examples(['replica-set retry 12']));
  context.change(command, z.object({}), async (session, _options, id = '') => {
    const set = await session.client.admin.retryReplicaSet(mustId(id, '<id>'), session.change);
    return told(session, `opened anew the stopped replicas of set ${id}`, set);
  });
}

function addSkipEntry(group: Command, context: CommandContext): void {
  const command = group
    .command('skip-entry')
    .argument('<id>')
    .option(
      '--index <n>',
      'index of the entry that its replicas cannot apply; `replica-set show` prints it',
    )
    .option('--yes', 'confirm: what the entry says is lost, on every replica')
    .description('skip an entry that no replica can apply with any existing build')
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
    return told(session, `replica set ${id} passes over entry ${index}`, set);
  });
}

/** With what to do next where it does not go on yet; then scripts are told so too. */
async function told(session: Session, what: string, set: ReplicaSet): Promise<number> {
  const next = session.isDryRun ? [] : nextSteps(session, set);
  const lines = next.map((line) => `${line}\n`).join('');
  const text = renderReplicaSet(set, session.style);
  await session.done(what, set, next.length === 0 ? text : `${text}\n${lines}`);
  return next.length === 0 ? EXIT.ok : EXIT.failed;
}

/** Empty where the set has a leader and none of its replicas stands still. */
function nextSteps(session: Session, {id, leader, replicas, skippedEntries}: ReplicaSet): string[] {
  const show = session.commandLine(`replica-set show ${id}`);
  const skipped = Array.isArray(skippedEntries) ? (skippedEntries as {index?: unknown}[]) : [];
  const still = replicas.filter(({state}) => state === 'failed' || state === 'stopped');
  const steps = still.map(({replica, node, state, failedIndex}) => {
    const named = `replica ${replica} on node ${node} ${state === 'failed' ? 'failed' : 'stopped'}`;
    if (typeof failedIndex !== 'number') return `${named}; look why: ${show}`;
    if (skipped.some(({index}) => index === failedIndex))
      return `${named} at entry ${failedIndex}, which it is to pass over: it goes on by itself within seconds; look: ${show}`;
    const skip = session.commandLine(`replica-set skip-entry ${id} --index ${failedIndex} --yes`);
    return `${named} at entry ${failedIndex}: start its node with a build that knows the entry, or give the entry up: ${skip}`;
  });
  if (steps.length > 0 || (leader !== undefined && leader !== null)) return steps;
  return [`the set has no leader yet; look which of its nodes answer: ${show}`];
}
