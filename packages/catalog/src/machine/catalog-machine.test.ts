// Goal: whatever is asked in whatever order, the catalog keeps its invariants, every copy that gets
// the updates equals the machine's own state, and a snapshot goes on exactly as the original would.

import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {Catalog} from '../catalog.ts';
import {CLUSTER_VERSION} from '../cluster-version.ts';
import type {Command, TableChange} from '../commands.ts';
import type {CatalogChange, CatalogUpdate, EntityKind} from '../model.ts';
import {code, DAY, description, founded, id, must, runner} from './catalog-machine.fixture.ts';
import {CatalogMachine} from './catalog-machine.ts';

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
const drop = {atMs: fc.nat(9), purgeAtMs: fc.nat(9), orTrash: fc.boolean()};
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
  fc.record({
    type: kind('set-automation'),
    kinds: fc.subarray(['repair' as const, 'rebalance' as const]),
    paused: fc.boolean(),
    untilMs: fc.option(fc.nat(9), {nil: undefined}),
    atMs: fc.nat(9),
  }),
  fc.record({
    type: kind('set-maintenance'),
    node: nodeId,
    maintenance: fc.record({
      untilMs: fc.nat(9),
      scope: fc.constantFrom('leaders' as const, 'all' as const),
    }),
    atMs: fc.option(fc.nat(9), {nil: undefined}),
  }),
  fc.record({type: kind('create-tenant'), name: entityName, ifNotExists: fc.boolean()}),
  fc.record({
    type: kind('alter-tenant'),
    name: entityName,
    comment: fc.constantFrom('', 'ours'),
  }),
  fc.record({type: kind('drop-tenant'), name: entityName, ifExists: fc.boolean()}),
  fc.record({type: kind('drop-tenant'), name: entityName, ...drop}),
  fc.record({
    type: kind('recover-tenant'),
    name: entityName,
    as: fc.option(entityName, {nil: undefined}),
  }),
  fc.record({type: kind('purge-tenant'), tenant: smallId}),
  fc.record({
    type: kind('create-database'),
    tenant,
    name: entityName,
    options: fc.record({
      replicas: fc.integer({min: 0, max: 8}),
      maxSeries: fc.constantFrom(undefined, 0, 3),
    }),
  }),
  fc.record({
    type: kind('alter-database'),
    tenant,
    name: entityName,
    options: fc.record({
      ttlMs: fc.constantFrom(null, DAY, 3 * DAY, 1),
      maxSeries: fc.constantFrom(undefined, null, 2.5, 5),
    }),
    atMs: fc.option(timeMs, {nil: undefined}),
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
    allOrNothing: fc.boolean(),
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
  fc.record({
    type: kind('skip-entry'),
    set: smallId,
    index: fc.integer({min: 1, max: 3}),
    by: fc.constant('t'),
    atMs: fc.nat(9),
  }),
  fc.record({
    type: kind('begin-skip'),
    set: smallId,
    index: fc.integer({min: 1, max: 3}),
    by: fc.constant('t'),
    atMs: fc.nat(9),
  }),
  fc.record({
    type: kind('end-skip'),
    set: smallId,
    order: fc.integer({min: 1, max: 30}),
    promised: fc.option(fc.array(smallId, {maxLength: 4}), {nil: undefined}),
  }),
  fc.record({type: kind('forget-replica-sets'), sets: fc.array(smallId, {maxLength: 3})}),
  fc.record({
    type: kind('raise-expired-before'),
    database: databaseId,
    expiredBeforeMs: timeMs,
    ttlMs: fc.constantFrom(undefined, undefined, DAY),
    atMs: timeMs,
  }),
  fc.record({
    type: kind('drop-bucket'),
    bucket: smallId,
    expiredAtMs: fc.option(timeMs, {nil: undefined}),
  }),
  fc.record({
    type: kind('finalize-upgrade'),
    version: fc.constantFrom(4, CLUSTER_VERSION),
    nodes: fc.constant(Array.from({length: 12}, (_, i) => id<never>(i + 1))),
  }),
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
    by: fc.constantFrom('t', undefined),
    error: fc.constantFrom('e', null, undefined),
    targetNode: fc.option(nodeId, {nil: undefined}),
    atMs: fc.nat(9),
  }),
  fc.record({type: kind('expire-operations'), finishedBeforeMs: fc.nat(9)}),
  fc.record({
    type: kind('create-token'),
    name: entityName,
    hash: fc.constantFrom('h1', 'h2', 'h3'),
    createdBy: fc.constant('t'),
    onlyFirst: fc.boolean(),
    atMs: fc.nat(9),
  }),
  fc.record({type: kind('revoke-token'), name: entityName}),
);

