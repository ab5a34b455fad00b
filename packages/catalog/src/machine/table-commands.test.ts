// Tables and their columns: what makes, changes and drops them, and how many there may be.

import {type DatabaseId, LIMITS} from '@flotilla/base';
import {describe, expect, test} from 'vitest';
import type {TableChange, TableRequest} from '../commands.ts';
import {code, founded, id, must} from './catalog-machine.fixture.ts';

describe('alter-table', () => {
  const setUp = () => {
    const {machine, run} = founded();
    const fields = ['v', 'w'].map((name) => ({name, type: 'float' as const}));
    const table = {name: 'cpu', tags: ['host'], fields};
    const made = must(run({type: 'create-table', database: id(1), table}));
    const alter = (change: TableChange, name = 'cpu') =>
      run({type: 'alter-table', database: id(1), name, change});
    const columns = () => machine.catalog.table(made.table)?.columns.map((one) => one.name);
    return {machine, run, alter, columns, table: made.table};
  };
  const field = (name: string) =>
    ({kind: 'add-column', column: {name, kind: 'field', type: 'float'}}) as const;

  test('the id of a dropped column is never given again, a renamed one keeps its own', () => {
    const {machine, alter, columns, table, run} = setUp();
    must(alter(field('x')));
    must(alter({kind: 'drop-column', name: 'x'}));
    must(alter({kind: 'drop-column', name: 'host'}));
    expect(machine.catalog.table(table)?.deadColumns).toEqual([4, 1]);
    expect(must(alter(field('x'))).column).toBe(5);
    const ensure = {name: 'cpu', tags: ['host'], fields: []};
    must(run({type: 'ensure-tables', database: id(1), tables: [ensure]}));
    expect(machine.catalog.columnByName(table, 'host')?.id).toBe(6);
    must(alter({kind: 'rename-column', name: 'v', to: 'value'}));
    expect(machine.catalog.columnByName(table, 'value')?.id).toBe(2);
    expect(machine.catalog.columnByName(table, 'v')).toBeUndefined();
    expect(columns()).toEqual(['value', 'w', 'x', 'host']);
  });

  test('a bucket that is made later knows the ids that are dead', () => {
    const {machine, alter, run, table} = setUp();
    must(alter({kind: 'drop-column', name: 'v'}));
    const placements = [[{node: id<never>(1), role: 'voter' as const}]];
    const times = {timeMs: 1, startMs: 0, endMs: 9};
    const {bucket} = must(run({type: 'ensure-bucket', database: id(1), ...times, placements}));
    expect(machine.catalog.bucket(bucket)?.deadColumns).toEqual([{table, columns: [2]}]);
  });

  test('a renamed table keeps its id, and the name is free', () => {
    const {machine, alter, run, table} = setUp();
    must(alter({kind: 'rename-table', to: 'processor'}));
    expect(machine.catalog.tableByName(id(1), 'processor')?.id).toBe(table);
    expect(machine.catalog.tableByName(id(1), 'cpu')).toBeUndefined();
    must(run({type: 'create-table', database: id(1), table: {name: 'cpu', tags: [], fields: []}}));
    expect(code(alter({kind: 'rename-table', to: 'processor'}))).toBe('ALREADY_EXISTS');
  });

  test('refuses what is not there, what is there, and the last field', () => {
    const {alter} = setUp();
    expect(code(alter({kind: 'drop-column', name: 'nope'}))).toBe('NOT_FOUND');
    expect(code(alter({kind: 'drop-column', name: 'time'}))).toBe('NOT_FOUND');
    expect(code(alter(field('host')))).toBe('ALREADY_EXISTS');
    expect(code(alter(field('time')))).toBe('INVALID_ARGUMENT');
    expect(code(alter({kind: 'rename-column', name: 'v', to: 'w'}))).toBe('ALREADY_EXISTS');
    expect(code(alter(field('x'), 'mem'))).toBe('TABLE_NOT_FOUND');
    must(alter({kind: 'drop-column', name: 'v'}));
    expect(code(alter({kind: 'drop-column', name: 'w'}))).toBe('CONFLICT');
  });
});

test('tables_per_database_max: one more is refused; dropped ones count beside as many again until their purge', () => {
  const {machine, run} = founded();
  const max = LIMITS.tables_per_database_max.value;
  const fields = [{name: 'v', type: 'float' as const}];
  const tables = (from: number, count: number) =>
    Array.from({length: count}, (_, i) => ({name: `t${from + i}`, tags: [], fields}));
  const ensure = (from: number, count: number) =>
    must(run({type: 'ensure-tables', database: id(1), tables: tables(from, count)})).tables;
  expect(ensure(0, max + 1).filter((each) => 'error' in each)).toEqual([{error: 'TABLE_LIMIT'}]);
  expect(ensure(5, 1)).toMatchObject([{fields: [{column: 1}]}]);
  const drop = (name: string) =>
    must(run({type: 'drop-table', database: id(1), name, atMs: 1, purgeAtMs: 9}));
  const dropped = Array.from({length: max}, (_, i) => drop(`t${i}`).table!);
  expect(ensure(0, max + 1).filter((each) => 'error' in each)).toHaveLength(1);
  drop('t0');
  expect(ensure(0, 1)).toEqual([{error: 'TABLE_LIMIT'}]);
  must(run({type: 'purge-table', table: dropped[0]!, atMs: 9}));
  must(run({type: 'forget-table', table: dropped[0]!}));
  expect(ensure(0, 1)).toMatchObject([{fields: [{column: 1}]}]);
  expect(machine.catalog.tableCount(id(1))).toBe(max);
});

