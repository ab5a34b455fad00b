import {type AddressInfo, connect} from 'node:net';
import {DbError} from '@flotilla/base';
import fastify, {type FastifyInstance, type FastifyRequest} from 'fastify';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {NodeClock} from '../adapters/index.ts';
import {errorAnswer} from './error-answer.ts';
import {attachUnreadBodies} from './unread-bodies.ts';
import {WorkLimit} from './work-limit.ts';
import {WriteAdmission} from './write-admission.ts';

const MIB = 1024 * 1024;

interface Begun {
  readonly bytes: number;
  readonly waitedMs: number;
  readonly finish: () => void;
}

let app: FastifyInstance;
let begun: Begun[];
let port: number;
/** Whatever comes now is done at once. */
let isOver: boolean;
/** As by a node that still starts: at once, not by a promise. */
let isRefused: boolean;

beforeEach(async () => {
  app = fastify({bodyLimit: 64 * MIB});
  begun = [];
  isOver = false;
  isRefused = false;
  const admission = new WriteAdmission(new NodeClock());
  attachUnreadBodies(app);
  app.addContentTypeParser('*', {parseAs: 'buffer'}, (_request, body, done) => done(null, body));
  app.setErrorHandler((error, _request, reply) => {
    const {status, headers, body} = errorAnswer(error);
    return reply.code(status).headers(headers).send(body);
  });
  admission.attach(app);
  app.post('/', (request: FastifyRequest) => {
    const body = request.body as Buffer;
    return admission.run(request, body, (waitedMs) => {
      if (isRefused) throw new DbError('UNAVAILABLE', 'the node is starting');
      return new Promise<{readonly status: number}>((resolve) => {
        const finish = (): void => resolve({status: 204});
        begun.push({bytes: body.length, waitedMs, finish});
        if (isOver) finish();
      });
    });
  });
  await app.listen({host: '127.0.0.1', port: 0});
  port = (app.server.address() as AddressInfo).port;
});
afterEach(async () => {
  isOver = true;
  for (const {finish} of begun) finish();
  await app.close();
});

function post(bytes: number) {
  const headers = {'content-type': 'x/y', 'content-length': String(bytes)};
  return app.inject({method: 'POST', url: '/', headers, payload: Buffer.alloc(bytes)});
}

test('writes_at_work_bytes_max: bodies are worked on in order as far as there is room, and later ones wait for it', async () => {
  const answers = [4, 4, 3, 2].map((mib) => post(mib * MIB));
  await expect.poll(() => begun.length).toBe(2);
  expect(begun.map(({bytes}) => bytes / MIB)).toEqual([4, 4]);
  begun[0]!.finish();
  await expect.poll(() => begun.length).toBe(3);
  expect(begun[2]!.bytes).toBe(3 * MIB);
  begun[1]!.finish();
  await expect.poll(() => begun.length).toBe(4);
  for (const {finish} of begun) finish();
  for (const answer of await Promise.all(answers)) expect(answer.statusCode).toBe(200);
});

test('one alone is worked on, however large', async () => {
  const answer = post(40 * MIB);
  await expect.poll(() => begun.length).toBe(1);
  begun[0]!.finish();
  expect((await answer).statusCode).toBe(200);
});

test('write_unread_ms_max: whoever finds no room is refused with Retry-After, and none of the body is read', async () => {
  for (let i = 0; i < 4; i++) void post(4 * MIB);
  await expect.poll(() => begun.length).toBe(2);
  const socket = connect({port, host: '127.0.0.1', allowHalfOpen: true});
  let answer = '';
  socket.on('data', (bytes) => {
    answer += String(bytes);
  });
  socket.write(
    `POST / HTTP/1.1\r\nhost: x\r\ncontent-type: x/y\r\ncontent-length: ${4 * MIB}\r\n\r\n`,
  );
  await expect.poll(() => answer, {timeout: 10_000}).toContain('OVERLOADED');
  expect(answer).toMatch(/^HTTP\/1\.1 429 .*\r\nretry-after: 1\r\n/s);
  expect(answer).toContain('connection: close');
  socket.destroy();
  // A small one is read away, and its connection goes on.
  const small = await post(1_000);
  expect(small.statusCode).toBe(429);
  expect(small.headers['retry-after']).toBe('1');
  expect(begun.length).toBe(2);
});

