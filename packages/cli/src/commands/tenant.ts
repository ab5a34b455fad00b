// `tenant list|show|create|alter|drop`.

import type {Command} from 'commander';
import {z} from 'zod';
import {type CommandContext, examples} from '../session.ts';
import {EXIT} from '../terminal.ts';

const COLUMNS = ['name', 'databases', 'comment'];

export function addTenantCommands(program: Command, context: CommandContext): void {
  const group = program.command('tenant').description('tenants, which own databases');
  addList(group, context);
  addShow(group, context);
  addCreate(group, context);
  addAlter(group, context);
  addDrop(group, context);
  addRecover(group, context);
}

function addList(group: Command, context: CommandContext): void {
  const command = group
    .command('list')
    .description('list the tenants')
    .addHelpText('after', examples(['tenant list', 'tenant list --json']));
  context.client(command, z.object({}), async (session) => {
    await session.table(await session.client.admin.tenants(), COLUMNS, 'no tenants');
    return EXIT.ok;
  });
}

function addShow(group: Command, context: CommandContext): void {
  const command = group
    .command('show')
    .argument('<name>')
    .description('show one tenant and how many databases it holds')
    .addHelpText('after', examples(['tenant show acme', 'tenant show acme --json']));
  context.client(command, z.object({}), async (session, _options, name = '') => {
    await session.fields(await session.client.admin.tenant(name));
    return EXIT.ok;
  });
}

function addCreate(group: Command, context: CommandContext): void {
  const schema = z.object({comment: z.string().optional()});
  const command = group
    .command('create')
    .argument('<name>')
    .option('--comment <text>', 'what it is for')
    .description('create a tenant')
    .addHelpText(
      'after',
      examples(['tenant create acme', "tenant create acme --comment 'the plant in Turin'"]),
    );
  context.change(command, schema, async (session, {comment}, name = '') => {
    await session.client.admin.createTenant({name, comment}, session.change);
    await session.done(`created ${name}`, {created: name});
    return EXIT.ok;
  });
}

function addAlter(group: Command, context: CommandContext): void {
  const command = group
    .command('alter')
    .argument('<name>')
    .requiredOption('--comment <text>', "what it is for; '' for none")
    .description('change the comment of a tenant')
    .addHelpText('after', examples(["tenant alter acme --comment 'the plant in Turin'"]));
  const schema = z.object({comment: z.string()});
  context.change(command, schema, async (session, {comment}, name = '') => {
    await session.client.admin.alterTenant(name, {comment}, session.change);
    await session.done(`altered ${name}`, {altered: name});
    return EXIT.ok;
  });
}

function addDrop(group: Command, context: CommandContext): void {
  const command = group
    .command('drop')
    .argument('<name>')
    .option(
      '--after <duration>',
      'how long the trash keeps it (default: what `start --trash-retention` says, 1d); 0s: not at all',
    )
    .description('move a tenant to the trash; all of its databases must have been dropped before')
    .addHelpText('after', examples(['tenant drop acme', 'tenant drop acme --after 0s']));
  const schema = z.object({after: z.string().optional()});
  context.change(command, schema, async (session, {after}, name = '') => {
    await session.client.admin.dropTenant(name, {after, ...session.change});
    await session.done(`dropped ${name}`, {dropped: name});
    return EXIT.ok;
  });
}

function addRecover(group: Command, context: CommandContext): void {
  const command = group
    .command('recover')
    .argument('<name>')
    .option('--as <name>', 'recover it under another name, if the old one is in use again')
    .description(
      'bring a dropped tenant back from the trash; then recover its databases, one by one',
    )
    .addHelpText('after', examples(['tenant recover acme']));
  const schema = z.object({as: z.string().optional()});
  context.change(command, schema, async (session, {as}, name = '') => {
    await session.client.admin.recoverTenant(name, {as, ...session.change});
    await session.done(`recovered ${as ?? name}`, {recovered: as ?? name});
    return EXIT.ok;
  });
}
