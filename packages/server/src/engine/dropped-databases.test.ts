import {Catalog, CatalogMachine, type Command} from '@flotilla/catalog';
import type {CatalogEvent} from '@flotilla/meta';
import {expect, test} from 'vitest';
import {DroppedDatabases} from './dropped-databases.ts';

function databases() {
  const machine = new CatalogMachine();
  let index = 0;
  const apply = (command: Command): CatalogEvent => {
    const {result, update} = machine.apply(command, ++index);
    if (!result.ok) throw new Error(result.error.message);
    return {type: 'update', update: update!};
  };
  const node = {incarnation: 'a', address: ':1', engineThreads: 1, version: '1'};
  apply({type: 'found-cluster', clusterId: 'c', node, atMs: 0});
  const {catalog} = machine;
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
  const update = catalog.snapshot();
  expect(dropped.turnedBy({type: 'snapshot', update}, Catalog.fromSnapshot(update))).toEqual([]);
  expect(dropped.size).toBe(0);
});
