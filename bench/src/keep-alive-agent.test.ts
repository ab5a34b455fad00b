import {once} from 'node:events';
import {stat} from 'node:fs';
import http from 'node:http';
import type {AddressInfo} from 'node:net';
import {setTimeout as sleep} from 'node:timers/promises';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {keepAliveAgent} from './keep-alive-agent.ts';

const SERVER_IDLE_MS = 2_000;

let server: http.Server;
let url: string;

beforeAll(async () => {
  server = http.createServer((request, response) => {
    request.resume().once('end', () => response.writeHead(204).end());
  });
  server.keepAliveTimeout = SERVER_IDLE_MS;
  server.keepAliveTimeoutBuffer = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterAll(() => {
  server.close();
});

function post(agent: http.Agent): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, {method: 'POST', agent}, (response) => {
      response.resume().once('end', () => resolve(response.statusCode));
    });
    request.once('error', reject);
    request.end();
  });
}

it('sends nothing on a connection that the server is about to close', async () => {
  const naive = new http.Agent({keepAlive: true});
  const agent = keepAliveAgent();
  await Promise.all([post(naive), post(agent)]);
  await sleep(SERVER_IDLE_MS - 150);
  const answers = await new Promise<PromiseSettledResult<number | undefined>[]>((resolve) => {
    // The server, in this thread too, stands still in its turn at the sockets, with both requests
    // written: it sees that its connections were idle for too long before it sees the requests.
    stat('.', () => {
      resolve(Promise.allSettled([post(naive), post(agent)]));
      process.nextTick(() => process.nextTick(() => process.nextTick(standStill)));
    });
  });
  expect(answers[0]).toMatchObject({status: 'rejected', reason: {code: 'ECONNRESET'}});
  expect(answers[1]).toMatchObject({status: 'fulfilled', value: 204});
  naive.destroy();
  agent.destroy();
});

function standStill(): void {
  const endMs = performance.now() + 300;
  while (performance.now() < endMs);
}
