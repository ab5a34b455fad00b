// Flotilla, one node or three on this machine, each a process of its own as `./flotilla start` runs
// it. Every acknowledged row is fsynced on a majority of its replicas. Writes go to all nodes in turn.

import {setTimeout as sleep} from 'node:timers/promises';
import type {FlotillaClient} from '@flotilla/client';
import {type ClusterOptions, FlotillaCluster} from '../clusters/flotilla-cluster.ts';
import {DATABASE, type RunningTarget, type Target} from './target.ts';

/** Of a log that was begun anew. */
const LOG_BYTES_LITTLE = 64 * 1024;
const LOOK_MS = 500;
/** A full compaction of all that was written. */
const STORAGE_MS_MAX = 600_000;

interface NodeOptions extends Pick<ClusterOptions, 'engineThreads' | 'nodeFlags'> {
  /** A log of which nothing is needed goes after some 30 s: it is waited for no longer than this. */
  readonly logSecondsMax: number;
}

export function flotilla(nodes: number, options: NodeOptions): Target {
  return {
    name: 'flotilla',
    nodes,
    missing: () => undefined,
    start: (directory) => start(directory, {nodes, ...options}),
  };
}

async function start(
  directory: string,
  options: ClusterOptions & NodeOptions,
): Promise<RunningTarget> {
  const cluster = await FlotillaCluster.start(directory, options);
  const {clients, urls, directories} = cluster;
  try {
    await clients[0]!.admin.createDatabase({name: DATABASE, replicas: options.nodes});
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return {
    pids: cluster.pids,
    writeUrls: urls.map((url) => `${url}/api/v1/write?db=${DATABASE}&precision=ns`),
    directories,
    settle: () => settle(clients),
    forgetLog: () => forgetLog(urls, options.logSecondsMax),
    countRows: () => countRows(clients[0]!, options.nodes),
    stop: () => cluster.stop(),
  };
}

/** Brings all rows into their final parts. */
export async function settle(clients: readonly FlotillaClient[]): Promise<void> {
  const options = {timeoutMs: STORAGE_MS_MAX};
  await Promise.all(
    clients.map(async ({admin}) => {
      await admin.flushStorage(options);
      await admin.compactStorage(options);
    }),
  );
}

/** What it goes on to need is its own. */
async function forgetLog(urls: readonly string[], secondsMax: number): Promise<void> {
  const endMs = performance.now() + secondsMax * 1_000;
  while (performance.now() < endMs) {
    const logs = await Promise.all(urls.map(logBytes));
    if (Math.max(...logs) < LOG_BYTES_LITTLE) return;
    await sleep(LOOK_MS);
  }
}

async function logBytes(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.matchAll(/^flotilla_log_bytes(?:\{[^}]*\})? (\S+)$/gm);
  return [...lines].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
}

/** Counts, and makes sure that every row really was held as many times as asked for. */
export async function countRows(client: FlotillaClient, nodes: number): Promise<number> {
  const sets = await client.admin.replicaSets({database: DATABASE});
  const short = sets.find(
    (set) => set.replicas.filter((replica) => replica.role === 'voter').length !== nodes,
  );
  if (short !== undefined) {
    throw new Error(`replica set ${short.id} has not ${nodes} voters: ${JSON.stringify(short)}`);
  }
  const [row] = await client.query('SELECT count(usage_user) AS n FROM cpu');
  return Number(row?.['n'] ?? 0);
}
