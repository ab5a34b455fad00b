// `token create|list|revoke`: who may administer the cluster.

import type {Command} from 'commander';
import {z} from 'zod';
import {type CommandContext, examples} from '../session.ts';
import {EXIT} from '../terminal.ts';

const COLUMNS = ['name', 'createdBy', 'createdAt'];

export function addTokenCommands(program: Command, context: CommandContext): void {
  const group = program.command('token').description('admin tokens: who may change the cluster');
  addCreate(group, context);
  addList(group, context);
  addRevoke(group, context);
}

function addCreate(group: Command, context: CommandContext): void {
  const command = group
    .command('create')
    .argument('<name>', 'who will hold it, a person or a program; the audit log shows this name')
    .description('create a token and print it; it is not shown again')
    .addHelpText(
      'after',
      examples(['token create ann > ann.token', 'token create ann --token-file admin.token']),
    );
  context.change(command, z.object({}), async (session, _options, name = '') => {
    const made = await session.client.admin.createToken(name, session.change);
    if (session.isDryRun) await session.done(`created ${name}`, made);
    else await session.print(made, () => `${made.token}\n`);
    return EXIT.ok;
  });
}

function addList(group: Command, context: CommandContext): void {
  const command = group
    .command('list')
    .description('list the tokens by name')
    .addHelpText('after', examples(['token list', 'token list --json']));
  context.client(command, z.object({}), async (session) => {
    const nothing =
      'no token: nobody is asked for one (./flotilla token create NAME makes the first)';
    await session.table(await session.client.admin.tokens(), COLUMNS, nothing);
    return EXIT.ok;
  });
}

function addRevoke(group: Command, context: CommandContext): void {
  const command = group
    .command('revoke')
    .argument('<name>')
    .description('revoke a token on all nodes; the last one cannot be revoked')
    .addHelpText('after', examples(['token revoke ann']));
  context.change(command, z.object({}), async (session, _options, name = '') => {
    await session.client.admin.revokeToken(name, session.change);
    await session.done(`revoked ${name}`, {revoked: name});
    return EXIT.ok;
  });
}
