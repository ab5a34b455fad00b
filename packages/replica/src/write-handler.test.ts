import type {ReplicaSetId, RpcContext, TableId} from '@flotilla/base';
import {encodeShare} from '@flotilla/column';
import {expect, test} from 'vitest';
import {ReplicaMachine, type WriteApplied} from './replica-machine.ts';
import {refusedSeries} from './series-limit.ts';
import {writeHandler} from './write-handler.ts';

const SET = 3 as ReplicaSetId;
const CONTEXT = {set: SET} as RpcContext;
const SHARE = encodeShare({
  router: {incarnation: 1, sequence: 2},
  tables: [
    {
      table: 7 as TableId,
      rowCount: 1,
      series: [Uint8Array.of(1)],
      seriesOfRow: Int32Array.of(0),
      offsets: Float64Array.of(0),
      columns: [],
    },
  ],
});

/** A machine as far as the handler looks at it. */
function machine(): ReplicaMachine {
  const storage = {seriesId: () => undefined, seriesCount: 0};
  return Object.create(ReplicaMachine.prototype, {storage: {value: storage}}) as ReplicaMachine;
}

/** What the client's side is told when apply made that of the write. */
async function answerTo(applied: WriteApplied): Promise<string> {
  const host = {propose: async () => applied, stateMachine: machine};
  const handle = writeHandler(host, () => 0);
  try {
    return (await handle(SHARE, CONTEXT)).length === 0 ? 'acknowledged' : 'answered with bytes';
  } catch (error) {
    return (error as {code: string}).code;
  }
}

test('only what was applied, now or before, is acknowledged', async () => {
  expect(await answerTo({status: 'applied', rowCount: 1})).toBe('acknowledged');
  expect(await answerTo({status: 'duplicate'})).toBe('acknowledged');
  expect(await answerTo({status: 'forgotten'})).toBe('OUTCOME_UNKNOWN');
  expect(await answerTo({status: 'dropped-table', table: 7})).toBe('TABLE_NOT_FOUND');
  expect(await answerTo({status: 'dropped-column', table: 7, column: 2})).toBe('TABLE_NOT_FOUND');
});

test('a set that is not here is refused before anything is proposed', async () => {
  const host = {
    propose: async () => expect.unreachable('proposed'),
    stateMachine: () => undefined,
  };
  const handle = writeHandler(host, () => 0);
  await expect(handle(SHARE, CONTEXT)).rejects.toMatchObject({code: 'REPLICA_GONE'});
});

test('past series_per_replica_set_max new series are refused by name, and nothing is proposed', async () => {
  const known = Uint8Array.of(9);
  const seriesId = (key: Uint8Array) => (key[0] === known[0] ? 0 : undefined);
  const storage = {seriesId, seriesCount: 4};
  const full = Object.create(ReplicaMachine.prototype, {
    storage: {value: storage},
  }) as ReplicaMachine;
  const proposed: unknown[] = [];
  const propose = async (_set: ReplicaSetId, payload: Uint8Array) => {
    proposed.push(payload);
    return {status: 'applied', rowCount: 1};
  };
  const shareOf = (series: readonly Uint8Array[]) =>
    encodeShare({
      router: {incarnation: 1, sequence: 2},
      tables: [
        {
          table: 7 as TableId,
          rowCount: series.length,
          series,
          seriesOfRow: Int32Array.from(series.keys()),
          offsets: new Float64Array(series.length),
          columns: [],
        },
      ],
    });
  const handle = writeHandler({propose, stateMachine: () => full}, () => 0, 5);
  const error = await handle(shareOf([Uint8Array.of(1), known, Uint8Array.of(2)]), CONTEXT).then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).toMatchObject({
    code: 'SERIES_LIMIT',
    details: {limit: 'series_per_replica_set_max'},
  });
  const isRefused = refusedSeries(error)!;
  expect([0, 1, 2].map((series) => isRefused(0, series))).toEqual([false, false, true]);
  expect(proposed).toEqual([]);
  await handle(shareOf([Uint8Array.of(1), known]), CONTEXT);
  expect(proposed.length).toBe(1);
});
