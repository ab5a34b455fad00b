// What keeps the cluster from being whole, or from being at rest.

import {setTimeout as sleep} from 'node:timers/promises';
import {FlotillaClient, FlotillaError, isFinal} from '@flotilla/client';
import type {ProcessCluster, ProcessNode} from '@flotilla/testkit';
import {DATABASE, REPLICAS} from './load.ts';

const LOOK_MS = 200;
/** Whoever cannot tell in this time is part of what is wrong. */
const VIEW_MS_MAX = 3_000;
/** Under load nobody is level for long. */
const LAG_ENTRIES_MAX = 200;
/** States of a replica that does not work. */
const ILL: ReadonlySet<string> = new Set([
  ...['stopped', 'failed', 'wedged'],
  ...['missing', 'unreachable'],
]);

/** Waits until `unrest` finds nothing; what it found last if that does not come. */
export async function untilNone(
  unrest: () => Promise<readonly string[]> | readonly string[],
  withinMs: number,
): Promise<readonly string[]> {
  const endMs = performance.now() + withinMs;
  for (;;) {
    let last: readonly string[];
    try {
      last = await unrest();
    } catch (error) {
      last = [String(error)]; // A node that comes back refuses for a while.
    }
    if (last.length === 0 || performance.now() > endMs) return last;
    await sleep(LOOK_MS);
  }
}

/** Why not every node takes part, every set is led, and every replica is there, of which enough vote. */
export async function unrestOf(
  {nodes}: ProcessCluster,
  client: FlotillaClient,
): Promise<readonly string[]> {
  const ended = nodes
    .filter(({isRunning}) => !isRunning)
    .map(({number}) => `node ${number} is down`);
  if (ended.length > 0) return ended;
  const ready = await Promise.all(nodes.map((node) => client.isReady(node.url, 2_000)));
  const late = nodes.filter((_, i) => !ready[i]).map(({number}) => `node ${number} is not ready`);
  if (late.length > 0) return late;
  const {verdict, reasons} = await client.admin.status();
  return verdict === 'healthy' ? scantSets(client) : reasons.map(({message}) => message);
}

/** All their replicas are there, and some do not vote yet: the next fault would find no majority. */
async function scantSets(client: FlotillaClient): Promise<readonly string[]> {
  const sets = await client.admin.replicaSets({database: DATABASE});
  return sets.flatMap(({id, replicas}) => {
    const voters = replicas.filter(({role}) => role === 'voter').length;
    return voters >= REPLICAS ? [] : [`set ${id} has ${voters} voters`];
  });
}

/** One node's own view of what is wrong, for a person; never throws for a node that does not answer. */
export async function viewOf({number, url}: ProcessNode): Promise<string> {
  const client = new FlotillaClient({urls: [url], timeoutMs: VIEW_MS_MAX});
  try {
    const {metaLeader, reasons} = await client.admin.status();
    const open = await unfinished(client);
    const wrong = [...reasons.map(({message}) => message), ...open];
    return `node ${number}: meta is led by node ${metaLeader}; ${wrong.join('; ') || 'all is well'}`;
  } catch (error) {
    if (!(error instanceof FlotillaError)) throw error;
    return `node ${number}: ${error.code}: ${error.message}`;
  } finally {
    client.close();
  }
}

/** Operations that have not come to an end. */
export async function unfinished(client: FlotillaClient): Promise<readonly string[]> {
  const operations = await client.admin.operations();
  return operations
    .filter((operation) => !isFinal(operation))
    .map(({id, kind, state, step, replicaSet}) => {
      const of = replicaSet == null ? '' : ` of set ${replicaSet}`;
      return `operation ${id} (${kind}${of}) is ${state} at ${step}`;
    });
}

/** Sets whose replicas have not all applied the same, or of which one stands still. */
export async function unequal(client: FlotillaClient): Promise<readonly string[]> {
  return (await client.admin.replicaSets()).flatMap(({id, replicas}) => {
    const indexes = new Set(replicas.map(({appliedIndex}) => appliedIndex));
    const ill = replicas.filter(({state}) => ILL.has(state));
    const states = ill.map(({replica, state}) => `replica ${replica} of set ${id} is ${state}`);
    return indexes.size === 1 && !indexes.has(undefined)
      ? states
      : [...states, `replicas of set ${id} have applied ${[...indexes].join(', ')}`];
  });
}

/** Why a disk may not be lost now: some set has no copy to spare, or may have none. */
export async function scarcity(client: FlotillaClient): Promise<readonly string[]> {
  const repairs = (await client.admin.operations()).filter(
    (operation) => operation.kind === 'repair' && !isFinal(operation),
  );
  const behind = (await client.admin.replicaSets()).filter(({replicas}) =>
    replicas.some(({lag}) => lag == null || lag > LAG_ENTRIES_MAX),
  );
  return [
    ...repairs.map(({id, replicaSet}) => `repair ${id} of set ${replicaSet} goes on`),
    ...behind.map(({id}) => `a replica of set ${id} is behind`),
  ];
}
