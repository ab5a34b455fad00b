// What a run may leave nothing of, looked for while the nodes run: replicas that nobody wants, snapshots
// that nobody installs, files that are gone and still open or open too often, connections that only one end
// still has, and more connections than before. What lies on the disks is looked at once they have stopped.

import {existsSync, readdirSync, readFileSync, readlinkSync} from 'node:fs';
import path from 'node:path';
import type {Entity, FlotillaClient} from '@flotilla/client';
import type {ProcessCluster, ProcessNode} from '@flotilla/testkit';

/** By state in /proc/net/tcp: the other end has closed, and this one has not. */
const CLOSE_WAIT = '08';
/** A segment of the log is read by one descriptor and written by another. */
const OPEN_MAX = 2;

/** What belongs on a node's disk. */
export interface Holdings {
  /** Directories of replicas: set and replica. */
  readonly wanted: ReadonlySet<string>;
  readonly holdsMeta: boolean;
}

/** By number of the node's process. */
export async function holdingsOf(
  {nodes, links}: ProcessCluster,
  client: FlotillaClient,
): Promise<ReadonlyMap<number, Holdings>> {
  const sets = await client.admin.replicaSets();
  const known = await client.admin.nodes();
  return new Map(
    nodes.map(({number}) => {
      const isOwn = ({address}: Entity) => address === links.addresses[number - 1];
      const records = known.filter(isOwn);
      const ids = new Set(records.map(({id}) => String(id)));
      const wanted = sets.flatMap(({id, replicas}) =>
        replicas.filter(({node}) => ids.has(String(node))).map(({replica}) => `${id}-${replica}`),
      );
      const holdsMeta = records.some(({isMetaVoter}) => isMetaVoter === true);
      return [number, {wanted: new Set(wanted), holdsMeta}];
    }),
  );
}

/** Directories of replicas that the catalog does not place on their node, and of snapshots on their way. */
export async function strayReplicas(
  cluster: ProcessCluster,
  client: FlotillaClient,
): Promise<readonly string[]> {
  const holdings = await holdingsOf(cluster, client);
  return cluster.nodes.flatMap(({number, directory}) => {
    const {wanted, holdsMeta} = holdings.get(number)!;
    const replicas = inStores(directory, 'replicas');
    const meta = replicas.filter((name) => name.startsWith('0-'));
    const strange = replicas.filter((name) => !name.startsWith('0-') && !wanted.has(name));
    if (meta.length > (holdsMeta ? 1 : 0)) strange.push(...meta);
    return [
      ...strange.map((name) => `node ${number} holds replica ${name}, which nobody wants`),
      ...inStores(directory, 'staging').map((name) => `node ${number} keeps snapshot ${name}`),
    ];
  });
}

function inStores(directory: string, name: string): string[] {
  const stores = path.join(directory, 'stores');
  if (!existsSync(stores)) return [];
  return readdirSync(stores).flatMap((store) => {
    const place = path.join(stores, store, name);
    return existsSync(place) ? readdirSync(place) : [];
  });
}

/** Files of its directory that a node keeps open though they are gone, or has open too often. */
export function strayDescriptors(node: ProcessNode): string[] {
  const counts = new Map<string, number>();
  for (const target of descriptorsOf(node))
    if (target.startsWith(node.directory)) counts.set(target, (counts.get(target) ?? 0) + 1);
  return [...counts].flatMap(([target, count]) => {
    const file = path.relative(node.directory, target);
    if (target.endsWith(' (deleted)')) return [`node ${node.number} keeps ${file} open`];
    return count > OPEN_MAX ? [`node ${node.number} has ${file} open ${count} times`] : [];
  });
}

/** Connections whose other end has closed long ago. */
export function halfClosedSockets(node: ProcessNode): string[] {
  const states = new Map<string, {readonly ends: string; readonly state: string | undefined}>(
    readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .map(([, local, remote, state, , , , , , inode]) => {
        const ends = `${portOf(local)} to ${portOf(remote)}`;
        return [`socket:[${inode}]`, {ends, state}] as const;
      }),
  );
  return descriptorsOf(node).flatMap((target) => {
    const socket = states.get(target);
    return socket?.state === CLOSE_WAIT
      ? [`node ${node.number} has not closed its connection from port ${socket.ends}`]
      : [];
  });
}

function portOf(address = ''): number {
  return Number.parseInt(address.slice(address.indexOf(':') + 1), 16);
}

function descriptorsOf({pid}: ProcessNode): string[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).map((fd) => targetOf(path.join(directory, fd)));
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
