import {
  DbError,
  LIMITS,
  type Log,
  type NodeId,
  type ReplicaSetId,
  type RpcContext,
  type RpcHandlers,
  SeededRandom,
} from '@flotilla/base';
import {afterEach, expect, test} from 'vitest';
import {NodeClock} from '../adapters/node-clock.ts';
import {JoinSecret} from './join-secret.ts';
import {NodeConnections} from './node-connections.ts';
import {NodeServer} from './node-server.ts';
import {RpcCore} from './rpc.ts';
import {
  decodeRpcFrame,
  encodeRpcFrame,
  type RpcBody,
  type RpcFrame,
  type RpcHead,
} from './rpc-frame.ts';
import type {FramePort} from './rpc-port.ts';

const clock = new NodeClock();
const secret = JoinSecret.random();
const errors: string[] = [];
const log: Log = {info() {}, warn() {}, error: (_, message) => errors.push(message)};
const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
  errors.length = 0;
});

const set = 9 as ReplicaSetId;
const node = (id: number) => id as NodeId;
const at = (id: number) => ({node: node(id), set});
const within = (ms: number, signal?: AbortSignal) => ({
  deadlineMs: clock.monotonicMs() + ms,
  signal,
});
const bytes = (text: string) => Buffer.from(text);
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function core(id: number, port: FramePort, options: {thread?: number; hosts?: boolean} = {}) {
  const {thread = 0, hosts = false} = options;
  return new RpcCore({node: node(id), thread, bootEpoch: 1, port, clock, log, hosts: () => hosts});
}

/** Two nodes in memory. `deliver` decides on each frame: false drops it and says so to its sender. */
function pair(deliver: (to: number, body: RpcBody) => boolean | 'lose' = () => true) {
  const cores = new Map<number, RpcCore>();
  const portOf = (from: number): FramePort => ({
    send(to, _channel, frame) {
      const fate = deliver(to, decodeRpcFrame(frame)!.body);
      if (fate === true) setImmediate(() => cores.get(to)?.receive(node(from), frame));
      return fate !== false;
    },
  });
  for (const id of [1, 2]) cores.set(id, core(id, portOf(id)));
  return {one: cores.get(1)!, two: cores.get(2)!};
}

async function collect(items: AsyncIterable<Uint8Array>): Promise<string[]> {
  const texts: string[] = [];
  for await (const item of items) texts.push(Buffer.from(item).toString());
  return texts;
}

function handlers(parts: Partial<Record<'call' | 'stream', Record<string, unknown>>>): RpcHandlers {
  return {
    call: new Map(Object.entries(parts.call ?? {})),
    stream: new Map(Object.entries(parts.stream ?? {})),
  } as unknown as RpcHandlers;
}

test('a call is answered; its handler knows who asks and about what', async () => {
  const {one, two} = pair();
  two.serve(
    handlers({
      call: {
        echo: async (payload: Uint8Array, {from, set: about}: RpcContext) =>
          bytes(`${from}/${about}: ${Buffer.from(payload).toString()}`),
      },
    }),
  );
  const answer = await one.call(at(2), 'echo', bytes('hello'), within(1_000));
  expect(Buffer.from(answer).toString()).toBe('1/9: hello');
  expect(one.status()).toEqual({calls: 0, bytes: 0, malformed: 0, outcomes: [['OK', 1]]});
});

test('a DbError crosses; another error stays in the log; an unknown method is UNSUPPORTED', async () => {
  const {one, two} = pair();
  two.serve(
    handlers({
      call: {
        refuse: async () => {
          throw new DbError('NOT_LEADER', 'ask node 3', {leader: 3});
        },
        crash: async () => {
          throw new TypeError('secret');
        },
      },
    }),
  );
  const call = (method: string) => one.call(at(2), method, bytes(''), within(1_000));
  await expect(call('refuse')).rejects.toMatchObject({code: 'NOT_LEADER', details: {leader: 3}});
  await expect(call('crash')).rejects.toMatchObject({code: 'INTERNAL', message: 'internal error'});
  expect(errors).toEqual(['a call failed']);
  await expect(call('nothing')).rejects.toMatchObject({code: 'UNSUPPORTED'});
});

