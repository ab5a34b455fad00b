// `rebalance`.

import type {RebalanceView} from '@flotilla/client';
import type {Command} from 'commander';
import {z} from 'zod';
import {followOperation, withWait} from '../operation-watch.ts';
import {formatBytes} from '../progress-bar.ts';
import {type CommandContext, examples, type Session} from '../session.ts';
import {renderRecords} from '../table.ts';
import {EXIT} from '../terminal.ts';

const NODE_COLUMNS = [
  'node',
  'leads',
  'leadsAfter',
  'replicas',
  'replicasAfter',
  'diskUsed',
  'writesPerSecond',
];
const SHIFT_COLUMNS = ['what', 'replicaSet', 'from', 'to', 'bytes'];

export function addRebalanceCommand(program: Command, context: CommandContext): void {
  const command = withWait(program.command('rebalance'))
    .description('balance leaders, then replicas, over the nodes by their load')
    .addHelpText('after', examples(['rebalance --dry-run', 'rebalance', 'rebalance --no-wait']));
  const schema = z.object({wait: z.boolean().default(true)});
  context.change(command, schema, async (session, {wait}) => {
    const {admin} = session.client;
    if (!session.isDryRun) return followOperation(session, await admin.rebalance(), wait);
    const view = await admin.rebalanceView();
    await session.print(view, () => renderView(view, session.style));
    return EXIT.ok;
  });
}

function renderView(view: RebalanceView, style: Session['style']): string {
  const shifts = [
    ...view.leads.map((shift) => ({what: 'lead', ...shift})),
    ...view.replicas.map(({bytes, ...shift}) => ({
      ...{what: 'replica', ...shift},
      bytes: typeof bytes === 'number' ? formatBytes(bytes) : null,
    })),
  ];
  const plan =
    shifts.length === 0
      ? 'the nodes are even: nothing would be moved\n'
      : renderRecords(shifts, SHIFT_COLUMNS, style);
  const nodes = view.nodes.map(({diskUsed, ...node}) => ({
    ...node,
    diskUsed: typeof diskUsed === 'number' ? `${Math.round(100 * diskUsed)}%` : null,
  }));
  return `${renderRecords(nodes, NODE_COLUMNS, style)}\n${plan}`;
}
