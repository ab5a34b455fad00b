// The cluster itself, its nodes and tenants.

import {
  type BucketId,
  type DatabaseId,
  LIMITS,
  META_SET,
  type NodeId,
  type ReplicaId,
  type TenantId,
} from '@flotilla/base';
import type {
  AlterTenant,
  CreateTenant,
  DropTenant,
  FoundCluster,
  NodeDescription,
  RegisterNode,
  SetCluster,
  SetNodeState,
  UpdateNode,
} from '../commands.ts';
import {type Draft, type Handler, NOTHING, refuse, succeed} from './draft.ts';
import {entityNameFault, isEntityName} from './names.ts';
import {DEFAULT_OPTIONS} from './options.ts';

export const DEFAULT_TENANT = 'default';
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
  };
  const same =
    changed.address === node.address &&
    changed.zone === node.zone &&
    changed.engineThreads === node.engineThreads &&
    changed.version === node.version;
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

export const createTenant: Handler<CreateTenant> = (draft, command) => {
  const present = draft.catalog.tenantByName(command.name);
  if (present !== undefined) {
    if (command.ifNotExists === true) return succeed({tenant: present.id, created: false});
    return refuse('ALREADY_EXISTS', `tenant ${command.name} exists`);
  }
  if (!isEntityName(command.name)) {
    return refuse('INVALID_ARGUMENT', entityNameFault(command.name, 'tenant'));
  }
  const max = LIMITS.tenants_max.value;
  if (draft.catalog.tenantCount >= max) {
    return refuse('CONFLICT', `the cluster holds as many tenants as it may (tenants_max: ${max})`);
  }
  const {name, comment} = command;
  if (isTooLong(comment)) return refuse('INVALID_ARGUMENT', commentFault(comment));
  return succeed({tenant: putNewTenant(draft, name, comment), created: true});
};

export const alterTenant: Handler<AlterTenant> = (draft, command) => {
  const tenant = draft.catalog.tenantByName(command.name);
  if (tenant === undefined) return refuse('TENANT_NOT_FOUND', `no tenant ${command.name}`);
  if (isTooLong(command.comment)) return refuse('INVALID_ARGUMENT', commentFault(command.comment));
  draft.put('tenant', tenant.id, {...tenant, comment: command.comment || undefined});
  return succeed({tenant: tenant.id});
};

export const dropTenant: Handler<DropTenant> = (draft, command) => {
  const tenant = draft.catalog.tenantByName(command.name);
  if (tenant === undefined) {
    if (command.ifExists === true) return succeed({dropped: false});
    return refuse('TENANT_NOT_FOUND', `no tenant ${command.name}`);
  }
  if (tenant.name === DEFAULT_TENANT) {
    return refuse('CONFLICT', 'the default tenant cannot be dropped');
  }
  for (const database of draft.catalog.databases()) {
    if (database.tenant === tenant.id && database.dropped === undefined) {
      return refuse(
        'CONFLICT',
        `tenant ${tenant.name} holds database ${database.name}: drop it first`,
      );
    }
  }
  draft.remove('tenant', tenant.id);
  return succeed({dropped: true});
};

function putNewNode(draft: Draft, description: NodeDescription, atMs: number): NodeId {
  const id = draft.nextId<NodeId>('node');
  draft.put('node', id, {...description, id, state: 'active', joinedAtMs: atMs});
  return id;
}

function putNewTenant(draft: Draft, name: string, comment?: string): TenantId {
  const id = draft.nextId<TenantId>('tenant');
  draft.put('tenant', id, {id, name, comment: comment || undefined});
  return id;
}

function isTooLong(comment: string | undefined): comment is string {
  return Buffer.byteLength(comment ?? '') > LIMITS.tenant_comment_bytes_max.value;
}

function commentFault(comment: string): string {
  const max = LIMITS.tenant_comment_bytes_max.value;
  return `a comment has at most ${max} bytes; have ${Buffer.byteLength(comment)}`;
}
