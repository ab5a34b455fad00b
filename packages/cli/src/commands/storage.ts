// `storage show`: what lies on disks and in memory.

import type {Command} from 'commander';
import {z} from 'zod';
import {type CommandContext, examples, type Session} from '../session.ts';
import {EXIT} from '../terminal.ts';
import {renderStorage} from './storage-text.ts';

const Options = z.object({tenant: z.string().optional()});

export function addStorageCommands(program: Command, context: CommandContext): void {
  const group = program.command('storage').description('what is on disk and in memory');
  const command = group
    .command('show')
    .argument('[name]', 'a database or the number of a replica set (default: all)')
    .option('--tenant <name>', 'tenant of the database (default: default)')
    .description(
      'show parts, rows, bytes per value, memory, and flushes and compactions that are due',
    )
    .addHelpText(
      'after',
      examples(['storage show', 'storage show metrics', 'storage show 12', 'storage show --json']),
    );
  context.client(command, Options, show);
}

async function show(
  session: Session,
  {tenant}: z.infer<typeof Options>,
  name?: string,
): Promise<number> {
  const isSet = name !== undefined && /^[1-9]\d{0,14}$/.test(name);
  const wanted = isSet ? {set: name} : {database: name, tenant};
  const found = await session.client.admin.storage(wanted);
  await session.print(found, () => renderStorage(found, session.style));
  return EXIT.ok;
}
