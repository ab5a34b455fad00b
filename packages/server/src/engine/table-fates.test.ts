import {type ColumnId, DbError, type ReplicaSetId, type TableId} from '@flotilla/base';
import {Catalog, CatalogMachine, type Command} from '@flotilla/catalog';
import type {CatalogEvent} from '@flotilla/meta';
import type {ControlCommand} from '@flotilla/replica';
import type {TableFate} from '@flotilla/storage';
import {beforeEach, expect, test} from 'vitest';
import {birthOf} from './replica-births.ts';
import {type FateStorage, planFates, TableFates} from './table-fates.ts';

const SET = 1 as ReplicaSetId;
const DATABASE = 1 as never;

class FakeStorage implements FateStorage {
  readonly fates = new Map<TableId, TableFate>();
  readonly columns = new Set<string>();

  fateOf(table: TableId): TableFate {
    return this.fates.get(table) ?? 'live';
  }

  isDeadColumn(table: TableId, column: number): boolean {
    return this.columns.has(`${table}/${column}`);
  }

  droppedTables(): TableId[] {
    return [...this.fates].filter(([, fate]) => fate === 'dropped').map(([id]) => id);
  }

  apply(command: ControlCommand): void {
    if (command.type === 'drop-column') {
      this.columns.add(`${command.table}/${command.column}`);
      return;
    }
    const {type, table} = command;
    const fates = {
      'drop-table': 'dropped',
      'recover-table': 'live',
      'purge-table': 'purged',
    } as const;
    this.fates.set(table, fates[type]);
  }
}

let machine: CatalogMachine;
let copy: CatalogMachine['catalog'];
let storage: FakeStorage;
let proposed: ControlCommand[];
let fates: TableFates;
let refresh: () => Promise<void>;
let propose: (command: ControlCommand) => void;
let index: number;

beforeEach(() => {
  machine = new CatalogMachine();
  copy = machine.catalog;
  storage = new FakeStorage();
  proposed = [];
  index = 5;
  refresh = async () => undefined;
  propose = (command) => {
    proposed.push(command);
    storage.apply(command);
  };
  const node = {incarnation: 'a', address: ':1', engineThreads: 1, version: '1'};
  apply({type: 'found-cluster', clusterId: 'c', node, atMs: 0});
  const placements = [[{node: 1 as never, role: 'voter' as const}]];
  const range = {timeMs: 0, startMs: 0, endMs: 1_000};
  apply({type: 'ensure-bucket', database: DATABASE, placements, ...range});
  fates = new TableFates({
    catalog: copy as Catalog,
    refresh: () => refresh(),
    storageOf: () => storage,
    caughtUp: async () => undefined,
    propose: async (_set, command) => propose(command),
  });
});

function apply(command: Command): CatalogEvent {
  const {result, update} = machine.apply(command, ++index);
  if (!result.ok) throw new Error(result.error.message);
  return {type: 'update', update: update!};
}

function makeTable(name: string): TableId {
  const tables = [{name, tags: [], fields: [{name: 'v', type: 'float' as const}]}];
  apply({type: 'ensure-tables', database: DATABASE, tables});
  return machine.catalog.tableByName(DATABASE, name)!.id;
}

const drop = (name: string) =>
  apply({type: 'drop-table', database: DATABASE, name, atMs: 0, purgeAtMs: 10});

test('plans one entry for each table whose fate storage does not hold', () => {
  const [dropped, purged, recovered] = [makeTable('a'), makeTable('b'), makeTable('c')];
  const plan = () => planFates(machine.catalog, DATABASE, storage);
  expect(plan()).toEqual([]);
  for (const name of ['a', 'b', 'c']) drop(name);
  apply({type: 'purge-table', table: purged, atMs: 20});
  apply({type: 'recover-table', database: DATABASE, name: 'c'});
  storage.fates.set(recovered, 'dropped');
  storage.fates.set(999 as TableId, 'dropped');
  expect(plan()).toEqual([
    {type: 'drop-table', table: dropped},
    {type: 'purge-table', table: purged},
    {type: 'recover-table', table: recovered},
    {type: 'purge-table', table: 999},
  ]);
  for (const command of plan()) storage.apply(command);
  expect(plan()).toEqual([]);
});

test('a leader proposes when the catalog moves, once', async () => {
  const table = makeTable('a');
  fates.leadershipChanged(SET, true);
  await fates.settle();
  expect(proposed).toEqual([]);
  fates.catalogChanged(drop('a'));
  await fates.settle();
  await fates.settle();
  expect(proposed).toEqual([{type: 'drop-table', table}]);
});

