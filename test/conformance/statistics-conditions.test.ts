// Each condition under which a block is taken by its statistics, by itself: one hour of rows, something beside it,
// and how many blocks may be taken without their rows then. All answers are compared besides.

import {beforeAll, expect, test} from 'vitest';
import {loadSqlParser} from '../../packages/query/src/index.ts';
import {StorageCounts} from '../../packages/storage/src/index.ts';
import {deleteOf, type Point} from '../../packages/storage/src/replica-model.fixture.ts';
import {type Command, Trial} from '../../packages/storage/src/replica-trial.fixture.ts';
import {type Asked, rowsOfKind} from './random-history.ts';
import {ask} from './three-answers.ts';

/** A full hour: the bucket begins at half past. */
const START = 1_800_000;
const STEP = 10_000;
const HOUR = 3_600_000;
const LAST = START + HOUR - STEP;

const FLUSH: Command = {type: 'flush', isAwaited: true};

beforeAll(loadSqlParser);

function hour(kind = 'plain', {start = START, host = 1, region = 1, count = 360} = {}): Command {
  return rowsOfKind({host, region, kind, start, step: STEP, count, mark: 1});
}

function row(offset: number, values: Point['values'] = [9, 9n]): Command {
  return {type: 'write', points: [{table: 1, host: 1, region: 1, offset, values}]};
}

function deleted(start: number, length: number, host?: number): Command {
  return {type: 'delete', query: deleteOf(1, start, length, host)};
}

const ALL: Asked['aggregates'] = [
  ...['sum', 'avg', 'min', 'max', 'count', 'first', 'last'].map((name) => [name, 'i'] as const),
  ...['sum', 'max', 'last'].map((name) => [name, 'f'] as const),
  ['count', '*'],
];
const BY_HOUR: Asked = {bin: '1 hour', byHost: true, aggregates: ALL};

/** Taken without their rows, of as many as there are. */
async function taken(commands: readonly Command[], question: Partial<Asked> = {}): Promise<string> {
  const told = new Set<string>();
  for (const versions of [[1], [2]] as const) {
    const counts = new StorageCounts();
    const trial = new Trial(versions);
    trial.storage = await trial.fixture.open(1, {counts});
    for (const command of commands) await trial.step(command);
    const asked = {...BY_HOUR, ...question};
    await ask(trial, asked);
    // One of its two questions to storage wants all rows.
    const all = (counts.summarisedBlocks + counts.decodedBlocks) / 2;
    told.add(`${counts.summarisedBlocks} of ${all}`);
    await trial.storage.close();
  }
  return [...told].join(', else ');
}

const whole = [hour(), FLUSH];
const of = (...aggregates: Asked['aggregates']): Partial<Asked> => ({aggregates});

test('a block that lies in its group alone is taken', async () => {
  expect(await taken(whole)).toBe('1 of 1');
  expect(await taken([hour(), hour('long', {host: 2}), FLUSH])).toBe('2 of 2');
  expect(await taken([hour('plain', {count: 1_080}), FLUSH])).toBe('3 of 3');
});

test.each<[string, Partial<Asked>, string]>([
  ['a bin as wide', {bin: '30 minutes'}, '0 of 1'],
  ['a bin that cuts it', {bin: '7 minutes'}, '0 of 1'],
  ['a wider bin', {bin: '1 day'}, '1 of 1'],
  ['no bin', {bin: undefined}, '1 of 1'],
  ['no key at all', {bin: undefined, byHost: false}, '1 of 1'],
  ['a range of just it', {start: START, end: LAST + 1}, '1 of 1'],
  ['a range without its first row', {start: START + 1, end: LAST + 1}, '0 of 1'],
  ['a range without its last row', {start: START, end: LAST}, '0 of 1'],
  ['a condition on tags', {where: "host = 'host_1'"}, '1 of 1'],
  ['a condition on rows', {where: 'i > 3'}, '0 of 1'],
  ['a key of rows', {byFlag: true}, '0 of 1'],
  ['an expression', of(['sum', 'i + 1']), '0 of 1'],
  ['a text', of(['first', 's']), '0 of 1'],
  ['a count of texts', of(['count', 's']), '1 of 1'],
  ['times', of(['min', 'time'], ['max', 'time'], ['count', 'time']), '1 of 1'],
  ['tags', of(['count', 'host'], ['max', 'region'], ['last', 'host']), '1 of 1'],
])('with %s', async (_, question, want) => {
  expect(await taken(whole, question)).toBe(want);
});

test.each<[string, readonly Command[], string]>([
  ['a row in memory before it', [row(START - STEP)], '1 of 1'],
  ['a row in memory behind it', [row(LAST + STEP)], '1 of 1'],
  ['a row in memory at its first', [row(START)], '0 of 1'],
  ['a row in memory at its last', [row(LAST)], '0 of 1'],
  ['a row in memory between two', [row(START + 5)], '0 of 1'],
  ['a row in memory of another series', [hour('plain', {host: 2})], '1 of 1'],
  ['another part before it', [row(START - STEP), FLUSH], '2 of 2'],
  ['another part behind it', [row(LAST + STEP), FLUSH], '2 of 2'],
  ['another part at its first row', [row(START), FLUSH], '0 of 2'],
  ['another part at its last row', [row(LAST), FLUSH], '0 of 2'],
  ['another part between two rows', [row(START + 5), FLUSH], '0 of 2'],
  ['the same rows once more', [hour('long'), FLUSH], '0 of 2'],
  ['parts that were merged', [row(START + 5), FLUSH, {type: 'compact', isAll: true}], '1 of 1'],
  ['its first row deleted', [deleted(START, 1)], '0 of 1'],
  ['its last row deleted', [deleted(LAST, 1)], '0 of 1'],
  ['a row in it deleted', [deleted(START + 5 * STEP, 1)], '0 of 1'],
  ['a time without rows deleted', [deleted(START + 5, 10)], '0 of 1'],
  ['all before it deleted', [deleted(0, START)], '1 of 1'],
  ['all behind it deleted', [deleted(LAST + 1, HOUR)], '1 of 1'],
  ['all of it deleted', [deleted(START, HOUR)], '0 of 0'],
  ['a delete that was flushed', [deleted(START, 1), FLUSH], '0 of 1'],
  ['another series deleted', [hour('plain', {host: 2}), deleted(START, HOUR, 2)], '1 of 1'],
  ['its first row expired', [{type: 'expire', before: START + 1}], '0 of 1'],
  ['all before it expired', [{type: 'expire', before: START}], '1 of 1'],
])('beside %s', async (_, more, want) => {
  expect(await taken([...whole, ...more])).toBe(want);
});

