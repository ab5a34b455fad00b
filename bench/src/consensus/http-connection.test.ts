import {once} from 'node:events';
import http from 'node:http';
import type {AddressInfo} from 'node:net';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {HttpConnection} from './http-connection.ts';

let server: http.Server;
let url: string;
const seen: string[] = [];
const ports = new Set<number | undefined>();

beforeAll(async () => {
  server = http.createServer(async (request, response) => {
    ports.add(request.socket.remotePort);
    let body = '';
    for await (const piece of request) body += piece;
    seen.push(`${request.method} ${request.url} ${body}`);
    if (body === 'bad') response.writeHead(400).end('no such line');
    else if (body === 'gone') request.socket.destroy();
    else response.writeHead(204).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/write?db=d`;
});

afterAll(() => {
  server.close();
});

test('keeps its connection from write to write, and makes another once it broke', async () => {
  const connection = new HttpConnection(url);
  for (const body of ['a', 'b', 'c']) await connection.post(body);
  expect(ports.size).toBe(1);
  await expect(connection.post('bad')).rejects.toThrow('answered 400: ');
  await connection.post('d');
  await expect(connection.post('gone')).rejects.toThrow('ended before an answer');
  await connection.post('e');
  expect(ports.size).toBe(3);
  const bodies = ['a', 'b', 'c', 'bad', 'd', 'gone', 'e'];
  expect(seen).toEqual(bodies.map((body) => `POST /write?db=d ${body}`));
  connection.close();
});

test('that reaches nobody says why', async () => {
  const connection = new HttpConnection('http://127.0.0.1:1/write');
  await expect(connection.post('a')).rejects.toThrow('ECONNREFUSED');
});
