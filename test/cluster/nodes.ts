// Which process is which node: the cluster speaks of node ids, tests kill processes.

import {existsSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {FlotillaClient, type Id, type ReplicaSet} from '@flotilla/client';
import type {ProcessCluster, ProcessNode} from '@flotilla/testkit';
import {until} from './waiting.ts';

export async function processOf(
  cluster: ProcessCluster,
  client: FlotillaClient,
  id: Id,
): Promise<ProcessNode> {
  const nodes = await client.admin.nodes();
  const address = nodes.find((node) => String(node['id']) === String(id))?.['address'];
  const found = cluster.nodes.find(({port}) => address === `127.0.0.1:${port}`);
  if (found === undefined) throw new Error(`no process is node ${id} (${String(address)})`);
  return found;
}

export async function metaLeader(
  cluster: ProcessCluster,
  client: FlotillaClient,
): Promise<ProcessNode> {
  let id: Id | undefined;
  await until('meta has a leader', async () => {
    id = (await client.admin.status()).metaLeader as Id | undefined;
    return id !== undefined;
  });
  return processOf(cluster, client, id!);
}

/** The process that leads most replica sets of a database now. */
export async function busiestLeader(
  cluster: ProcessCluster,
  client: FlotillaClient,
  database: string,
): Promise<ProcessNode> {
  const leads = new Map<Id, number>();
  for (const set of await client.admin.replicaSets({database})) {
    const leader = leaderOf(set);
    if (leader !== undefined) leads.set(leader, (leads.get(leader) ?? 0) + 1);
  }
  const [busiest] = [...leads].sort((a, b) => b[1] - a[1]);
  if (busiest === undefined) throw new Error(`no replica set of ${database} has a leader`);
  return processOf(cluster, client, busiest[0]);
}

/** The node whose replica leads the set. */
export function leaderOf({replicas}: ReplicaSet): Id | undefined {
  return replicas.find(({leader}) => leader)?.node;
}

/** Makes the database and its first bucket, and waits until each set has all its replicas. */
export async function openDatabase(
  client: FlotillaClient,
  database: string,
  options: {readonly shards?: number} = {},
): Promise<void> {
  await client.admin.createDatabase({name: database, ...options});
  await client.write('warmup v=1 1600000000000000000', {database});
  await until(`every set of ${database} has three replicas`, async () => {
    const sets = await client.admin.replicaSets({database});
    return (
      sets.length > 0 &&
      sets.every((set) => set.replicas.length === 3 && leaderOf(set) !== undefined)
    );
  });
}

/** Waits until all replicas of each set of the database have applied the same. */
export async function untilApplied(client: FlotillaClient, database: string): Promise<void> {
  await until(`applied indexes of ${database} are equal`, async () => {
    const sets = await client.admin.replicaSets({database});
    return sets.every(({replicas}) => {
      const indexes = new Set(replicas.map(({appliedIndex}) => appliedIndex));
      return indexes.size === 1 && !indexes.has(undefined);
    });
  });
}

/** Makes each node write what it holds in memory into parts. */
export async function flushEveryNode({urls}: Pick<ProcessCluster, 'urls'>): Promise<void> {
  for (const url of urls) {
    const own = new FlotillaClient({urls: [url]});
    await own.admin.flushStorage();
    own.close();
  }
}

/** The lines of all nodes' audit logs. */
export function auditedBy({nodes}: Pick<ProcessCluster, 'nodes'>): Record<string, unknown>[] {
  return nodes
    .map(({directory}) => path.join(directory, 'audit/audit.jsonl'))
    .filter((file) => existsSync(file))
    .flatMap((file) => readFileSync(file, 'utf8').trim().split('\n'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
