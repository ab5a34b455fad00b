// `failover mode`: whether replica sets elect their leaders by themselves, or on order alone (replica-set
// elect): of one set, of a database, or of the whole cluster. A set is on manual where any of them is.

import type {FailoverMode} from '@flotilla/client';
import {Argument, type Command} from 'commander';
import {z} from 'zod';
import {type CommandContext, examples, mustId, type Session} from '../session.ts';
import {EXIT, UsageError} from '../terminal.ts';

const Options = z.object({
  replicaSet: z.string().optional(),
  db: z.string().optional(),
  tenant: z.string().optional(),
});
type Options = z.infer<typeof Options>;

export function addFailoverCommands(program: Command, context: CommandContext): void {
  const group = program.command('failover').description('how replica sets get a new leader');
  const command = group
    .command('mode')
    .addArgument(
      new Argument('[mode]', 'without it, show the current mode').choices(['automatic', 'manual']),
    )
    .description(
      'set how replica sets elect leaders, in the cluster, in --db or in one --replica-set. automatic: by themselves, unless a wider or narrower setting is manual. manual: only when told to by `replica-set elect`. The meta group always elects its own',
    )
    .option('--replica-set <id>', 'only this replica set')
    .option('--db <name>', 'all replica sets of this database')
    .option('--tenant <name>', 'tenant of the database')
    .addHelpText(
      'after',
      examples([
        'failover mode',
        'failover mode manual',
        'failover mode manual --db metrics',
        'failover mode automatic --replica-set 12',
      ]),
    );
  context.change(command, Options, async (session, options, mode) => {
    if (options.db !== undefined && options.replicaSet !== undefined) {
      throw new UsageError('name a database by --db or a set by --replica-set, not both');
    }
    if (mode === undefined) return show(session, options);
    await setMode(session, options, mode as FailoverMode);
    const {what, target} = targetOf(options);
    await session.done(`failover of ${what} is ${mode}`, {failover: mode, ...target});
    return EXIT.ok;
  });
}

async function setMode(session: Session, options: Options, mode: FailoverMode): Promise<void> {
  const {admin} = session.client;
  const {db, replicaSet, tenant} = options;
  if (replicaSet !== undefined) {
    await admin.setFailover(mustId(replicaSet, '--replica-set'), mode, session.change);
  } else if (db !== undefined) {
    await admin.alterDatabase(db, {failover: mode}, {tenant, ...session.change});
  } else await admin.alterCluster({failover: mode}, session.change);
}

async function show(session: Session, options: Options): Promise<number> {
  const {admin} = session.client;
  const {db, replicaSet, tenant} = options;
  const {target} = targetOf(options);
  const shown =
    replicaSet !== undefined
      ? await admin.replicaSet(mustId(replicaSet, '--replica-set'))
      : db !== undefined
        ? await admin.database(db, {tenant})
        : await admin.cluster();
  await session.fields({...target, failover: shown['failover']});
  return EXIT.ok;
}

function targetOf({db, replicaSet}: Options) {
  if (replicaSet !== undefined) return {what: `replica set ${replicaSet}`, target: {replicaSet}};
  if (db !== undefined) return {what: `database ${db}`, target: {database: db}};
  return {what: 'the cluster', target: {}};
}