test('a handler that asks for its signal after its caller is gone finds it aborted', async () => {
  const {one, two} = pair();
  const asked = Promise.withResolvers<boolean>();
  two.serve(
    handlers({
      call: {
        slow: async (_: Uint8Array, context: RpcContext) => {
          await sleep(60);
          asked.resolve(context.signal.aborted);
          return bytes('');
        },
      },
    }),
  );
  await expect(one.call(at(2), 'slow', bytes(''), within(20))).rejects.toMatchObject({
    code: 'DEADLINE_EXCEEDED',
  });
  expect(await asked.promise).toBe(true);
});

test('deadline and cancellation end the call here and abort it there', async () => {
  const {one, two} = pair();
  const aborted: string[] = [];
  two.serve(
    handlers({
      call: {
        hang: (payload: Uint8Array, {signal}: RpcContext) =>
          new Promise((_, reject) => {
            signal.addEventListener('abort', () => {
              aborted.push(Buffer.from(payload).toString());
              reject(new Error('aborted'));
            });
          }),
      },
    }),
  );
  const late = one.call(at(2), 'hang', bytes('late'), within(30));
  await expect(late).rejects.toMatchObject({code: 'DEADLINE_EXCEEDED', details: {sent: true}});
  const abort = new AbortController();
  const cancelled = one.call(at(2), 'hang', bytes('cancelled'), within(5_000, abort.signal));
  setTimeout(() => abort.abort(), 10);
  await expect(cancelled).rejects.toMatchObject({code: 'CANCELLED'});
  await expect.poll(() => aborted).toEqual(['late', 'cancelled']);
  expect(errors).toEqual([]);
  const past = one.call(at(2), 'hang', bytes(''), within(-1));
  await expect(past).rejects.toMatchObject({code: 'DEADLINE_EXCEEDED', details: {sent: false}});
  await expect(one.call(at(2), 'hang', bytes(''), within(9, abort.signal))).rejects.toMatchObject({
    code: 'CANCELLED',
  });
});

test('not sent is UNAVAILABLE, lost after sending is OUTCOME_UNKNOWN, for a stream UNAVAILABLE', async () => {
  let reachable = false;
  const {one, two} = pair(() => reachable);
  let aborts = 0;
  const hang = (_: Uint8Array, {signal}: RpcContext) =>
    new Promise(() => signal.addEventListener('abort', () => aborts++));
  two.serve(
    handlers({call: {hang}, stream: {hang: (p: Uint8Array, c: RpcContext) => stream(hang(p, c))}}),
  );
  async function* stream(wait: Promise<unknown>) {
    yield bytes('first');
    await wait;
  }
  const refused = one.call(at(2), 'hang', bytes(''), within(1_000));
  await expect(refused).rejects.toMatchObject({code: 'UNAVAILABLE'});
  reachable = true;
  const call = one.call(at(2), 'hang', bytes(''), within(1_000));
  const items = collect(one.stream(at(2), 'hang', bytes(''), within(1_000)));
  setTimeout(() => {
    one.nodeLost(node(2));
    two.nodeLost(node(1));
  }, 20);
  await expect(call).rejects.toMatchObject({code: 'OUTCOME_UNKNOWN'});
  await expect(items).rejects.toMatchObject({code: 'UNAVAILABLE'});
  expect(aborts).toBe(2);
  expect(one.status().calls).toBe(0);
});

test('a stream keeps its items whole, empty and large ones too, and passes on an error behind them', async () => {
  const {one, two} = pair();
  const sent = ['', 'a', 'b'.repeat(LIMITS.rpc_window_bytes.value * 3 + 5), '', 'c'.repeat(65_536)];
  async function* list(payload: Uint8Array) {
    for (const text of sent) yield bytes(text);
    if (payload.length > 0) throw new DbError('NO_LEADER', 'election');
  }
  two.serve(handlers({stream: {list}}));
  expect(await collect(one.stream(at(2), 'list', bytes(''), within(1_000)))).toEqual(sent);
  const received: number[] = [];
  const failing = async () => {
    for await (const item of one.stream(at(2), 'list', bytes('x'), within(1_000)))
      received.push(item.length);
  };
  await expect(failing()).rejects.toMatchObject({code: 'NO_LEADER'});
  expect(received).toEqual(sent.map((text) => text.length));
  expect(one.status().calls).toBe(0);
});

