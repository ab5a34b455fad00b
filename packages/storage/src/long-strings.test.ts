// Goal: long strings take no more memory than many short values do. Method: rows of some kilobytes, of many series
// and of one whose parts meet all along; what one call of a scan gives, and what a merge holds to cut it into blocks.

import {expect, test, vi} from 'vitest';
import {type Point, specOf, TYPES, WHOLE_TABLE} from './replica-model.fixture.ts';
import {Trial} from './replica-trial.fixture.ts';
import {textBytes} from './series-rows.ts';
import {StripeBuilder} from './stripe-builder.ts';

const TEXT = 'x'.repeat(4_096);
const MIB = 1024 * 1024;

const rowsOf = (host: number, start: number, count: number): Point[] =>
  Array.from({length: count}, (_, i) => ({
    ...{table: 1, host, region: 0, offset: start + i * 1_000},
    values: TYPES.map((type) => (type === 'string' ? TEXT : undefined)),
  }));

async function flushed(...parts: readonly Point[][]): Promise<Trial> {
  const trial = new Trial([2]);
  trial.storage = await trial.fixture.open(1);
  for (const points of parts) {
    trial.write(points);
    await trial.step({type: 'flush', isAwaited: true});
  }
  return trial;
}

const bytesOf = (all: readonly Parameters<typeof textBytes>[0][]): number =>
  all.reduce((sum, rows) => sum + textBytes(rows), 0);

/** Of the call that gives most, and how many rows all of them give. */
async function scanned({storage}: Trial): Promise<{bytesMax: number; rows: number}> {
  const scan = storage.scan(specOf({...WHOLE_TABLE, fields: [TYPES.indexOf('string')]}));
  let [bytesMax, rows] = [0, 0];
  for (let chunks = await scan.next(); chunks !== undefined; chunks = await scan.next()) {
    bytesMax = Math.max(bytesMax, bytesOf(chunks));
    rows += chunks.reduce((sum, {rowCount}) => sum + rowCount, 0);
  }
  scan.close();
  return {bytesMax, rows};
}

test('a scan gives few rows at once where these are long', async () => {
  const hosts = Array.from({length: 100}, (_, host) => rowsOf(host, 0, 50));
  const trial = await flushed(hosts.flat());
  const {bytesMax, rows} = await scanned(trial);
  expect(rows).toBe(5_000);
  expect(bytesMax).toBeLessThan(9 * MIB);
  await trial.storage.close();
});

test('neither do parts that meet all along gather many of them, for a scan or a merge', async () => {
  const trial = await flushed(rowsOf(1, 0, 4_000), rowsOf(1, 500, 4_000));
  const {bytesMax, rows} = await scanned(trial);
  expect(rows).toBe(8_000);
  expect(bytesMax).toBeLessThan(12 * MIB);

  const addBlock = vi.spyOn(StripeBuilder.prototype, 'addBlock');
  await trial.storage.compactAll();
  const held = Math.max(...addBlock.mock.calls.map(([, all]) => textBytes(all)));
  const blocks = addBlock.mock.calls.map(([, , from, to]) => to - from);
  addBlock.mockRestore();
  expect(held).toBeLessThan(20 * MIB);
  // The last minute is not whole.
  expect(blocks.filter((count) => count < 100)).toEqual([80]);
  expect(await scanned(trial)).toMatchObject({rows: 8_000});
  await trial.storage.close();
});
