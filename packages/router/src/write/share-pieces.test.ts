// Bodies of which a share is too large for one entry.

import {DbError, LIMITS} from '@flotilla/base';
import {decodeSeriesKey, decodeShare, type ParsedBatch, ParsedSeries} from '@flotilla/column';
import {beforeEach, expect, test} from 'vitest';
import {DATABASE} from '../fakes.fixture.ts';
import {batchOf, longBatch, WriteTrial} from './write-trial.fixture.ts';

let trial: WriteTrial;
beforeEach(() => {
  trial = new WriteTrial();
});

/** The first character of each row's text, share by share. */
function textsReceived(): string[] {
  return trial.received.map(({share}) => {
    const {bytes, ends} = share.tables[0]!.columns[0]!.values as {
      bytes: Uint8Array;
      ends: Uint32Array;
    };
    const starts = [...ends].map((_, i) => (i === 0 ? 0 : ends[i - 1]!));
    return starts.map((start) => String.fromCharCode(bytes[start]!)).join('');
  });
}

test('a share that is too large goes in pieces, in line order, each under a key of its own', async () => {
  trial.cluster.addBucket(0, 1);
  let underway = 0;
  let most = 0;
  const {behave} = trial.cluster.rpc;
  trial.cluster.rpc.behave = (node) => async (payload, target) => {
    most = Math.max(most, ++underway);
    const answer = await behave(node)(payload, target);
    await new Promise<void>((resolve) => trial.cluster.clock.setTimer(10, resolve));
    underway -= 1;
    return answer as Uint8Array;
  };
  const outcome = await trial.write(longBatch(5), 'k');
  expect(outcome.writtenRows).toBe(5);
  expect(textsReceived().join('')).toBe('01234');
  expect(trial.received.length).toBeGreaterThan(2);
  const keys = trial.received.map(({share}) => share.idempotencyKey);
  expect(new Set(keys).size).toBe(trial.received.length);
  // Two at once could be applied the other way round.
  expect(most).toBe(1);
});

test('a piece names the series of its own rows: their keys alone may be too much for one', async () => {
  trial.cluster.addBucket(0, 1);
  const sizes: number[] = [];
  const {behave} = trial.cluster.rpc;
  trial.cluster.rpc.behave = (node) => (payload, target) => {
    sizes.push(payload.length);
    return behave(node)(payload, target);
  };
  const rowCount = 200;
  const base = batchOf(['wordy'], rowCount);
  const keys = Array.from({length: rowCount}, (_, i) => `${i}`.padEnd(60_000, 'x'));
  const series = keys.map((key) => new ParsedSeries('wordy', ['host'], [key]));
  const timesMs = Float64Array.from(keys.keys());
  const outcome = await trial.write({...base, tables: [{...base.tables[0]!, series, timesMs}]});
  expect(outcome.writtenRows).toBe(rowCount);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(LIMITS.share_bytes_max.value);
  expect(sizes.length).toBeLessThan(5);
  const named = trial.received.flatMap(({share: {tables}}) =>
    tables.flatMap((table) =>
      [...table.seriesOfRow].map((one) => {
        const {tags} = decodeSeriesKey(table.series[one] as Uint8Array);
        return tags.map(({value}) => value);
      }),
    ),
  );
  expect(named).toEqual(keys.map((key) => [key]));
});

test('a row that alone is over the limit is refused by its line, and the others are written', async () => {
  trial.cluster.addBucket(0, 1);
  const max = LIMITS.share_bytes_max.value;
  const outcome = await trial.write(sizedBatch(10, max, 20));
  expect(outcome).toMatchObject({writtenRows: 2, rejectedLines: 1});
  const reason = `the row is over ${max} bytes`;
  expect(outcome.lines).toMatchObject([{line: 2, code: 'LINE_TOO_LONG', reason}]);
  expect(textsReceived().join('')).toBe('02');
  trial.received = [];
  expect(await trial.write(sizedBatch(max - 1_000))).toMatchObject({writtenRows: 1});
  expect(await trial.write(sizedBatch(max))).toMatchObject({writtenRows: 0, rejectedLines: 1});
  expect(trial.received).toHaveLength(1);
});

