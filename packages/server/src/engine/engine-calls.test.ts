import {DbError, LIMITS, type Log} from '@flotilla/base';
import {VirtualClock} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {EngineCalls, type EngineServices} from './engine-calls.ts';
import type {FromEngine} from './messages.ts';
import {ServiceCounts} from './service-counts.ts';

const LOG: Log = {info: () => undefined, warn: () => undefined, error: () => undefined};
const CALL = {method: 'sql', call: {}} as never;

/** A query that answers without end, and says when it was closed. */
function endless() {
  const emitted: FromEngine[] = [];
  const query = {isClosed: false, stop: undefined as AbortController | undefined};
  const chunks = async function* () {
    try {
      for (let i = 0; ; i++) yield Uint8Array.of(i);
    } finally {
      query.isClosed = true;
    }
  };
  const sql = {
    run: async (_call: unknown, stop: AbortController) => {
      query.stop = stop;
      return {status: 200, headers: {}, chunks: chunks()};
    },
  };
  const counts = new ServiceCounts();
  const services = {sql, counts} as unknown as EngineServices;
  const context = {log: LOG, clock: new VirtualClock()};
  const calls = new EngineCalls(services, (message) => emitted.push(message), context);
  const chunkCount = () => emitted.filter(({type}) => type === 'chunk').length;
  return {calls, emitted, query, chunkCount, counts};
}

test('a reader that takes nothing gets no more than a few chunks; each pull brings one', async () => {
  const {calls, chunkCount} = endless();
  calls.serve(1, CALL, 0);
  await expect.poll(chunkCount).toBe(4);
  calls.pull(1);
  await expect.poll(chunkCount).toBe(5);
  calls.cancel(1);
  await calls.idle();
});

test('a client that goes away ends the query, also before its head', async () => {
  const {calls, emitted, query, counts} = endless();
  calls.serve(1, CALL, 0);
  calls.cancel(1);
  await calls.idle();
  expect(query.isClosed).toBe(true);
  expect(emitted.at(-1)).toMatchObject({type: 'end', error: {code: 'CANCELLED'}});
  expect([...counts.statements]).toEqual([
    ['OK', 0],
    ['CANCELLED', 1],
  ]);
});

test('statements_in_flight_max: one more is refused before it begins, and taken when another has ended', async () => {
  const {calls, emitted, counts} = endless();
  const max = LIMITS.statements_in_flight_max.value;
  for (let i = 1; i <= max; i++) calls.serve(i, CALL, 0);
  calls.serve(max + 1, CALL, 0);
  await expect
    .poll(() => emitted.find(({type}) => type === 'failed'))
    .toMatchObject({
      callId: max + 1,
      error: {code: 'OVERLOADED', details: {limit: 'statements_in_flight_max'}},
    });
  expect(counts.statements.get('OVERLOADED')).toBe(1);
  calls.cancel(1);
  await expect.poll(() => emitted.some((one) => one.type === 'end' && one.callId === 1)).toBe(true);
  calls.serve(max + 2, CALL, 0);
  const heads = () => emitted.filter(({type}) => type === 'head').length;
  await expect.poll(heads).toBe(max + 1);
  for (let i = 2; i <= max + 2; i++) calls.cancel(i);
  await calls.idle();
});

test('the deadline ends a query whose reader takes nothing', async () => {
  const {calls, emitted, query, chunkCount} = endless();
  calls.serve(1, CALL, 0);
  await expect.poll(chunkCount).toBe(4);
  query.stop!.abort(new DbError('DEADLINE_EXCEEDED', 'late'));
  await calls.idle();
  expect(query.isClosed).toBe(true);
  expect(emitted.at(-1)).toMatchObject({type: 'end', error: {code: 'DEADLINE_EXCEEDED'}});
});

test('a mistake of ours stands in the log with the id of its request, not in the answer', async () => {
  const logged: unknown[] = [];
  const log: Log = {...LOG, error: (fields) => logged.push(fields)};
  const fault = new TypeError('secret');
  const fails = async () => {
    throw fault;
  };
  const services = {
    sql: {run: fails},
    writes: {write: fails},
    counts: new ServiceCounts(),
  } as unknown as EngineServices;
  const emitted: FromEngine[] = [];
  const context = {log, clock: new VirtualClock()};
  const calls = new EngineCalls(services, (message) => emitted.push(message), context);
  for (const method of ['sql', 'write']) {
    calls.serve(1, {method, call: {requestId: `of-${method}`}} as never, 0);
    await calls.idle();
  }
  expect(logged).toEqual([
    {requestId: 'of-sql', method: 'sql', err: fault},
    {requestId: 'of-write', method: 'write', err: fault},
  ]);
  expect(emitted).toMatchObject([
    {type: 'failed', error: {code: 'INTERNAL'}},
    {type: 'failed', error: {code: 'INTERNAL'}},
  ]);
  expect(JSON.stringify(emitted)).not.toContain('secret');
});

test('the end of the thread ends queries, and waits half a second for what waits for others', async () => {
  const {calls, emitted, query} = endless();
  calls.serve(1, CALL, 0);
  await expect.poll(() => query.stop).toBeDefined();
  await calls.close();
  expect(query.isClosed).toBe(true);
  expect(emitted.at(-1)).toMatchObject({type: 'end', error: {code: 'DRAINING'}});
  const clock = new VirtualClock();
  const writes = {write: () => new Promise(() => undefined)};
  const services = {writes} as unknown as EngineServices;
  const waiting = new EngineCalls(services, () => undefined, {log: LOG, clock});
  waiting.serve(1, {method: 'write', call: {}} as never, 0);
  await clock.resolve(waiting.close());
  expect(clock.monotonicMs()).toBe(500);
});
