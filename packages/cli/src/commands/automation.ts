// `automation show|pause|resume`: what the cluster does by itself.

import type {AutomationKind} from '@flotilla/client';
import {Argument, type Command} from 'commander';
import {z} from 'zod';
import {type CommandContext, examples, type Session} from '../session.ts';
import {EXIT} from '../terminal.ts';

export function addAutomationCommands(program: Command, context: CommandContext): void {
  const group = program
    .command('automation')
    .description(
      'what the cluster does by itself: repair lost replicas, rebalance nodes and leaders',
    );
  const show = group
    .command('show')
    .description('show what runs, and what is paused until when')
    .addHelpText('after', examples(['automation show']));
  context.client(show, z.object({}), async (session) =>
    print(session, await session.client.admin.automation()),
  );
  const pause = group
    .command('pause')
    .addArgument(whatArgument())
    .option('--for <duration>', 'how long, e.g. 2h or 30m (default: until it is resumed)')
    .description('stop starting such work; operations already running continue')
    .addHelpText('after', examples(['automation pause --for 2h', 'automation pause rebalance']));
  const schema = z.object({for: z.string().optional()});
  context.change(pause, schema, async (session, options, what = 'all') => {
    const wanted = {what: what as AutomationKind, for: options.for};
    return print(session, await session.client.admin.pauseAutomation(wanted, session.change));
  });
  const resume = group
    .command('resume')
    .addArgument(whatArgument())
    .description('resume what was paused')
    .addHelpText('after', examples(['automation resume', 'automation resume repair']));
  context.change(resume, z.object({}), async (session, _options, what = 'all') =>
    print(
      session,
      await session.client.admin.resumeAutomation(what as AutomationKind, session.change),
    ),
  );
}

function whatArgument(): Argument {
  return new Argument('[what]', 'which of it')
    .choices(['repair', 'rebalance', 'all'])
    .default('all');
}

const Kinds = z.record(z.string(), z.looseObject({state: z.string()}));

async function print(session: Session, answer: object): Promise<number> {
  const {dryRun: _, ...kinds} = answer as Record<string, unknown>;
  const rows = Object.entries(Kinds.parse(kinds)).map(([what, state]) => ({what, ...state}));
  if (session.json) await session.print(answer, () => '');
  else await session.table(rows, ['what', 'state', 'since', 'until'], 'nothing');
  return EXIT.ok;
}
