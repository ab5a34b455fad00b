// `status`: one verdict, and for each reason the next command to type.

import type {Status} from '@flotilla/client';
import {FlotillaError} from '@flotilla/client';
import type {Command} from 'commander';
import {z} from 'zod';
import {tint} from '../colour.ts';
import {
  type CommandContext,
  examples,
  isNameUnknown,
  isRefusedByTls,
  type Session,
} from '../session.ts';
import {renderRecords, type TableStyle} from '../table.ts';
import {EXIT} from '../terminal.ts';

const EXIT_OF_VERDICT: Record<Status['verdict'], number> = {
  healthy: EXIT.ok,
  degraded: EXIT.failed,
  unavailable: EXIT.unavailable,
};

/**
 * Of each node: whoever asks for the verdict wants it now, but from any that can give it. A cluster of which
 * none can by then is unavailable.
 */
const TIMEOUT_MS = 5_000;

const NODE_COLUMNS = [
  'id',
  'node',
  'address',
  'zone',
  'state',
  'condition',
  'isReachable',
  'leaders',
  'replicas',
  'version',
];

export function addStatusCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('status')
    .description('check the cluster: exit code 0 (healthy), 1 (degraded) or 2 (unavailable)')
    .addHelpText('after', examples(['status', 'status --url a:8902,b:8902 --json']));
  context.client(command, z.object({}), async (session) => {
    const status = await statusOrUnavailable(session);
    await session.print(status, () => renderStatus(status, session.style));
    return EXIT_OF_VERDICT[status.verdict];
  });
}

/** No answer from any node is a verdict too. */
async function statusOrUnavailable(session: Session): Promise<Status> {
  try {
    const {client, timeoutMs = TIMEOUT_MS * client.urls.length} = session;
    const status = await client.admin.status({timeoutMs});
    const reasons = status.reasons.map((reason) => ({...reason, next: typeable(session, reason)}));
    const notices = status.notices.map((each) => ({...each, next: typeable(session, each)}));
    return {...status, reasons, notices};
  } catch (error) {
    if (!(error instanceof FlotillaError)) throw error;
    const isNoAnswer = error.status === undefined || error.status === 503;
    if (!isNoAnswer) throw error;
    const next = nextAfterSilence(session, error);
    return {
      verdict: 'unavailable',
      reasons: [{message: error.message, next}],
      notices: [],
      nodes: [],
    };
  }
}

function nextAfterSilence(session: Session, error: FlotillaError): string {
  const {code, status} = error;
  if (status !== undefined) return session.commandLine('node list');
  if (isRefusedByTls(error)) return './flotilla status --help, and its --tls options';
  if (code === 'NOT_HTTP')
    return './flotilla status --url with the HTTP port of a node (that of its --listen, not the next one)';
  if (isNameUnknown(error))
    return './flotilla status --url with the address of a node, as this machine knows it';
  if (code === 'TIMEOUT') return './flotilla health, on the machine of a node, with its --data';
  return code === 'CONNECTION_LOST'
    ? './flotilla status --url with https://, if its nodes speak TLS'
    : './flotilla start';
}

/** A node names a command as `flotilla ...`; here it is shown as it is typed here, with this --url. */
function typeable(session: Session, {next}: Status['reasons'][number]): string | undefined {
  const rest = next?.match(/^flotilla (.*)$/)?.[1];
  return rest === undefined ? next : session.commandLine(rest);
}

export function renderStatus(status: Status, style: TableStyle = {}): string {
  const name = status.cluster?.['name'] ?? status.cluster?.['id'];
  const verdict = style.isColoured ? tint(status.verdict) : status.verdict;
  const head = name === undefined ? verdict : `${verdict}  (cluster ${String(name)})`;
  const told = [...status.reasons, ...status.notices].map(({message, next}) =>
    next === undefined ? `- ${message}\n` : `- ${message}\n    next: ${next}\n`,
  );
  const nodes =
    status.nodes.length === 0 ? '' : `\n${renderRecords(status.nodes, NODE_COLUMNS, style)}`;
  return `${head}\n${told.join('')}${nodes}`;
}
