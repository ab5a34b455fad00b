// Goal: whatever is asked in whatever order, the catalog keeps its invariants, every copy that gets
// the updates equals the machine's own state, and a snapshot goes on exactly as the original would.

import {type DatabaseId, LIMITS} from '@flotilla/base';
import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {Catalog} from '../catalog.ts';
import type {Command, CommandResult, CommandValue, TableChange, TableRequest} from '../commands.ts';
import type {CatalogUpdate, EntityKind} from '../model.ts';
import {CatalogMachine} from './catalog-machine.ts';

const DAY = 86_400_000;
const id = <Id extends number>(value: number) => value as Id;

function founded(): {machine: CatalogMachine; run: ReturnType<typeof runner>} {
  const machine = new CatalogMachine();
  const run = runner(machine);
  must(run({type: 'found-cluster', clusterId: 'c1', node: description(1), atMs: 1}));
  for (const i of [2, 3, 4]) must(run({type: 'register-node', node: description(i), atMs: 2}));
  return {machine, run};
}

function runner(machine: CatalogMachine) {
  return <C extends Command>(command: C): CommandResult<CommandValue<C>> =>
    machine.apply(command, machine.catalog.version + 1).result;
}

function must<Value>(result: CommandResult<Value>): Value {
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`);
  return result.value;
}

function code(result: CommandResult<unknown>): string {
  return result.ok ? 'ok' : result.error.code;
}

function description(i: number) {
  return {incarnation: `i${i}`, address: `n${i}:8902`, engineThreads: 2, version: '0.1.0'};
}

const nodeId = fc.integer({min: 1, max: 5}).map((n) => id<never>(n));
const entityName = fc.constantFrom('a', 'b', 'public', '');
const smallId = fc.integer({min: 1, max: 12}).map((n) => id<never>(n));
const databaseId = fc.integer({min: 1, max: 3}).map((n) => id<never>(n));
const timeMs = fc.integer({min: 0, max: 40}).map((day) => day * (DAY / 2));
const tableRequest = fc.record({
  name: fc.constantFrom('cpu', 'mem', ''),
  tags: fc.array(fc.constantFrom('host', 'dc', 'time', 'x'), {maxLength: 3}),
  fields: fc.array(
    fc.record({
      name: fc.constantFrom('x', 'y', 'host'),
      type: fc.constantFrom('float' as const, 'string' as const),
    }),
    {maxLength: 3},
  ),
});
const columnName = fc.constantFrom('x', 'y', 'host', 'time');
const tableChange: fc.Arbitrary<TableChange> = fc.oneof(
  fc.record({
    kind: fc.constant('add-column' as const),
    column: fc.record({
      name: columnName,
      kind: fc.constant('field' as const),
      type: fc.constantFrom('float' as const, 'string' as const),
    }),
  }),
  fc.record({kind: fc.constant('drop-column' as const), name: columnName}),
  fc.record({kind: fc.constant('rename-column' as const), name: columnName, to: columnName}),
  fc.record({
    kind: fc.constant('rename-table' as const),
    to: fc.constantFrom('cpu', 'mem', 'disk', ''),
  }),
);
const role = fc.constantFrom('voter' as const, 'learner' as const);
const placement = fc.uniqueArray(fc.record({node: nodeId, role}), {
  selector: ({node}) => node,
  minLength: 1,
  maxLength: 4,
});
const tenant = fc.constantFrom('default', 'a');
const drop = {atMs: fc.nat(9), purgeAtMs: fc.nat(9)};
const kind = <Type extends Command['type']>(type: Type) => fc.constant(type);

const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    type: kind('register-node'),
    node: fc.nat(5).map(description),
    isAddressFree: fc.boolean(),
    atMs: fc.nat(9),
  }),
  fc.record({
    type: kind('set-node-state'),
    node: nodeId,
    state: fc.constantFrom('active' as const, 'draining' as const, 'decommissioned' as const),
  }),
  fc.record({type: kind('create-tenant'), name: entityName, ifNotExists: fc.boolean()}),
  fc.record({
    type: kind('alter-tenant'),
    name: entityName,
    comment: fc.constantFrom('', 'ours'),
  }),
  fc.record({type: kind('drop-tenant'), name: entityName, ifExists: fc.boolean()}),
  fc.record({
    type: kind('create-database'),
    tenant,
    name: entityName,
    options: fc.record({replicas: fc.integer({min: 0, max: 8})}),
  }),
  fc.record({
    type: kind('alter-database'),
    tenant,
    name: entityName,
    options: fc.record({ttlMs: fc.constantFrom(null, DAY, 1)}),
  }),
  fc.record({type: kind('drop-database'), tenant, name: entityName, ...drop}),
  fc.record({
    type: kind('recover-database'),
    tenant,
    name: entityName,
    as: fc.option(entityName, {nil: undefined}),
  }),
  fc.record({type: kind('purge-database'), database: databaseId}),
  fc.record({
    type: kind('ensure-tables'),
    database: databaseId,
    tables: fc.array(tableRequest, {maxLength: 3}),
  }),
  fc.record({type: kind('create-table'), database: databaseId, table: tableRequest}),
  fc.record({
    type: kind('drop-table'),
    database: databaseId,
    name: fc.constantFrom('cpu', 'mem'),
    ...drop,
  }),
  fc.record({
    type: kind('recover-table'),
    database: databaseId,
    name: fc.constantFrom('cpu', 'mem'),
    as: fc.constantFrom(undefined, 'cpu', 'disk'),
  }),
  fc.record({
    type: kind('alter-table'),
    database: databaseId,
    name: fc.constantFrom('cpu', 'mem'),
    change: tableChange,
  }),
  fc.record({type: kind('purge-table'), table: smallId, atMs: fc.nat(9)}),
  fc.record({type: kind('forget-table'), table: smallId}),
  fc
    .record({
      type: kind('ensure-bucket'),
      database: databaseId,
      timeMs,
      before: fc.nat(3),
      after: fc.integer({min: -1, max: 3}),
      placements: fc.array(placement, {minLength: 1, maxLength: 3}),
    })
    .map(({before, after, ...command}) => ({
      ...command,
      startMs: command.timeMs - before * DAY,
      endMs: command.timeMs + after * DAY,
    })),
  fc.record({type: kind('open-replica-sets'), sets: fc.array(smallId, {maxLength: 4})}),
  fc.record({
    type: kind('set-placement'),
    set: smallId,
    expectedEpoch: fc.integer({min: 1, max: 3}),
    add: fc.array(fc.record({node: nodeId, role}), {maxLength: 2}),
    remove: fc.array(smallId, {maxLength: 1}),
    roles: fc.array(fc.record({replica: smallId, role}), {maxLength: 1}),
  }),
  fc.record({type: kind('forget-replica-sets'), sets: fc.array(smallId, {maxLength: 3})}),
  fc.record({
    type: kind('raise-expired-before'),
    database: databaseId,
    expiredBeforeMs: timeMs,
    atMs: timeMs,
  }),
  fc.record({type: kind('drop-bucket'), bucket: smallId}),
  fc.record({
    type: kind('create-operation'),
    kind: fc.constantFrom('move-replica' as const, 'drain-node' as const),
    replicaSet: fc.option(smallId, {nil: undefined}),
    source: smallId,
    sourceNode: nodeId,
    targetNode: nodeId,
    startedBy: fc.constant('t'),
    atMs: fc.nat(9),
  }),
  fc.record({
    type: kind('update-operation'),
    operation: smallId,
    expectedStep: fc.constantFrom('create', 'swap', 'evacuate'),
    step: fc.constantFrom('swap', 'done'),
    state: fc.constantFrom('running' as const, 'done' as const, 'cancelling' as const),
    atMs: fc.nat(9),
  }),
  fc.record({type: kind('expire-operations'), finishedBeforeMs: fc.nat(9)}),
);

function contents(catalog: Catalog): string[] {
  return catalog
    .snapshot()
    .changes.map((change) => JSON.stringify(change))
    .sort();
}

function checkInvariants(catalog: Catalog): void {
  const live = [...catalog.databases()].filter(({dropped}) => dropped === undefined);
  const names = live.map(({tenant: of, name}) => `${of}/${name}`);
  expect(new Set(names).size).toBe(names.length);
  for (const database of live) {
    expect(catalog.databaseByName(database.tenant, database.name)).toBe(database);
    const buckets = catalog.buckets(database.id);
    for (const [i, bucket] of buckets.entries()) {
      expect(bucket.startMs).toBeLessThan(bucket.endMs);
      if (i > 0) expect(buckets[i - 1]!.endMs).toBeLessThanOrEqual(bucket.startMs);
      expect(catalog.bucketAt(database.id, bucket.startMs)).toBe(bucket);
      for (const set of bucket.replicaSets) expect(catalog.replicaSet(set)?.bucket).toBe(bucket.id);
    }
    for (const table of catalog.tables(database.id)) {
      expect(catalog.tableByName(database.id, table.name)).toBe(table);
      const ids = [...table.columns.map((column) => column.id), ...(table.deadColumns ?? [])];
      expect(ids.sort((a, b) => a - b)).toEqual(ids.map((_, i) => i + 1));
      for (const column of table.columns) {
        expect(catalog.columnByName(table.id, column.name)).toBe(column);
      }
    }
  }
  for (const set of catalog.replicaSets()) {
    expect(set.replicas.some((replica) => replica.role === 'voter')).toBe(true);
    expect(new Set(set.replicas.map(({node}) => node)).size).toBe(set.replicas.length);
    for (const {replica} of set.replicas) expect(catalog.replicaSetOf(replica)).toBe(set);
  }
}

/** Ids that were ever made, by kind; one that is made again after its removal is a reuse. */
class IdHistory {
  readonly #highest = new Map<EntityKind, number>();

  follow(before: Catalog, update: CatalogUpdate): void {
    for (const {kind: of, id: value, value: entity} of update.changes) {
      if (of === 'cluster' || value === 0 || entity === undefined) continue;
      const highest = this.#highest.get(of) ?? 0;
      const known = contentsHas(before, of, value);
      if (!known) expect(value, `${of} ${value} is used again`).toBeGreaterThan(highest);
      this.#highest.set(of, Math.max(highest, value));
    }
  }
}

function contentsHas(catalog: Catalog, of: EntityKind, value: number): boolean {
  return catalog.snapshot().changes.some((change) => change.kind === of && change.id === value);
}

test('any commands keep the invariants, and copies and snapshots equal the machine', () => {
  fc.assert(
    fc.property(fc.array(anyCommand, {maxLength: 60}), fc.nat(60), (commands, snapshotAt) => {
      const {machine} = founded();
      const copy = Catalog.fromSnapshot(machine.catalog.snapshot());
      const stale = Catalog.fromSnapshot(machine.catalog.snapshot());
      const ids = new IdHistory();
      ids.follow(new Catalog(), copy.snapshot());
      let second = new CatalogMachine(roundTrip(machine.snapshot()));
      for (const [i, command] of commands.entries()) {
        const index = machine.catalog.version + 1;
        const {update, result} = machine.apply(command, index);
        if (!result.ok) expect(update.changes).toEqual([]);
        ids.follow(copy, update);
        copy.applyUpdate(roundTrip(update));
        expect(roundTrip(second.apply(command, index).result)).toEqual(roundTrip(result));
        if (i === snapshotAt) second = new CatalogMachine(roundTrip(machine.snapshot()));
      }
      checkInvariants(machine.catalog);
      expect(contents(copy)).toEqual(contents(machine.catalog));
      stale.applySnapshot(roundTrip(machine.catalog.snapshot()));
      expect(contents(stale)).toEqual(contents(machine.catalog));
      checkInvariants(stale);
      expect(contents(second.catalog)).toEqual(contents(machine.catalog));
      expect(second.snapshot().counters).toEqual(machine.snapshot().counters);
    }),
    {numRuns: 150},
  );
});

function roundTrip<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}

describe('founding', () => {
  test('makes the first node, the meta group, tenant default and database public', () => {
    const {machine, run} = founded();
    const {catalog} = machine;
    expect(catalog.replicaSet(id(0))?.replicas).toEqual([{replica: 1, node: 1, role: 'voter'}]);
    const tenantId = catalog.tenantByName('default')!.id;
    expect(catalog.databaseByName(tenantId, 'public')?.options.shards).toBe('auto');
    expect(code(run({type: 'found-cluster', clusterId: 'c2', node: description(9), atMs: 2}))).toBe(
      'CONFLICT',
    );
  });

  test('a repeated registration finds its node, a foreign address is refused', () => {
    const {run} = founded();
    expect(must(run({type: 'register-node', node: description(2), atMs: 5})).node).toBe(2);
    const other = {...description(2), incarnation: 'other'};
    expect(code(run({type: 'register-node', node: other, atMs: 5}))).toBe('CONFLICT');
    // An empty directory is a new node, once it is known who answers at the address.
    const emptied = {type: 'register-node', node: other, isAddressFree: true, atMs: 6} as const;
    expect(must(run(emptied)).node).toBe(5);
    expect(must(run(emptied)).node).toBe(5);
  });
});

describe('ensure-bucket', () => {
  const wanted = (time: number, from: number, to: number, database = 1) =>
    ({
      type: 'ensure-bucket',
      database: id<never>(database),
      timeMs: time,
      startMs: from,
      endMs: to,
      placements: [[{node: id<never>(1), role: 'voter'}]],
    }) as const;

  test('returns the present one and cuts a new one against its neighbours', () => {
    const {machine, run} = founded();
    const first = must(run(wanted(15, 10, 20)));
    expect(must(run(wanted(10, 0, 100)))).toEqual({bucket: first.bucket, created: false});
    must(run(wanted(45, 40, 50)));
    const middle = must(run(wanted(30, 0, 100)));
    expect(machine.catalog.bucket(middle.bucket)).toMatchObject({startMs: 20, endMs: 40});
  });

  test('refuses an even number of voters, unknown nodes and expired times', () => {
    const {run} = founded();
    const even = [1, 2].map((node) => ({node: id<never>(node), role: 'voter' as const}));
    expect(code(run({...wanted(1, 0, 9), placements: [even]}))).toBe('INVALID_ARGUMENT');
    const unknown = [{node: id<never>(77), role: 'voter' as const}];
    expect(code(run({...wanted(1, 0, 9), placements: [unknown]}))).toBe('NOT_FOUND');
    must(run({type: 'raise-expired-before', database: id(1), expiredBeforeMs: 50, atMs: 1}));
    expect(code(run(wanted(1, 0, 9)))).toBe('TIME_EXPIRED');
    expect(code(run(wanted(1, 0, 9, 99)))).toBe('DATABASE_NOT_FOUND');
  });

  test('buckets_per_database_max: one more is refused, those that are there go on', () => {
    const {machine, run} = founded();
    const max = LIMITS.buckets_per_database_max.value;
    for (let i = 0; i < max; i++) must(run(wanted(i, i, i + 1)));
    expect(code(run(wanted(2 * max, 2 * max, 2 * max + 1)))).toBe('BUCKET_LIMIT');
    expect(must(run(wanted(7, 7, 8)))).toMatchObject({created: false});
    must(run({type: 'drop-bucket', bucket: machine.catalog.bucketAt(id(1), 7)!.id}));
    expect(must(run(wanted(2 * max, 2 * max, 2 * max + 1)))).toMatchObject({created: true});
  });

  test('shards_per_bucket_max: as many are made, one more is refused', () => {
    const {machine, run} = founded();
    const max = LIMITS.shards_per_bucket_max.value;
    const shards = (count: number) =>
      Array.from({length: count}, () => [{node: id<never>(1), role: 'voter' as const}]);
    expect(code(run({...wanted(1, 0, 9), placements: shards(max + 1)}))).toBe('INVALID_ARGUMENT');
    must(run({...wanted(1, 0, 9), placements: shards(max)}));
    expect(machine.catalog.bucketAt(id(1), 1)?.replicaSets).toHaveLength(max);
  });
});

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

test('databases_max: one more is refused, until a dropped one is purged', () => {
  const {machine, run} = founded();
  const max = LIMITS.databases_max.value;
  const create = (name: string) =>
    run({type: 'create-database', tenant: 'default', name, ifNotExists: true, options: {}});
  for (let i = machine.catalog.databaseCount; i < max; i++) must(create(`d${i}`));
  expect(code(create('more'))).toBe('CONFLICT');
  expect(code(create(`d${max - 1}`))).toBe('ok');
  const names = {tenant: 'default', name: `d${max - 1}`};
  const {database} = must(run({type: 'drop-database', ...names, atMs: 1, purgeAtMs: 2}));
  expect(code(create('more'))).toBe('CONFLICT');
  must(run({type: 'purge-database', database: database!}));
  expect(code(create('more'))).toBe('ok');
});

test('tenants_max: one more is refused, those that are there stay', () => {
  const {machine, run} = founded();
  const max = LIMITS.tenants_max.value;
  const create = (name: string) => run({type: 'create-tenant', name, ifNotExists: true});
  for (let i = machine.catalog.tenantCount; i < max; i++) must(create(`t${i}`));
  expect(code(create('more'))).toBe('CONFLICT');
  expect(code(create(`t${max - 1}`))).toBe('ok');
  must(run({type: 'drop-tenant', name: `t${max - 1}`}));
  expect(code(create('more'))).toBe('ok');
});

test('tenant_comment_bytes_max: a longer comment is refused, and the old one stays', () => {
  const {machine, run} = founded();
  const max = LIMITS.tenant_comment_bytes_max.value;
  const longest = 'é'.repeat(max / 2);
  must(run({type: 'create-tenant', name: 'a', comment: longest}));
  for (const outcome of [
    run({type: 'create-tenant', name: 'b', comment: `${longest}x`}),
    run({type: 'alter-tenant', name: 'a', comment: `${longest}x`}),
  ]) {
    expect(code(outcome)).toBe('INVALID_ARGUMENT');
    expect(JSON.stringify(outcome)).toContain(
      `a comment has at most ${max} bytes; have ${max + 1}`,
    );
  }
  expect(machine.catalog.tenantByName('b')).toBeUndefined();
  expect(machine.catalog.tenantByName('a')?.comment).toBe(longest);
});

describe('names', () => {
  const long = (max: number) => 'n'.repeat(max + 1);
  const database = id<never>(1);

  test.each(['create-tenant', 'create-database'] as const)(
    '%s: database_name_chars_max, no "/" and no control character',
    (type) => {
      const {run} = founded();
      const max = LIMITS.database_name_chars_max.value;
      const create = (name: string) => run({type, tenant: 'default', name, options: {}});
      expect(code(create('n'.repeat(max)))).toBe('ok');
      for (const name of ['', long(max), 'a/b', 'a\n']) {
        const outcome = create(name);
        expect(code(outcome)).toBe('INVALID_ARGUMENT');
        expect(JSON.stringify(outcome)).toContain('a name has 1 to 128 characters');
      }
    },
  );

  test('name_bytes_max: of tables and columns, by statements too', () => {
    const {run} = founded();
    const name = long(LIMITS.name_bytes_max.value);
    const field = (of: string) => ({name: of, type: 'float' as const});
    const table = (of: string, fieldName: string) => ({
      name: of,
      tags: [],
      fields: [field(fieldName)],
    });
    must(run({type: 'create-table', database, table: table('t', 'v')}));
    const alter = (change: TableChange) => run({type: 'alter-table', database, name: 't', change});
    for (const outcome of [
      run({type: 'create-table', database, table: table(name, 'v')}),
      run({type: 'create-table', database, table: table('u', name)}),
      alter({kind: 'rename-table', to: name}),
      alter({kind: 'rename-column', name: 'v', to: name}),
      alter({kind: 'add-column', column: {...field(name), kind: 'field'}}),
    ]) {
      expect(code(outcome)).toBe('INVALID_ARGUMENT');
      expect(JSON.stringify(outcome)).toContain('a name has 1 to 1024 bytes');
    }
  });
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

describe('database options', () => {
  test('a bucket that is too long is told in days', () => {
    const {run} = founded();
    const options = {bucketDurationMs: 1000 * DAY};
    const outcome = run({type: 'create-database', tenant: 'default', name: 'd', options});
    expect(JSON.stringify(outcome)).toMatch(/to 90 days at precision ns; have 1000 days/);
  });

  test.each([
    [{bucketDurationMs: 90 * DAY}, 'ok'],
    [{bucketDurationMs: 91 * DAY}, 'INVALID_ARGUMENT'],
    [{bucketDurationMs: 91 * DAY, precision: 'us'}, 'ok'],
    [{bucketDurationMs: 1000}, 'INVALID_ARGUMENT'],
    [{shards: LIMITS.shards_per_bucket_max.value}, 'ok'],
    [{shards: LIMITS.shards_per_bucket_max.value + 1}, 'INVALID_ARGUMENT'],
    [{shards: 0}, 'INVALID_ARGUMENT'],
    [{replicas: LIMITS.replicas_max.value}, 'ok'],
    [{replicas: LIMITS.replicas_max.value + 1}, 'INVALID_ARGUMENT'],
    [{ttlMs: 0}, 'INVALID_ARGUMENT'],
    [{ttlMs: Number.MAX_SAFE_INTEGER + 1}, 'INVALID_ARGUMENT'],
    [{bucketDurationMs: Number.MAX_SAFE_INTEGER, precision: 'ms'}, 'INVALID_ARGUMENT'],
  ] as const)('%j: %s', (options, expected) => {
    const {run} = founded();
    expect(code(run({type: 'create-database', tenant: 'default', name: 'd', options}))).toBe(
      expected,
    );
  });

  test('precision is fixed; ttl null removes it', () => {
    const {machine, run} = founded();
    const alter = (options: object) =>
      run({type: 'alter-database', tenant: 'default', name: 'public', options});
    expect(code(alter({precision: 'ms'}))).toBe('INVALID_ARGUMENT');
    must(alter({ttlMs: DAY}));
    expect(machine.catalog.database(id(1))?.options.ttlMs).toBe(DAY);
    must(alter({ttlMs: null}));
    expect(machine.catalog.database(id(1))?.options.ttlMs).toBeUndefined();
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

describe('placement and operations', () => {
  function withSet() {
    const {machine, run} = founded();
    must(
      run({
        type: 'ensure-bucket',
        database: id(1),
        timeMs: 0,
        startMs: 0,
        endMs: 9,
        placements: [[1, 2, 3].map((node) => ({node: id<never>(node), role: 'voter' as const}))],
      }),
    );
    return {machine, run, set: machine.catalog.replicaSet(id(1))!};
  }

  test('a change is fenced by the epoch and gives new replica ids', () => {
    const {machine, run, set} = withSet();
    const change = {
      type: 'set-placement',
      set: set.id,
      expectedEpoch: 1,
      add: [{node: id<never>(4), role: 'learner'}],
      remove: [],
      roles: [],
    } as const;
    expect(must(run(change))).toEqual({epoch: 2, added: [5]});
    expect(code(run({...change, add: []}))).toBe('CONFLICT'); // Made for the epoch before.
    expect(code(run({...change, expectedEpoch: 2}))).toBe('CONFLICT'); // Node 4 holds one.
    expect(code(run({...change, expectedEpoch: 2, add: [], remove: [id(99)]}))).toBe('NOT_FOUND');
    expect(machine.catalog.replicaSet(set.id)?.founders).toEqual([2, 3, 4]);
  });

  test('one operation per set; a node that holds replicas is not decommissioned', () => {
    const {machine, run, set} = withSet();
    const move = {
      type: 'create-operation',
      kind: 'move-replica',
      replicaSet: set.id,
      source: set.replicas[0]!.replica,
      targetNode: id<never>(4),
      startedBy: 'test',
      atMs: 1,
    } as const;
    const {operation} = must(run(move));
    expect(code(run(move))).toBe('CONFLICT');
    expect(machine.catalog.operationOf(set.id)?.id).toBe(operation);
    const update = {type: 'update-operation', operation, atMs: 2} as const;
    expect(code(run({...update, expectedStep: 'swap', step: 'x'}))).toBe('CONFLICT');
    must(run({...update, expectedStep: 'create', step: 'swap'}));
    must(run({...update, expectedStep: 'swap', state: 'done'}));
    expect(machine.catalog.operation(operation)?.history.map(({step}) => step)).toEqual([
      'create',
      'swap',
      'done',
    ]);
    expect(code(run({...update, expectedStep: 'swap', step: 'x'}))).toBe('CONFLICT');
    must(run({type: 'expire-operations', finishedBeforeMs: 3}));
    expect(machine.catalog.operation(operation)).toBeUndefined();
    expect(code(run({type: 'set-node-state', node: id(1), state: 'decommissioned'}))).toBe(
      'CONFLICT',
    );
    must(run({type: 'set-node-state', node: id(4), state: 'decommissioned'}));
  });
});
