// Tenants: made, altered, dropped into the trash, recovered from it, purged. A dropped tenant holds dropped
// databases only; those can be recovered once it is.

import {LIMITS, type TenantId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {
  AlterTenant,
  CommandResult,
  CreateTenant,
  DropTenant,
  PurgeTenant,
  RecoverTenant,
} from '../commands.ts';
import type {Tenant} from '../model.ts';
import {type Draft, type Handler, NOTHING, refuse, succeed} from './draft.ts';
import {entityNameFault, isEntityName} from './names.ts';
import {droppedNamed, hastened, nameTaken} from './trash.ts';

export const DEFAULT_TENANT = 'default';

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
    const message = `the cluster holds as many tenants as it may (tenants_max: ${max}), dropped ones included until their purge`;
    return refuse('CONFLICT', message);
  }
  const {name, comment} = command;
  if (isTooLong(comment)) return refuse('INVALID_ARGUMENT', commentFault(comment));
  return succeed({tenant: putNewTenant(draft, name, comment), created: true});
};

export const alterTenant: Handler<AlterTenant> = (draft, command) => {
  const tenant = draft.catalog.tenantByName(command.name);
  if (tenant === undefined) return noTenant(draft.catalog, command.name);
  if (isTooLong(command.comment)) return refuse('INVALID_ARGUMENT', commentFault(command.comment));
  draft.put('tenant', tenant.id, {...tenant, comment: command.comment || undefined});
  return succeed({tenant: tenant.id});
};

export const dropTenant: Handler<DropTenant> = (draft, command) => {
  const {catalog} = draft;
  const {name, atMs, purgeAtMs} = command;
  const tenant = catalog.tenantByName(name);
  if (tenant === undefined) return dropFromTrash(draft, command);
  if (tenant.name === DEFAULT_TENANT) {
    return refuse('CONFLICT', 'the default tenant cannot be dropped');
  }
  for (const database of catalog.databases()) {
    if (database.tenant === tenant.id && database.dropped === undefined) {
      return refuse(
        'CONFLICT',
        `tenant ${tenant.name} holds database ${database.name}: drop it first`,
      );
    }
  }
  if (atMs === undefined || purgeAtMs === undefined) {
    draft.remove('tenant', tenant.id);
    return succeed({dropped: true});
  }
  draft.put('tenant', tenant.id, {...tenant, dropped: {atMs, purgeAtMs}});
  if (purgeAtMs <= atMs) hastenDatabases(draft, tenant.id, purgeAtMs);
  return succeed({dropped: true});
};

export const recoverTenant: Handler<RecoverTenant> = (draft, command) => {
  const {catalog} = draft;
  const dropped = droppedNamed(catalog.tenants(), command.name).at(-1);
  if (dropped === undefined) {
    return refuse('TENANT_NOT_FOUND', `no dropped tenant ${command.name} waits for its purge`);
  }
  const name = command.as ?? dropped.name;
  if (!isEntityName(name)) return refuse('INVALID_ARGUMENT', entityNameFault(name, 'tenant'));
  if (catalog.tenantByName(name) !== undefined) return nameTaken('tenant', name);
  draft.put('tenant', dropped.id, {...dropped, name, dropped: undefined});
  return succeed({tenant: dropped.id});
};

export const purgeTenant: Handler<PurgeTenant> = (draft, command) => {
  const tenant = draft.catalog.tenant(command.tenant);
  if (tenant === undefined) return succeed(NOTHING);
  if (tenant.dropped === undefined) {
    return refuse('CONFLICT', `tenant ${tenant.name} is not dropped`);
  }
  for (const database of draft.catalog.databases()) {
    if (database.tenant !== tenant.id) continue;
    return refuse('CONFLICT', `tenant ${tenant.name} still holds database ${database.name}`);
  }
  draft.remove('tenant', tenant.id);
  return succeed(NOTHING);
};

/** Names what to do where the tenant waits in the trash. */
export function noTenant(catalog: Catalog, name: string): CommandResult<never> {
  const isDropped = droppedNamed(catalog.tenants(), name).length > 0;
  const hint = isDropped ? `: it was dropped; RECOVER TENANT "${name}" brings it back` : '';
  return refuse('TENANT_NOT_FOUND', `no tenant ${name}${hint}`);
}

export function putNewTenant(draft: Draft, name: string, comment?: string): TenantId {
  const id = draft.nextId<TenantId>('tenant');
  draft.put('tenant', id, {id, name, comment: comment || undefined});
  return id;
}

function dropFromTrash(
  draft: Draft,
  {name, ifExists, purgeAtMs, orTrash}: DropTenant,
): CommandResult<{dropped: boolean}> {
  const {catalog} = draft;
  const trash = orTrash === true ? droppedNamed(catalog.tenants(), name) : [];
  if (trash.length === 0 || purgeAtMs === undefined) {
    return ifExists === true ? succeed({dropped: false}) : noTenant(catalog, name);
  }
  for (const tenant of trash) {
    draft.put('tenant', tenant.id, hastened(tenant, purgeAtMs));
    hastenDatabases(draft, tenant.id, purgeAtMs);
  }
  return succeed({dropped: true});
}

function hastenDatabases(draft: Draft, tenant: Tenant['id'], purgeAtMs: number): void {
  for (const database of draft.catalog.databases()) {
    if (database.tenant !== tenant) continue;
    draft.put('database', database.id, hastened(database, purgeAtMs));
  }
}

function isTooLong(comment: string | undefined): comment is string {
  return Buffer.byteLength(comment ?? '') > LIMITS.tenant_comment_bytes_max.value;
}

function commentFault(comment: string): string {
  const max = LIMITS.tenant_comment_bytes_max.value;
  return `a comment has at most ${max} bytes; have ${Buffer.byteLength(comment)}`;
}