test('a reader that stops reading stops the sender at the window; leaving closes the handler', async () => {
  const {one, two} = pair();
  let produced = 0;
  let closed = false;
  async function* endless() {
    try {
      for (;;) {
        produced += 10_000;
        yield Buffer.alloc(10_000);
      }
    } finally {
      closed = true;
    }
  }
  two.serve(handlers({stream: {endless}}));
  const reader = one.stream(at(2), 'endless', bytes(''), within(5_000))[Symbol.asyncIterator]();
  for (let i = 0; i < 100; i++) await reader.next();
  await sleep(30);
  const stoppedAt = produced;
  expect(stoppedAt).toBeLessThanOrEqual(1_000_000 + LIMITS.rpc_window_bytes.value + 20_000);
  await sleep(30);
  expect(produced).toBe(stoppedAt);
  for (let i = 0; i < 100; i++) await reader.next();
  expect(produced).toBeGreaterThan(stoppedAt);
  expect(closed).toBe(false);
  await reader.return!();
  await expect.poll(() => closed).toBe(true);
  expect(await reader.next()).toEqual({done: true, value: undefined});
});

test('a lost item fails the stream; lost credit heals; a full queue is waited for', async () => {
  async function* list() {
    for (let i = 0; i < 200; i++) yield Buffer.alloc(10_000, i);
  }
  let items = 0;
  const losing = pair((_, body) => (body.type === 'item' && ++items === 5 ? 'lose' : true));
  losing.two.serve(handlers({stream: {list}}));
  await expect(
    collect(losing.one.stream(at(2), 'list', bytes(''), within(1_000))),
  ).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  });
  let credits = 0;
  const forgetful = pair((_, body) =>
    body.type === 'credit' && ++credits % 2 === 0 ? 'lose' : true,
  );
  forgetful.two.serve(handlers({stream: {list}}));
  expect(await collect(forgetful.one.stream(at(2), 'list', bytes(''), within(2_000)))).toHaveLength(
    200,
  );
  let tries = 0;
  const full = pair((_, body) => !(body.type === 'item' && ++tries % 20 === 0));
  full.two.serve(handlers({stream: {list}}));
  expect(await collect(full.one.stream(at(2), 'list', bytes(''), within(2_000)))).toHaveLength(200);
});

test('calls in flight are bounded, in number and bytes', async () => {
  const {one} = pair(() => 'lose');
  const calls = Array.from({length: LIMITS.rpc_calls_in_flight_max.value}, () =>
    one.call(at(2), 'x', bytes(''), within(5_000)).catch((error: DbError) => error.code),
  );
  const refused = one.call(at(2), 'x', bytes(''), within(5_000));
  await expect(refused).rejects.toMatchObject({
    code: 'OVERLOADED',
    details: {limit: 'rpc_calls_in_flight_max'},
  });
  one.nodeLost(node(2));
  expect(new Set(await Promise.all(calls))).toEqual(new Set(['OUTCOME_UNKNOWN']));
  const large = Buffer.alloc(LIMITS.rpc_bytes_in_flight_max.value / 2 - 2_000);
  const waiting = [1, 2].map(() => one.call(at(2), 'x', large, within(5_000)));
  await expect(one.call(at(2), 'x', large, within(5_000))).rejects.toMatchObject({
    code: 'OVERLOADED',
    details: {limit: 'rpc_bytes_in_flight_max'},
  });
  const settled = Promise.allSettled(waiting);
  one.close();
  expect((await settled).map(({status}) => status)).toEqual(['rejected', 'rejected']);
});

test('a call to a set of this thread stays in it; one to another thread goes through the port', async () => {
  const sent: number[] = [];
  const port: FramePort = {send: (to) => sent.push(to) > 0};
  const own = core(1, port, {thread: 3, hosts: true});
  own.serve(handlers({call: {echo: async (payload: Uint8Array) => payload}}));
  const answer = await own.call(at(1), 'echo', bytes('self'), within(1_000));
  expect(Buffer.from(answer).toString()).toBe('self');
  expect(sent).toEqual([]);
  const other = core(1, port, {thread: 3, hosts: false});
  const call = other.call(at(1), 'echo', bytes(''), within(5));
  await expect(call).rejects.toMatchObject({code: 'DEADLINE_EXCEEDED'});
  expect(sent).toEqual([1, 1]); // The call and its cancel.
});