test('rows in memory between two blocks leave both as they are', async () => {
  const two = [hour(), hour('plain', {start: START + 2 * HOUR}), FLUSH];
  const between = row(START + HOUR + 7);
  expect(await taken([...two, row(5), between, row(START + 4 * HOUR)])).toBe('2 of 2');
  expect(await taken([...two, between, row(LAST + 2 * HOUR)])).toBe('1 of 2');
});

const numbers = (name: string): Partial<Asked> => of([name, 'f'], [name, 'i'], [name, 'u']);

test.each<[string, string, Partial<Asked>, string]>([
  ['no value at all', 'sparse', of(['count', 'b'], ['first', 'b']), '0 of 1'],
  ['no value of a number', 'constant', of(['count', 'b'], ['sum', 'i'], ['last', 'u']), '1 of 1'],
  ['few values', 'sparse', numbers('sum'), '1 of 1'],
  ['few values', 'sparse', numbers('count'), '1 of 1'],
  ['few values, not in the first row', 'sparse', of(['first', 'f']), '0 of 1'],
  ['no value in the first row', 'firstAbsent', numbers('first'), '0 of 1'],
  ['no value in the first row', 'firstAbsent', numbers('last'), '1 of 1'],
  ['no value in the last row', 'lastAbsent', numbers('last'), '0 of 1'],
  ['no value in the last row', 'lastAbsent', numbers('first'), '1 of 1'],
  ['-0 and 0', 'zeros', of(['max', 'f']), '0 of 1'],
  ['-0 and 0', 'zeros', of(['min', 'f'], ['first', 'f'], ['last', 'f'], ['sum', 'f']), '1 of 1'],
  ['NaN among others', 'odd', numbers('max'), '0 of 1'],
  ['NaN among others', 'odd', numbers('min'), '0 of 1'],
  ['NaN among others', 'odd', numbers('count'), '1 of 1'],
  ['NaN alone', 'nan', of(['min', 'f']), '0 of 1'],
  ['infinity', 'infinite', of(['sum', 'f']), '0 of 1'],
  ['integers beyond 2^53', 'wide', numbers('max'), '0 of 1'],
  ['a sum beyond 2^53', 'large', of(['sum', 'i']), '0 of 1'],
  ['short columns, whose statistics stand nowhere', 'constant', numbers('avg'), '1 of 1'],
])('a block with %s (%s)', async (_, kind, question, want) => {
  expect(await taken([hour(kind), FLUSH], question)).toBe(want);
});

test('sums that might be infinite on the way are added row by row', async () => {
  const write = (start: number, value: (i: number) => number): Command => ({
    type: 'write',
    points: Array.from({length: 360}, (_, i): Point => {
      return {table: 1, host: 1, region: 1, offset: start + i * STEP, values: [value(i)]};
    }),
  });
  // Each hour has a finite sum; with the first one before them, rows of the second pass all doubles.
  const first = write(START, (i) => (i === 0 ? 1.2e308 : 0));
  const second = write(START + HOUR, (i) => (i % 2 === 0 ? 9e307 : -9e307));
  const question = {...of(['sum', 'f']), bin: '1 day'};
  expect(await taken([first, second, FLUSH], question)).toBe('0 of 2');
  expect(await taken([first, second, FLUSH], of(['max', 'f'], ['first', 'f']))).toBe('2 of 2');
});

test('the last of several series is that of the greatest time, not of the block that begins last', async () => {
  const early = hour('plain', {host: 1, start: START + 30 * STEP, count: 200});
  const late = hour('long', {host: 2, start: START, count: 360});
  const question = {...of(['last', 'i'], ['first', 'i'], ['last', 'f']), byHost: false};
  expect(await taken([early, late, FLUSH], question)).toBe('2 of 2');
});

test('a tag that a series lacks has no values', async () => {
  const both = [hour('plain', {region: 0}), hour('plain', {host: 2, region: 2}), FLUSH];
  expect(await taken(both, of(['count', 'region'], ['count', 'host']))).toBe('2 of 2');
});

test('a block without a value beside one with some adds none', async () => {
  const two = [hour('constant'), hour('minusZero', {start: START + 2 * HOUR}), FLUSH];
  const question = {...of(['min', 'u'], ['max', 'u'], ['sum', 'u'], ['first', 'u']), bin: '1 day'};
  expect(await taken(two, question)).toBe('2 of 2');
});

test('the first and the last row of each series, whatever they have', async () => {
  for (const edge of ['first', 'last'] as const)
    for (const kind of ['plain', 'firstAbsent', 'lastAbsent', 'constant']) {
      const question = {bin: undefined, edge, ...of(['row', 'f'], ['row', 'i'], ['row', 'time'])};
      expect(await taken([hour(kind), FLUSH], question)).toBe('1 of 1');
    }
});
