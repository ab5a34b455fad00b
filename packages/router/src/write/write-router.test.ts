import {DbError, LIMITS, type ReplicaSetId} from '@flotilla/base';
import {
  decodeShare,
  type ParsedBatch,
  type ParsedField,
  ParsedSeries,
  type Share,
} from '@flotilla/column';
import {beforeEach, expect, test} from 'vitest';
import {DATABASE, errorOf, FakeCluster} from '../fakes.fixture.ts';
import {SetCaller} from '../set-caller.ts';
import {MetaDdl, type MetaProposer} from './ddl.ts';
import {WriteRouter} from './write-router.ts';

interface Received {
  readonly set: ReplicaSetId;
  readonly share: Share;
}

let cluster: FakeCluster;
let meta: MetaProposer;
let received: Received[];
/** What the leader of every set does with a share. */
let take: (share: Share) => void;

beforeEach(() => {
  cluster = new FakeCluster();
  meta = cluster.meta();
  received = [];
  take = () => undefined;
  cluster.rpc.behave = () => async (payload, target) => {
    const share = decodeShare(payload);
    take(share);
    received.push({set: target.set, share});
    return new Uint8Array(0);
  };
});

function router(): WriteRouter {
  return new WriteRouter({
    caller: new SetCaller(cluster.callerPorts()),
    catalog: () => cluster.catalog,
    meta: new MetaDdl(meta),
    clock: cluster.clock,
    incarnation: 7,
  });
}

/** Row i of each table is of host i, at minute i, on a line of its own. */
function batchOf(tables: readonly string[], rowCount: number): ParsedBatch {
  const rows = Array.from({length: rowCount}, (_, i) => i);
  return {
    rowCount: tables.length * rowCount,
    badLines: [],
    badLineCount: 0,
    tables: tables.map((table, at) => ({
      table,
      rowCount,
      series: rows.map((i) => new ParsedSeries(table, ['host'], [`h${i}`])),
      seriesOfRow: Int32Array.from(rows),
      timesMs: Float64Array.from(rows, (i) => i * 60_000),
      timesNs: new Int32Array(rowCount),
      lines: Uint32Array.from(rows, (i) => at * rowCount + i + 1),
      fields: [
        {
          name: 'v',
          count: rowCount,
          rows: Int32Array.from(rows),
          values: {type: 'float' as const, values: Float64Array.from(rows, (i) => i + at * 100)},
        },
      ],
    })),
  };
}

function write(batch: ParsedBatch, idempotencyKey?: string) {
  const request = {database: DATABASE, batch, lineText: () => '', acceptPartial: true};
  return cluster.clock.resolve(router().write({...request, idempotencyKey, deadlineMs: 4_000}));
}

function valuesReceived(table: string): number[] {
  return valuesOf(received, table);
}

/** As replica sets that skip the keys that they have seen. */
function appliedValues(table: string): number[] {
  const seen = new Set<string>();
  const isNew = ({set, share}: Received): boolean => {
    const before = seen.size;
    return seen.add(`${set} ${share.idempotencyKey}`).size > before;
  };
  return valuesOf(received.filter(isNew), table);
}

function valuesOf(those: readonly Received[], table: string): number[] {
  const id = cluster.catalog.tableByName(DATABASE, table)!.id;
  const tables = those.flatMap(({share}) => share.tables).filter((each) => each.table === id);
  const values = tables.flatMap(({columns}) =>
    columns.flatMap((column) => [...(column.values as {values: Float64Array}).values]),
  );
  return values.sort((a, b) => a - b);
}

/** Drops the table when the first share names it; then refuses shares that name the dead id. */
function dropUnderway(name: string, times: number): void {
  let left = times;
  take = (share) => {
    const live = cluster.catalog.tableByName(DATABASE, name);
    if (left > 0 && live !== undefined && share.tables.some(({table}) => table === live.id)) {
      left -= 1;
      cluster.apply({type: 'drop-table', database: DATABASE, name, atMs: 0, purgeAtMs: 1e9});
    }
    const dead = share.tables.find(({table}) => cluster.catalog.table(table)?.dropped);
    if (dead !== undefined) throw new DbError('TABLE_NOT_FOUND', 'dropped', {table: dead.table});
  };
}

