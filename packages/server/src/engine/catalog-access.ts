// Names that a request gives, looked up in this thread's copy of the catalog. A name that the copy
// lacks may have been made on another node a moment ago: the copy is brought up to the meta group's
// present index before anything is called unknown.

import {DbError} from '@flotilla/base';
import type {Catalog, Database} from '@flotilla/catalog';

export interface CatalogAccess {
  /** This thread's copy; the same object at every call. */
  readonly catalog: Catalog;
  /** Resolves once the copy covers everything that was committed before the call. */
  refresh(deadlineMs: number): Promise<void>;
}

export interface DatabaseName {
  readonly tenant: string;
  readonly database: string;
}

export async function findDatabase(
  access: CatalogAccess,
  name: DatabaseName,
  deadlineMs: number,
): Promise<Database> {
  const known = lookUp(access.catalog, name);
  if (known instanceof DbError) {
    await access.refresh(deadlineMs);
    const now = lookUp(access.catalog, name);
    if (now instanceof DbError) throw now;
    return now;
  }
  return known;
}

function lookUp(catalog: Catalog, {tenant, database}: DatabaseName): Database | DbError {
  const owner = catalog.tenantByName(tenant);
  if (owner === undefined)
    return new DbError('TENANT_NOT_FOUND', `tenant "${tenant}" does not exist`);
  const found = catalog.databaseByName(owner.id, database);
  if (found !== undefined) return found;
  const message = `database "${database}" does not exist; create it with CREATE DATABASE "${database}"`;
  return new DbError('DATABASE_NOT_FOUND', message, {database});
}
