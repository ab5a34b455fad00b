import {type AddressInfo, connect} from 'node:net';
import fastify from 'fastify';
import {expect, test} from 'vitest';
import {BodyBudget} from './body-budget.ts';
import {answerNoRequest} from './no-request.ts';

/** @param timeoutMs for a request to come to its end. */
function budgetedApp(maxBytes: number, timeoutMs = 60_000) {
  const app = fastify({
    bodyLimit: 1000,
    requestTimeout: timeoutMs,
    http: {connectionsCheckingInterval: 50, headersTimeout: timeoutMs},
    clientErrorHandler: answerNoRequest,
  });
  const budget = new BodyBudget(maxBytes);
  app.addContentTypeParser('*', {parseAs: 'buffer'}, (_request, body, done) => done(null, body));
  budget.attach(app);
  const waiting: (() => void)[] = [];
  app.post('/', async () => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return 'ok';
  });
  return {app, budget, waiting};
}

function post(app: ReturnType<typeof fastify>, bytes: number) {
  return app.inject({
    method: 'POST',
    url: '/',
    headers: {'content-type': 'x/y'},
    payload: Buffer.alloc(bytes),
  });
}

test('bodies_in_flight_bytes_max: what does not fit beside the others is refused, and fits when they are done', async () => {
  const {app, budget, waiting} = budgetedApp(1000);
  const first = post(app, 600);
  await expect.poll(() => waiting.length).toBe(1);
  expect(budget.usedBytes).toBe(600);
  const second = await post(app, 600);
  expect(second.json()).toMatchObject({code: 'OVERLOADED'});
  expect(budget.usedBytes).toBe(600);
  const third = post(app, 400);
  await expect.poll(() => waiting.length).toBe(2);
  expect(budget.usedBytes).toBe(1000);
  for (const finish of waiting) finish();
  expect((await first).statusCode).toBe(200);
  expect((await third).statusCode).toBe(200);
  expect(budget.usedBytes).toBe(0);
});

test('requests without a body, unknown routes and refused bodies hold nothing', async () => {
  const {app, budget} = budgetedApp(10_000);
  await app.inject({method: 'GET', url: '/nowhere'});
  await app.inject({method: 'POST', url: '/nowhere', payload: 'x'});
  expect((await post(app, 2000)).statusCode).toBe(413);
  expect(budget.usedBytes).toBe(0);
});

test('a body that is over its limit by its own word is 413, however full the budget', async () => {
  const {app, waiting} = budgetedApp(1000);
  const first = post(app, 900);
  await expect.poll(() => waiting.length).toBe(1);
  expect((await post(app, 2000)).statusCode).toBe(413);
  waiting[0]!();
  await first;
});

/** Sends the head of a chunked request, then each piece; resolves with all that came back. */
async function listeningApp(maxBytes: number) {
  const {app, budget, waiting} = budgetedApp(maxBytes);
  await app.listen({host: '127.0.0.1', port: 0});
  const {port} = app.server.address() as AddressInfo;
  const open = () => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.on('error', () => undefined); // A connection that is closed on us is what some tests want.
    socket.on('data', (bytes) => {
      answer += String(bytes);
    });
    socket.write(
      'POST / HTTP/1.1\r\nhost: x\r\ncontent-type: x/y\r\ntransfer-encoding: chunked\r\n\r\n',
    );
    const send = (bytes: number) =>
      socket.write(`${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`);
    return {socket, send, answer: () => answer};
  };
  return {app, budget, waiting, open};
}

test('a body of unknown length is counted as it comes, and returned when its client goes away', async () => {
  const {app, budget, open} = await listeningApp(1000);
  const clients = Array.from({length: 20}, open);
  for (const {send} of clients) send(40);
  await expect.poll(() => budget.usedBytes).toBe(800);
  for (const {socket} of clients) socket.destroy();
  await expect.poll(() => budget.usedBytes).toBe(0);
  await app.close();
  expect(budget.usedBytes).toBe(0); // Returned once, whoever noticed first.
});

