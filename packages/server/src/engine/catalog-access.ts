// Names that a request gives, looked up in this thread's copy of the catalog. A name that the copy
// lacks may have been made on another node a moment ago: the copy is brought up to the meta group's
// present index before anything is called unknown.

import {DbError} from '@flotilla/base';
import type {Catalog, Database, Tenant} from '@flotilla/catalog';

const DEFAULT_TENANT = 'default';

export interface CatalogAccess {
  /** This thread's copy; the same object at every call. */
  readonly catalog: Catalog;
  /** Resolves once the copy covers everything that was committed before the call. */
  refresh(deadlineMs: number): Promise<void>;
}

export interface DatabaseName {
  readonly tenant: string;
  /** A name that is no tenant's, as far as the copy knows, stands for `default`. */
  readonly orDefaultTenant?: boolean | undefined;
  readonly database: string;
}

export function findDatabase(
  access: CatalogAccess,
  name: DatabaseName,
  deadlineMs: number,
): Promise<Database> {
  return find(access, (catalog) => lookUpDatabase(catalog, name), deadlineMs);
}

export function findTenant(
  access: CatalogAccess,
  name: string,
  deadlineMs: number,
): Promise<Tenant> {
  return find(access, (catalog) => lookUpTenant(catalog, name), deadlineMs);
}

async function find<Found>(
  access: CatalogAccess,
  lookUp: (catalog: Catalog) => Found | DbError,
  deadlineMs: number,
): Promise<Found> {
  const known = lookUp(access.catalog);
  if (!(known instanceof DbError)) return known;
  await access.refresh(deadlineMs);
  const now = lookUp(access.catalog);
  if (now instanceof DbError) throw now;
  return now;
}

function lookUpTenant(catalog: Catalog, name: string): Tenant | DbError {
  const tenant = catalog.tenantByName(name);
  return tenant ?? new DbError('TENANT_NOT_FOUND', `tenant "${name}" does not exist`);
}

/** The name of the tenant that is meant. */
export function tenantNameOf(
  catalog: Catalog,
  {tenant, orDefaultTenant}: Pick<DatabaseName, 'tenant' | 'orDefaultTenant'>,
): string {
  const isDefault = orDefaultTenant === true && catalog.tenantByName(tenant) === undefined;
  return isDefault ? DEFAULT_TENANT : tenant;
}

function lookUpDatabase(catalog: Catalog, name: DatabaseName): Database | DbError {
  const {database} = name;
  const owner = lookUpTenant(catalog, tenantNameOf(catalog, name));
  if (owner instanceof DbError) return owner;
  const found = catalog.databaseByName(owner.id, database);
  if (found !== undefined) return found;
  const message = `database "${database}" does not exist; create it with CREATE DATABASE "${database}"`;
  return new DbError('DATABASE_NOT_FOUND', message, {database});
}
