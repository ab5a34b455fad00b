// `replica-set list|show`, the four changes of its members and its destruction, each of which starts an operation,
// and how it is led: candidates, elect, pin.

import type {Candidate, ReplicaSet, ReplicaSetChange} from '@flotilla/client';
import type {Command} from 'commander';
import {z} from 'zod';
import {followOperation, withWait} from '../operation-watch.ts';
import {type CommandContext, examples, mustId} from '../session.ts';
import {formatCell, renderRecords, type TableStyle} from '../table.ts';
import {EXIT, UsageError} from '../terminal.ts';
import {bucketOf, renderReplicaSet} from './replica-set-text.ts';
import {addStoppedSetCommands} from './stopped-set.ts';

const LIST_COLUMNS = [
  'id',
  'database',
  'start',
  'end',
  'shard',
  'epoch',
  'state',
  'leader',
  'replicas',
];
const CANDIDATE_COLUMNS = [
  'replica',
  'node',
  'role',
  'leader',
  'isReachable',
  'lastTerm',
  'lastIndex',
  'lag',
  'votes',
  'votesNeeded',
  'canWin',
];

const ChangeOptions = z.object({
  wait: z.boolean().default(true),
  node: z.string().optional(),
  replica: z.string().optional(),
  from: z.string().optional(),
  to: z.string().optional(),
  yes: z.boolean().default(false),
});
type ChangeOptions = z.infer<typeof ChangeOptions>;

export function addReplicaSetCommands(program: Command, context: CommandContext): void {
  const group = program
    .command('replica-set')
    .description('replica sets: one bucket and shard each, one Raft group each');
  addList(group, context);
  addShow(group, context);
  addChange(context, {
    command: group
      .command('add-replica')
      .description('add a replica on a node; it joins as a learner and votes once caught up')
      .option('--node <node>', 'node to add it on')
      .addHelpText('after', examples(['replica-set add-replica 12 --node 4'])),
    changeOf: ({node}) => ({action: 'add-replica', node: must(node, '--node')}),
  });
  addChange(context, {
    command: group
      .command('remove-replica')
      .description('remove a replica, named by itself or by its node')
      .option('--replica <replica>', 'the replica to remove')
      .option('--node <node>', 'remove the replica on this node')
      .option('--yes', 'go ahead even if fewer voters will then hold each write')
      .addHelpText('after', examples(['replica-set remove-replica 12 --node 2'])),
    changeOf: removalOf,
  });
  addChange(context, {
    command: group
      .command('move-replica')
      .description('move a replica from one node to another while the load goes on')
      .option('--from <node>', 'node that has the replica')
      .option('--to <node>', 'node that gets the replica')
      .addHelpText('after', examples(['replica-set move-replica 12 --from 2 --to 4'])),
    changeOf: ({from, to}) => ({
      action: 'move-replica',
      from: must(from, '--from'),
      to: must(to, '--to'),
    }),
  });
  addChange(context, {
    command: group
      .command('transfer-leader')
      .description('make the replica on another node the leader')
      .option('--to <node>', 'node of the next leader')
      .addHelpText('after', examples(['replica-set transfer-leader 12 --to 3'])),
    changeOf: ({to}) => ({action: 'transfer-leader', to: must(to, '--to')}),
  });
  addCandidates(group, context);
  addWork(group, context, 'compact');
  addWork(group, context, 'checksum');
  addDestroy(group, context);
  addElect(group, context);
  addPin(group, context, true);
  addPin(group, context, false);
  addStoppedSetCommands(group, context);
}

function addList(group: Command, context: CommandContext): void {
  const schema = z.object({db: z.string().optional(), tenant: z.string().optional()});
  const command = group
    .command('list')
    .description('list the replica sets')
    .option('--db <name>', 'only this database')
    .option('--tenant <name>', 'tenant of the database')
    .addHelpText('after', examples(['replica-set list --db metrics']));
  context.client(command, schema, async (session, {db, tenant}) => {
    const sets = await session.client.admin.replicaSets({database: db, tenant});
    await session.print(sets, () =>
      sets.length === 0
        ? 'no replica sets\n'
        : renderRecords(sets.map(summaryOf), LIST_COLUMNS, session.style),
    );
    return EXIT.ok;
  });
}

function addShow(group: Command, context: CommandContext): void {
  const command = group
    .command('show')
    .argument('<id>')
    .description('show one replica set and each of its replicas')
    .addHelpText('after', examples(['replica-set show 12']));
  context.client(command, z.object({}), async (session, _options, id = '') => {
    const set = await session.client.admin.replicaSet(mustId(id, '<id>'));
    await session.print(set, () => renderReplicaSet(set, session.style));
    return EXIT.ok;
  });
}

function addChange(
  context: CommandContext,
  change: {command: Command; changeOf: (options: ChangeOptions) => ReplicaSetChange},
): void {
  const command = withWait(change.command.argument('<id>'));
  context.change(command, ChangeOptions, async (session, options, id = '') => {
    const wanted = change.changeOf(options);
    const set = mustId(id, '<id>');
    const operation = await session.client.admin.changeReplicaSet(set, wanted, session.change);
    return followOperation(session, operation, options.wait);
  });
}