test('rows refused for a dropped table are written to the table of that name', async () => {
  cluster.addBucket(0, 4);
  dropUnderway('cpu', 1);
  const outcome = await write(batchOf(['cpu', 'mem'], 12));
  expect(outcome).toMatchObject({writtenRows: 24, rejectedLines: 0});
  expect(outcome.sets.every(({outcome: what}) => what === 'written')).toBe(true);
  expect(valuesReceived('cpu')).toEqual(Array.from({length: 12}, (_, i) => i));
  expect(valuesReceived('mem')).toEqual(Array.from({length: 12}, (_, i) => i + 100));
});

test('rows refused for a dropped column are written to a new column of that name', async () => {
  cluster.addBucket(0, 4);
  let isDropped = false;
  take = (share) => {
    if (!isDropped) {
      isDropped = true;
      const change = {kind: 'drop-column', name: 'v'} as const;
      const added = {
        kind: 'add-column',
        column: {name: 'w', kind: 'field', type: 'float'},
      } as const;
      for (const each of [added, change])
        cluster.apply({type: 'alter-table', database: DATABASE, name: 'cpu', change: each});
    }
    for (const {table, columns} of share.tables) {
      const dead = cluster.catalog.table(table)?.deadColumns ?? [];
      const column = columns.find((each) => dead.includes(each.column))?.column;
      if (column !== undefined) throw new DbError('TABLE_NOT_FOUND', 'dropped', {table, column});
    }
  };
  const outcome = await write(batchOf(['cpu'], 12));
  expect(outcome).toMatchObject({writtenRows: 12, rejectedLines: 0});
  const {columns} = cluster.catalog.tableByName(DATABASE, 'cpu')!;
  expect(columns.map(({id, name}) => [id, name])).toEqual([
    [1, 'host'],
    [3, 'w'],
    [4, 'v'],
  ]);
  const written = received.flatMap(({share}) => share.tables.flatMap((table) => table.columns));
  expect(new Set(written.map(({column}) => column))).toEqual(new Set([4]));
  expect(valuesReceived('cpu')).toEqual(Array.from({length: 12}, (_, i) => i));
});

test('what is placed anew has a sequence and a key of its own', async () => {
  cluster.addBucket(0, 1);
  dropUnderway('cpu', 1);
  const seen: Share[] = [];
  const refuse = take;
  take = (share) => {
    seen.push(share);
    refuse(share);
  };
  await write(batchOf(['cpu'], 3), 'k');
  // It is of another table, so it has another name too.
  expect(new Set(seen.map(({idempotencyKey}) => idempotencyKey)).size).toBe(2);
  for (const {idempotencyKey} of seen) expect(idempotencyKey).toMatch(/^k\0./);
  expect(seen[0]!.router.sequence).not.toBe(seen[1]!.router.sequence);
});

test('a key is applied once though a drop came between, and the client sends again', async () => {
  cluster.addBucket(0, 4);
  dropUnderway('cpu', 1);
  await write(batchOf(['cpu'], 12), 'k');
  const once = valuesReceived('cpu');
  expect(once.length).toBe(12);
  const keyOf = ({set, share}: Received) => `${set} ${share.idempotencyKey}`;
  const applied = new Set(received.map(keyOf));
  received = [];
  await write(batchOf(['cpu'], 12), 'k');
  expect(received.filter((each) => !applied.has(keyOf(each)))).toEqual([]);
});

test('rows that are not written are not taken for those that were placed anew', async () => {
  cluster.addBucket(0, 4);
  dropUnderway('cpu', 1);
  const drop = take;
  let full: number | undefined;
  take = (share) => {
    full ??= share.router.sequence;
    if (full === share.router.sequence) throw new DbError('DISK_FULL', 'full');
    drop(share);
  };
  const {sets} = await write(batchOf(['cpu'], 12), 'k');
  expect(sets.map(({outcome}) => outcome)).toContain('refused');
  take = () => undefined;
  await write(batchOf(['cpu'], 12), 'k');
  expect(new Set(appliedValues('cpu')).size).toBe(12);
});

test('rows of a table that is made again between two tries are not taken for those of others', async () => {
  cluster.addBucket(0, 2);
  const [first] = cluster.catalog.bucketAt(DATABASE, 0)!.replicaSets;
  // Of each table some rows go to either set; in the first try one of them takes nothing.
  const {behave} = cluster.rpc;
  cluster.rpc.behave = (node) => async (payload, target) => {
    if (target.set !== first) throw new DbError('NO_LEADER', 'no majority');
    return (await behave(node)(payload, target)) as Uint8Array;
  };
  await write(batchOf(['cpu', 'mem'], 12), 'k');
  expect(appliedValues('mem').length).toBeLessThan(12);
  cluster.apply({type: 'drop-table', database: DATABASE, name: 'cpu', atMs: 0, purgeAtMs: 1e9});
  cluster.rpc.behave = behave;
  await write(batchOf(['cpu', 'mem'], 12), 'k');
  expect(new Set(appliedValues('cpu')).size).toBe(12);
  expect(new Set(appliedValues('mem')).size).toBe(12);
});

