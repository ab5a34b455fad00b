// The cluster itself and its nodes.

import {
  type BucketId,
  type DatabaseId,
  META_SET,
  type NodeId,
  type ReplicaId,
} from '@flotilla/base';
import {isFinished} from '../catalog.ts';
import type {
  FinalizeUpgrade,
  FoundCluster,
  NodeDescription,
  RegisterNode,
  SetCluster,
  SetNodeState,
  UpdateNode,
} from '../commands.ts';
import {type Draft, type Handler, NOTHING, refuse, succeed} from './draft.ts';
import {putPurgedBefore} from './expiry-commands.ts';
import {DEFAULT_OPTIONS} from './options.ts';
import {DEFAULT_TENANT, putNewTenant} from './tenant-commands.ts';

export const DEFAULT_DATABASE = 'public';

/** The first node and the meta group's first replica get id 1: its bootstrap is older than this command. */
export const foundCluster: Handler<FoundCluster> = (draft, command) => {
  const present = draft.catalog.cluster;
  if (present !== undefined) {
    return refuse('CONFLICT', `the cluster was founded already, its id is ${present.id}`);
  }
  draft.put('cluster', 0, {
    id: command.clusterId,
    foundedAtMs: command.atMs,
    automation: 'running',
    failover: 'automatic',
    version: command.clusterVersion,
  });
  const node = putNewNode(draft, command.node, command.atMs);
  const replica = draft.nextId<ReplicaId>('replica');
  draft.put('replica-set', META_SET, {
    id: META_SET,
    database: 0 as DatabaseId,
    bucket: 0 as BucketId,
    shard: 0,
    epoch: 1,
    state: 'open',
    founders: [replica],
    replicas: [{replica, node, role: 'voter'}],
    createdAtVersion: draft.version,
  });
  const tenant = putNewTenant(draft, DEFAULT_TENANT);
  const database = draft.nextId<DatabaseId>('database');
  draft.put('database', database, {
    id: database,
    tenant,
    name: DEFAULT_DATABASE,
    options: DEFAULT_OPTIONS,
  });
  return succeed({node, replica});
};

export const registerNode: Handler<RegisterNode> = (draft, command) => {
  for (const node of draft.catalog.nodes()) {
    if (node.incarnation === command.node.incarnation) return succeed({node: node.id});
    const isSamePlace = node.address === command.node.address && node.state !== 'decommissioned';
    if (isSamePlace && command.isAddressFree !== true) {
      return refuse(
        'CONFLICT',
        `node ${node.id} has the address ${node.address}: decommission it first, or give this one another`,
        {node: node.id},
      );
    }
  }
  if (draft.catalog.cluster === undefined) return refuse('CONFLICT', 'no cluster is founded yet');
  return succeed({node: putNewNode(draft, command.node, command.atMs)});
};

export const updateNode: Handler<UpdateNode> = (draft, command) => {
  const node = draft.catalog.node(command.node);
  if (node === undefined) return refuse('NOT_FOUND', `no node ${command.node}`);
  const changed = {
    ...node,
    address: command.address ?? node.address,
    zone: command.zone ?? node.zone,
    engineThreads: command.engineThreads ?? node.engineThreads,
    version: command.version ?? node.version,
    isInsecure: command.isInsecure ?? node.isInsecure,
  };
  const same =
    changed.address === node.address &&
    changed.zone === node.zone &&
    changed.engineThreads === node.engineThreads &&
    changed.version === node.version &&
    changed.isInsecure === node.isInsecure;
  if (!same) draft.put('node', node.id, changed);
  return succeed(NOTHING);
};

export const setNodeState: Handler<SetNodeState> = (draft, command) => {
  const node = draft.catalog.node(command.node);
  if (node === undefined) return refuse('NOT_FOUND', `no node ${command.node}`);
  if (node.state === command.state) return succeed(NOTHING);
  if (command.expectedState !== undefined && command.expectedState !== node.state) {
    return refuse('CONFLICT', `node ${node.id} is ${node.state}, not ${command.expectedState}`);
  }
  const operation =
    command.operation === undefined ? undefined : draft.catalog.operation(command.operation);
  if (command.operation !== undefined && (operation === undefined || isFinished(operation))) {
    return refuse('CONFLICT', `operation ${command.operation} has ended`);
  }
  if (node.state === 'decommissioned') {
    return refuse('CONFLICT', `node ${node.id} is decommissioned, and that is for ever`);
  }
  const replicas = draft.catalog.replicaCount(node.id);
  const emptied = command.state === 'drained' || command.state === 'decommissioned';
  if (emptied && replicas > 0) {
    return refuse('CONFLICT', `node ${node.id} still holds ${replicas} replicas: drain it first`, {
      replicas,
    });
  }
  draft.put('node', node.id, {...node, state: command.state});
  return succeed(NOTHING);
};

export const setCluster: Handler<SetCluster> = (draft, command) => {
  const cluster = draft.catalog.cluster;
  if (cluster === undefined) return refuse('CONFLICT', 'no cluster is founded yet');
  draft.put('cluster', 0, {
    ...cluster,
    automation: command.automation ?? cluster.automation,
    failover: command.failover ?? cluster.failover,
  });
  return succeed(NOTHING);
};

export const finalizeUpgrade: Handler<FinalizeUpgrade> = (draft, {version, nodes}) => {
  const {cluster, clusterVersion} = draft.catalog;
  if (cluster === undefined) return refuse('CONFLICT', 'no cluster is founded yet');
  if (version === clusterVersion) return succeed(NOTHING);
  if (version < clusterVersion) {
    return refuse('CONFLICT', `the cluster is at version ${clusterVersion}, and never goes back`);
  }
  for (const {id, state} of draft.catalog.nodes()) {
    if (state === 'decommissioned' || nodes.includes(id)) continue;
    return refuse('CONFLICT', `node ${id} has joined meanwhile: finalize again`);
  }
  putPurgedBefore(draft, version);
  draft.put('cluster', 0, {...cluster, version});
  return succeed(NOTHING);
};

function putNewNode(draft: Draft, description: NodeDescription, atMs: number): NodeId {
  const id = draft.nextId<NodeId>('node');
  draft.put('node', id, {...description, id, state: 'active', joinedAtMs: atMs});
  return id;
}
