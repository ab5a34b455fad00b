import {describe, expect, test} from 'vitest';
import {NodeClock} from '../adapters/index.ts';
import type {SqlCall, WriteCall} from '../engine/gateway.ts';
import type {ToEngine} from '../engine/messages.ts';
import {EngineClient} from './engine-client.ts';
import type {EngineLink} from './engine-link.ts';

type Posted = {message: ToEngine; transfer: readonly unknown[] | undefined};

function engine(): EngineLink & {readonly posted: Posted[]; calls(): number[]} {
  const posted: Posted[] = [];
  return {
    posted,
    post: (message, transfer) => void posted.push({message, transfer}),
    close: async () => undefined,
    calls: () => posted.flatMap(({message}) => ('callId' in message ? [message.callId] : [])),
  };
}

function started(count: number) {
  const client = new EngineClient(new NodeClock());
  const engines = Array.from({length: count}, engine);
  client.attach(engines);
  return {client, engines};
}

const WRITE = {body: Buffer.from('cpu v=1')} as unknown as WriteCall;
const SQL = {text: 'SELECT 1'} as unknown as SqlCall;
const NO_CONTENT = {status: 204, headers: {}, body: undefined};

test('while the node starts every call is refused as retryable', async () => {
  const client = new EngineClient(new NodeClock());
  const refused = expect.objectContaining({code: 'UNAVAILABLE'});
  await expect(client.write(WRITE)).rejects.toEqual(refused);
  await expect(async () => client.admin({action: 'status', args: {}})).rejects.toEqual(refused);
  await expect(async () => client.sql(SQL, new AbortController().signal)).rejects.toEqual(refused);
});

test('writes go round, administration to thread 0, storage orders to all', async () => {
  const {client, engines} = started(3);
  for (let i = 0; i < 6; i++) void client.write(WRITE);
  expect(engines.map(({posted}) => posted.length)).toEqual([2, 2, 2]);
  void client.admin({action: 'status', args: {}});
  expect(engines.map(({posted}) => posted.length)).toEqual([3, 2, 2]);
  void client.admin({action: 'storage-flush', args: {}});
  expect(engines.map(({posted}) => posted.length)).toEqual([4, 3, 3]);
  void client.admin({action: 'storage-show', args: {}});
  expect(engines.map(({posted}) => posted.length)).toEqual([5, 3, 3]);
});

test('answers find their calls in any order', async () => {
  const {client, engines} = started(1);
  const first = client.write(WRITE);
  const second = client.write(WRITE);
  const [a, b] = engines[0]!.calls();
  client.receive({type: 'answer', callId: b!, answer: {...NO_CONTENT, status: 400}});
  client.receive({type: 'answer', callId: a!, answer: NO_CONTENT});
  client.receive({type: 'answer', callId: a!, answer: NO_CONTENT}); // Nobody waits any more.
  expect((await first).status).toBe(204);
  expect((await second).status).toBe(400);
});

test('a slice of the pool is copied before it is given away', () => {
  const {client, engines} = started(1);
  const pool = Buffer.from('neighbour|cpu v=1|neighbour');
  void client.write({...WRITE, body: pool.subarray(10, 17)});
  const [{message, transfer}] = engines[0]!.posted as [Posted];
  const body = (message as {call: {call: WriteCall}}).call.call.body;
  expect(Buffer.from(body).toString()).toBe('cpu v=1');
  expect(transfer).toEqual([body.buffer]);
  expect(body.buffer.byteLength).toBe(7);
  expect(pool.toString()).toBe('neighbour|cpu v=1|neighbour');
});

describe('a streamed answer', () => {
  async function streaming() {
    const {client, engines} = started(1);
    const abort = new AbortController();
    const answer = client.sql(SQL, abort.signal);
    const callId = engines[0]!.calls()[0]!;
    client.receive({type: 'head', callId, status: 200, headers: {}});
    const chunks = (await answer).chunks[Symbol.asyncIterator]();
    const sent = (type: string) =>
      engines[0]!.posted.filter(({message}) => message.type === type).length;
    return {client, callId, chunks, abort, sent};
  }

  test('asks for one chunk more with each that was taken', async () => {
    const {client, callId, chunks, sent} = await streaming();
    for (const text of ['a', 'b']) {
      client.receive({type: 'chunk', callId, bytes: Buffer.from(text)});
    }
    expect(sent('pull')).toBe(0);
    expect(String((await chunks.next()).value)).toBe('a');
    expect(sent('pull')).toBe(1);
    expect(String((await chunks.next()).value)).toBe('b');
    client.receive({type: 'end', callId});
    expect((await chunks.next()).done).toBe(true);
    expect([sent('pull'), sent('cancel')]).toEqual([2, 0]);
  });

  test('that fails gives what came before the failure first', async () => {
    const {client, callId, chunks} = await streaming();
    client.receive({type: 'chunk', callId, bytes: Buffer.from('a')});
    const error = {code: 'UNAVAILABLE', message: 'replica set 7 cannot be read', details: {}};
    client.receive({type: 'end', callId, error});
    expect(String((await chunks.next()).value)).toBe('a');
    await expect(chunks.next()).rejects.toMatchObject(error);
  });

  test('that nobody reads any more is cancelled', async () => {
    const {client, callId, chunks, sent} = await streaming();
    client.receive({type: 'chunk', callId, bytes: Buffer.from('a')});
    await chunks.next();
    await chunks.return?.();
    expect(sent('cancel')).toBe(1);
  });

  test('of a client that went away is cancelled, once it has ended no more', async () => {
    const {client, callId, abort, sent} = await streaming();
    client.receive({type: 'end', callId});
    abort.abort();
    expect(sent('cancel')).toBe(0);
    const other = await streaming();
    other.abort.abort();
    expect(other.sent('cancel')).toBe(1);
  });

  test('ends with the reason when the thread dies', async () => {
    const {client, chunks} = await streaming();
    const next = chunks.next();
    client.fail('the node is ending after a fault');
    await expect(next).rejects.toMatchObject({code: 'OUTCOME_UNKNOWN'});
  });
});

test('when a thread dies all calls fail, and nobody is told that they had no effect', async () => {
  const {client} = started(2);
  const calls = [client.write(WRITE), client.write(WRITE), client.admin({action: 'x', args: {}})];
  client.fail('the node is ending after a fault');
  for (const call of calls) await expect(call).rejects.toMatchObject({code: 'OUTCOME_UNKNOWN'});
});

test('a query of a client that is gone already is not begun', () => {
  const {client, engines} = started(1);
  expect(() => client.sql(SQL, AbortSignal.abort())).toThrow('the client went away');
  expect(engines[0]!.posted).toEqual([]);
});