test('of a body in pieces whose table is dropped between them each has a key of its own', async () => {
  cluster.addBucket(0, 1);
  let count = 0;
  take = (share) => {
    count += 1;
    if (count === 2) {
      cluster.apply({
        type: 'drop-table',
        database: DATABASE,
        name: 'long',
        atMs: 0,
        purgeAtMs: 1e9,
      });
    }
    const dead = share.tables.find(({table}) => cluster.catalog.table(table)?.dropped);
    if (dead !== undefined) throw new DbError('TABLE_NOT_FOUND', 'dropped', {table: dead.table});
  };
  const outcome = await write(longBatch(5), 'k');
  expect(outcome.writtenRows).toBe(5);
  const keys = received.map(({share}) => share.idempotencyKey);
  expect(new Set(keys).size).toBe(keys.length);
});

test('a table that is dropped again and again ends in a refusal that can be retried', async () => {
  cluster.addBucket(0, 1);
  dropUnderway('cpu', 100);
  const outcome = await write(batchOf(['cpu'], 3));
  expect(outcome.writtenRows).toBe(0);
  expect(outcome.sets).toMatchObject([{outcome: 'refused', error: {code: 'UNAVAILABLE'}}]);
});

test('rows whose bucket was dropped are placed anew', async () => {
  const [set] = cluster.addBucket(0, 1);
  const {bucket} = cluster.catalog.replicaSet(set!)!;
  const {behave} = cluster.rpc;
  cluster.rpc.behave = (node) => async (payload, target) => {
    if (target.set !== set) return (await behave(node)(payload, target)) as Uint8Array;
    cluster.apply({type: 'drop-bucket', bucket});
    throw new DbError('REPLICA_GONE', 'destroyed');
  };
  const outcome = await write(batchOf(['cpu'], 3));
  expect(outcome.writtenRows).toBe(3);
  expect(received.every((each) => each.set !== set)).toBe(true);
});

test('a doubt about DDL is none about the rows', async () => {
  meta.propose = async () => {
    throw new DbError('OUTCOME_UNKNOWN', 'meta did not answer in time');
  };
  expect((await errorOf(write(batchOf(['cpu'], 1)))).code).toBe('META_UNAVAILABLE');
});

test('a time that meta has expired meanwhile is a bad line, not the end of the body', async () => {
  meta.ensureBucket = async () => {
    throw new DbError('TIME_EXPIRED', 'expired');
  };
  const outcome = await write(batchOf(['cpu'], 2));
  expect(outcome).toMatchObject({writtenRows: 0, rejectedLines: 2, sets: []});
  expect(outcome.lines.map(({line, code}) => [line, code])).toEqual([
    [1, 'TIME_EXPIRED'],
    [2, 'TIME_EXPIRED'],
  ]);
});

/** Three rows of one table, at these times. */
function rowsAt(...timesMs: number[]): ParsedBatch {
  const batch = batchOf(['cpu'], timesMs.length);
  return {...batch, tables: [{...batch.tables[0]!, timesMs: Float64Array.from(timesMs)}]};
}

test('a time past max_future_ms or behind the ttl is a bad line with a code of its own', async () => {
  const dayMs = 86_400_000;
  const futureMs = LIMITS.max_future_ms.value;
  const names = {tenant: 'default', name: 'public'};
  cluster.apply({type: 'alter-database', ...names, options: {ttlMs: 30 * dayMs}});
  const outcome = await write(rowsAt(futureMs, futureMs + 1, -30 * dayMs, -30 * dayMs - 1));
  expect(outcome.writtenRows).toBe(2);
  expect(outcome.lines.map(({line, code}) => [line, code])).toEqual([
    [2, 'TIME_IN_FUTURE'],
    [4, 'TIME_EXPIRED'],
  ]);
  expect(valuesReceived('cpu')).toEqual([0, 2]);
});

