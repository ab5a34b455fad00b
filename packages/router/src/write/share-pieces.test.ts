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
    await trial.cluster.clock.resolve(one.write({...request, batch, idempotencyKey: 'k'}));
    return trial.received.length;
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
