import {DbError, LIMITS} from '@flotilla/base';
import {beforeEach, expect, test} from 'vitest';
import {DATABASE, errorOf} from '../fakes.fixture.ts';
import {batchOf, rowsAt, WriteTrial} from './write-trial.fixture.ts';

let trial: WriteTrial;
beforeEach(() => {
  trial = new WriteTrial();
});

test('a doubt about DDL is none about the rows', async () => {
  trial.meta.propose = async () => {
    throw new DbError('OUTCOME_UNKNOWN', 'meta did not answer in time');
  };
  expect((await errorOf(trial.write(batchOf(['cpu'], 1)))).code).toBe('META_UNAVAILABLE');
});

test('a time that meta has expired meanwhile is a bad line, not the end of the body', async () => {
  trial.meta.ensureBucket = async () => {
    throw new DbError('TIME_EXPIRED', 'expired');
  };
  const outcome = await trial.write(batchOf(['cpu'], 2));
  expect(outcome).toMatchObject({writtenRows: 0, rejectedLines: 2, sets: []});
  expect(outcome.lines.map(({line, code}) => [line, code])).toEqual([
    [1, 'TIME_EXPIRED'],
    [2, 'TIME_EXPIRED'],
  ]);
});

test('a time past max_future_ms or behind the ttl is a bad line with a code of its own', async () => {
  const dayMs = 86_400_000;
  const futureMs = LIMITS.max_future_ms.value;
  const names = {tenant: 'default', name: 'public'};
  trial.cluster.apply({type: 'alter-database', ...names, options: {ttlMs: 30 * dayMs}});
  const outcome = await trial.write(rowsAt(futureMs, futureMs + 1, -30 * dayMs, -30 * dayMs - 1));
  expect(outcome.writtenRows).toBe(2);
  expect(outcome.lines.map(({line, code}) => [line, code])).toEqual([
    [2, 'TIME_IN_FUTURE'],
    [4, 'TIME_EXPIRED'],
  ]);
  expect(trial.valuesReceived('cpu')).toEqual([0, 2]);
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
    const outcome = await trial.write({...batchOf(['cpu'], 2), tables: [{...table!, fields}]});
    expect(outcome).toMatchObject({writtenRows: 2, rejectedLines: 0});
    const {id} = trial.cluster.catalog.tableByName(DATABASE, 'cpu')!;
    expect(trial.cluster.catalog.columnByName(id, 'v')).toMatchObject({
      kind: 'field',
      type: 'float',
    });
    expect(trial.valuesReceived('cpu')).toEqual([1, 2]);
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
  const outcome = await trial.write({...batchOf(['a', 'b'], 3_000), tables: mixed});
  expect(outcome.rejectedLines).toBe(6_000);
  expect(outcome.lines.map(({line}) => line)).toEqual(Array.from({length: 100}, (_, i) => i + 1));
});

test('nothing is made for rows none of which has a time that is kept', async () => {
  const {timesMs, ...late} = batchOf(['late'], 2).tables[0]!;
  const future = {...late, timesMs: timesMs.map((ms) => ms + 2 * 86_400_000)};
  const tables = [future, ...batchOf(['cpu'], 2).tables];
  const outcome = await trial.write({rowCount: 4, badLines: [], badLineCount: 0, tables});
  expect(outcome).toMatchObject({writtenRows: 2, rejectedLines: 2});
  expect(outcome.lines.map(({code}) => code)).toEqual(['TIME_IN_FUTURE', 'TIME_IN_FUTURE']);
  expect(trial.cluster.catalog.tableByName(DATABASE, 'late')).toBeUndefined();
  expect(trial.cluster.catalog.tableByName(DATABASE, 'cpu')).toBeDefined();
  // Nor a column of a table that is there.
  const [cpu] = batchOf(['cpu'], 1).tables;
  const fields = cpu!.fields.map((field) => ({...field, name: 'w'}));
  const later = {...cpu!, fields, timesMs: Float64Array.of(2 * 86_400_000)};
  const again = await trial.write({rowCount: 1, badLines: [], badLineCount: 0, tables: [later]});
  expect(again.lines.map(({code}) => code)).toEqual(['TIME_IN_FUTURE']);
  const {columns} = trial.cluster.catalog.tableByName(DATABASE, 'cpu')!;
  expect(columns.map(({name}) => name)).not.toContain('w');
});

test('lines of series that a full set has no room for are refused, and the others written', async () => {
  const bits = (...series: number[]) =>
    Buffer.of(series.reduce((sum, i) => sum | (1 << i), 0)).toString('base64');
  let refusals = 0;
  trial.take = ({tables}) => {
    if (tables[0]!.series.length < 4) return;
    refusals += 1;
    throw new DbError('SERIES_LIMIT', 'it is full', {refused: [bits(1, 3)]});
  };
  const outcome = await trial.write(batchOf(['cpu'], 4));
  expect(refusals).toBe(1);
  expect(outcome).toMatchObject({writtenRows: 2, rejectedLines: 2});
  expect(outcome.lines.map(({line, code}) => [line, code])).toEqual([
    [2, 'SERIES_LIMIT'],
    [4, 'SERIES_LIMIT'],
  ]);
  expect(outcome.sets.every(({outcome: fate}) => fate === 'written')).toBe(true);
  expect(trial.received.flatMap(({share}) => share.tables.map(({rowCount}) => rowCount))).toEqual([
    2,
  ]);
});

test('new_buckets_per_request_max: a request makes sixteen buckets at most, however often it is placed', async () => {
  const weekMs = 7 * 86_400_000;
  const [table] = batchOf(['cpu'], 30).tables;
  const hoursOf = (i: number) => Math.floor(i / 10) * 3_600_000;
  const timesMs = Float64Array.from({length: 30}, (_, i) => hoursOf(i) - (1 + (i % 10)) * weekMs);
  // Cut against others, a bucket holds one of these times alone: those beside it are missing still.
  trial.meta.ensureBucket = async (_database, timeMs) => {
    trial.cluster.addBucket(timeMs, 1, 60_000);
  };
  const outcome = await trial.write({...batchOf(['cpu'], 30), tables: [{...table!, timesMs}]});
  expect(trial.cluster.catalog.buckets(DATABASE).length).toBe(16);
  expect(outcome).toMatchObject({writtenRows: 16, rejectedLines: 14});
  expect(outcome.lines.every(({code}) => code === 'BUCKET_LIMIT')).toBe(true);
});