test.each([
  ['1 and then 1i', ['float', 'integer']],
  ['1i and then 1', ['integer', 'float']],
] as const)(
  'a new field that is written as %s is a float, and no line is refused',
  async (_as, types) => {
    const [table] = batchOf(['cpu'], 2).tables;
    const fields = types.map((type, row) => ({
      name: 'v',
      count: 1,
      rows: Int32Array.of(row),
      values: {type, values: Float64Array.of(row + 1)},
    }));
    const outcome = await write({...batchOf(['cpu'], 2), tables: [{...table!, fields}]});
    expect(outcome).toMatchObject({writtenRows: 2, rejectedLines: 0});
    const {id} = cluster.catalog.tableByName(DATABASE, 'cpu')!;
    expect(cluster.catalog.columnByName(id, 'v')).toMatchObject({kind: 'field', type: 'float'});
    expect(valuesReceived('cpu')).toEqual([1, 2]);
  },
);

test('of many refused lines the first hundred are listed, whatever the order of tables', async () => {
  const future = 2 * 86_400_000;
  const {tables} = batchOf(['a', 'b'], 3_000);
  // Lines alternate between the tables, which are refused one after the other.
  const mixed = tables.map((table, at) => ({
    ...table,
    timesMs: new Float64Array(3_000).fill(future),
    lines: Uint32Array.from({length: 3_000}, (_, i) => 2 * i + at + 1),
  }));
  const outcome = await write({...batchOf(['a', 'b'], 3_000), tables: mixed});
  expect(outcome.rejectedLines).toBe(6_000);
  expect(outcome.lines.map(({line}) => line)).toEqual(Array.from({length: 100}, (_, i) => i + 1));
});

test('nothing is made for rows none of which has a time that is kept', async () => {
  const {timesMs, ...late} = batchOf(['late'], 2).tables[0]!;
  const future = {...late, timesMs: timesMs.map((ms) => ms + 2 * 86_400_000)};
  const tables = [future, ...batchOf(['cpu'], 2).tables];
  const outcome = await write({rowCount: 4, badLines: [], badLineCount: 0, tables});
  expect(outcome).toMatchObject({writtenRows: 2, rejectedLines: 2});
  expect(outcome.lines.map(({code}) => code)).toEqual(['TIME_IN_FUTURE', 'TIME_IN_FUTURE']);
  expect(cluster.catalog.tableByName(DATABASE, 'late')).toBeUndefined();
  expect(cluster.catalog.tableByName(DATABASE, 'cpu')).toBeDefined();
  // Nor a column of a table that is there.
  const [cpu] = batchOf(['cpu'], 1).tables;
  const fields = cpu!.fields.map((field) => ({...field, name: 'w'}));
  const later = {...cpu!, fields, timesMs: Float64Array.of(2 * 86_400_000)};
  const again = await write({rowCount: 1, badLines: [], badLineCount: 0, tables: [later]});
  expect(again.lines.map(({code}) => code)).toEqual(['TIME_IN_FUTURE']);
  const {columns} = cluster.catalog.tableByName(DATABASE, 'cpu')!;
  expect(columns.map(({name}) => name)).not.toContain('w');
});

test('a body that must be taken whole is not sent where one line is refused', async () => {
  const request = {database: DATABASE, lineText: () => '', deadlineMs: 4_000, acceptPartial: false};
  const batch = rowsAt(0, 2 * 86_400_000);
  const outcome = await cluster.clock.resolve(router().write({...request, batch}));
  expect(outcome).toMatchObject({writtenRows: 0, rejectedLines: 1, sets: []});
  expect(received).toEqual([]);
  const whole = await cluster.clock.resolve(router().write({...request, batch: rowsAt(0, 1)}));
  expect(whole).toMatchObject({writtenRows: 2, rejectedLines: 0});
});

test('a body that must be taken whole makes no table, column or bucket if one line is refused', async () => {
  const request = {database: DATABASE, lineText: () => '', deadlineMs: 4_000, acceptPartial: false};
  const made: string[] = [];
  meta.ensureBucket = async () => void made.push('bucket');
  meta.propose = ({type}) => {
    made.push(type);
    throw new DbError('META_UNAVAILABLE', 'not asked');
  };
  const inFuture = rowsAt(0, 2 * 86_400_000);
  const bad = {line: 9, code: 'LINE_SYNTAX', reason: 'invalid number', text: 'x v=?'} as const;
  const malformed = {...batchOf(['fresh'], 2), badLines: [bad], badLineCount: 1};
  for (const batch of [inFuture, malformed]) {
    const outcome = await cluster.clock.resolve(router().write({...request, batch}));
    expect(outcome).toMatchObject({writtenRows: 0, rejectedLines: 1, sets: []});
  }
  expect(made).toEqual([]);
});

