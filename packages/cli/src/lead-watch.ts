// Waits until a node leads nothing. The cluster sees to that whether anybody waits or not: Ctrl-C, and the
// end of the patience, only stop looking.

import {setTimeout as sleep} from 'node:timers/promises';
import type {Entity} from '@flotilla/client';
import {z} from 'zod';
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
    const more =
      left === 0
        ? 'it leads nothing now\n'
        : `it still leads ${left}: no other replica of those sets is fit to; see ./flotilla replica-set list\n`;
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
  const endMs = performance.now() + PATIENCE_MS;
  let first: number | undefined;
  try {
    for (;;) {
      const nodes = await session.client.admin.nodes({signal});
      const node = Node.parse(nodes.find((each) => String(each['id']) === id) ?? {});
      const left = node.leaders + (node.isMetaLeader ? 1 : 0);
      first ??= left;
      if (left === 0 || performance.now() >= endMs) return left;
      bar.update(1 - left / first, `node ${id} leads ${left}`);
      await sleep(POLL_MS, undefined, {signal});
    }
  } finally {
    bar.clear();
  }
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
