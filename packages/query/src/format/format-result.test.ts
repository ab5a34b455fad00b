// The answer's bounds; what the forms look like is in testdata/.

import {type DbError, LIMITS} from '@flotilla/base';
import {expect, test} from 'vitest';
import {QueriesMemory} from '../execute/memory.ts';
import type {ResultBatch} from '../execute/merge-results.ts';
import {formatResult, type ResultFormat} from './format-result.ts';

const STREAMED: readonly ResultFormat[] = ['json', 'ndjson', 'csv'];

async function* rowsOf(texts: readonly string[], times = 1): AsyncGenerator<ResultBatch, void> {
  for (let i = 0; i < times; i++) {
    const values = {type: 'string' as const, constant: false, values: [...texts]};
    yield {rowCount: texts.length, columns: [{name: 's', type: 'string', values}]};
  }
}

/** What came, and what it ended with. */
async function answerOf(
  ...[format, batches, options]: Parameters<typeof formatResult>
): Promise<{readonly pieces: readonly number[]; readonly error: unknown}> {
  const pieces: number[] = [];
  try {
    for await (const piece of formatResult(format, batches, options)) pieces.push(piece.length);
  } catch (error) {
    return {pieces, error};
  }
  return {pieces, error: undefined};
}

const TOO_LARGE = expect.objectContaining({
  code: 'QUERY_ERROR',
  details: {limit: 'answer_bytes_max'},
});

test.each(STREAMED)(
  '%s: of answer_bytes_max a whole answer comes, one byte less ends it',
  async (format) => {
    const batches = () => rowsOf(['é'.repeat(600_000), 'b'], 3);
    const whole = await answerOf(format, batches());
    const bytes = whole.pieces.reduce((sum, length) => sum + length, 0);
    expect(whole.error).toBeUndefined();
    expect(await answerOf(format, batches(), {bytesMax: bytes})).toEqual(whole);
    const cut = await answerOf(format, batches(), {bytesMax: bytes - 1});
    expect(cut.error).toEqual(TOO_LARGE);
    expect(cut.pieces).toEqual(whole.pieces.slice(0, -1));
  },
);

test('a table that one cell makes too wide for answer_bytes_max is refused before its first byte', async () => {
  const wide = 1024 * 1024;
  const short = (count: number) => [
    'x'.repeat(wide - 16),
    ...new Array<string>(count - 1).fill(''),
  ];
  const most = LIMITS.answer_bytes_max.value / wide;
  expect(await answerOf('table', rowsOf(short(most)))).toEqual({pieces: [], error: TOO_LARGE});
  const fits = formatResult('table', rowsOf(short(most - 10)));
  expect((await fits.next()).done).toBe(false);
  await fits.return();
});

test('what a table holds is of the memory of all queries, and given back', async () => {
  const memory = new QueriesMemory(100_000);
  memory.take(90_000);
  const refused = await answerOf('table', rowsOf(['x'.repeat(1_000)], 10), {memory});
  expect((refused.error as DbError).code).toBe('OVERLOADED');
  expect(memory.bytes).toBe(90_000);
  expect((await answerOf('table', rowsOf(['x'.repeat(1_000)], 4), {memory})).error).toBeUndefined();
  expect(memory.bytes).toBe(90_000);
});

test('what a table holds until its widths are known is memory of the query', async () => {
  const {pieces, error} = await answerOf('table', rowsOf(['x'.repeat(1_000)], 100), {
    memoryBytesMax: 100_000,
  });
  expect(pieces).toEqual([]);
  expect((error as DbError).details).toMatchObject({limit: 'query_memory_bytes_max'});
});

test.each(STREAMED)('%s: rows of a megabyte leave in pieces of about one', async (format) => {
  const {pieces} = await answerOf(format, rowsOf(new Array<string>(8).fill('x'.repeat(1_000_000))));
  expect(pieces.length).toBeGreaterThan(3);
  expect(Math.max(...pieces)).toBeLessThan(2.2e6);
});
