// What only shows on a real socket: bytes that are no request, requests behind one another, and
// answers that break off.

import {type AddressInfo, connect} from 'node:net';
import type {Log} from '@flotilla/base';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {NodeClock} from '../adapters/index.ts';
import type {EngineGateway} from '../engine/gateway.ts';
import {createApp} from './app.ts';

const LOG: Log = {info: () => undefined, warn: () => undefined, error: () => undefined};

let app: ReturnType<typeof createApp>;
let port: number;
let writes: number[];
let goOn: () => void;

beforeEach(async () => {
  writes = [];
  const waiting = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const gateway = {
    write: async ({body}: {body: Uint8Array}) => {
      writes.push(body.length);
      return {status: 204, headers: {}, body: undefined};
    },
    sql: async () => ({
      status: 200,
      headers: {'content-type': 'application/json'},
      chunks: (async function* () {
        yield Buffer.from('[{"a":1}\n');
        await waiting;
        yield Buffer.from(']\n');
      })(),
    }),
  } as unknown as EngineGateway;
  const health = {version: '1', health: () => ({}) as never, notReady: () => undefined};
  app = createApp({gateway, health, log: LOG, clock: new NodeClock()});
  await app.listen({host: '127.0.0.1', port: 0});
  ({port} = app.server.address() as AddressInfo);
});
afterEach(() => app.close());

/** All that comes back until the other side ends the connection. */
function exchange(text: string, end = false) {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (bytes) => {
    answer += String(bytes);
  });
  const closed = new Promise<void>((resolve) => {
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
  });
  socket.write(text);
  if (end) socket.end();
  return {socket, closed, answer: () => answer};
}

const HEAD = 'HTTP/1.1\r\nhost: x\r\n';

test.each([
  ['no request at all', 'GARBAGE\r\n\r\n', 400],
  ['a head without end', `GET /health ${HEAD}x: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
  [
    'a chunk without length',
    `POST /api/v1/write ${HEAD}transfer-encoding: chunked\r\n\r\nzz\r\n`,
    400,
  ],
  [
    'two lengths',
    `POST /api/v1/write ${HEAD}content-length: 3\r\ncontent-length: 5\r\n\r\nm f=1`,
    400,
  ],
  ['half a percent sign', `GET /health/%zz ${HEAD}connection: close\r\n\r\n`, 400],
  [
    'a name without end',
    `GET /admin/v1/databases/${'a'.repeat(300)} ${HEAD}connection: close\r\n\r\n`,
    400,
  ],
])('%s is answered as any other mistake', async (_what, text, status) => {
  const {closed, answer} = exchange(text);
  await closed;
  expect(answer()).toContain(`HTTP/1.1 ${status} `);
  const body = JSON.parse(answer().slice(answer().indexOf('\r\n\r\n') + 4));
  expect(body).toMatchObject({
    code: 'INVALID_ARGUMENT',
    details: {},
    error_code: 'INVALID_ARGUMENT',
  });
  expect(body.message).not.toBe('');
  expect(body.error_message).toBe(body.message);
  expect(writes).toEqual([]);
});

test('what does not parse breaks off the answer that is under way, and is not written into it', async () => {
  const {socket, closed, answer} = exchange(
    `POST /api/v1/sql ${HEAD}content-length: 8\r\n\r\nSELECT 1`,
  );
  await expect.poll(answer).toContain('{"a":1}');
  socket.write('GARBAGE\r\n\r\n');
  await closed;
  goOn();
  expect(answer()).not.toContain('INVALID_ARGUMENT');
  expect(answer()).not.toContain('0\r\n\r\n');
});

test('requests behind one another are answered in order', async () => {
  const write = (body: string) =>
    `POST /api/v1/write ${HEAD}content-length: ${body.length}\r\n\r\n${body}`;
  const last = `GET /api/v1/ping ${HEAD}connection: close\r\n\r\n`;
  const {closed, answer} = exchange(`${write('m f=1')}${write('m f=12')}${last}`);
  await closed;
  expect(writes).toEqual([5, 6]);
  expect(answer().match(/HTTP\/1\.1 \d+/g)).toEqual([
    'HTTP/1.1 204',
    'HTTP/1.1 204',
    'HTTP/1.1 200',
  ]);
});

test('a client that waits for leave to send its body gets it', async () => {
  const {socket, closed, answer} = exchange(
    `POST /api/v1/write ${HEAD}expect: 100-continue\r\ncontent-length: 5\r\nconnection: close\r\n\r\n`,
  );
  await expect.poll(answer).toBe('HTTP/1.1 100 Continue\r\n\r\n');
  socket.write('m f=1');
  await closed;
  expect(answer()).toContain('HTTP/1.1 204');
  expect(writes).toEqual([5]);
});

test('a body that breaks off is not handed over', async () => {
  const {closed} = exchange(`POST /api/v1/write ${HEAD}content-length: 50\r\n\r\nm f=1`, true);
  await closed;
  expect(writes).toEqual([]);
});

test('a client that keeps its side open loses its connection nevertheless', async () => {
  const socket = connect({port, host: '127.0.0.1', allowHalfOpen: true});
  let answer = '';
  socket.on('data', (bytes) => {
    answer += String(bytes);
  });
  socket.on('error', () => undefined);
  socket.write('GARBAGE\r\n\r\n');
  await expect.poll(() => answer).toContain('HTTP/1.1 400 ');
  await expect.poll(connections, {timeout: 5_000}).toBe(0);
  socket.destroy();
});

function connections(): Promise<number> {
  return new Promise((resolve, reject) => {
    app.server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}

test('a client that goes away in a body which was refused, behind a request still answered, ends nothing', async () => {
  const chunk = `${(64 * 1024).toString(16)}\r\n${'x'.repeat(64 * 1024)}\r\n`;
  const {socket, closed, answer} = exchange(
    `POST /api/v1/sql ${HEAD}content-length: 8\r\n\r\nSELECT 1` +
      `POST /api/v1/sql ${HEAD}transfer-encoding: chunked\r\n\r\n${chunk.repeat(20)}`,
  );
  await expect.poll(answer).toContain('{"a":1}');
  await new Promise((resolve) => setTimeout(resolve, 100));
  socket.resetAndDestroy();
  await closed;
  await new Promise((resolve) => setTimeout(resolve, 50));
  goOn();
  expect((await fetch(`http://127.0.0.1:${port}/api/v1/ping`)).status).toBe(200);
});
