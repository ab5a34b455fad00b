import type {Command} from '@flotilla/catalog';
import {expect, test} from 'vitest';
import {DroppedDatabases} from './dropped-databases.ts';
import {foundedCatalog} from './founded-catalog.fixture.ts';

function databases() {
  const {catalog, apply} = foundedCatalog();
  const tenant = 'default';
  const create = (name: string) =>
    apply({type: 'create-database', tenant, name, ifNotExists: false, options: {}});
  const drop = (name: string) =>
    apply({type: 'drop-database', tenant, name, atMs: 0, purgeAtMs: 0} as Command);
  const purge = (name: string) => apply({type: 'purge-database', database: idOf(name)} as Command);
  const idOf = (name: string) => [...catalog.databases()].find((one) => one.name === name)!.id;
  return {catalog, create, drop, purge, idOf};
}

test('a database turns when it is dropped, and is forgotten when it is purged', () => {
  const {catalog, create, drop, purge, idOf} = databases();
  const dropped = new DroppedDatabases(catalog.databases());
  for (let i = 0; i < 20; i++) {
    const name = `d${i}`;
    expect(dropped.turnedBy(create(name), catalog)).toEqual([]);
    const id = idOf(name);
    expect(dropped.turnedBy(drop(name), catalog)).toEqual([id]);
    expect(dropped.size).toBe(1);
    expect(dropped.turnedBy(purge(name), catalog)).toEqual([]);
    expect(dropped.size).toBe(0);
  }
});

test('a snapshot names none that were purged before it: they are forgotten as well', () => {
  const {catalog, create, drop, purge} = databases();
  create('a');
  drop('a');
  const dropped = new DroppedDatabases(catalog.databases());
  expect(dropped.size).toBe(1);
  purge('a');
  const event = {type: 'snapshot', version: catalog.version} as const;
  expect(dropped.turnedBy(event, catalog)).toEqual([]);
  expect(dropped.size).toBe(0);
});
