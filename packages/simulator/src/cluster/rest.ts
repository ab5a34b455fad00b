// What keeps a cluster in peace from being at rest: what the catalog wants is what nodes hold, all
// operations have ended, all groups are led, whole and level, and every node's catalog is the newest.

import {META_SET, type NodeId, type ReplicaSetId} from '@flotilla/base';
import {
  type Catalog,
  isFinished,
  maintenanceOf,
  type ReplicaSet,
  replicasWanted,
  votersOf,
} from '@flotilla/catalog';
import type {ReplicaStatus} from '@flotilla/multiraft';
import {isJoint, membersOf} from '@flotilla/raft';
import type {SimNode} from '../world/node.ts';
import {engineOf} from './clients.ts';

/** The copy that knows most. Undefined while no node is up. */
export function newestCatalog(nodes: readonly SimNode[]): Catalog | undefined {
  let newest: Catalog | undefined;
  for (const node of nodes) {
    const catalog = engineOf(node)?.catalog;
    if (catalog !== undefined && catalog.version >= (newest?.version ?? 0)) newest = catalog;
  }
  return newest;
}

/** @param wallMs what all clocks show */
export function unrestOf(nodes: readonly SimNode[], wallMs: number): string[] {
  const all = nodes.flatMap((node) => node.unrest(nodes));
  const catalog = newestCatalog(nodes);
  if (catalog === undefined || all.length > 0) return all;
  for (const node of nodes)
    for (const [thread, {catalog: copy}] of (engineOf(node)?.threads ?? []).entries())
      if ((copy?.version ?? 0) < catalog.version)
        all.push(`thread ${thread} of node ${node.id} has catalog ${copy?.version ?? 0}`);
  for (const node of nodes) {
    const threads = engineOf(node)?.threads.length;
    const recorded = catalog.node(node.id)?.engineThreads;
    if (threads !== recorded)
      all.push(`node ${node.id} has ${threads} engine threads, by the catalog ${recorded}`);
  }
  for (const operation of catalog.operations()) {
    const {id, kind, step, state, replicaSet} = operation;
    if (!isFinished(operation))
      all.push(`operation ${id} (${kind} of set ${replicaSet}) is ${state} at ${step}`);
  }
  for (const {id} of nodes) {
    const state = catalog.node(id)?.state;
    if (state !== 'active') all.push(`node ${id} is ${state}`);
  }
  const meta = catalog.metaSet();
  if (meta === undefined) all.push('no meta group');
  else all.push(...unrestOfSet(meta, catalog, nodes, wallMs));
  for (const set of catalog.replicaSets()) all.push(...unrestOfSet(set, catalog, nodes, wallMs));
  return [...all, ...strays(catalog, nodes)];
}

export function leaderOf(nodes: readonly SimNode[], set: ReplicaSetId): ReplicaStatus | undefined {
  let best: ReplicaStatus | undefined;
  for (const {host} of nodes) {
    const status = host?.status(set);
    if (status?.role !== 'leader' || status.stopped !== undefined) continue;
    if (best === undefined || status.term > best.term) best = status;
  }
  return best;
}

/** Of those that are not dropped; the meta group where nobody knows of any. */
export function unledSets(nodes: readonly SimNode[]): number[] {
  const catalog = newestCatalog(nodes);
  if (catalog === undefined) return [META_SET];
  const open = [...catalog.replicaSets()].filter(({state}) => state !== 'dropping');
  return open.filter(({id}) => leaderOf(nodes, id) === undefined).map(({id}) => id);
}

/**
 * How many replicas the set should have by now. Nothing is copied to a node in maintenance: what no other node
 * could take is not made before its end.
 */
export function replicasDue(set: ReplicaSet, catalog: Catalog, wallMs: number): number {
  const able = [...catalog.nodes()].filter((node) => {
    const isHolder = set.replicas.some((placed) => placed.node === node.id);
    const isOpen = maintenanceOf(node, wallMs)?.scope !== 'all';
    return node.state === 'active' && (isHolder || isOpen);
  });
  return Math.min(replicasWanted(catalog, set), able.length);
}

function unrestOfSet(
  set: ReplicaSet,
  catalog: Catalog,
  nodes: readonly SimNode[],
  wallMs: number,
): string[] {
  const {id, state, replicas} = set;
  if (state !== 'open') return [`set ${id} is ${state}`];
  const leader = leaderOf(nodes, id);
  if (leader === undefined) return [`set ${id} has no leader`];
  const {configuration, isConfigPending, lastIndex} = leader;
  if (isJoint(configuration) || isConfigPending) return [`set ${id} changes its members`];
  const members = membersOf(configuration);
  const all: string[] = [];
  const wanted = replicasDue(set, catalog, wallMs);
  if (replicas.length !== wanted) all.push(`set ${id}: ${replicas.length} replicas, not ${wanted}`);
  const voters = configuration.voters.length;
  // One that is to come after the maintenance is waited for with an even number of voters, too.
  const isWaiting = wanted < replicasWanted(catalog, set) && voters === wanted;
  if (voters !== votersOf(wanted) && !isWaiting)
    all.push(`set ${id} has ${voters} voters, not of ${wanted}`);
  for (const {replica, node} of replicas) {
    const status = nodes.find((one) => one.id === node)?.host?.status(id);
    if (!members.includes(replica)) all.push(`replica ${replica} of set ${id} is no member`);
    else if (status?.stopped !== undefined)
      all.push(`replica ${replica} of set ${id} stopped: ${status.stopped}`);
    else if (status?.replica !== replica || status.appliedIndex !== lastIndex)
      all.push(`replica ${replica} of set ${id} is at ${status?.appliedIndex}, not ${lastIndex}`);
    else if (status.failover !== catalog.failoverOf(id))
      all.push(`replica ${replica} of set ${id} has ${status.failover} failover`);
  }
  if (members.length !== replicas.length) all.push(`set ${id} has a member too many`);
  return all;
}

function strays(catalog: Catalog, nodes: readonly SimNode[]): string[] {
  const all: string[] = [];
  for (const node of nodes)
    for (const {set, replica} of node.host?.statuses() ?? [])
      if (!isPlaced(catalog, set, replica, node.id))
        all.push(`replica ${replica} of set ${set} is a stray on node ${node.id}`);
  return all;
}

function isPlaced(catalog: Catalog, id: ReplicaSetId, replica: number, node: NodeId): boolean {
  const set = id === META_SET ? catalog.metaSet() : catalog.replicaSet(id);
  return (
    set?.replicas.some((placed) => placed.replica === replica && placed.node === node) === true
  );
}
