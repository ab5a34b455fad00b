// What keeps the cluster from being whole, and what a run may leave nothing of: unfinished operations,
// replicas that nobody wants, files and sockets that nobody closed.

import {existsSync, readdirSync, readFileSync, readlinkSync} from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {FlotillaClient, FlotillaError, isFinal, type ReplicaSet} from '@flotilla/client';
import type {ProcessCluster, ProcessNode} from '@flotilla/testkit';

const LOOK_MS = 200;
/** Whoever cannot tell in this time is part of what is wrong. */
const VIEW_MS_MAX = 3_000;
/** Under load nobody is level for long. */
const LAG_ENTRIES_MAX = 200;

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

/** Why not every node takes part, every set is led, and every replica is there. */
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
  return verdict === 'healthy' ? [] : reasons.map(({message}) => message);
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
    const ill = replicas.filter(({state}) => ['stopped', 'wedged', 'missing'].includes(state));
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

/** Directories of replicas that the catalog does not place on their node. */
export async function strayReplicas(
  cluster: ProcessCluster,
  client: FlotillaClient,
): Promise<readonly string[]> {
  const sets = await client.admin.replicaSets();
  const known = await client.admin.nodes();
  return cluster.nodes.flatMap((node) => {
    const address = cluster.links.addresses[node.number - 1];
    const ids = known.filter((one) => one['address'] === address).map(({id}) => String(id));
    const wanted = placedOn(sets, new Set(ids));
    return replicaDirectories(node.directory)
      .filter((name) => !name.startsWith('0-') && !wanted.has(name))
      .map((name) => `node ${node.number} holds replica ${name}, which nobody wants`);
  });
}

/** As directories are called: set and replica. */
function placedOn(sets: readonly ReplicaSet[], ids: ReadonlySet<string>): ReadonlySet<string> {
  return new Set(
    sets.flatMap(({id, replicas}) =>
      replicas.filter(({node}) => ids.has(String(node))).map(({replica}) => `${id}-${replica}`),
    ),
  );
}

export function replicaDirectories(directory: string): string[] {
  const stores = path.join(directory, 'stores');
  if (!existsSync(stores)) return [];
  return readdirSync(stores).flatMap((store) => {
    const replicas = path.join(stores, store, 'replicas');
    return existsSync(replicas) ? readdirSync(replicas) : [];
  });
}

/** Files of its directory that a node keeps open though they are gone. */
export function deletedButOpen(node: ProcessNode): string[] {
  const descriptors = `/proc/${node.pid}/fd`;
  return readdirSync(descriptors).flatMap((fd) => {
    const target = targetOf(path.join(descriptors, fd));
    return target.startsWith(node.directory) && target.endsWith(' (deleted)')
      ? [`node ${node.number} keeps ${path.relative(node.directory, target)} open`]
      : [];
  });
}

function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return ''; // Closed since it was listed.
  }
}

/** Open connections between each pair of nodes. */
export function socketCounts({nodes, links}: ProcessCluster): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const {number: a} of nodes)
    for (const {number: b} of nodes) if (a < b) counts.set(`${a}-${b}`, links.openBetween(a, b));
  return counts;
}

/** Pairs with more connections than any pair had before. */
export function straySockets(
  before: ReadonlyMap<string, number>,
  cluster: ProcessCluster,
): readonly string[] {
  const most = Math.max(...before.values());
  return [...socketCounts(cluster)]
    .filter(([, count]) => count > most)
    .map(([pair, count]) => `${count} connections between nodes ${pair}, ${most} before`);
}

/** Broken invariants that a node's log tells of. */
export function bugsInLog({number, logFile}: ProcessNode): readonly string[] {
  const text = existsSync(logFile) ? readFileSync(logFile, 'utf8') : '';
  const lines = text.split('\n').filter((line) => /\bBUG\b/.test(line));
  return [...new Set(lines)].slice(0, 5).map((line) => `node ${number}: ${line.slice(0, 300)}`);
}