/** By kind and id. A field that a snapshot left out comes back behind the others: their order says nothing. */
function contents(catalog: Catalog): Record<string, unknown> {
  const {changes} = catalog.snapshot();
  return Object.fromEntries(changes.map((one) => [`${one.kind} ${one.id}`, roundTrip(one)]));
}

function checkInvariants(catalog: Catalog): void {
  const live = [...catalog.databases()].filter(({dropped}) => dropped === undefined);
  const names = live.map(({tenant: of, name}) => `${of}/${name}`);
  expect(new Set(names).size).toBe(names.length);
  for (const database of live) {
    expect([undefined, 3, 5]).toContain(database.options.maxSeries);
    expect(catalog.databaseByName(database.tenant, database.name)).toBe(database);
    const buckets = catalog.buckets(database.id);
    for (const [i, bucket] of buckets.entries()) {
      expect(bucket.startMs).toBeLessThan(bucket.endMs);
      if (i > 0) expect(buckets[i - 1]!.endMs).toBeLessThanOrEqual(bucket.startMs);
      expect(catalog.bucketAt(database.id, bucket.startMs)).toBe(bucket);
      for (const set of bucket.replicaSets) expect(catalog.replicaSet(set)?.bucket).toBe(bucket.id);
      const isHidden = bucket.endMs <= (database.expiredBeforeMs ?? -Infinity);
      expect(bucket.expiredAtMs !== undefined).toBe(isHidden);
    }
    const {purgedBeforeMs = -Infinity} = database;
    expect(purgedBeforeMs).toBeLessThanOrEqual(database.expiredBeforeMs ?? -Infinity);
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
      stale.replaceBy(Catalog.fromSnapshot(roundTrip(machine.catalog.snapshot())));
      expect(contents(stale)).toEqual(contents(machine.catalog));
      checkInvariants(stale);
      expect(contents(second.catalog)).toEqual(contents(machine.catalog));
      expect(second.snapshot().counters).toEqual(machine.snapshot().counters);
    }),
    {numRuns: 150},
  );
});

test('an image that is walked while any commands are applied is the snapshot of its version', () => {
  const meanwhile = fc.array(fc.record({command: anyCommand, steps: fc.constantFrom(0, 0, 1)}), {
    maxLength: 40,
  });
  const property = fc.property(
    fc.array(anyCommand, {maxLength: 40}),
    meanwhile,
    (before, after) => {
      const {machine} = founded();
      const run = runner(machine);
      for (const command of before) run(command);
      const snapshot = roundTrip(machine.snapshot());
      const {counters, catalog} = machine.image();
      const walk = catalog.changes[Symbol.iterator]();
      const changes: CatalogChange[] = [];
      for (const {command, steps} of after) {
        for (let i = 0; i < steps; i++) {
          const {done, value} = walk.next();
          if (done !== true) changes.push(value);
        }
        run(command);
      }
      for (let step = walk.next(); step.done !== true; step = walk.next()) changes.push(step.value);
      const walked = {counters, catalog: {version: catalog.version, changes}};
      expect(roundTrip(walked)).toEqual(snapshot);
      const steps = CatalogMachine.building(snapshot);
      let built = steps.next();
      while (built.done !== true) built = steps.next();
      expect(roundTrip(built.value.snapshot())).toEqual(snapshot);
    },
  );
  fc.assert(property, {numRuns: 500});
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
    const draining = {type: 'set-node-state', node: id<never>(4), state: 'draining'} as const;
    expect(code(run({...draining, operation})), 'of an operation that has ended').toBe('CONFLICT');
    expect(code(run({type: 'set-node-state', node: id(1), state: 'decommissioned'}))).toBe(
      'CONFLICT',
    );
    must(run({type: 'set-node-state', node: id(4), state: 'decommissioned'}));
  });
});