test('frames that do not decode, and answers of nobody, are dropped', () => {
  const {one} = pair();
  expect(one.receive(node(2), Buffer.from([0x20]))).toBe(true);
  expect(one.receive(node(2), Buffer.from([0x20, 99, ...Buffer.alloc(30)]))).toBe(true);
  expect(one.receive(node(2), Buffer.from([0x20, 2, ...Buffer.alloc(30)]))).toBe(true);
  expect(one.receive(node(2), Buffer.from([0x01]))).toBe(false);
  expect(one.status().malformed).toBe(2);
});

test("an answer meant for an earlier process, another thread or another node is nobody's", async () => {
  const frames: RpcFrame[] = [];
  const one = core(1, {send: (_to, _channel, frame) => frames.push(decodeRpcFrame(frame)!) > 0});
  const call = one.call(at(2), 'x', bytes(''), within(5_000));
  const {head} = frames[0]!;
  const answer = (text: string, changes: Partial<RpcHead> = {}) =>
    encodeRpcFrame({head: {...head, ...changes}, body: {type: 'answer', payload: bytes(text)}});
  one.receive(node(2), answer('of an earlier process', {callerEpoch: head.callerEpoch - 1}));
  one.receive(node(2), answer('of another thread', {callerThread: head.callerThread + 1}));
  one.receive(node(2), answer('of another call', {callId: head.callId + 1}));
  one.receive(node(3), answer('of another node'));
  one.receive(node(2), answer('right'));
  expect(Buffer.from(await call).toString()).toBe('right');
});

test('an item out of turn fails its stream before it is handed over', async () => {
  const frames: RpcFrame[] = [];
  const one = core(1, {send: (_to, _channel, frame) => frames.push(decodeRpcFrame(frame)!) > 0});
  const read = collect(one.stream(at(2), 'x', bytes(''), within(5_000)));
  await expect.poll(() => frames.length).toBe(1);
  const {head} = frames[0]!;
  const item = (sequence: number, text: string) =>
    one.receive(
      node(2),
      encodeRpcFrame({head, body: {type: 'item', sequence, more: false, bytes: bytes(text)}}),
    );
  item(0, 'a');
  item(0, 'a again');
  one.receive(node(2), encodeRpcFrame({head, body: {type: 'end', count: 2}}));
  await expect(read).rejects.toMatchObject({code: 'UNAVAILABLE'});
});

async function startNode(id: number) {
  const server = new NodeServer({log, clock, secret, identify: () => ({}), join: async () => ({})});
  const port = await server.listen('127.0.0.1', 0);
  const self = {cluster: 'c', node: node(id), bootEpoch: 1};
  const random = new SeededRandom(id);
  const connections = new NodeConnections({self, secret, server, clock, random, log});
  const rpc = core(id, connections);
  connections.onFrame((from, _channel, frame) => rpc.receive(from, frame));
  connections.onNode((other, state) => {
    if (state === 'lost') rpc.nodeLost(other);
  });
  cleanups.push(() => {
    rpc.close();
    connections.close();
    server.close();
  });
  return {id: node(id), port, server, connections, rpc};
}

