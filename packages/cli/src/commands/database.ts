// `database list|show|cardinality|create|alter|drop`.

import type {Cardinality} from '@flotilla/client';
import type {Command} from 'commander';
import {z} from 'zod';
import {type CommandContext, examples, type Session} from '../session.ts';
import {renderRecords, type TableStyle} from '../table.ts';
import {EXIT, UsageError} from '../terminal.ts';

const COLUMNS = [
  'name',
  'tenant',
  'ttl',
  'bucketDuration',
  'shards',
  'replicas',
  'precision',
  'failover',
  'maxSeries',
  'tables',
  'buckets',
];

const Tenant = z.object({tenant: z.string().optional()});
const Changes = Tenant.extend({
  ttl: z.string().optional(),
  bucketDuration: z.string().optional(),
  shards: z
    .union([z.literal('auto'), z.coerce.number().int().min(1)], 'neither a number from 1 nor auto')
    .optional(),
  replicas: z.coerce.number().int().min(1).optional(),
  precision: z.enum(['ns', 'us', 'ms']).optional(),
  failover: z.enum(['automatic', 'manual']).optional(),
  maxSeries: z
    .union([z.literal('none'), z.coerce.number().int().min(1)], 'neither a number from 1 nor none')
    .optional(),
});
type Changes = z.infer<typeof Changes>;

export function addDatabaseCommands(program: Command, context: CommandContext): void {
  const group = program.command('database').description('databases and their options');
  addList(group, context);
  addShow(group, context);
  addCardinality(group, context);
  addCreate(group, context);
  addAlter(group, context);
  addDrop(group, context);
  addRecover(group, context);
}

function addList(group: Command, context: CommandContext): void {
  const command = withTenant(group.command('list'))
    .description('list the databases and their options')
    .addHelpText('after', examples(['database list', 'database list --tenant acme --json']));
  context.client(command, Tenant, async (session, options) => {
    const databases = await session.client.admin.databases(options);
    await session.print(databases, () => {
      const shown = databases.map(withNone);
      return shown.length === 0 ? 'no databases\n' : renderRecords(shown, COLUMNS, session.style);
    });
    return EXIT.ok;
  });
}

function addShow(group: Command, context: CommandContext): void {
  const command = withTenant(group.command('show').argument('<name>'))
    .description('show one database and its options')
    .addHelpText('after', examples(['database show metrics', 'database show metrics --json']));
  context.client(command, Tenant, async (session, options, name = '') => {
    const database = await session.client.admin.database(name, options);
    await session.fields(session.json ? database : withNone(database));
    return EXIT.ok;
  });
}

function addCardinality(group: Command, context: CommandContext): void {
  const command = withTenant(group.command('cardinality').argument('<name>'))
    .option('--table <name>', 'only this table')
    .option('--limit <n>', 'how many tables, tags and values to show (default 10)')
    .description(
      'show which tables have the most series, which tags the most values, which values the most series',
    )
    .addHelpText(
      'after',
      examples(['database cardinality metrics', 'database cardinality metrics --table cpu --json']),
    );
  const schema = Tenant.extend({
    table: z.string().optional(),
    limit: z.coerce.number().int().min(1).optional(),
  });
  context.client(command, schema, async (session, options, name = '') => {
    const found = await session.client.admin.cardinality(name, options);
    await session.print(found, () => renderCardinality(found, session.style));
    return EXIT.ok;
  });
}

function renderCardinality(found: Cardinality, style: TableStyle): string {
  const {database, series, isEstimate, tables, tags, values} = found;
  const about = isEstimate ? 'about ' : '';
  const listed = (records: readonly Readonly<Record<string, unknown>>[], columns: string[]) =>
    records.length === 0 ? '' : `\n${renderRecords(records, [...columns, 'isEstimate'], style)}`;
  return [
    `${database}: ${about}${series} series\n`,
    listed(tables, ['table', 'series']),
    listed(tags, ['table', 'tag', 'values']),
    listed(values, ['table', 'tag', 'value', 'series']),
  ].join('');
}

