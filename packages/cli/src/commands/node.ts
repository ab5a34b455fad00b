// `node list|drain|undrain|decommission|ok-to-stop|maintenance|evacuate-leaders`.

import type {Command} from 'commander';
import {z} from 'zod';
import {untilLeadsNothing} from '../lead-watch.ts';
import {followOperation, withWait} from '../operation-watch.ts';
import {type CommandContext, examples, mustId} from '../session.ts';
import {renderRecords} from '../table.ts';
import {EXIT, UsageError} from '../terminal.ts';

const COLUMNS = [
  'id',
  'node',
  'address',
  'zone',
  'state',
  'condition',
  'isReachable',
  'engineThreads',
  'leaders',
  'replicas',
  'version',
];
const LOST_COLUMNS = ['id', 'database', 'voters', 'present', 'left', 'needed'];

const Waiting = z.object({wait: z.boolean().default(true)});

export function addNodeCommands(program: Command, context: CommandContext): void {
  const group = program.command('node').description('the nodes of the cluster');
  const list = group
    .command('list')
    .description('list the nodes with their state and load')
    .addHelpText('after', examples(['node list', 'node list --json']));
  context.client(list, z.object({}), async (session) => {
    await session.table(await session.client.admin.nodes(), COLUMNS, 'no nodes');
    return EXIT.ok;
  });
  addDrain(group, context);
  addUndrain(group, context);
  addDecommission(group, context);
  addOkToStop(group, context);
  addMaintenance(group, context);
  addEvacuation(group, context);
}

function addDrain(group: Command, context: CommandContext): void {
  const command = withWait(group.command('drain').argument('<id>'))
    .description('move all replicas off a node, leaders first, while it keeps serving')
    .addHelpText('after', examples(['node drain 3', 'node drain 3 --no-wait']));
  context.change(command, Waiting, async (session, {wait}, id = '') => {
    const drain = await session.client.admin.drainNode(mustId(id, '<id>'), session.change);
    return followOperation(session, drain, wait);
  });
}

function addUndrain(group: Command, context: CommandContext): void {
  const command = group
    .command('undrain')
    .argument('<id>')
    .description('let a node take replicas again; cancels a drain or decommission that is running')
    .addHelpText('after', examples(['node undrain 3']));
  context.change(command, z.object({}), async (session, _options, id = '') => {
    const node = await session.client.admin.undrainNode(mustId(id, '<id>'), session.change);
    await session.done(`node ${id} takes replicas again`, node);
    return EXIT.ok;
  });
}

function addDecommission(group: Command, context: CommandContext): void {
  const command = withWait(group.command('decommission').argument('<id>'))
    .description(
      'remove a node from the cluster for good, after moving its replicas off; at once if it is gone and holds nothing',
    )
    .addHelpText(
      'after',
      examples([
        'node decommission 3 --dry-run',
        'node decommission 3',
        'node decommission 3 --no-wait',
      ]),
    );
  context.change(command, Waiting, async (session, {wait}, id = '') => {
    const node = mustId(id, '<id>');
    const answer = await session.client.admin.decommissionNode(node, session.change);
    if (answer.operation !== undefined) return followOperation(session, answer.operation, wait);
    await session.done(`node ${node} is a member no more`, answer);
    return EXIT.ok;
  });
}

function addOkToStop(group: Command, context: CommandContext): void {
  const command = group
    .command('ok-to-stop')
    .argument('<id...>')
    .description(
      'check whether these nodes can be stopped together: exit code 0 (yes) or 1 (no, and why)',
    )
    .addHelpText('after', examples(['node ok-to-stop 3', 'node ok-to-stop 2 3 && reboot-them']));
  context.client(command, z.object({}), async (session, _options, ...args) => {
    const nodes = args.flat().map((id) => mustId(id, '<id>'));
    const answer = await session.client.admin.okToStop(nodes);
    const which = nodes.length === 1 ? `node ${nodes[0]}` : `nodes ${nodes.join(', ')}`;
    await session.print(answer, () =>
      answer.ok
        ? `ok: without ${which} every replica set keeps a majority\n`
        : `not ok: without ${which} these replica sets have no majority (0 is the meta group)\n\n` +
          renderRecords(answer.sets, LOST_COLUMNS, session.style),
    );
    return answer.ok ? EXIT.ok : EXIT.failed;
  });
}

function addMaintenance(group: Command, context: CommandContext): void {
  const command = group
    .command('maintenance')
    .argument('<id>')
    .option('--for <duration>', 'how long, e.g. 2h (default 30m); it ends by itself')
    .option('--end', 'end it now')
    .description(
      'prepare to stop a node: for a while it leads nothing and its replicas are not repaired (see ok-to-stop)',
    )
    .addHelpText('after', examples(['node maintenance 3 --for 30m', 'node maintenance 3 --end']));
  const schema = z.object({for: z.string().optional(), end: z.boolean().default(false)});
  context.change(command, schema, async (session, options, id = '') => {
    if (options.end && options.for !== undefined)
      throw new UsageError('--end and --for exclude each other: give one of them');
    const wanted = options.end ? ({end: true} as const) : {for: options.for};
    const node = mustId(id, '<id>');
    const answer = await session.client.admin.maintainNode(node, wanted, session.change);
    if (options.end) {
      await session.done(`the maintenance of node ${node} has ended`, answer);
      return EXIT.ok;
    }
    return untilLeadsNothing(session, {id: node, answer, waits: true});
  });
}

function addEvacuation(group: Command, context: CommandContext): void {
  const command = withWait(group.command('evacuate-leaders').argument('<id>'))
    .option('--for <duration>', 'keep leaders away from it for this long (default 10m)')
    .description(
      'move all leaders off a node, including those of pinned sets and under manual failover',
    )
    .addHelpText(
      'after',
      examples(['node evacuate-leaders 3', 'node evacuate-leaders 3 --for 1h']),
    );
  const schema = Waiting.extend({for: z.string().optional()});
  context.change(command, schema, async (session, options, id = '') => {
    const node = mustId(id, '<id>');
    const wanted = {for: options.for};
    const answer = await session.client.admin.evacuateLeaders(node, wanted, session.change);
    return untilLeadsNothing(session, {id: node, answer, waits: options.wait});
  });
}
