import type {Socket} from 'node:net';
import type {Log} from '@flotilla/base';
import {expect, test} from 'vitest';
import {NodeClock} from '../../adapters/index.ts';
import type {EngineGateway, StreamAnswer} from '../../engine/gateway.ts';
import {createApp} from '../app.ts';

const LOG: Log = {info: () => undefined, warn: () => undefined, error: () => undefined};

async function listening(sql: (signal: AbortSignal) => AsyncIterable<Uint8Array>) {
  const gateway = {
    sql: async (_call: unknown, signal: AbortSignal): Promise<StreamAnswer> => ({
      status: 200,
      headers: {'content-type': 'application/json'},
      chunks: sql(signal),
    }),
  } as unknown as EngineGateway;
  const health = {version: '1', health: () => ({}) as never, notReady: () => undefined};
  const app = createApp({gateway, health, log: LOG, clock: new NodeClock()});
  const sockets: Socket[] = [];
  app.server.on('connection', (socket: Socket) => void sockets.push(socket));
  const url = await app.listen({host: '127.0.0.1', port: 0});
  return {app, sockets, url: `${url}/api/v1/sql`};
}

test('a connection that carries many queries gathers no listeners', async () => {
  const {app, sockets, url} = await listening(async function* () {
    yield Buffer.from('[]\n');
  });
  for (let i = 0; i < 20; i++) await (await fetch(url, {method: 'POST', body: 'SELECT 1'})).text();
  expect(sockets.length).toBeLessThan(20);
  for (const socket of sockets) expect(socket.listenerCount('close')).toBeLessThan(10);
  await app.close();
});

test('a client that goes away in the middle of an answer cancels its query', async () => {
  let query: AbortSignal | undefined;
  const {app, url} = await listening(async function* (signal) {
    query = signal;
    yield Buffer.from('[');
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  });
  const client = new AbortController();
  const answer = await fetch(url, {method: 'POST', body: 'SELECT 1', signal: client.signal});
  const reading = answer.text().catch(() => 'broken off');
  client.abort();
  expect(await reading).toBe('broken off');
  await expect.poll(() => query?.aborted).toBe(true);
  await app.close();
});
