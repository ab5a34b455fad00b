import {FlotillaError} from '@flotilla/client';
import {expect, test} from 'vitest';
import {RefusedRows, writeRows} from './refused-rows.ts';

interface Refusal {
  readonly codes: readonly string[];
  /** Those that are not told included. */
  readonly rejected: number;
}

/** Refused so one time after the other, and then taken. */
async function write(...refusals: readonly Refusal[]) {
  let times = 0;
  const refused = new RefusedRows();
  await writeRows(async () => {
    const refusal = refusals[times++];
    if (refusal === undefined) return;
    const lines = refusal.codes.map((code, i) => ({
      line: i + 1,
      code,
      reason: code,
      text: 'm\u001b',
    }));
    const details = {lines, rejected: refusal.rejected, written: 1};
    throw new FlotillaError('refused', {code: 'LINES_REJECTED', status: 400, details});
  }, refused);
  return {times, refused};
}

test('a body whose rows want more buckets than one request makes is sent until it has them', async () => {
  const want = {codes: ['BUCKET_LIMIT'], rejected: 30};
  const {times, refused} = await write(want, {...want, rejected: 14});
  expect([times, refused.others, refused.expired]).toEqual([3, 0, 0]);
});

test('where a database may have no more, its rows are refused for good', async () => {
  const want = {codes: ['BUCKET_LIMIT'], rejected: 14};
  const {times, refused} = await write({...want, rejected: 30}, want, want);
  expect([times, refused.others, refused.reasons]).toEqual([3, 14, ['BUCKET_LIMIT: m\ufffd']]);
});

test('behind a hundred that have expired some may want buckets', async () => {
  const expired = {codes: ['TIME_EXPIRED', 'TIME_EXPIRED'], rejected: 12};
  const {times, refused} = await write(
    expired,
    {...expired, rejected: 5},
    {...expired, rejected: 5},
  );
  expect([times, refused.expired, refused.others, refused.reasons]).toEqual([3, 5, 0, []]);
});

test('what is told whole, and wants none, is not sent again', async () => {
  const {times, refused} = await write({codes: ['TIME_EXPIRED', 'TYPE_CONFLICT'], rejected: 2});
  expect([times, refused.expired, refused.others]).toEqual([1, 0, 2]);
  expect(refused.reasons).toEqual(['TYPE_CONFLICT: m\ufffd']);
});

test('any other failure is one', async () => {
  const failure = new FlotillaError('busy', {code: 'OVERLOADED', status: 429});
  const failing = writeRows(() => Promise.reject(failure), new RefusedRows());
  await expect(failing).rejects.toBe(failure);
});
