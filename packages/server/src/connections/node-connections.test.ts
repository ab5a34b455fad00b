import fs from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import {DbError, LIMITS, type Log, type NodeId, SeededRandom} from '@flotilla/base';
import {afterEach, expect, test} from 'vitest';
import {NodeClock} from '../adapters/node-clock.ts';
import {Greeting} from './greeting.ts';
import {identifyNode, requestJoin} from './join-client.ts';
import {JoinSecret} from './join-secret.ts';
import {NodeConnections} from './node-connections.ts';
import {NodeServer} from './node-server.ts';
import {createNodeClient, NODE_SERVICE, WINDOW_BYTES} from './node-service.ts';

const clock = new NodeClock();
const secret = new JoinSecret('the one that all nodes here share');

interface TestNode {
  readonly id: NodeId;
  readonly port: number;
  readonly server: NodeServer;
  readonly connections: NodeConnections;
  readonly frames: {from: NodeId; channel: string; text: string}[];
  readonly events: {node: NodeId; state: string; bootEpoch: number; atMs: number}[];
  readonly warnings: string[];
}

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

async function startNode(
  id: number,
  options: {
    cluster?: string;
    bootEpoch?: number;
    port?: number;
    secret?: JoinSecret;
    timing?: string;
    isAlive?: () => boolean;
  } = {},
) {
  const {cluster = 'c', bootEpoch = 1, secret: own = secret, timing, isAlive} = options;
  const warnings: string[] = [];
  const log: Log = {
    info() {},
    warn: (fields, message) => warnings.push(`${message}: ${String(fields['reason'])}`),
    error: (_, message) => warnings.push(message),
  };
  const server = new NodeServer({
    log,
    clock,
    secret: own,
    identify: () => ({clusterId: cluster, nodeId: id, state: 'ready'}),
    join: async () => {
      throw new DbError('CONFLICT', 'the cluster is full', {nodes: 3});
    },
  });
  const port = await server.listen('127.0.0.1', options.port ?? 0);
  const self = {cluster, node: id as NodeId, bootEpoch, timing};
  const random = new SeededRandom(id);
  const ports = {server, clock, random, log, isAlive};
  const connections = new NodeConnections({self, secret: own, ...ports});
  const node: TestNode = {
    id: id as NodeId,
    port,
    server,
    connections,
    frames: [],
    events: [],
    warnings,
  };
  connections.onFrame((from, channel, frame) => {
    node.frames.push({from, channel, text: Buffer.from(frame).toString()});
  });
  connections.onNode((other, state, epoch) => {
    node.events.push({node: other, state, bootEpoch: epoch, atMs: clock.monotonicMs()});
  });
  cleanups.push(() => {
    connections.close();
    server.close();
  });
  return node;
}

/** The catalog's form of an address: HTTP's port, one below gRPC's. */
function addressOf(port: number) {
  return `127.0.0.1:${port - 1}`;
}

function introduce(nodes: readonly TestNode[], portOf = (node: TestNode) => node.port) {
  const list = nodes.map((node) => ({id: node.id, address: addressOf(portOf(node))}));
  for (const {connections} of nodes) connections.setNodes(list);
}

async function allConnected(nodes: readonly TestNode[]) {
  await expect
    .poll(() => nodes.every((node) => nodes.every(({id}) => node.connections.isConnected(id))), {
      interval: 5,
    })
    .toBe(true);
}

/** Established TCP connections whose accepting side is `port`, as the kernel sees them. */
function socketsOn(port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const lines = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) =>
    fs.readFileSync(path, 'utf8').split('\n'),
  );
  return lines.filter((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/);
    return local.endsWith(`:${hex}`) && state === '01';
  }).length;
}