test('a dropped column becomes an entry, once; of a purged table none', async () => {
  const alter = (change: Extract<Command, {type: 'alter-table'}>['change']) =>
    apply({type: 'alter-table', database: DATABASE, name: 'a', change});
  const table = makeTable('a');
  alter({kind: 'add-column', column: {name: 'w', kind: 'field', type: 'float'}});
  fates.leadershipChanged(SET, true);
  fates.catalogChanged(alter({kind: 'drop-column', name: 'v'}));
  await fates.settle();
  fates.catalogChanged(alter({kind: 'rename-column', name: 'w', to: 'x'}));
  await fates.settle();
  expect(proposed).toEqual([{type: 'drop-column', table, column: 1}]);
  storage.columns.clear();
  storage.fates.set(table, 'purged');
  expect(planFates(machine.catalog, DATABASE, storage)).toEqual([]);
});

test('with its database every table is dead, until that is recovered', async () => {
  const [a, b] = [makeTable('a'), makeTable('b')];
  const change = {tenant: 'default', name: 'public'};
  fates.leadershipChanged(SET, true);
  fates.catalogChanged(drop('b'));
  fates.catalogChanged(apply({type: 'drop-database', ...change, atMs: 0, purgeAtMs: 10}));
  await fates.settle();
  expect(proposed.splice(0)).toEqual([
    {type: 'drop-table', table: b},
    {type: 'drop-table', table: a},
  ]);
  fates.catalogChanged(apply({type: 'recover-database', ...change}));
  await fates.settle();
  expect(proposed).toEqual([{type: 'recover-table', table: a}]);
});

test('an entry that is applied after the catalog moved on is set right, whoever proposed it', async () => {
  const table = makeTable('a');
  fates.leadershipChanged(SET, true);
  fates.catalogChanged(drop('a'));
  fates.catalogChanged(apply({type: 'recover-table', database: DATABASE, name: 'a'}));
  await fates.settle();
  expect(proposed).toEqual([]);
  storage.apply({type: 'drop-table', table});
  fates.fateApplied(SET, table);
  await fates.settle();
  expect(proposed.splice(0)).toEqual([{type: 'recover-table', table}]);
  fates.catalogChanged(drop('a'));
  await fates.settle();
  storage.apply({type: 'recover-table', table});
  fates.fateApplied(SET, table);
  await fates.settle();
  fates.fateApplied(SET, table);
  await fates.settle();
  expect(proposed.map(({type}) => type)).toEqual(['drop-table', 'drop-table']);
});

test('what is confirmed stands behind all that an older copy asked for', async () => {
  // More than are on their way at once: the last of them are proposed when the catalog has turned.
  const tables = Array.from({length: 40}, (_, i) => makeTable(`t${i}`));
  const change = {tenant: 'default', name: 'public'};
  fates.leadershipChanged(SET, true);
  fates.catalogChanged(apply({type: 'drop-database', ...change, atMs: 0, purgeAtMs: 10}));
  const proposeNow = propose;
  const {promise: gate, resolve: open} = Promise.withResolvers<void>();
  const {promise: planned, resolve: plan} = Promise.withResolvers<void>();
  propose = (command) => {
    plan();
    return gate.then(() => proposeNow(command));
  };
  const settling = fates.settle();
  await planned;
  apply({type: 'recover-database', ...change});
  const confirmed = fates.confirm(SET, {type: 'recover-table', table: tables[0]!});
  open();
  await Promise.all([settling, confirmed]);
  expect(tables.filter((table) => storage.fateOf(table) !== 'live')).toEqual([]);
  expect(proposed.at(-1)).toEqual({type: 'recover-table', table: tables[0]});
});

test('what the catalog says no more is not confirmed', async () => {
  const table = makeTable('a');
  const column = 1 as ColumnId;
  fates.leadershipChanged(SET, true);
  for (const command of [
    {type: 'drop-table', table},
    {type: 'drop-column', table, column},
  ] as const)
    await expect(fates.confirm(SET, command)).rejects.toMatchObject({code: 'UNAVAILABLE'});
  drop('a');
  const late = fates.confirm(SET, {type: 'recover-table', table});
  await expect(late).rejects.toMatchObject({code: 'UNAVAILABLE'});
  expect(proposed).toEqual([{type: 'drop-table', table}]);
});

