// Clients that send their whole body before they read: what they see of an answer that came before.

import {type AddressInfo, connect} from 'node:net';
import {DbError, type Log} from '@flotilla/base';
import fastify, {type FastifyError, type FastifyInstance} from 'fastify';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {answerNoRequest} from './no-request.ts';
import {requestErrorAnswer} from './request-errors.ts';
import {attachUnreadBodies} from './unread-bodies.ts';

const MIB = 1024 * 1024;
const LOG: Log = {info: () => undefined, warn: () => undefined, error: () => undefined};

let app: FastifyInstance;
let port: number;
let handled: number[];

beforeEach(async () => {
  handled = [];
  app = fastify({bodyLimit: 8 * MIB, clientErrorHandler: answerNoRequest});
  attachUnreadBodies(app);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', {parseAs: 'buffer'}, (_request, body, done) => done(null, body));
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const {status, headers, body} = requestErrorAnswer(error, request, LOG);
    return reply.code(status).headers(headers).send(body);
  });
  app.post('/', async (request) => {
    handled.push((request.body as Buffer).length);
    return 'ok';
  });
  const full = new DbError('OVERLOADED', 'busy', {});
  app.post('/full', {onRequest: async () => Promise.reject(full)}, async () => 'never');
  await app.listen({host: '127.0.0.1', port: 0});
  ({port} = app.server.address() as AddressInfo);
});
afterEach(() => app.close());

function head(path: string, ...headers: string[]): string {
  return [`POST ${path} HTTP/1.1`, 'host: x', 'content-type: x/y', ...headers, '', ''].join('\r\n');
}

/** Reads nothing until all is written, as simple clients do. */
async function writeThenRead(text: string, body: Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('error', (error: NodeJS.ErrnoException) => {
    answer += error.code;
  });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.pause();
  socket.write(text);
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (let at = 0; at < body.length; at += MIB / 4) {
    const piece = body.subarray(at, at + MIB / 4);
    if (!socket.write(piece)) {
      const drained = new Promise((resolve) => socket.once('drain', resolve));
      await Promise.race([drained, closed]);
    }
  }
  socket.on('data', (bytes) => {
    answer += String(bytes);
  });
  socket.resume();
  await closed;
  return answer;
}

test.each([
  ['refused before its body', '/full', 6 * MIB, 429],
  ['larger than it may be', '/', 12 * MIB, 413],
])(
  'a client that is %s reads why after it has sent all of it',
  async (_what, path, bytes, status) => {
    const answer = await writeThenRead(
      head(path, `content-length: ${bytes}`),
      Buffer.alloc(bytes, 'x'),
    );
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer.toLowerCase()).toContain('connection: close');
    expect(answer).not.toContain('ECONNRESET');
    expect(handled).toEqual([]);
  },
);

test('so does one whose chunks are no HTTP any more', async () => {
  const body = Buffer.from(`zz\r\n${'x'.repeat(4 * MIB)}`);
  const answer = await writeThenRead(head('/', 'transfer-encoding: chunked'), body);
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(answer).not.toContain('ECONNRESET');
});

test('a request behind a body that is dropped is not carried out', async () => {
  const body = Buffer.alloc(MIB, 'x');
  const next = `${head('/', 'content-length: 3')}abc`;
  const all = Buffer.concat([body, Buffer.from(next)]);
  const answer = await writeThenRead(head('/full', `content-length: ${body.length}`), all);
  expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 429']);
  expect(handled).toEqual([]);
});

test('a client that sends on and on is cut off', async () => {
  const socket = connect({port, host: '127.0.0.1', allowHalfOpen: true});
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => undefined);
  socket.resume();
  socket.write(head('/full', `content-length: ${2 ** 40}`));
  const sending = setInterval(() => socket.write(Buffer.alloc(1_000)), 100);
  const begunMs = performance.now();
  await closed;
  clearInterval(sending);
  expect(performance.now() - begunMs).toBeGreaterThan(4_000);
  expect(performance.now() - begunMs).toBeLessThan(20_000);
});

test('after a short body that nobody read the connection goes on', async () => {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (bytes) => {
    answer += String(bytes);
  });
  socket.write(`${head('/full', 'content-length: 3')}abc`);
  await expect.poll(() => answer).toContain('429');
  socket.write(`${head('/', 'content-length: 4')}abcd`);
  await expect.poll(() => answer).toContain('200 OK');
  expect(handled).toEqual([4]);
  socket.destroy();
});

test('leave to send a body is given to who may, and who is refused never sends it', async () => {
  const asking = (path: string) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    const ended = new Promise((resolve) => socket.once('end', resolve));
    socket.on('data', (bytes) => {
      answer += String(bytes);
    });
    socket.write(head(path, 'expect: 100-continue', 'content-length: 4'));
    return {socket, ended, answer: () => answer};
  };
  const taken = asking('/');
  await expect.poll(taken.answer).toBe('HTTP/1.1 100 Continue\r\n\r\n');
  taken.socket.write('abcd');
  await expect.poll(taken.answer).toContain('200 OK');
  taken.socket.destroy();
  const refused = asking('/full');
  await refused.ended;
  expect(refused.answer()).toMatch(/^HTTP\/1\.1 429 /);
  expect(refused.answer()).toContain('connection: close');
  refused.socket.destroy();
  expect(handled).toEqual([4]);
});