function addCreate(group: Command, context: CommandContext): void {
  const command = withChanges(group.command('create').argument('<name>'))
    .option('--failover <mode>', 'automatic or manual; change it later with `failover mode`')
    .option(
      '--precision <unit>',
      'precision of its times: ns, us or ms; cannot be changed later (default ns)',
    )
    .description('create a database')
    .addHelpText(
      'after',
      examples(['database create metrics', 'database create metrics --ttl 30d --replicas 3']),
    );
  context.change(command, Changes, async (session, options, name = '') => {
    const definition = {name, ...definitionOf(options)};
    const {tenant} = options;
    await session.client.admin.createDatabase(definition, {tenant, ...session.change});
    await session.done(`created ${name}`, {created: name});
    return EXIT.ok;
  });
}

function addAlter(group: Command, context: CommandContext): void {
  const command = withChanges(group.command('alter').argument('<name>'))
    .option(
      '--yes',
      'allow a shorter ttl that takes rows away; for a day, a longer one brings them back',
    )
    .description(
      'change options of a database; shards and bucket duration apply to new buckets only',
    )
    .addHelpText(
      'after',
      examples([
        'database alter metrics --ttl 90d --dry-run',
        'database alter metrics --ttl 90d',
        'database alter metrics --ttl none',
      ]),
    );
  const schema = Changes.extend({yes: z.boolean().default(false)});
  context.change(command, schema, async (session, options, name = '') => {
    const changes = definitionOf(options);
    if (Object.keys(changes).length === 0) throw new UsageError('name an option to change');
    const {tenant, yes} = options;
    const alter = async (change: Session['change']) => {
      const answer = await session.client.admin.alterDatabase(name, changes, {tenant, ...change});
      return AlterAnswer.parse(answer);
    };
    if (typeof changes['ttl'] === 'string' && !yes && !session.isDryRun) {
      const {expires} = await alter({dryRun: true});
      if (expires !== undefined)
        throw new UsageError(`${expiryText(expires)}; say --yes if that is meant`);
    }
    const {expires, returns} = await alter(session.change);
    const altered = {
      altered: name,
      ...changes,
      ...(expires && {expires}),
      ...(returns && {returns}),
    };
    const more = [
      ...(expires === undefined ? [] : [`${expiryText(expires)}\n`]),
      ...(returns === undefined ? [] : [`${returnText(returns)}\n`]),
    ];
    await session.done(`altered ${name}`, altered, more.join(''));
    return EXIT.ok;
  });
}

const counts = {buckets: z.number(), cutBuckets: z.number()};
const Expiring = z.looseObject({
  before: z.string(),
  ...counts,
  recoverableUntil: z.string().optional(),
});
const Returning = z.looseObject({
  from: z.string().optional(),
  ...counts,
  goneBefore: z.string().optional(),
});
const AlterAnswer = z.looseObject({
  expires: Expiring.optional(),
  returns: Returning.optional(),
});

function expiryText({before, recoverableUntil, ...counted}: z.infer<typeof Expiring>): string {
  const recovery =
    recoverableUntil === undefined
      ? 'nothing brings them back'
      : `a longer ttl brings them back until ${recoverableUntil}`;
  return `rows from before ${before} expire, and ${recovery}: ${bucketsText(counted)}`;
}

function returnText({from, goneBefore, ...counted}: z.infer<typeof Returning>): string {
  const isNothing = counted.buckets + counted.cutBuckets === 0;
  const rows = from === undefined ? 'all rows that had expired' : `rows from ${from} on`;
  return [
    ...(isNothing ? [] : [`${rows} are back: ${bucketsText(counted)}`]),
    ...(goneBefore === undefined ? [] : [`rows from before ${goneBefore} are gone for good`]),
  ].join('; ');
}