describe('ensure-tables', () => {
  test('answers conflicts and limits as values and makes the rest', () => {
    const {machine, run} = founded();
    const ensure = (tags: string[], fields: {name: string; type: 'float' | 'integer'}[]) =>
      must(run({type: 'ensure-tables', database: id(1), tables: [{name: 'cpu', tags, fields}]}))
        .tables[0]!;
    expect(ensure(['host'], [{name: 'v', type: 'float'}])).toMatchObject({
      tags: [{column: 1}],
      fields: [{column: 2}],
    });
    expect(ensure(['v'], [{name: 'v', type: 'integer'}])).toMatchObject({
      tags: [{error: 'TYPE_CONFLICT'}],
      fields: [{error: 'TYPE_CONFLICT', existing: {id: 2, type: 'float'}}],
    });
    const many = Array.from({length: 999}, (_, i) => ({name: `f${i}`, type: 'float' as const}));
    const wide = ensure([], many) as {fields: readonly object[]};
    expect(wide.fields.at(997)).toEqual({column: 1000});
    expect(wide.fields.at(998)).toEqual({error: 'COLUMN_LIMIT'});
    expect(machine.catalog.tableByName(id(1), 'cpu')?.columns).toHaveLength(1000);
  });

  test('makes nothing of a request that there is no room for, where it is to be all or nothing', () => {
    const {machine, run} = founded();
    const request = (name: string, from: number, count: number) => {
      const field = (_: unknown, i: number) => ({name: `f${from + i}`, type: 'float' as const});
      return {name, tags: [], fields: Array.from({length: count}, field)};
    };
    const database = id<DatabaseId>(1);
    const ensure = (...tables: TableRequest[]) =>
      must(run({type: 'ensure-tables', database, tables, allOrNothing: true})).tables;
    const width = (name: string) => machine.catalog.tableByName(database, name)?.columns.length;
    expect(ensure(request('new', 0, 1001))).toEqual([{error: 'COLUMN_LIMIT'}]);
    expect(width('new')).toBeUndefined();
    // The later requests see what the earlier ones made.
    const outcomes = ensure(
      request('cpu', 0, 998),
      request('cpu', 997, 4),
      request('cpu', 997, 3),
      request('cpu', 0, 1000),
      request('cpu', 1000, 1),
    );
    expect(outcomes.map((outcome) => 'error' in outcome)).toEqual([
      false,
      true,
      false,
      false,
      true,
    ]);
    expect(width('cpu')).toBe(1000);
  });
});

describe('dropping', () => {
  test('a dropped table frees its name, comes back under another, and dies with the purge', () => {
    const {machine, run} = founded();
    const table = {name: 'cpu', tags: ['host'], fields: []};
    const database = id<never>(1);
    const first = must(run({type: 'create-table', database, table})).table;
    must(run({type: 'drop-table', database, name: 'cpu', atMs: 5, purgeAtMs: 9}));
    const second = must(run({type: 'create-table', database, table})).table;
    expect(second).not.toBe(first);
    expect(code(run({type: 'recover-table', database, name: 'cpu'}))).toBe('ALREADY_EXISTS');
    expect(must(run({type: 'recover-table', database, name: 'cpu', as: 'old'})).table).toBe(first);
    must(run({type: 'drop-table', database, name: 'old', atMs: 6, purgeAtMs: 9}));
    must(run({type: 'purge-table', table: first, atMs: 9}));
    expect(code(run({type: 'recover-table', database, name: 'old'}))).toBe('TABLE_NOT_FOUND');
    expect(machine.catalog.droppedTables(database).map((dead) => dead.id)).toEqual([first]);
  });

  test('of two dropped at one time the younger comes back, and a bucket names both by id', () => {
    const {machine, run} = founded();
    const database = id<never>(1);
    const make = (name: string) =>
      must(run({type: 'create-table', database, table: {name, tags: ['host'], fields: []}})).table;
    const drop = () =>
      must(run({type: 'drop-table', database, name: 'cpu', atMs: 5, purgeAtMs: 9}));
    const older = make('mem');
    const younger = make('cpu');
    drop();
    const change = {kind: 'rename-table', to: 'cpu'} as const;
    must(run({type: 'alter-table', database, name: 'mem', change}));
    drop();
    const placements = [[{node: id<never>(1), role: 'voter' as const}]];
    const range = {timeMs: 0, startMs: 0, endMs: 9};
    const {bucket} = must(run({type: 'ensure-bucket', database, ...range, placements}));
    expect(machine.catalog.bucket(bucket)?.deadTables).toEqual([older, younger]);
    expect(must(run({type: 'recover-table', database, name: 'cpu'})).table).toBe(younger);
  });

  test('a purged database leaves only replica sets to be destroyed', () => {
    const {machine, run} = founded();
    must(
      run({
        type: 'ensure-bucket',
        database: id(1),
        timeMs: 0,
        startMs: 0,
        endMs: 9,
        placements: [[{node: id(1), role: 'voter'}]],
      }),
    );
    expect(code(run({type: 'purge-database', database: id(1)}))).toBe('CONFLICT');
    must(run({type: 'drop-database', tenant: 'default', name: 'public', atMs: 1, purgeAtMs: 2}));
    must(run({type: 'purge-database', database: id(1)}));
    expect(machine.catalog.replicaSet(id(1))?.state).toBe('dropping');
    expect([...machine.catalog.databases()]).toEqual([]);
    must(run({type: 'forget-replica-sets', sets: [id(1)]}));
    expect([...machine.catalog.replicaSets()]).toEqual([]);
  });
});