function addCandidates(group: Command, context: CommandContext): void {
  const command = group
    .command('candidates')
    .argument('<id>')
    .description(
      'show which replicas could lead: where each log ends, its lag, and who would be elected',
    )
    .addHelpText('after', examples(['replica-set candidates 12']));
  context.client(command, z.object({}), async (session, _options, id = '') => {
    const candidates = await session.client.admin.candidates(mustId(id, '<id>'));
    await session.print(candidates, () => renderCandidates(candidates, session.style));
    return EXIT.ok;
  });
}

/** Reasons are sentences, and stand below the table. */
function renderCandidates(candidates: readonly Candidate[], style: TableStyle): string {
  const reasons = candidates
    .filter(({why}) => why !== undefined)
    .map(({node, why}) => `node ${formatCell(node)} cannot lead: ${why}\n`);
  const gap = reasons.length === 0 ? '' : '\n';
  return `${renderRecords(candidates, CANDIDATE_COLUMNS, style)}${gap}${reasons.join('')}`;
}

function addWork(group: Command, context: CommandContext, name: 'compact' | 'checksum'): void {
  const description =
    name === 'compact'
      ? 'merge the parts of each replica into one, one replica after the other'
      : 'compare its replicas; one whose rows differ from the majority is named and rebuilt';
  const command = withWait(group.command(name).argument('<id>'))
    .description(description)
    .addHelpText('after', examples([`replica-set ${name} 12`]));
  const schema = z.object({wait: z.boolean().default(true)});
  context.change(command, schema, async (session, {wait}, id = '') => {
    const {admin} = session.client;
    const set = mustId(id, '<id>');
    const begun =
      name === 'compact'
        ? admin.compactReplicaSet(set, session.change)
        : admin.checksumReplicaSet(set, session.change);
    return followOperation(session, await begun, wait);
  });
}

function addDestroy(group: Command, context: CommandContext): void {
  const command = withWait(group.command('destroy').argument('<id>'))
    .description('destroy a set and all of its rows for good; an empty set takes its place')
    .option('--yes', 'confirm: its rows are gone at once, no trash keeps them')
    .addHelpText('after', examples(['replica-set destroy 12 --yes']));
  const schema = z.object({wait: z.boolean().default(true), yes: z.boolean().default(false)});
  context.change(command, schema, async (session, {wait, yes}, id = '') => {
    const set = mustId(id, '<id>');
    if (!yes && !session.isDryRun) {
      throw new UsageError(
        `all rows of replica set ${id} would be gone for ever: no trash keeps them; say --yes if that is meant`,
      );
    }
    const begun = await session.client.admin.destroyReplicaSet(set, session.change);
    return followOperation(session, begun, wait);
  });
}

function addElect(group: Command, context: CommandContext): void {
  const command = group
    .command('elect')
    .argument('<id>')
    .description('let a replica stand for election, for manual failover, where none does by itself')
    .option('--node <node>', 'node of the replica that should lead; see `replica-set candidates`')
    .addHelpText('after', examples(['replica-set elect 12 --node 3']));
  const schema = z.object({node: z.string().optional()});
  context.change(command, schema, async (session, {node}, id = '') => {
    const to = must(node, '--node');
    const set = await session.client.admin.electReplica(mustId(id, '<id>'), to, session.change);
    const said = session.isDryRun ? 'could lead' : 'leads';
    await session.done(
      `node ${to} ${said} replica set ${id}`,
      set,
      renderReplicaSet(set, session.style),
    );
    return EXIT.ok;
  });
}

function addPin(group: Command, context: CommandContext, pinned: boolean): void {
  const name = pinned ? 'pin' : 'unpin';
  const description = pinned
    ? 'keep its replicas and its leader where they are when the cluster rebalances'
    : 'let rebalancing move it again, with as many replicas as its database wants; changes by hand pin a set';
  const command = group
    .command(name)
    .argument('<id>')
    .description(description)
    .addHelpText('after', examples([`replica-set ${name} 12`]));
  context.change(command, z.object({}), async (session, _options, id = '') => {
    const {admin} = session.client;
    const set = await admin.pinReplicaSet(mustId(id, '<id>'), pinned, session.change);
    await session.done(`replica set ${id} is ${name}ned`, set);
    return EXIT.ok;
  });
}

function removalOf({node, replica, yes}: ChangeOptions): ReplicaSetChange {
  if (node !== undefined && replica !== undefined) {
    throw new UsageError('name the replica by --replica or by --node, not by both');
  }
  const allowed = yes ? {allowFewerVoters: true} : {};
  if (replica !== undefined) {
    return {action: 'remove-replica', replica: mustId(replica, '--replica'), ...allowed};
  }
  return {action: 'remove-replica', node: must(node, '--replica or --node'), ...allowed};
}

function must(value: string | undefined, option: string): string {
  if (value === undefined) throw new UsageError(`${option} is missing`);
  return mustId(value, option);
}

function summaryOf(set: ReplicaSet): Record<string, unknown> {
  const bucket = bucketOf(set);
  return {
    ...set,
    start: bucket['start'],
    end: bucket['end'],
    leader: set.replicas.find((replica) => replica.leader)?.node,
    replicas: set.replicas
      .map(({node, role}) => (role === 'learner' ? `${node}*` : node))
      .join(' '),
  };
}
