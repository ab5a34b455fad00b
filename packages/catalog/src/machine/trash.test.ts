// What is dropped, hastened, recovered and purged: databases, tables, tenants.

import {expect, test} from 'vitest';
import {code, DAY, founded, id, must} from './catalog-machine.fixture.ts';

const drop = {atMs: 10, purgeAtMs: 10 + DAY};

function withTenant() {
  const {machine, run} = founded();
  must(run({type: 'create-tenant', name: 'acme'}));
  must(run({type: 'create-database', tenant: 'acme', name: 'd', options: {}}));
  const dropDatabase = () => run({type: 'drop-database', tenant: 'acme', name: 'd', ...drop});
  return {machine, run, dropDatabase, tenant: machine.catalog.tenantByName('acme')!.id};
}

test('a tenant that holds a database is not dropped; a dropped one comes back, then its databases', () => {
  const {machine, run, dropDatabase, tenant} = withTenant();
  const dropTenant = () => run({type: 'drop-tenant', name: 'acme', ...drop});
  expect(code(dropTenant())).toBe('CONFLICT');
  must(dropDatabase());
  must(dropTenant());
  expect(machine.catalog.tenantByName('acme')).toBeUndefined();
  const recover = {type: 'recover-database', tenant: 'acme', name: 'd'} as const;
  expect(run(recover)).toMatchObject({
    error: {code: 'TENANT_NOT_FOUND', message: expect.stringContaining('RECOVER TENANT "acme"')},
  });
  expect(must(run({type: 'recover-tenant', name: 'acme'}))).toEqual({tenant});
  must(run(recover));
  expect(code(run({type: 'recover-tenant', name: 'acme'}))).toBe('TENANT_NOT_FOUND');
});

test('a tenant is purged after the last of its databases', () => {
  const {machine, run, dropDatabase, tenant} = withTenant();
  must(dropDatabase());
  expect(code(run({type: 'purge-tenant', tenant}))).toBe('CONFLICT');
  must(run({type: 'drop-tenant', name: 'acme', ...drop}));
  expect(code(run({type: 'purge-tenant', tenant}))).toBe('CONFLICT');
  must(run({type: 'purge-database', database: id(2)}));
  must(run({type: 'purge-tenant', tenant}));
  must(run({type: 'purge-tenant', tenant}));
  expect(machine.catalog.tenant(tenant)).toBeUndefined();
  expect(code(run({type: 'recover-tenant', name: 'acme'}))).toBe('TENANT_NOT_FOUND');
});

test('a tenant that is dropped at once takes its dropped databases along', () => {
  const {machine, run, dropDatabase} = withTenant();
  must(dropDatabase());
  must(run({type: 'drop-tenant', name: 'acme', atMs: 20, purgeAtMs: 20}));
  expect(machine.catalog.database(id(2))?.dropped).toEqual({atMs: 10, purgeAtMs: 20});
});

test('by an older log, which says no time, a tenant goes at once', () => {
  const {machine, run, dropDatabase, tenant} = withTenant();
  must(dropDatabase());
  must(run({type: 'drop-tenant', name: 'acme'}));
  expect(machine.catalog.tenant(tenant)).toBeUndefined();
});

test('what comes back to a name that was given anew needs another one, and the last one dropped comes', () => {
  const {machine, run} = founded();
  const create = () =>
    must(run({type: 'create-database', tenant: 'default', name: 'd', options: {}}));
  const dropAt = (atMs: number) =>
    must(run({type: 'drop-database', tenant: 'default', name: 'd', atMs, purgeAtMs: DAY}));
  for (const atMs of [5, 6, 6]) {
    create();
    dropAt(atMs);
  }
  create();
  const recover = {type: 'recover-database', tenant: 'default', name: 'd'} as const;
  expect(run(recover)).toMatchObject({
    error: {
      code: 'ALREADY_EXISTS',
      message: expect.stringContaining('RECOVER DATABASE "d" AS "another name"'),
    },
  });
  expect(must(run({...recover, as: 'e'}))).toEqual({database: 4});
  expect(machine.catalog.database(id(4))).toMatchObject({name: 'e', dropped: undefined});
  expect(must(run({...recover, as: 'f'}))).toEqual({database: 3});
});

test('a drop that names a time hastens what waits in the trash, and never puts it off', () => {
  const {machine, run} = founded();
  const database = id<never>(1);
  const table = {name: 'cpu', tags: [], fields: []};
  must(run({type: 'create-table', database, table}));
  const dropTable = {type: 'drop-table', database, name: 'cpu', ...drop} as const;
  must(run(dropTable));
  expect(code(run({...dropTable, purgeAtMs: 20}))).toBe('TABLE_NOT_FOUND');
  must(run({...dropTable, purgeAtMs: 20, orTrash: true}));
  expect(machine.catalog.table(id(1))?.dropped).toEqual({atMs: 10, purgeAtMs: 20});
  must(run({...dropTable, purgeAtMs: 30, orTrash: true}));
  expect(machine.catalog.table(id(1))?.dropped).toEqual({atMs: 10, purgeAtMs: 20});
  must(run({type: 'purge-table', table: id(1), atMs: 20}));
  expect(code(run({...dropTable, orTrash: true}))).toBe('TABLE_NOT_FOUND');

  must(run({type: 'drop-database', tenant: 'default', name: 'public', ...drop}));
  const again = {type: 'drop-database', tenant: 'default', name: 'public', atMs: 11} as const;
  expect(code(run({...again, purgeAtMs: 11}))).toBe('DATABASE_NOT_FOUND');
  expect(must(run({...again, purgeAtMs: 11, orTrash: true}))).toEqual({});
  expect(machine.catalog.database(database)?.dropped).toEqual({atMs: 10, purgeAtMs: 11});
});

test('skipped_entries_per_replica_set_max: entries are skipped by order, each once, and not of the meta group', () => {
  const {machine, run} = founded();
  const placements = [[{node: id<never>(1), role: 'voter' as const}]];
  const range = {timeMs: 0, startMs: 0, endMs: 9};
  must(run({type: 'ensure-bucket', database: id(1), ...range, placements}));
  const skip = (index: number, set = 1) =>
    run({type: 'skip-entry', set: id(set), index, by: 'operator', atMs: 7});
  for (let index = 1; index <= 100; index++) must(skip(index));
  expect(machine.catalog.replicaSet(id(1))?.skippedEntries?.[0]).toEqual({
    index: 1,
    by: 'operator',
    atMs: 7,
  });
  expect(code(skip(100))).toBe('ok');
  expect(code(skip(101))).toBe('CONFLICT');
  expect(machine.catalog.replicaSet(id(1))?.skippedEntries).toHaveLength(100);
  expect(code(skip(5, 0))).toBe('CONFLICT');
  expect(code(skip(5, 99))).toBe('NOT_FOUND');
});
