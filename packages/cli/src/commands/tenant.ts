// `tenant list|show|create|alter|drop`.

import type {Command} from 'commander';
import {z} from 'zod';
import {type CommandContext, examples} from '../session.ts';
import {renderRecords} from '../table.ts';
import {EXIT, widthOf} from '../terminal.ts';

const COLUMNS = ['name', 'databases', 'comment'];

export function addTenantCommands(program: Command, context: CommandContext): void {
  const group = program.command('tenant').description('tenants, which own databases');
  addList(group, context);
  addShow(group, context);
  addCreate(group, context);
  addAlter(group, context);
  addDrop(group, context);
}

function addList(group: Command, context: CommandContext): void {
  const command = group
    .command('list')
    .description('list the tenants')
    .addHelpText('after', examples(['tenant list', 'tenant list --json']));
  context.client(command, z.object({}), async (session) => {
    const tenants = await session.client.admin.tenants();
    const width = widthOf(session.terminal.stdout);
    await session.print(tenants, () => renderRecords(tenants, COLUMNS, width));
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
  const schema = z.object({comment: z.string().optional(), dryRun: z.boolean().optional()});
  const command = group
    .command('create')
    .argument('<name>')
    .option('--comment <text>', 'what it is for')
    .option('--dry-run', 'say what would be done')
    .description('make a tenant')
    .addHelpText(
      'after',
      examples(['tenant create acme', "tenant create acme --comment 'the plant in Turin'"]),
    );
  context.client(command, schema, async (session, {comment, dryRun}, name = '') => {
    if (dryRun === true) {
      const plan = {name, comment};
      await session.print({dryRun, plan}, () => `would create: ${JSON.stringify(plan)}\n`);
      return EXIT.ok;
    }
    await session.client.admin.createTenant({name, comment});
    await session.print({created: name}, () => `created ${name}\n`);
    return EXIT.ok;
  });
}

function addAlter(group: Command, context: CommandContext): void {
  const command = group
    .command('alter')
    .argument('<name>')
    .requiredOption('--comment <text>', "what it is for; '' for none")
    .option('--dry-run', 'say what would be done')
    .description('change the comment of a tenant')
    .addHelpText('after', examples(["tenant alter acme --comment 'the plant in Turin'"]));
  const schema = z.object({comment: z.string(), dryRun: z.boolean().optional()});
  context.client(command, schema, async (session, {comment, dryRun}, name = '') => {
    if (dryRun === true) {
      const plan = {name, comment};
      await session.print({dryRun, plan}, () => `would change: ${JSON.stringify(plan)}\n`);
      return EXIT.ok;
    }
    await session.client.admin.alterTenant(name, {comment});
    await session.print({altered: name}, () => `altered ${name}\n`);
    return EXIT.ok;
  });
}

function addDrop(group: Command, context: CommandContext): void {
  const command = group
    .command('drop')
    .argument('<name>')
    .option('--dry-run', 'say what would be done')
    .description('drop a tenant that holds no database')
    .addHelpText('after', examples(['tenant drop acme']));
  const schema = z.object({dryRun: z.boolean().optional()});
  context.client(command, schema, async (session, {dryRun}, name = '') => {
    if (dryRun === true) {
      const plan = await session.client.admin.tenant(name);
      await session.print({dryRun, plan}, () => `would drop: ${JSON.stringify(plan)}\n`);
      return EXIT.ok;
    }
    await session.client.admin.dropTenant(name);
    await session.print({dropped: name}, () => `dropped ${name}\n`);
    return EXIT.ok;
  });
}