test('nor if its lines conflict among each other, or ask for too many buckets', async () => {
  const request = {database: DATABASE, lineText: () => '', deadlineMs: 4_000, acceptPartial: false};
  const made: string[] = [];
  meta.ensureBucket = async () => void made.push('bucket');
  meta.propose = ({type}) => {
    made.push(type);
    throw new DbError('META_UNAVAILABLE', 'not asked');
  };
  /** Line 2 writes the other field. */
  const with2nd = (name: string, values: ParsedField['values']): ParsedBatch => {
    const batch = batchOf(['fresh'], 2);
    const [table] = batch.tables;
    const first = {...table!.fields[0]!, count: 1};
    const second = {name, count: 1, rows: Int32Array.of(1), values};
    return {...batch, tables: [{...table!, fields: [first, second]}]};
  };
  const wide = {type: 'integer', values: Float64Array.of(2 ** 53), wide: [2n ** 53n + 1n]} as const;
  const cases: [ParsedBatch, string][] = [
    [
      with2nd('v', {type: 'boolean', values: Uint8Array.of(1)}),
      'column "v" is float, the line has boolean',
    ],
    [
      with2nd('host', {type: 'boolean', values: Uint8Array.of(1)}),
      'column "host" is a tag, the line has a field of type boolean',
    ],
    [
      with2nd('v', {...wide, wide: BigInt64Array.from(wide.wide)}),
      'column "v" is float, and 9007199254740993i is not exact as a float',
    ],
    [
      rowsAt(...Array.from({length: 17}, (_, week) => -1 - week * 7 * 86_400_000)),
      'the request asks for 17 new buckets',
    ],
  ];
  for (const [batch, reason] of cases) {
    const outcome = await cluster.clock.resolve(router().write({...request, batch}));
    expect(outcome).toMatchObject({writtenRows: 0, rejectedLines: 1, sets: []});
    expect(outcome.lines[0]!.reason).toContain(reason);
  }
  expect(made).toEqual([]);
});

test('lines of series that a full set has no room for are refused, and the others written', async () => {
  const bits = (...series: number[]) =>
    Buffer.of(series.reduce((sum, i) => sum | (1 << i), 0)).toString('base64');
  let refusals = 0;
  take = ({tables}) => {
    if (tables[0]!.series.length < 4) return;
    refusals += 1;
    throw new DbError('SERIES_LIMIT', 'it is full', {refused: [bits(1, 3)]});
  };
  const outcome = await write(batchOf(['cpu'], 4));
  expect(refusals).toBe(1);
  expect(outcome).toMatchObject({writtenRows: 2, rejectedLines: 2});
  expect(outcome.lines.map(({line, code}) => [line, code])).toEqual([
    [2, 'SERIES_LIMIT'],
    [4, 'SERIES_LIMIT'],
  ]);
  expect(outcome.sets.every(({outcome: fate}) => fate === 'written')).toBe(true);
  expect(received.flatMap(({share}) => share.tables.map(({rowCount}) => rowCount))).toEqual([2]);
});

test('new_buckets_per_request_max: a request makes sixteen buckets at most, however often it is placed', async () => {
  const weekMs = 7 * 86_400_000;
  const [table] = batchOf(['cpu'], 30).tables;
  const hoursOf = (i: number) => Math.floor(i / 10) * 3_600_000;
  const timesMs = Float64Array.from({length: 30}, (_, i) => hoursOf(i) - (1 + (i % 10)) * weekMs);
  // Cut against others, a bucket holds one of these times alone: those beside it are missing still.
  meta.ensureBucket = async (_database, timeMs) => {
    cluster.addBucket(timeMs, 1, 60_000);
  };
  const outcome = await write({...batchOf(['cpu'], 30), tables: [{...table!, timesMs}]});
  expect(cluster.catalog.buckets(DATABASE).length).toBe(16);
  expect(outcome).toMatchObject({writtenRows: 16, rejectedLines: 14});
  expect(outcome.lines.every(({code}) => code === 'BUCKET_LIMIT')).toBe(true);
});