test.each([
  ['announced', 'content-length: 800\r\n\r\nhalf'],
  ['in pieces', 'transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
])('a body, %s, that does not come to its end holds nothing after its time', async (_how, rest) => {
  const {app, budget} = budgetedApp(1000, 200);
  await app.listen({host: '127.0.0.1', port: 0});
  const {port} = app.server.address() as AddressInfo;
  const socket = connect({port, host: '127.0.0.1', allowHalfOpen: true});
  let answer = '';
  socket.on('data', (bytes) => {
    answer += String(bytes);
  });
  socket.write(`POST / HTTP/1.1\r\nhost: x\r\ncontent-type: x/y\r\n${rest}`);
  await expect.poll(() => budget.usedBytes).toBeGreaterThan(0);
  await expect.poll(() => answer).toContain('HTTP/1.1 408 ');
  await expect.poll(() => budget.usedBytes, {timeout: 5_000}).toBe(0);
  socket.destroy();
  await app.close();
  expect(budget.usedBytes).toBe(0); // Returned once, whoever noticed first.
});

test('one that outgrows the budget is refused in the middle, and its connection closed', async () => {
  const {app, budget, waiting, open} = await listeningApp(1000);
  const [first, second] = [open(), open()];
  first.send(600);
  await expect.poll(() => budget.usedBytes).toBe(600);
  second.send(300);
  await expect.poll(() => budget.usedBytes).toBe(900);
  second.send(300);
  await expect.poll(() => second.answer()).toContain('OVERLOADED');
  expect(second.answer().toLowerCase()).toContain('connection: close');
  await expect.poll(() => budget.usedBytes).toBe(600);
  first.socket.write('0\r\n\r\n');
  await expect.poll(() => waiting.length).toBe(1);
  waiting[0]!();
  await expect.poll(() => first.answer()).toContain('200 OK');
  await expect.poll(() => budget.usedBytes).toBe(0);
  await app.close();
  expect(budget.usedBytes).toBe(0); // Returned once, whoever noticed first.
});

test('body_pause_ms_max: bodies that are only announced take nothing from others, and end when nothing more of them comes', async () => {
  const kib = 1024;
  const app = fastify({bodyLimit: 64_000 * kib, clientErrorHandler: answerNoRequest});
  const budget = new BodyBudget(256_000 * kib, {pauseMs: 300});
  app.addContentTypeParser('*', {parseAs: 'buffer'}, (_request, body, done) => done(null, body));
  budget.attach(app);
  app.post('/', async (request) => (request.body as Buffer).length);
  await app.listen({host: '127.0.0.1', port: 0});
  const {port} = app.server.address() as AddressInfo;
  let answers = '';
  const halves = Array.from({length: 8}, () => {
    const socket = connect({port, host: '127.0.0.1', allowHalfOpen: true});
    socket.on('data', (bytes) => {
      answers += String(bytes);
    });
    socket.write(
      `POST / HTTP/1.1\r\nhost: x\r\ncontent-type: x/y\r\ncontent-length: ${64_000 * kib}\r\n\r\nhalf`,
    );
    return socket;
  });
  await expect.poll(() => budget.usedBytes).toBe(8 * 4);
  expect((await post(app, 1_000 * kib)).body).toBe(String(1_000 * kib));
  await expect.poll(() => answers.split('HTTP/1.1 408 ').length - 1, {timeout: 5_000}).toBe(8);
  for (const socket of halves) socket.destroy();
  await expect.poll(() => budget.usedBytes, {timeout: 5_000}).toBe(0);
  await app.close();
});

test('the pieces of bodies are told to whoever collects them', async () => {
  const app = fastify({bodyLimit: 1_000_000});
  const told: number[] = [];
  const garbage = {add: (bytes: number) => told.push(bytes)};
  const budget = new BodyBudget(1_000_000, {garbage});
  app.addContentTypeParser('*', {parseAs: 'buffer'}, (_request, body, done) => done(null, body));
  budget.attach(app);
  app.post('/', async (request) => (request.body as Buffer).length);
  for (const bytes of [100, 300_000]) {
    told.length = 0;
    expect((await post(app, bytes)).body).toBe(String(bytes));
    expect(told.reduce((sum, each) => sum + each, 0)).toBe(bytes);
  }
  await app.close();
});
