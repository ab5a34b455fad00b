// What the scenarios of operations ask of a cluster of which nodes may be down: through whichever
// answers, again until it is answered.

import {readdirSync, statSync} from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {
  type FlotillaClient,
  FlotillaError,
  type Id,
  isFinal,
  type Operation,
  type ReplicaSet,
} from '@flotilla/client';
import type {FlotillaCluster} from '../clusters/flotilla-cluster.ts';

const LOOK_MS = 20;

/** Waits until `holds` is answered with yes; a node that restarts refuses for a while. */
export async function until(
  what: string,
  withinMs: number,
  holds: () => Promise<boolean>,
): Promise<void> {
  const endMs = performance.now() + withinMs;
  let last = 'no';
  while (performance.now() < endMs) {
    try {
      if (await holds()) return;
      last = 'no';
    } catch (error) {
      if (!(error instanceof FlotillaError)) throw error;
      last = String(error);
    }
    await sleep(LOOK_MS);
  }
  throw new Error(`waited ${withinMs / 1000} s until ${what}: ${last}`);
}

/** All nodes take traffic, and the cluster has nothing to complain of. */
export async function untilHealthy(
  cluster: FlotillaCluster,
  client: FlotillaClient,
  withinMs: number,
): Promise<void> {
  await Promise.all(cluster.urls.map((_, node) => cluster.ready(node, withinMs)));
  await until('the cluster is healthy', withinMs, async () => {
    const {verdict} = await client.admin.status();
    return verdict === 'healthy';
  });
}

/** The operation at its end. */
export async function untilFinal(
  client: FlotillaClient,
  id: Id,
  withinMs: number,
): Promise<Operation> {
  let operation: Operation | undefined;
  await until(`operation ${id} ends`, withinMs, async () => {
    operation = await client.admin.operation(id);
    return isFinal(operation);
  });
  return operation!;
}

export function leaderOf({replicas}: ReplicaSet): Id | undefined {
  return replicas.find(({leader}) => leader)?.node;
}

/** Of the replica of a set on a node; 0 where there is none. */
export function replicaBytes(directory: string, set: Id): number {
  const stores = path.join(directory, 'stores');
  return entriesOf(stores)
    .flatMap((store) => {
      const replicas = path.join(stores, store, 'replicas');
      return entriesOf(replicas)
        .filter((name) => name.startsWith(`${set}-`))
        .map((name) => path.join(replicas, name));
    })
    .flatMap((replica) => entriesOf(replica).map((name) => sizeOf(path.join(replica, name))))
    .reduce((sum, size) => sum + size, 0);
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // No replica has been made there yet.
  }
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0; // Compacted away since it was listed.
  }
}
