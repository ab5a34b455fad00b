// Databases: made, altered, dropped into the trash, recovered from it, purged.

import {type DatabaseId, LIMITS} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {
  AlterDatabase,
  CommandResult,
  CreateDatabase,
  DropDatabase,
  PurgeDatabase,
  RecoverDatabase,
} from '../commands.ts';
import type {Database, Tenant} from '../model.ts';
import {putDroppedBucket} from './bucket-commands.ts';
import {type Draft, type Handler, NOTHING, refuse, succeed} from './draft.ts';
import {putAltered} from './expiry-commands.ts';
import {entityNameFault, isEntityName} from './names.ts';
import {changeOptions, DEFAULT_OPTIONS} from './options.ts';
import {noTenant} from './tenant-commands.ts';
import {droppedNamed, hastened, nameTaken} from './trash.ts';

export const createDatabase: Handler<CreateDatabase> = (draft, command) => {
  const tenant = draft.catalog.tenantByName(command.tenant);
  if (tenant === undefined) return noTenant(draft.catalog, command.tenant);
  const present = draft.catalog.databaseByName(tenant.id, command.name);
  if (present !== undefined) {
    if (command.ifNotExists === true) return succeed({database: present.id, created: false});
    return refuse('ALREADY_EXISTS', `database ${command.name} exists`);
  }
  if (!isEntityName(command.name)) {
    return refuse('INVALID_ARGUMENT', entityNameFault(command.name, 'database'));
  }
  const options = changeOptions(DEFAULT_OPTIONS, command.options);
  if ('invalid' in options) return refuse('INVALID_ARGUMENT', options.invalid);
  const max = LIMITS.databases_max.value;
  if (draft.catalog.databaseCount >= max) {
    const message = `the cluster holds as many databases as it may (databases_max: ${max}), dropped ones included until their purge`;
    return refuse('CONFLICT', message);
  }
  const id = draft.nextId<DatabaseId>('database');
  draft.put('database', id, {id, tenant: tenant.id, name: command.name, options});
  return succeed({database: id, created: true});
};

export const alterDatabase: Handler<AlterDatabase> = (draft, command) => {
  const found = findDatabase(draft.catalog, command.tenant, command.name);
  if ('ok' in found) return found;
  const {database} = found;
  const {precision} = command.options;
  if (precision !== undefined && precision !== database.options.precision) {
    return refuse('INVALID_ARGUMENT', 'the precision of a database is fixed when it is made');
  }
  const options = changeOptions(database.options, command.options);
  if ('invalid' in options) return refuse('INVALID_ARGUMENT', options.invalid);
  putAltered(draft, {...database, options}, command);
  return succeed({database: database.id});
};

export const dropDatabase: Handler<DropDatabase> = (draft, command) => {
  const found = findDatabase(draft.catalog, command.tenant, command.name);
  if ('ok' in found) {
    if (command.orTrash === true && hastenDropped(draft, command)) return succeed({});
    return command.ifExists === true ? succeed({}) : found;
  }
  const {database} = found;
  draft.put('database', database.id, {
    ...database,
    dropped: {atMs: command.atMs, purgeAtMs: command.purgeAtMs},
  });
  return succeed({database: database.id});
};

/** False where none of that name is in the trash. */
function hastenDropped(draft: Draft, {tenant: owner, name, purgeAtMs}: DropDatabase): boolean {
  const tenant = draft.catalog.tenantByName(owner);
  const trash = tenant === undefined ? [] : droppedDatabases(draft.catalog, tenant, name);
  for (const database of trash) {
    draft.put('database', database.id, hastened(database, purgeAtMs));
  }
  return trash.length > 0;
}

export const recoverDatabase: Handler<RecoverDatabase> = (draft, command) => {
  const tenant = draft.catalog.tenantByName(command.tenant);
  if (tenant === undefined) return noTenant(draft.catalog, command.tenant);
  const dropped = droppedDatabases(draft.catalog, tenant, command.name).at(-1);
  if (dropped === undefined) {
    return refuse('DATABASE_NOT_FOUND', `no dropped database ${command.name} waits for its purge`);
  }
  const name = command.as ?? dropped.name;
  if (!isEntityName(name)) {
    return refuse('INVALID_ARGUMENT', entityNameFault(name, 'database'));
  }
  if (draft.catalog.databaseByName(tenant.id, name) !== undefined) {
    return nameTaken('database', name);
  }
  draft.put('database', dropped.id, {...dropped, name, dropped: undefined});
  return succeed({database: dropped.id});
};

export const purgeDatabase: Handler<PurgeDatabase> = (draft, command) => {
  const {catalog} = draft;
  const database = catalog.database(command.database);
  if (database === undefined) return succeed(NOTHING);
  if (database.dropped === undefined) {
    return refuse('CONFLICT', `database ${database.name} is not dropped`);
  }
  for (const bucket of catalog.buckets(database.id)) putDroppedBucket(draft, bucket);
  for (const table of catalog.tables(database.id)) draft.remove('table', table.id);
  for (const table of catalog.droppedTables(database.id)) draft.remove('table', table.id);
  draft.remove('database', database.id);
  return succeed(NOTHING);
};

function findDatabase(
  catalog: Catalog,
  tenantName: string,
  name: string,
): {readonly database: Database} | CommandResult<never> {
  const tenant = catalog.tenantByName(tenantName);
  if (tenant === undefined) return noTenant(catalog, tenantName);
  const database = catalog.databaseByName(tenant.id, name);
  if (database === undefined) return refuse('DATABASE_NOT_FOUND', `no database ${name}`);
  return {database};
}

function droppedDatabases(catalog: Catalog, tenant: Tenant, name: string): Database[] {
  const mine = [...catalog.databases()].filter((database) => database.tenant === tenant.id);
  return droppedNamed(mine, name);
}