/** A TCP proxy that can cut everything that goes through it. */
async function startProxy(target: number) {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((near) => {
    const far = net.connect(target, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.setNoDelay();
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (how: 'resetAndDestroy' | 'destroy') => {
    for (const socket of sockets) socket[how]();
  };
  const pause = () => {
    for (const socket of sockets) socket.pause();
  };
  const resume = () => {
    for (const socket of sockets) socket.resume();
  };
  cleanups.push(() => {
    server.close();
    cut('destroy');
  });
  return {port: (server.address() as net.AddressInfo).port, cut, pause, resume};
}

test('three nodes have two TCP connections per pair, and frames go both ways on both channels', async () => {
  const nodes = await Promise.all([1, 2, 3].map((id) => startNode(id)));
  introduce(nodes);
  await allConnected(nodes);
  // The smaller id dials, so node 2 accepts from 1, and 3 from both.
  expect(nodes.map(({port}) => socketsOn(port))).toEqual([0, 2, 4]);
  for (const from of nodes) {
    for (const to of nodes) {
      for (const channel of ['control', 'bulk'] as const) {
        expect(from.connections.send(to.id, channel, Buffer.from(`${channel} to ${to.id}`))).toBe(
          true,
        );
      }
    }
  }
  await expect.poll(() => nodes.map(({frames}) => frames.length)).toEqual([6, 6, 6]);
  for (const node of nodes) {
    for (const frame of node.frames) expect(frame.text).toBe(`${frame.channel} to ${node.id}`);
    expect(node.events.map(({state}) => state)).toEqual(['connected', 'connected']);
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(nodes.map(({port}) => socketsOn(port))).toEqual([0, 2, 4]);
});

test('nodes named by host names have two connections as well', async () => {
  const [one, two] = [await startNode(1), await startNode(2)];
  one.connections.setNodes([{id: two.id, address: `localhost:${two.port - 1}`}]);
  await expect.poll(() => one.connections.isConnected(two.id)).toBe(true);
  one.connections.send(two.id, 'bulk', Buffer.alloc(300_000, 'x'));
  await expect.poll(() => two.frames.length).toBe(1);
  expect(socketsOn(two.port)).toBe(2);
});

test.each(['resetAndDestroy', 'destroy'] as const)(
  'a connection lost by %s is seen by both within 50 ms, and made again',
  async (how) => {
    const [one, two] = [await startNode(1), await startNode(2, {bootEpoch: 7})];
    const proxy = await startProxy(two.port);
    introduce([one, two], (node) => (node === two ? proxy.port : node.port));
    await allConnected([one, two]);
    const cutMs = clock.monotonicMs();
    proxy.cut(how);
    await expect
      .poll(() => [one.events[1]?.state, two.events[1]?.state], {interval: 1})
      .toEqual(['lost', 'lost']);
    expect(one.events[1]!.atMs - cutMs).toBeLessThan(50);
    expect(two.events[1]!.atMs - cutMs).toBeLessThan(50);
    await allConnected([one, two]);
    expect(one.events.map(({state, bootEpoch}) => [state, bootEpoch])).toEqual([
      ['connected', 7],
      ['lost', 7],
      ['connected', 7],
    ]);
    expect(one.events[2]!.atMs - cutMs).toBeLessThan(500);
  },
);

test('frames of all sizes arrive whole and in order; urgent ones overtake', async () => {
  const [one, two] = [await startNode(1), await startNode(2)];
  introduce([one, two]);
  await allConnected([one, two]);
  const texts = Array.from({length: 200}, (_, i) => `${i} `.padEnd((i * 7919) % 20_000, 'x'));
  texts.push('y'.repeat(9_000_000));
  for (const text of texts)
    expect(one.connections.send(two.id, 'control', Buffer.from(text))).toBe(true);
  one.connections.sendUrgent(two.id, Buffer.from('beat'));
  await expect.poll(() => two.frames.length, {timeout: 5_000}).toBe(texts.length + 1);
  const beat = two.frames.findIndex(({text}) => text === 'beat');
  expect(beat).toBeLessThan(texts.length);
  expect(two.frames.filter((_, i) => i !== beat).map(({text}) => text)).toEqual(texts);
});

test('a queue to a node that does not read is bounded; urgent frames and answers still find room', async () => {
  const [one, two] = [await startNode(1), await startNode(2)];
  const proxy = await startProxy(two.port);
  introduce([one, two], (node) => (node === two ? proxy.port : node.port));
  await allConnected([one, two]);
  proxy.pause();
  const frame = Buffer.alloc(1_000_000, 'z');
  let sent = 0;
  while (sent < 200 && one.connections.send(two.id, 'control', frame)) sent++;
  const limit = LIMITS.node_queue_bytes_max.value;
  expect(sent).toBeGreaterThan(limit / frame.length - 2);
  expect(sent).toBeLessThan(limit / frame.length + 10);
  expect(one.connections.status()[0]!.queuedBytes.control).toBeLessThanOrEqual(limit + 1_000_000);
  expect(one.connections.status()[0]!.framesDropped).toBe(1);
  expect(one.connections.sendUrgent(two.id, Buffer.from('beat'))).toBe(true);
  expect(one.connections.send(two.id, 'control', frame, 'answer')).toBe(true);
  // The other channel does not wait.
  expect(one.connections.send(two.id, 'bulk', Buffer.from('b'))).toBe(true);
  proxy.cut('destroy');
  await expect.poll(() => one.events.some(({state}) => state === 'lost')).toBe(true);
});

test('a wrong cluster and a wrong node are refused by name', async () => {
  const one = await startNode(1);
  const stranger = await startNode(2, {cluster: 'other'});
  const three = await startNode(3);
  one.connections.setNodes([
    {id: 2 as NodeId, address: addressOf(stranger.port)},
    {id: 4 as NodeId, address: addressOf(three.port)},
  ]);
  await expect
    .poll(() => one.warnings.join('\n'))
    .toMatch(/node 1 belongs to cluster c, node 2 to other/);
  await expect
    .poll(() => one.warnings.join('\n'))
    .toMatch(/node 1 looks for node 4, this is node 3/);
  expect(one.events).toEqual([]);
  expect(three.events).toEqual([]);
});

test('nodes with different times refuse each other, and both say why', async () => {
  const one = await startNode(1, {timing: 'local'});
  const two = await startNode(2, {timing: 'wan'});
  const untold = await startNode(3);
  introduce([one, two, untold]);
  const reason = /node 1 was started with --timing local, node 2 with --timing wan: all nodes/;
  for (const {warnings} of [one, two]) await expect.poll(() => warnings.join('\n')).toMatch(reason);
  await allConnected([one, untold]);
  expect(one.connections.isConnected(two.id)).toBe(false);
});

test('a node that stops is lost; restarted it comes with its new boot epoch, even if it is the dialer', async () => {
  const [one, two] = [await startNode(1), await startNode(2)];
  introduce([one, two]);
  await allConnected([one, two]);
  one.connections.close();
  one.server.close();
  await expect.poll(() => two.events.at(-1)?.state).toBe('lost');
  expect(two.connections.send(one.id, 'control', Buffer.from('x'))).toBe(false);
  const again = await startNode(1, {bootEpoch: 2});
  introduce([again, two]);
  await allConnected([again, two]);
  expect(two.events.map(({state, bootEpoch}) => `${state} ${bootEpoch}`)).toEqual([
    'connected 1',
    'lost 1',
    'connected 2',
  ]);
});

test('a node that leaves the catalog is disconnected and not let in again', async () => {
  const [one, two] = [await startNode(1), await startNode(2)];
  introduce([one, two]);
  await allConnected([one, two]);
  two.connections.setNodes([{id: two.id, address: addressOf(two.port)}]);
  await expect.poll(() => one.events.at(-1)?.state).toBe('lost');
  await expect.poll(() => one.warnings.join('\n')).toMatch(/node 1 was removed from the cluster/);
  expect(two.connections.isConnected(one.id)).toBe(false);
});

test('a node whose address another one has now is not dialled, and is again when it is found', async () => {
  const [one, two] = [await startNode(1), await startNode(2)];
  const address = addressOf(two.port);
  one.connections.setNodes([{id: two.id, address, isGone: true}]);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(socketsOn(two.port)).toBe(0);
  one.connections.setNodes([{id: two.id, address}]);
  await allConnected([one]);
  await expect.poll(() => one.connections.isConnected(two.id)).toBe(true);
});

test('the accepting side opens its flow control window as wide as the dialing side does', async () => {
  const {port} = await startNode(1);
  const session = http2.connect(`http://127.0.0.1:${port}`);
  cleanups.push(() => session.destroy());
  await expect.poll(() => session.remoteSettings.initialWindowSize).toBe(WINDOW_BYTES);
  await expect.poll(() => session.state.remoteWindowSize).toBe(WINDOW_BYTES);
});

/** A node that greets as it is told and does nothing else. */
function greet(
  port: number,
  hello: Record<string, unknown> | string,
  channels = ['control', 'bulk'] as const,
) {
  const ends: string[] = [];
  for (const channel of channels) {
    const client = createNodeClient(addressOf(port), undefined);
    const {path, requestSerialize, responseDeserialize} = NODE_SERVICE[channel];
    const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    stream.on('error', (error) => ends.push(error.message));
    const greeting = new Greeting({secret, side: 'dialer', purpose: channel});
    stream.on('data', (message: Buffer) => {
      if (typeof hello === 'string' || greeting.receive(message).type !== 'opened') return;
      stream.write(greeting.prove(Buffer.from(JSON.stringify(hello))));
    });
    stream.write(typeof hello === 'string' ? Buffer.from(hello) : greeting.opening());
    cleanups.push(() => {
      stream.cancel();
      client.close();
    });
  }
  return ends;
}

test('a later attempt of a node replaces its session, an earlier one is refused', async () => {
  const two = await startNode(2);
  const hello = {cluster: 'c', from: 1, to: 2, bootEpoch: 3, session: 5};
  const first = greet(two.port, hello);
  await expect.poll(() => two.events.map(({state}) => state)).toEqual(['connected']);
  const earlier = greet(two.port, {...hello, bootEpoch: 2, session: 9});
  await expect
    .poll(() => earlier.join())
    .toMatch(/a later attempt of this node stands.*later attempt/);
  const restarted = greet(two.port, {...hello, bootEpoch: 4, session: 1});
  await expect
    .poll(() => two.events.map(({state, bootEpoch}) => `${state} ${bootEpoch}`))
    .toEqual(['connected 3', 'lost 3', 'connected 4']);
  await expect.poll(() => first.length).toBe(2);
  expect(restarted).toEqual([]);
});

test('a second life of a node is refused while the first one lives, whatever both count', async () => {
  let isAlive = true;
  const two = await startNode(2, {isAlive: () => isAlive});
  const hello = {cluster: 'c', from: 1, to: 2, bootEpoch: 3, life: 31, session: 5};
  greet(two.port, hello);
  await expect.poll(() => two.events.map(({state}) => state)).toEqual(['connected']);
  expect(two.connections.livingLife(1 as NodeId)).toBe(31);
  for (const bootEpoch of [2, 3, 4]) {
    const copy = greet(two.port, {...hello, bootEpoch, life: 32, session: 9});
    await expect.poll(() => copy[0]).toMatch(/another process runs as node 1, and lives/);
  }
  expect(two.warnings.join('\n')).toMatch(/another process runs as node 1/);
  // The same life may come again.
  greet(two.port, {...hello, session: 6});
  await expect.poll(() => two.events.length).toBe(3);
  isAlive = false;
  expect(two.connections.livingLife(1 as NodeId)).toBeUndefined();
  // It counts from anew, and is another.
  greet(two.port, {...hello, life: 33, session: 1});
  await expect
    .poll(() => two.events.map(({state}) => state).join(' '))
    .toBe('connected lost connected lost connected');
  isAlive = true;
  expect(two.connections.livingLife(1 as NodeId)).toBe(33);
});

test('a hello that is none, of another protocol, or from the wrong side is refused', async () => {
  const two = await startNode(2);
  const hello = {cluster: 'c', from: 1, to: 2, bootEpoch: 1, session: 1};
  const refusals: [Record<string, unknown> | string, RegExp][] = [
    ['GET / HTTP/1.1', /the first message is no greeting/],
    ['x'.repeat(10_000), /the first message is no greeting/],
    ['{"protocol":2}', /the first message is no greeting/],
    [{...hello, bootEpoch: '1'}, /what came with the proof is no hello/],
    ['{"protocol":99}', /the dialing node speaks protocol 99, this one 2/],
    [{...hello, from: 3}, /node 2 dials node 3/],
    [{...hello, from: 2}, /a second node 2 is running/],
  ];
  for (const [sent, reason] of refusals) {
    const ends = greet(two.port, sent);
    await expect.poll(() => ends.length).toBe(2);
    expect(ends[0]).toMatch(reason);
  }
  expect(two.events).toEqual([]);
});

test('a node that has no identity yet refuses streams and answers questions', async () => {
  const log: Log = {info() {}, warn() {}, error() {}};
  const server = new NodeServer({
    log,
    clock,
    secret,
    identify: () => ({state: 'waiting'}),
    join: async () => ({}),
  });
  const port = await server.listen('127.0.0.1', 0);
  cleanups.push(() => server.close());
  const ends = greet(port, 'anything');
  await expect.poll(() => ends.length).toBe(2);
  expect(ends[0]).toMatch(/belongs to no cluster yet/);
  const answer = await identifyNode(addressOf(port), {}, {clock, secret, timeoutMs: 1_000});
  expect(answer).toEqual({state: 'waiting'});
});

test('an answer larger than any message comes in pieces, up to join_answer_bytes_max', async () => {
  const log: Log = {info() {}, warn() {}, error() {}};
  const catalog = Array.from({length: 300_000}, (_, id) => `entity ${id}`);
  const server = new NodeServer({
    log,
    clock,
    secret,
    identify: () => ({catalog}),
    join: async () => ({catalog}),
  });
  const port = await server.listen('127.0.0.1', 0);
  cleanups.push(() => server.close());
  const options = {clock, secret, timeoutMs: 5_000};
  expect(await requestJoin(addressOf(port), {}, options)).toEqual({catalog});
  const bytes = JSON.stringify({result: {catalog}}).length;
  expect(bytes).toBeGreaterThan(4_000_000);
  const refused = {code: 'UNAVAILABLE', message: expect.stringContaining('is longer than')};
  const limited = {...options, answerBytesMax: bytes};
  await expect(requestJoin(addressOf(port), {}, limited)).rejects.toMatchObject(refused);
  await expect(identifyNode(addressOf(port), {}, options)).rejects.toMatchObject(refused);
});

test('garbage on the port harms nobody', async () => {
  const [one, two] = [await startNode(1), await startNode(2)];
  introduce([one, two]);
  await allConnected([one, two]);
  const random = new SeededRandom(5);
  for (let i = 0; i < 20; i++) {
    const socket = net.connect(two.port, '127.0.0.1');
    socket.on('error', () => {});
    // Half of them begin like HTTP/2.
    if (i % 2 === 0) socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    socket.write(Buffer.from(Array.from({length: 300}, () => random.below(256))));
    setTimeout(() => socket.destroy(), 20);
  }
  await new Promise((resolve) => setTimeout(resolve, 60));
  one.connections.send(two.id, 'control', Buffer.from('still here'));
  await expect.poll(() => two.frames.at(-1)?.text).toBe('still here');
  expect(two.events.map(({state}) => state)).toEqual(['connected']);
});

test('a node says who it is, and its refusal of a join keeps code and details', async () => {
  const one = await startNode(1);
  const options = {clock, secret, timeoutMs: 1_000};
  expect(await identifyNode(addressOf(one.port), {}, options)).toEqual({
    clusterId: 'c',
    nodeId: 1,
    state: 'ready',
  });
  const refusal = requestJoin(addressOf(one.port), {address: 'x'}, options);
  await expect(refusal).rejects.toMatchObject({code: 'CONFLICT', details: {nodes: 3}});
  one.server.close();
  await expect(identifyNode(addressOf(one.port), {}, options)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  });
});

test('an address that takes connections and says nothing is given up at the deadline', async () => {
  const mute = net.createServer(() => {});
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  const {port} = mute.address() as net.AddressInfo;
  cleanups.push(() => mute.close());
  const startMs = clock.monotonicMs();
  const asked = identifyNode(addressOf(port), {}, {clock, secret, timeoutMs: 100});
  await expect(asked).rejects.toMatchObject({code: 'UNAVAILABLE'});
  expect(clock.monotonicMs() - startMs).toBeLessThan(1_000);
});