/** Rows of 3 MiB each: two fit one share. */
function longBatch(rowCount: number): ParsedBatch {
  const size = 3 * 1024 * 1024;
  const [table] = batchOf(['long'], rowCount).tables;
  const bytes = new Uint8Array(rowCount * size);
  for (let i = 0; i < rowCount; i++) bytes.fill(48 + i, i * size, (i + 1) * size);
  const ends = Uint32Array.from({length: rowCount}, (_, i) => (i + 1) * size);
  const rows = Int32Array.from({length: rowCount}, (_, i) => i);
  const values = {type: 'string' as const, bytes, ends};
  const tables = [{...table!, fields: [{name: 's', count: rowCount, rows, values}]}];
  return {tables, rowCount, badLines: [], badLineCount: 0};
}

/** The first character of each row's text, share by share. */
function textsReceived(): string[] {
  return received.map(({share}) => {
    const {bytes, ends} = share.tables[0]!.columns[0]!.values as {
      bytes: Uint8Array;
      ends: Uint32Array;
    };
    const starts = [...ends].map((_, i) => (i === 0 ? 0 : ends[i - 1]!));
    return starts.map((start) => String.fromCharCode(bytes[start]!)).join('');
  });
}

test('a share that is too large goes in pieces, in line order, each under a key of its own', async () => {
  cluster.addBucket(0, 1);
  let underway = 0;
  let most = 0;
  const {behave} = cluster.rpc;
  cluster.rpc.behave = (node) => async (payload, target) => {
    most = Math.max(most, ++underway);
    const answer = await behave(node)(payload, target);
    await new Promise<void>((resolve) => cluster.clock.setTimer(10, resolve));
    underway -= 1;
    return answer as Uint8Array;
  };
  const outcome = await write(longBatch(5), 'k');
  expect(outcome.writtenRows).toBe(5);
  expect(textsReceived().join('')).toBe('01234');
  expect(received.length).toBeGreaterThan(2);
  const keys = received.map(({share}) => share.idempotencyKey);
  expect(new Set(keys).size).toBe(received.length);
  // Two at once could be applied the other way round.
  expect(most).toBe(1);
});

test('behind a piece whose outcome is unknown none is sent', async () => {
  cluster.addBucket(0, 1);
  const sequences = new Set<number>();
  cluster.rpc.behave = () => async (payload) => {
    sequences.add(decodeShare(payload).router.sequence);
    throw new DbError('OUTCOME_UNKNOWN', 'lost');
  };
  const {sets, writtenRows} = await write(longBatch(5));
  expect(writtenRows).toBe(0);
  expect(sets.map(({outcome}) => outcome)).toEqual([
    'unknown',
    ...sets.slice(1).map(() => 'refused'),
  ]);
  expect(sets.length).toBeGreaterThan(1);
  expect(sets[1]!.error!.code).toBe('UNAVAILABLE');
  expect(sequences.size).toBe(1);
});

test('a body becomes the same shares whatever the numbers of the router that sends it', async () => {
  cluster.addBucket(0, 1);
  const one = router();
  const request = {database: DATABASE, lineText: () => '', acceptPartial: true, deadlineMs: 4_000};
  const keys = async (rowCount: number) => {
    received = [];
    const batch = wideBatch(rowCount);
    await cluster.clock.resolve(one.write({...request, batch, idempotencyKey: 'k'}));
    return received.length;
  };
  // The largest body that is one share at sequence 0 is one share at sequences of more digits.
  const most = await largest(keys);
  for (let i = 0; i < 200; i++) await keys(1);
  expect(await keys(most)).toBe(1);
});

/** Rows of 64 KiB each but the last, so that a byte more or less decides. */
function wideBatch(rowCount: number): ParsedBatch {
  const base = batchOf(['wide'], 2);
  const bytes = new Uint8Array(rowCount);
  const values = {type: 'string' as const, bytes, ends: Uint32Array.of(rowCount, rowCount)};
  const [table] = base.tables;
  const fields = [{name: 's', count: 2, rows: Int32Array.of(0, 1), values}];
  return {...base, tables: [{...table!, fields}]};
}

async function largest(sharesOf: (bytes: number) => Promise<number>): Promise<number> {
  let low = 1;
  let high = 16 * 1024 * 1024;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((await sharesOf(middle)) === 1) low = middle;
    else high = middle;
  }
  return low;
}

test('while a large body becomes shares the thread does other things', async () => {
  cluster.addBucket(0, 4);
  const {clock} = cluster;
  let turns = 0;
  const count = (): void => {
    turns += 1;
    if (received.length === 0) clock.defer(count);
  };
  clock.defer(count);
  const {writtenRows} = await write(longBatch(5));
  expect(writtenRows).toBe(5);
  // One of them is the turn in which the first share came.
  expect(turns).toBeGreaterThanOrEqual(3);
});
