// Connections that nobody proves anything on: many, and for ever.

import http2 from 'node:http2';
import net from 'node:net';
import {type Clock, LIMITS, type Log} from '@flotilla/base';
import {afterEach, expect, test} from 'vitest';
import {NodeClock} from '../adapters/node-clock.ts';
import {JoinSecret} from './join-secret.ts';
import {NodeServer, type NodeServerOptions} from './node-server.ts';

const MAX = 3;
const PATIENCE = {timeout: 10_000};
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

const clock = new NodeClock();
/** Time that passes faster. */
const hasty: Clock = {
  monotonicMs: () => clock.monotonicMs(),
  wallMs: () => clock.wallMs(),
  defer: (callback) => clock.defer(callback),
  setTimer: (delayMs, callback) => clock.setTimer(delayMs / 20, callback),
};

async function listen(
  options: Partial<NodeServerOptions> = {},
): Promise<{server: NodeServer; port: number}> {
  const log = {debug() {}, info() {}, warn() {}, error() {}} as unknown as Log;
  const server = new NodeServer({
    ...{log, clock},
    secret: JoinSecret.random(),
    identify: () => ({}),
    join: async () => ({}),
    ...options,
  });
  cleanups.push(() => server.close());
  return {server, port: await server.listen('127.0.0.1', 0)};
}

function connect(port: number): {socket: net.Socket; isOpen: () => boolean} {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => undefined).resume();
  let isOpen = true;
  socket.on('close', () => {
    isOpen = false;
  });
  cleanups.push(() => socket.destroy());
  return {socket, isOpen: () => isOpen};
}

const connected = ({socket}: {socket: net.Socket}): Promise<void> =>
  new Promise((resolve) => socket.once('connect', () => resolve()));

test('node_connections_max: one more ends the oldest that carries nothing', async () => {
  const {server, port} = await listen({connectionsMax: MAX});
  // A session of HTTP/2 with a stream that stays.
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  cleanups.push(() => session.destroy());
  server.attach(() => ({close: () => undefined}));
  const stream = session.request({
    ...{':method': 'POST', ':path': '/flotilla.v1.Nodes/Control'},
    ...{'content-type': 'application/grpc', te: 'trailers'},
  });
  stream.on('error', () => undefined);
  await new Promise((resolve) => session.once('connect', resolve));
  await expect.poll(() => server.connectionCount, PATIENCE).toBe(1);
  const idle: ReturnType<typeof connect>[] = [];
  for (let i = 0; i < MAX + 2; i++) {
    idle.push(connect(port));
    await connected(idle.at(-1)!);
    await expect.poll(() => server.connectionCount, PATIENCE).toBe(Math.min(i + 2, MAX));
  }
  await expect
    .poll(() => idle.map(({isOpen}) => isOpen()), PATIENCE)
    .toEqual([false, false, false, true, true]);
  expect(session.destroyed).toBe(false);
  idle[3]!.socket.destroy();
  await expect.poll(() => server.connectionCount, PATIENCE).toBe(MAX - 1);
});

test('a connection that carries nothing in its first seconds ends', async () => {
  const {server, port} = await listen({clock: hasty});
  expect(LIMITS.node_connections_max.value).toBeGreaterThan(256 * 4);
  const silent = connect(port);
  await connected(silent);
  await expect.poll(() => server.connectionCount, PATIENCE).toBe(1);
  await expect.poll(() => silent.isOpen(), PATIENCE).toBe(false);
  expect(server.connectionCount).toBe(0);
}, 20_000);
