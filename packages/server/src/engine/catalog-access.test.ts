import {expect, test} from 'vitest';
import {type CatalogAccess, findDatabase, tenantNameOf} from './catalog-access.ts';

interface Named {
  readonly tenant: string;
  readonly database: string;
}

/** A copy that has `known` now, and `later` as well once it is refreshed. */
function accessTo(known: readonly Named[], later: readonly Named[] = []) {
  let all = known;
  let refreshes = 0;
  const catalog = {
    tenantByName: (name: string) =>
      all.some(({tenant}) => tenant === name) ? {id: name} : undefined,
    databaseByName: (owner: string, name: string) =>
      all.find(({tenant, database}) => tenant === owner && database === name),
  };
  const refresh = async () => {
    refreshes += 1;
    all = [...known, ...later];
  };
  const access = {catalog, refresh} as unknown as CatalogAccess;
  return {access, refreshes: () => refreshes};
}

const PUBLIC = {tenant: 'default', database: 'public'};
const OURS = {tenant: 'ours', database: 'public'};

test.each([
  ['a tenant of that name', {...OURS, orDefaultTenant: true}, OURS],
  ['none of that name', {tenant: 'theirs', database: 'public', orDefaultTenant: true}, PUBLIC],
])('%s', async (_what, name, found) => {
  const {access, refreshes} = accessTo([PUBLIC, OURS]);
  expect(await findDatabase(access, name, 0)).toBe(found);
  expect(tenantNameOf(access.catalog, name)).toBe(found.tenant);
  expect(refreshes()).toBe(0);
});

test('a name that must be a tenant is not taken for another', async () => {
  const {access} = accessTo([PUBLIC]);
  await expect(findDatabase(access, OURS, 0)).rejects.toMatchObject({code: 'TENANT_NOT_FOUND'});
});

test('what another node has just made is found after a refresh', async () => {
  const made = {tenant: 'ours', database: 'new'};
  const {access, refreshes} = accessTo([PUBLIC], [made]);
  expect(await findDatabase(access, {...made, orDefaultTenant: true}, 0)).toBe(made);
  expect(refreshes()).toBe(1);
});

test('what is nowhere is named', async () => {
  const {access} = accessTo([PUBLIC]);
  const name = {tenant: 'x', database: 'gone', orDefaultTenant: true};
  await expect(findDatabase(access, name, 0)).rejects.toMatchObject({
    code: 'DATABASE_NOT_FOUND',
    details: {database: 'gone'},
  });
});