function bucketsText({buckets, cutBuckets}: Readonly<Record<keyof typeof counts, number>>): string {
  const of = (count: number) => `${count} bucket${count === 1 ? '' : 's'}`;
  return [
    ...(buckets > 0 ? [`all of ${of(buckets)}`] : []),
    ...(cutBuckets > 0 ? [`a part of ${of(cutBuckets)}`] : []),
  ].join(', ');
}

function addDrop(group: Command, context: CommandContext): void {
  const command = withTenant(group.command('drop').argument('<name>'))
    .option(
      '--after <duration>',
      'how long the trash keeps it (default: what `start --trash-retention` says, 1d); 0s: not at all',
    )
    .description('move a database to the trash; `database recover` brings it back')
    .addHelpText('after', examples(['database drop metrics', 'database drop metrics --after 0s']));
  const schema = Tenant.extend({after: z.string().optional()});
  context.change(command, schema, async (session, {tenant, after}, name = '') => {
    const options = {tenant, after, ...session.change};
    const answer = await session.client.admin.dropDatabase(name, options);
    const {unconfirmed = []} = DropAnswer.parse(answer);
    const dropped = {dropped: name, ...(unconfirmed.length > 0 && {unconfirmed})};
    await session.done(`dropped ${name}`, dropped, openSets(unconfirmed));
    return EXIT.ok;
  });
}

function addRecover(group: Command, context: CommandContext): void {
  const command = withTenant(group.command('recover').argument('<name>'))
    .option('--as <name>', 'recover it under another name, if the old one is in use again')
    .description('bring a dropped database and its rows back from the trash')
    .addHelpText(
      'after',
      examples(['database recover metrics', 'database recover metrics --as metrics_old']),
    );
  const schema = Tenant.extend({as: z.string().optional()});
  context.change(command, schema, async (session, {tenant, as}, name = '') => {
    const options = {tenant, as, ...session.change};
    const answer = await session.client.admin.recoverDatabase(name, options);
    const {unconfirmed = []} = DropAnswer.parse(answer);
    const recovered = {recovered: as ?? name, ...(unconfirmed.length > 0 && {unconfirmed})};
    const open =
      unconfirmed.length > 0
        ? `not there yet are the rows of replica sets ${unconfirmed.join(', ')}\n`
        : '';
    await session.done(`recovered ${as ?? name}`, recovered, open);
    return EXIT.ok;
  });
}

const DropAnswer = z.looseObject({unconfirmed: z.array(z.number()).optional()});

function openSets(sets: readonly number[]): string {
  if (sets.length === 0) return '';
  return `not confirmed yet by replica sets ${sets.join(', ')}: a node that has not heard of it may write there\n`;
}

/** As --ttl and --max-series take them: what has no bound says so. */
function withNone(database: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const fields = Object.entries(database).map(([name, value]) => [name, value ?? 'none']);
  return Object.fromEntries(fields);
}

function withTenant(command: Command): Command {
  return command.option('--tenant <name>', 'tenant of the database (default: default)');
}

function withChanges(command: Command): Command {
  return withTenant(command)
    .option('--ttl <duration>', 'drop rows older than this, e.g. 30d or 12h; none keeps all rows')
    .option('--bucket-duration <duration>', 'time range of one bucket (default 7d)')
    .option('--shards <n|auto>', 'replica sets per bucket')
    .option('--replicas <n>', 'copies of each replica set (default 3)')
    .option('--max-series <n>', 'most series in one bucket, more are refused; none: no limit');
}

/** The options as the admin routes take them: durations as typed, null for none. */
function definitionOf(options: Changes): Record<string, unknown> {
  const {ttl, bucketDuration, shards, replicas, precision, failover, maxSeries} = options;
  const definition = {
    ttl: ttl === 'none' ? null : ttl,
    bucketDuration,
    shards,
    replicas,
    precision,
    failover,
    maxSeries: maxSeries === 'none' ? null : maxSeries,
  };
  return Object.fromEntries(Object.entries(definition).filter(([, value]) => value !== undefined));
}
