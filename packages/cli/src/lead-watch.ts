// Waits until a node leads nothing. The cluster sees to that whether anybody waits or not: Ctrl-C, and the
// end of the patience, only stop looking.

import {setTimeout as sleep} from 'node:timers/promises';
import type {Entity, Operation, ReplicaSet} from '@flotilla/client';
import {z} from 'zod';
import {Lookout} from './lookout.ts';
import {ProgressBar} from './progress-bar.ts';
import type {Session} from './session.ts';
import {EXIT, writeOut} from './terminal.ts';

const POLL_MS = 200;
/** Hundreds of leads go in a second or two; what has not gone by then has nowhere to go. */
const PATIENCE_MS = 15_000;

const Node = z.looseObject({
  leaders: z.number().default(0),
  isMetaLeader: z.boolean().default(false),
  maintenance: z.looseObject({untilMs: z.number()}).optional(),
});

interface Leaving {
  readonly id: string;
  /** What the cluster said to the order: the node. */
  readonly answer: Entity;
  readonly waits: boolean;
}

export async function untilLeadsNothing(session: Session, wanted: Leaving): Promise<number> {
  const {id, answer} = wanted;
  const {maintenance} = Node.parse(answer);
  const until = maintenance === undefined ? '' : ` until ${timeText(maintenance.untilMs)}`;
  const said = `node ${id} is to lead nothing${until}`;
  if (session.isDryRun || !wanted.waits) {
    await session.done(said, answer);
    return EXIT.ok;
  }
  const aborter = new AbortController();
  const stopListening = session.terminal.onInterrupt(() => aborter.abort());
  try {
    const left = await leadsLeft(session, id, aborter.signal);
    const more = left === 0 ? 'it leads nothing now\n' : await leftText(session, id, left);
    await session.done(said, {...answer, leaders: left}, more);
    return left === 0 ? EXIT.ok : EXIT.failed;
  } catch (error) {
    if (!aborter.signal.aborted) throw error;
    await writeOut(session.terminal.stderr, `${said}, and its leads go on leaving\n`);
    return EXIT.interrupted;
  } finally {
    stopListening();
  }
}

async function leadsLeft(session: Session, id: string, signal: AbortSignal): Promise<number> {
  const bar = new ProgressBar(session.terminal.stderr);
  const lookout = new Lookout(session, {signal, bar});
  const endMs = performance.now() + PATIENCE_MS;
  let first: number | undefined;
  try {
    for (;;) {
      const nodes = await lookout.ask(async ({admin}, options) =>
        lookout.know(await admin.nodes(options)),
      );
      const node = Node.parse(nodes.find((each) => String(each['id']) === id) ?? {});
      const left = node.leaders + (node.isMetaLeader ? 1 : 0);
      first ??= left;
      if (left === 0 || performance.now() >= endMs) return left;
      bar.update(1 - left / first, `node ${id} leads ${left}`);
      await sleep(POLL_MS, undefined, {signal});
    }
  } finally {
    lookout.close();
    bar.clear();
  }
}

async function leftText({client: {admin}}: Session, id: string, left: number): Promise<string> {
  const [sets, operations] = await Promise.all([admin.replicaSets(), admin.operations()]);
  return `it still leads ${left}: ${whyLeft(id, sets, operations)}\n`;
}

/** What keeps a node's leads where they are, once the cluster has had the time to take them away. */
export function whyLeft(
  node: string,
  sets: readonly ReplicaSet[],
  operations: readonly Operation[],
): string {
  const led = sets.filter(({replicas}) =>
    replicas.some((replica) => replica.leader === true && String(replica.node) === node),
  );
  const holding = led.flatMap(({id}) => operations.find((one) => holdsLead(one, id)) ?? []);
  const held = holding.map(
    ({id, kind, replicaSet}) => `operation ${id} (${kind}) is running on replica set ${replicaSet}`,
  );
  const see = 'see ./flotilla replica-set list';
  if (held.length === 0) return `no other replica of those sets is fit to; ${see}`;
  if (held.length === led.length) return held.join(', ');
  return `${held.join(', ')}; of the others no replica elsewhere is fit to; ${see}`;
}

/** It places the lead itself, or is about to change the members: all others go on under any leader. */
function holdsLead({kind, state, step, replicaSet}: Operation, set: ReplicaSet['id']): boolean {
  const isRunning = state === 'running' || state === 'cancelling';
  if (!isRunning || String(replicaSet) !== String(set)) return false;
  return kind === 'transfer-leader' || step === 'swap' || step === 'change';
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