test('a client that announces a body and sends none holds its place for a second only', async () => {
  const sockets = Array.from({length: 4}, () => {
    const socket = connect({port, host: '127.0.0.1'});
    socket.on('error', () => undefined);
    socket.write(
      `POST / HTTP/1.1\r\nhost: x\r\ncontent-type: x/y\r\ncontent-length: ${60 * MIB}\r\n\r\n`,
    );
    return socket;
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  // Each has its second; others are refused until then, and not for the minute of a whole request.
  const others: Promise<unknown>[] = [];
  const isBegun = (): boolean => {
    others.push(post(1_000));
    return begun.length > 0;
  };
  await expect.poll(isBegun, {interval: 300, timeout: 20_000}).toBe(true);
  for (const socket of sockets) socket.destroy();
  isOver = true;
  for (const {finish} of begun) finish();
  await Promise.all(others);
});

test('the limit shrinks while work is slow, of large bodies to 4 MiB, and grows while it is quick', () => {
  const limit = new WorkLimit();
  const first = limit.bytesMax;
  let nowMs = 0;
  const learn = (workMs: number, isWanted = true) => {
    nowMs += 2_000;
    limit.learn({nowMs, workMs, bytes: MIB, isWanted});
  };
  learn(100, false);
  expect(limit.bytesMax).toBe(first);
  learn(100);
  expect(limit.bytesMax).toBeGreaterThan(first);
  for (let i = 0; i < 20; i++) learn(3_000);
  expect(limit.bytesMax).toBe(4 * MIB);
  expect(limit.heldBytesMax).toBe(4 * MIB);
  for (let i = 0; i < 2_000; i++) learn(100);
  expect(limit.bytesMax).toBe(64 * MIB);
  expect(limit.heldBytesMax).toBe(128 * MIB);
});

test('of small bodies a node that is slow holds no more than it does in time', () => {
  const limit = new WorkLimit();
  const bytes = 20_000;
  // Ten a second are done, and whatever is held waits for what was held before it.
  let seconds = 0;
  for (; seconds < 20; seconds++) {
    const workMs = (limit.bytesMax / bytes / 10) * 1_000;
    for (let i = 0; i < 10; i++)
      limit.learn({nowMs: (seconds + i / 10) * 1_000, workMs, bytes, isWanted: true});
  }
  expect(limit.bytesMax).toBeGreaterThanOrEqual(8 * bytes);
  expect(limit.workMsMax).toBeLessThan(3_000);
});

test('of small bodies that are slow for a while more are taken again, though each takes half a second', () => {
  const limit = new WorkLimit();
  const bytes = 20_000;
  for (let i = 0; i < 20; i++)
    limit.learn({nowMs: i * 2_000, workMs: 3_000, bytes, isWanted: true});
  expect(limit.bytesMax).toBeLessThan(MIB);
  for (let i = 0; i < 2_000; i++)
    limit.learn({nowMs: 100_000 + i * 10, workMs: 600, bytes, isWanted: true});
  expect(limit.bytesMax).toBeGreaterThan(3.9 * MIB);
});

test('work is given the time of the slowest of the last seconds, up to half of the deadline', () => {
  const limit = new WorkLimit();
  const learn = (nowMs: number, workMs: number) =>
    limit.learn({nowMs, workMs, bytes: MIB, isWanted: true});
  for (let i = 0; i < 100; i++) learn(i * 10, 300);
  expect(limit.workMsMax).toBeCloseTo(600);
  learn(1_000, 1_600);
  for (let i = 101; i < 500; i++) learn(i * 10, 300);
  expect(limit.workMsMax).toBe(1_600);
  for (let i = 500; i < 1_500; i++) learn(i * 10, 300);
  expect(limit.workMsMax).toBeCloseTo(600);
  learn(15_000, 3_900);
  for (let i = 1_501; i < 1_600; i++) learn(i * 10, 300);
  expect(limit.workMsMax).toBe(2_000);
});

test('work that cannot even begin gives its room back', async () => {
  isRefused = true;
  for (let i = 0; i < 5; i++) expect((await post(4 * MIB)).statusCode).toBe(503);
  isRefused = false;
  isOver = true;
  expect((await post(4 * MIB)).statusCode).toBe(200);
});