test('of a body that must be taken whole nothing is sent where a row is too large', async () => {
  trial.cluster.addBucket(0, 1);
  const batch = sizedBatch(10, LIMITS.share_bytes_max.value);
  const request = {database: DATABASE, batch, lineText: () => '', deadlineMs: 4_000};
  const writing = trial.router().write({...request, acceptPartial: false});
  const outcome = await trial.cluster.clock.resolve(writing);
  expect(outcome).toMatchObject({writtenRows: 0, rejectedLines: 1, sets: [], lines: [{line: 2}]});
  expect(trial.received).toEqual([]);
});

test('a body of which every piece meets a full set is answered once, line by line', async () => {
  trial.cluster.addBucket(0, 1);
  // Of the twelve series every other one is new; a piece has two rows.
  const isNew = (host: string) => Number(host.slice(1)) % 2 === 1;
  let refusals = 0;
  trial.take = ({tables}) => {
    const hosts = tables[0]!.series.map((key) => decodeSeriesKey(key as Uint8Array).tags[0]!.value);
    if (!hosts.some(isNew)) return;
    refusals += 1;
    const bits = hosts.reduce((sum, host, i) => (isNew(host) ? sum | (1 << i) : sum), 0);
    const refused = [Buffer.of(bits & 255, bits >> 8).toString('base64')];
    throw new DbError('SERIES_LIMIT', 'it is full', {refused});
  };
  const outcome = await trial.write(longBatch(12));
  expect(refusals).toBeGreaterThan(4);
  expect(outcome).toMatchObject({writtenRows: 6, rejectedLines: 6});
  expect(outcome.sets.every(({outcome: fate}) => fate === 'written')).toBe(true);
  expect(outcome.lines.map(({line, code}) => `${line} ${code}`)).toEqual(
    [2, 4, 6, 8, 10, 12].map((line) => `${line} SERIES_LIMIT`),
  );
  expect(textsReceived().join('')).toBe('02468:');
});

test('a set that refuses and names no line is asked no more than any other', async () => {
  trial.cluster.addBucket(0, 1);
  let refusals = 0;
  trial.take = () => {
    refusals += 1;
    throw new DbError('SERIES_LIMIT', 'it is full', {refused: ['AA==']});
  };
  expect(await trial.write(batchOf(['cpu'], 1))).toMatchObject({writtenRows: 0, rejectedLines: 0});
  expect(refusals).toBe(4);
});

test('behind a piece whose outcome is unknown none is sent', async () => {
  trial.cluster.addBucket(0, 1);
  const sequences = new Set<number>();
  trial.cluster.rpc.behave = () => async (payload) => {
    sequences.add(decodeShare(payload).router.sequence);
    throw new DbError('OUTCOME_UNKNOWN', 'lost');
  };
  const {sets, writtenRows} = await trial.write(longBatch(5));
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
  trial.cluster.addBucket(0, 1);
  const one = trial.router();
  const request = {database: DATABASE, lineText: () => '', acceptPartial: true, deadlineMs: 4_000};
  const keys = async (rowCount: number) => {
    trial.received = [];
    const batch = wideBatch(rowCount);
    const writing = one.write({...request, batch, idempotencyKey: 'k'});
    const {rejectedLines} = await trial.cluster.clock.resolve(writing);
    return trial.received.length + rejectedLines;
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

/** A row for each size: of a string of so many bytes, each its row's digit. */
function sizedBatch(...sizes: number[]): ParsedBatch {
  const [table] = batchOf(['sized'], sizes.length).tables;
  const ends = new Uint32Array(sizes.length);
  for (const [i, size] of sizes.entries()) ends[i] = size + (ends[i - 1] ?? 0);
  const bytes = new Uint8Array(ends.at(-1)!);
  for (const [i, size] of sizes.entries()) bytes.fill(48 + i, ends[i]! - size, ends[i]!);
  const count = sizes.length;
  const rows = Int32Array.from(sizes.keys());
  const fields = [{name: 's', count, rows, values: {type: 'string' as const, bytes, ends}}];
  return {tables: [{...table!, fields}], rowCount: count, badLines: [], badLineCount: 0};
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
  trial.cluster.addBucket(0, 4);
  const {clock} = trial.cluster;
  let turns = 0;
  const count = (): void => {
    turns += 1;
    if (trial.received.length === 0) clock.defer(count);
  };
  clock.defer(count);
  const {writtenRows} = await trial.write(longBatch(5));
  expect(writtenRows).toBe(5);
  // One of them is the turn in which the first share came.
  expect(turns).toBeGreaterThanOrEqual(3);
});
