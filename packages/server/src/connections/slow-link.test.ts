// Goal: on a link of 10 Mbit/s that both connections share, with bulk and control full, a beat every
// 50 ms arrives in less than the 500 ms after which a node is suspect.
// And a set with seconds of the link queued does not hold up the calls about another.
// Method: a proxy that lets the bytes of both connections through at that speed, in turn.

import net from 'node:net';
import {monitorEventLoopDelay} from 'node:perf_hooks';
import {type NodeId, type ReplicaSetId, SeededRandom} from '@flotilla/base';
import {expect, test} from 'vitest';
import {NodeClock} from '../adapters/node-clock.ts';
import {JoinSecret} from './join-secret.ts';
import {NodeConnections} from './node-connections.ts';
import {NodeServer} from './node-server.ts';
import {encodeRpcFrame, rpcSet} from './rpc-frame.ts';

const BYTES_PER_MS = 1_250;
const clock = new NodeClock();
const secret = JoinSecret.random();
const log = {info() {}, warn() {}, error() {}};

/** One queue for all sockets, as in a router before a slow line; the way back is fast. */
async function startSlowProxy(target: number) {
  const waiting: {socket: net.Socket; bytes: Buffer}[] = [];
  let lastMs = clock.monotonicMs();
  let allowance = 0;
  const timer = setInterval(() => {
    const nowMs = clock.monotonicMs();
    // Never more than 20 ms worth at once, or a pause of this process would look like a fast line.
    allowance = Math.min(allowance + (nowMs - lastMs) * BYTES_PER_MS, 20 * BYTES_PER_MS);
    lastMs = nowMs;
    while (waiting.length > 0 && allowance > 0) {
      const {socket, bytes} = waiting[0]!;
      const part = bytes.subarray(0, Math.ceil(allowance));
      socket.write(part);
      allowance -= part.length;
      if (part.length === bytes.length) waiting.shift();
      else waiting[0] = {socket, bytes: bytes.subarray(part.length)};
    }
  }, 2);
  const sockets: net.Socket[] = [];
  const server = net.createServer((near) => {
    const far = net.connect(target, '127.0.0.1');
    sockets.push(near, far);
    for (const socket of [near, far]) socket.setNoDelay().on('error', () => {});
    near.on('data', (bytes) => waiting.push({socket: far, bytes}));
    far.pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    clearInterval(timer);
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return {port: (server.address() as net.AddressInfo).port, close};
}

async function startNode(id: number) {
  const server = new NodeServer({log, clock, secret, identify: () => ({}), join: async () => ({})});
  const port = await server.listen('127.0.0.1', 0);
  const self = {cluster: 'c', node: id as NodeId, bootEpoch: 1};
  const random = new SeededRandom(id);
  const connections = new NodeConnections({self, secret, server, clock, random, log});
  return {id: id as NodeId, port, server, connections};
}

/** Node 1 reaches node 2 through the slow proxy. */
async function startPair() {
  const [one, two] = [await startNode(1), await startNode(2)];
  const proxy = await startSlowProxy(two.port);
  one.connections.setNodes([{id: two.id, address: `127.0.0.1:${proxy.port - 1}`}]);
  await expect.poll(() => one.connections.isConnected(two.id)).toBe(true);
  const close = () => {
    for (const {connections, server} of [one, two]) {
      connections.close();
      server.close();
    }
    proxy.close();
  };
  return {one, two, close};
}

test('beats arrive in time on a slow link that is full', async () => {
  const {one, two, close} = await startPair();
  const delays: number[] = [];
  const stalls = monitorEventLoopDelay({resolution: 5});
  stalls.enable();
  two.connections.onFrame((_from, _channel, frame) => {
    if (frame.length === 8) delays.push(clock.monotonicMs() - Buffer.from(frame).readDoubleLE());
  });
  // A maximal entry on control, and a snapshot's worth on bulk: seconds of the link.
  one.connections.send(two.id, 'control', Buffer.alloc(8_000_000));
  one.connections.send(two.id, 'bulk', Buffer.alloc(8_000_000));
  for (let beat = 0; beat < 40; beat++) {
    const frame = Buffer.alloc(8);
    frame.writeDoubleLE(clock.monotonicMs());
    one.connections.sendUrgent(two.id, frame);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(delays.length).toBeGreaterThan(20);
  // Both nodes and the link share this process: what it stood still for is not the link's.
  const stalledMs = stalls.max / 1e6;
  expect(Math.max(...delays)).toBeLessThan(500 + 3 * stalledMs);
  close();
});

test('a set that fills a slow link leaves the others their turns', async () => {
  const {one, two, close} = await startPair();
  const sets: number[] = [];
  two.connections.onFrame((_from, _channel, frame) => sets.push(rpcSet(frame)!));
  const send = (set: number, bytes: number) => {
    const head = {callerThread: 0, callerEpoch: 1, callId: 1, set: set as ReplicaSetId};
    const body = {type: 'answer' as const, payload: new Uint8Array(bytes)};
    one.connections.send(two.id, 'control', encodeRpcFrame({head, body}));
  };
  // Some 1.6 s of the link.
  for (let i = 0; i < 40; i++) send(1, 50_000);
  for (let set = 2; set < 7; set++) send(set, 1_000);
  await expect.poll(() => sets.length, {timeout: 20_000}).toBe(45);
  expect(sets.slice(-25).every((set) => set === 1)).toBe(true);
  close();
});