test('whatever else changes in a database sends no set to its log', async () => {
  makeTable('a');
  fates.leadershipChanged(SET, true);
  fates.catalogChanged(drop('a'));
  await fates.settle();
  let refreshed = 0;
  refresh = async () => {
    refreshed += 1;
  };
  fates.catalogChanged(
    apply({type: 'raise-expired-before', database: DATABASE, expiredBeforeMs: 1, atMs: 1}),
  );
  await fates.settle();
  expect(refreshed).toBe(0);
});

test('a replica that does not lead proposes nothing, and looks when it begins to', async () => {
  makeTable('a');
  fates.catalogChanged(drop('a'));
  await fates.settle();
  expect(proposed).toEqual([]);
  fates.leadershipChanged(SET, true);
  await fates.settle();
  expect(proposed).toHaveLength(1);
});

test('what an old copy says is not proposed', async () => {
  const table = makeTable('a');
  storage.fates.set(table, 'dropped');
  // A copy of that time would call the table to life.
  const beforeDrop = machine.catalog.snapshot();
  drop('a');
  const old = Catalog.fromSnapshot(beforeDrop);
  const behind = new TableFates({
    catalog: old,
    refresh: async () => old.replaceBy(Catalog.fromSnapshot(machine.catalog.snapshot())),
    storageOf: () => storage,
    caughtUp: async () => undefined,
    propose: async (_set, command) => propose(command),
  });
  behind.leadershipChanged(SET, true);
  await behind.settle();
  expect(proposed).toEqual([]);
});

test('nothing is proposed without meta; what failed is tried again', async () => {
  makeTable('a');
  fates.leadershipChanged(SET, true);
  fates.catalogChanged(drop('a'));
  refresh = async () => {
    throw new DbError('META_UNAVAILABLE', 'no majority');
  };
  await fates.settle();
  expect(proposed).toEqual([]);
  refresh = async () => undefined;
  const working = propose;
  propose = () => {
    throw new DbError('NO_LEADER', 'election');
  };
  await fates.settle();
  propose = working;
  await fates.settle();
  expect(proposed).toHaveLength(1);
});

test('a new set begins with the ids that were dead when it was made, whatever the copy knows later', () => {
  const first = makeTable('a');
  const second = makeTable('b');
  drop('a');
  const placements = [[{node: 1 as never, role: 'voter' as const}]];
  const range = {timeMs: 2_000, startMs: 2_000, endMs: 3_000};
  apply({type: 'ensure-bucket', database: DATABASE, placements, ...range});
  drop('b');
  apply({type: 'recover-table', database: DATABASE, name: 'a'});
  const bucket = machine.catalog.bucketAt(DATABASE, 2_000)!;
  expect(bucket.deadTables).toEqual([first]);
  expect(birthOf(machine.catalog, bucket.replicaSets[0]!)!.deadTables).toEqual([first]);
  expect(second).not.toBe(first);
});

test('the entries of many tables are on their way together, and no more than some', async () => {
  const names = Array.from({length: 100}, (_, i) => `t${i}`);
  for (const name of names) makeTable(name);
  const sequence: number[] = [];
  let underWay = 0;
  let rounds = 0;
  let isWaiting = false;
  const counting = new TableFates({
    catalog: copy as Catalog,
    refresh: () => refresh(),
    storageOf: () => storage,
    caughtUp: async () => undefined,
    propose: async (_set, command) => {
      sequence.push(++underWay);
      if (!isWaiting) rounds += 1;
      isWaiting = true;
      // A turn, in which all that were proposed become durable.
      await new Promise((resolve) => setImmediate(resolve));
      isWaiting = false;
      underWay -= 1;
      propose(command);
    },
  });
  counting.leadershipChanged(SET, true);
  await counting.settle();
  for (const name of names) counting.catalogChanged(drop(name));
  await counting.settle();
  expect(proposed.map(({table}) => table).length).toBe(100);
  expect(new Set(proposed.map(({table}) => table)).size).toBe(100);
  expect(Math.max(...sequence)).toBe(32);
  expect(rounds).toBe(4);
});

test('an entry that fails leaves its set due, and those beside it are not proposed again', async () => {
  for (const name of ['a', 'b', 'c']) makeTable(name);
  for (const name of ['a', 'b', 'c']) drop(name);
  const works = propose;
  propose = (command) => {
    if (proposed.length === 1) throw new DbError('NOT_LEADER', 'it moved');
    works(command);
  };
  fates.leadershipChanged(SET, true);
  await fates.settle();
  propose = works;
  await fates.settle();
  const tables = proposed.map(({table}) => table);
  expect(tables.length).toBe(3);
  expect(new Set(tables).size).toBe(3);
});