test('over sockets: 200 concurrent calls beside streams, to another node and to itself', async () => {
  const nodes = [await startNode(1), await startNode(2)];
  for (const {connections} of nodes) {
    connections.setNodes(nodes.map(({id, port}) => ({id, address: `127.0.0.1:${port - 1}`})));
  }
  const [one, two] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  async function* count(payload: Uint8Array) {
    for (let i = 0; i < Number(Buffer.from(payload)); i++) yield Buffer.alloc(20_000, i);
  }
  for (const {rpc} of nodes) {
    const double = async (payload: Uint8Array) => bytes(String(Number(Buffer.from(payload)) * 2));
    const measure = async (payload: Uint8Array) => bytes(String(payload.length));
    rpc.serve(handlers({call: {double, measure}, stream: {count}}));
  }
  await expect.poll(() => one.connections.isConnected(two.id)).toBe(true);
  const numbers = Array.from({length: 200}, (_, i) => i);
  const ask = (from: typeof one, to: typeof one) =>
    numbers.map(async (i) => {
      const answer = await from.rpc.call(at(to.id), 'double', bytes(String(i)), within(5_000));
      return Number(Buffer.from(answer));
    });
  const streams = [two, one].map((to) =>
    collect(one.rpc.stream(at(to.id), 'count', bytes('300'), within(5_000))),
  );
  const large = one.rpc.call(at(2), 'measure', Buffer.alloc(8_000_000), within(5_000));
  for (const [from, to] of [
    [one, two],
    [two, one],
    [one, one],
  ] as const) {
    expect(await Promise.all(ask(from, to))).toEqual(numbers.map((i) => 2 * i));
  }
  for (const items of await Promise.all(streams)) expect(items).toHaveLength(300);
  expect(Buffer.from(await large).toString()).toBe('8000000');
});

test('over sockets: a node that dies ends its calls at once', async () => {
  const nodes = [await startNode(1), await startNode(2)];
  for (const {connections} of nodes) {
    connections.setNodes(nodes.map(({id, port}) => ({id, address: `127.0.0.1:${port - 1}`})));
  }
  const [one, two] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  let hanging = 0;
  const hang = (): Promise<never> => {
    hanging += 1;
    return new Promise(() => {});
  };
  two.rpc.serve(handlers({call: {hang}}));
  await expect.poll(() => one.connections.isConnected(two.id)).toBe(true);
  const call = one.rpc.call(at(2), 'hang', bytes(''), within(10_000));
  await expect.poll(() => hanging).toBe(1);
  const startMs = clock.monotonicMs();
  two.server.close();
  await expect(call).rejects.toMatchObject({code: 'OUTCOME_UNKNOWN'});
  expect(clock.monotonicMs() - startMs).toBeLessThan(100);
  const after = one.rpc.call(at(2), 'hang', bytes(''), within(1_000));
  await expect(after).rejects.toMatchObject({code: 'UNAVAILABLE'});
});

test('calls of one turn to this very thread come together in the next, and so do their answers', async () => {
  let turns = 0;
  const counting = Object.create(clock, {
    defer: {
      value: (callback: () => void) => {
        turns += 1;
        clock.defer(callback);
      },
    },
  }) as NodeClock;
  const port: FramePort = {send: () => false};
  const owner = {node: node(1), thread: 0, bootEpoch: 1, port, clock: counting, log};
  const one = new RpcCore({...owner, hosts: () => true});
  one.serve(handlers({call: {echo: async (payload: Uint8Array) => payload}}));
  const texts = ['a', 'b', 'c'];
  const calls = texts.map((text) => one.call(at(1), 'echo', bytes(text), within(1_000)));
  const answers = await Promise.all(calls);
  expect(answers.map((answer) => Buffer.from(answer).toString())).toEqual(texts);
  expect(turns).toBe(2);
});

test('a call of the next life of its caller under the same id is a call of its own', async () => {
  const frames: RpcFrame[] = [];
  const one = core(1, {send: (_to, _channel, frame) => frames.push(decodeRpcFrame(frame)!) > 0});
  const signals: AbortSignal[] = [];
  const wait = (_payload: Uint8Array, {signal}: RpcContext): Promise<Uint8Array> => {
    signals.push(signal);
    return signals.length > 1 ? Promise.resolve(bytes('second')) : new Promise(() => undefined);
  };
  one.serve(handlers({call: {wait}}));
  for (const callerEpoch of [1, 2]) {
    const head: RpcHead = {callerThread: 0, callerEpoch, callId: 5, set};
    const body = {type: 'call', timeoutMs: 1_000, method: 'wait', payload: bytes('')} as const;
    one.receive(node(2), encodeRpcFrame({head, body}));
  }
  await expect.poll(() => frames.length).toBe(1);
  expect(frames[0]).toMatchObject({head: {callerEpoch: 2}, body: {type: 'answer'}});
  expect(signals.map(({aborted}) => aborted)).toEqual([true, false]);
});
